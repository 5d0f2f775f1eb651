import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertLess,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { alignment } from "../lib/alignment.ts";
import { persistence } from "../lib/baselines/naive.ts";
import { DEFAULT_CONFIG } from "../lib/config.ts";
import { ensemblePredict } from "../lib/ensemble.ts";
import { UsageError } from "../lib/errors.ts";
import { evaluate, type EvaluateOptions } from "../lib/evaluate.ts";
import type { Network, Predict } from "../lib/rollout.ts";
import { parameterCount } from "../lib/layout.ts";
import { randomStream } from "../lib/random.ts";
import { twinGradient, twinPredict } from "./twin.ts";
import { month, SPLIT, sunspots } from "./sunspots.ts";

const options: EvaluateOptions = {
  ...DEFAULT_CONFIG,
  values: sunspots,
  month,
};

/** Persistence as a network: each output repeats the input it stands at. */
const echo: Predict = (inputs) => Promise.resolve(inputs);

/** A network of that geometry that knows every answer. */
function oracle(network: Network): Network {
  const { anchor } = alignment(network);
  const { horizon, windowSize } = network;
  let window = 0;
  return {
    ...network,
    predict: (inputs) =>
      Promise.resolve(Float64Array.from(
        Array.from({ length: inputs.length / windowSize }, () => {
          const start = SPLIT + window++;
          return Array.from(
            anchor,
            (
              at,
            ) => [
              ...sunspots.subarray(start + at + 1, start + at + 1 + horizon),
            ],
          ).flat();
        }).flat(),
      )),
  };
}

Deno.test("evaluate() gives the baselines' known errors on the exercise's 205 x 30 positions", async () => {
  const result = await evaluate({ ...DEFAULT_CONFIG, predict: echo }, options);
  assertEquals(result.windows, 205);
  assertEquals(result.positions, 205 * 30);
  assertAlmostEquals(result.baselines.persistence!.val_mae, 15.44, 0.005);
  assertAlmostEquals(result.baselines.ar_30!.val_mae, 14.265, 0.005);
  assertAlmostEquals(result.baselines.ar_12!.val_mae, 13.957, 0.005);
  assertEquals(result.best_baseline, "ar_12");
  assertEquals(result.notes, []);
});

Deno.test("evaluate() calls a network that is persistence no better than persistence", async () => {
  const result = await evaluate({ ...DEFAULT_CONFIG, predict: echo }, options);
  const { persistence } = result.baselines;
  // The network's inputs are float32.
  assertAlmostEquals(result.val_mae, persistence!.val_mae, 1e-5);
  assertAlmostEquals(
    result.last_step.rmse,
    persistence!.last_step.rmse,
    1e-5,
  );
  assertAlmostEquals(persistence!.skill, 0, 1e-6);
  assertAlmostEquals(result.mase, result.val_mae / 19.638579526508835, 1e-9);
  assertMatch(result.verdict, /worse than the best baseline, AR\(12\)/);
  assertEquals(result.differences.map((d) => d.baseline), [
    "persistence",
    "ar_12",
  ]);
});

Deno.test("evaluate() calls a network that knows the answers better", async () => {
  for (const horizon of [1, 3]) {
    const network = oracle({ ...DEFAULT_CONFIG, horizon, predict: echo });
    const result = await evaluate(network, options);
    assertEquals([result.val_mae, result.val_loss], [0, 0]);
    assertMatch(result.verdict, /^The network is better than/);
    const [, best] = result.differences;
    assertLess(best!.upper, 0);
    assertAlmostEquals(
      best!.mean,
      -result.baselines[result.best_baseline]!.val_mae,
      1e-9,
    );
    assert(best!.lower < best!.mean && best!.mean < best!.upper);
  }
});

Deno.test("evaluate() gives the loss and MAE that training reports, with strides and lossStart", async () => {
  const spec = {
    ...DEFAULT_CONFIG,
    windowSize: 12,
    strides: 2,
    kernelSize: 3,
    horizon: 2,
    filters: 3,
    lstmUnits: [4],
    denseUnits: [3],
    lossStart: 2,
    values: sunspots.map((value) => value / 100),
  };
  const random = randomStream(1, { purpose: "test" });
  const weights = Float64Array.from(
    { length: parameterCount(spec) },
    () => random.normal() / 4,
  );
  const twin: Predict = (inputs) =>
    Promise.resolve(twinPredict(spec, weights, inputs));
  const result = await evaluate({ ...spec, predict: twin }, {
    ...options,
    ...spec,
    splitTime: 3150,
  });
  const starts = Array.from({ length: result.windows }, (_, i) => 3150 + i);
  const expected = twinGradient(spec, weights, starts);
  assertAlmostEquals(result.val_loss, expected.loss, 1e-5);
  assertAlmostEquals(result.val_mae, expected.mae, 1e-5);
});

Deno.test("evaluate() tells what averaging an ensemble gains over its members", async () => {
  const shifted = (by: number): Predict => (inputs) =>
    Promise.resolve(inputs.map((x) => x + by));
  const members = [shifted(-10), shifted(10)];
  const result = await evaluate({
    ...DEFAULT_CONFIG,
    predict: ensemblePredict(members),
  }, { ...options, members, baselines: [persistence()] });
  const alone = await Promise.all(
    members.map(async (predict) =>
      (await evaluate({ ...DEFAULT_CONFIG, predict }, options)).val_mae
    ),
  );
  const [a, b] = alone as [number, number];
  assertEquals(result.members!.val_mae, alone);
  assertAlmostEquals(result.members!.mean, (a + b) / 2, 1e-9);
  assertAlmostEquals(
    result.members!.spread,
    Math.abs(a - b) / Math.SQRT2,
    1e-9,
  );
  assertAlmostEquals(
    result.members!.skill,
    1 - result.val_mae / result.members!.mean,
    1e-12,
  );
  assertEquals(Object.keys(result.baselines), ["persistence"]);
});

Deno.test("evaluate() says when output positions see their own targets", async () => {
  const result = await evaluate({
    ...DEFAULT_CONFIG,
    padding: "same",
    predict: echo,
  }, options);
  assertStringIncludes(result.notes[0]!, "29 of 30 output positions");
});

Deno.test("evaluate() refuses outputs of another shape, and a validation part without a window", async () => {
  await assertRejects(
    () =>
      evaluate({
        ...DEFAULT_CONFIG,
        predict: () => Promise.resolve(Float32Array.of(1)),
      }, options),
    RangeError,
    "1 outputs",
  );
  await assertRejects(
    () =>
      evaluate({ ...DEFAULT_CONFIG, predict: echo }, {
        ...options,
        splitTime: 3220,
      }),
    UsageError,
  );
});
