import { assert } from "@std/assert";
import { createWasmEngine } from "../lib/engine/wasm/engine.ts";
import { makeWindows, shuffleOrder } from "../lib/windows.ts";
import { assertClose } from "./engine_conformance.ts";
import golden from "./golden/fit.json" with { type: "json" };
import { GOLDEN_CASES } from "./golden_parity.ts";

const CUT = { windowSize: 30, horizon: 1, shift: 1, dropRemainder: true };
const TRAIN = makeWindows({ begin: 0, end: 3000 }, CUT).starts;
const VALID = makeWindows({ begin: 3000, end: 3235 }, CUT).starts;

/** Mean over windows of what each batch of 32 had on average. */
function mean(batches: Float32Array, windows: number): number {
  return batches.reduce(
    (sum, value, i) => sum + value * Math.min(32, windows - 32 * i),
    0,
  ) / windows;
}

/** Epochs as the exercise's script runs them: history by Keras's names. */
async function fit(seed: number, epochs = [1, 2]) {
  const exercise = GOLDEN_CASES.find(({ title }) => title === "seed")!;
  const engine = await createWasmEngine(
    { ...exercise.spec, learningRate: 1e-6 },
    exercise.vector("initial")!,
    { threads: 1 },
  );
  const history = {
    loss: [] as number[],
    mae: [] as number[],
    val_loss: [] as number[],
    val_mae: [] as number[],
  };
  try {
    for (const epoch of epochs) {
      const order = shuffleOrder(TRAIN, { shuffleBuffer: 1000, seed, epoch });
      const train = await engine.trainEpoch(order);
      history.loss.push(mean(train.loss, TRAIN.length));
      history.mae.push(mean(train.mae, TRAIN.length));
      const validation = await engine.evaluate(VALID);
      history.val_loss.push(mean(validation.loss, VALID.length));
      history.val_mae.push(mean(validation.mae, VALID.length));
    }
  } finally {
    engine.dispose();
  }
  return history;
}

Deno.test("windows, shuffling, training and validation together give the history of Keras's fit()", async () => {
  for (const expected of golden.cases) {
    const history = await fit(expected.seed);
    for (const key of ["loss", "mae", "val_loss", "val_mae"] as const) {
      assertClose(history[key], expected[key], {
        // The validation loss after 93 steps moves by 1e-4 when the weights move by 1e-6.
        tolerance: key.startsWith("val") ? 5e-4 : 1e-5,
        label: `${key} with seed ${expected.seed}`,
      });
    }
  }
});

Deno.test("another epoch's order doesn't give the history of Keras's fit()", async () => {
  const { loss, val_loss } = golden.cases[0]!;
  const history = await fit(golden.cases[0]!.seed, [2]);
  assert(Math.abs(history.loss[0]! / loss[0]! - 1) > 1e-3);
  assert(Math.abs(history.val_loss[0]! / val_loss[0]! - 1) > 1e-2);
});
