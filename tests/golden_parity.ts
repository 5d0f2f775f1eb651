/**
 * Parity with Keras, written once: compares any engine with what real Keras computed
 * (`tests/golden/models.json` and the vectors beside it, made by `make_golden.py`).
 * @module
 */

import { assertEquals } from "@std/assert";
import type { OptimizerOptions } from "../lib/config.ts";
import { DEFAULT_CONFIG } from "../lib/config.ts";
import type { EngineSpec, TrainEngine } from "../lib/engine/engine.ts";
import { parameterCount, parameterLayout } from "../lib/layout.ts";
import { assertClose } from "./engine_conformance.ts";
import golden from "./golden/models.json" with { type: "json" };
import oneTap from "./golden/one_tap.bin" with { type: "bytes" };
import sameStrides3 from "./golden/same_strides_3.bin" with { type: "bytes" };
import seed from "./golden/seed.bin" with { type: "bytes" };
import strides2 from "./golden/strides_2.bin" with { type: "bytes" };
import valid from "./golden/valid.bin" with { type: "bytes" };
import { sunspots } from "./sunspots.ts";

const FILES: Record<string, Uint8Array> = {
  one_tap: oneTap,
  same_strides_3: sameStrides3,
  seed,
  strides_2: strides2,
  valid,
};

/** The series as engines get it. */
const VALUES = Float32Array.from(sunspots);

/** What parity needs of an engine. */
export type ParityEngine = Pick<
  TrainEngine,
  "predict" | "gradient" | "trainEpoch" | "readState" | "dispose"
>;

/** One model that Keras ran. */
export interface GoldenCase {
  /** Name of the case. */
  title: string;
  /** The model on the bundled series, with its first update rule. */
  spec: EngineSpec;
  /** Ten batches' windows in order. */
  starts: Int32Array;
  /** Keras's variables' paths and shapes. */
  parameters: [string, number[]][];
  /** First batch's outputs, `[n, steps, horizon]`, at the initial weights. */
  outputs: number[];
  /** First batch's loss at the initial weights. */
  loss: number;
  /** First batch's MAE at the initial weights. */
  mae: number;
  /** By update rule: its options, and each batch's loss and MAE. */
  rules: [
    string,
    {
      options: Partial<OptimizerOptions>;
      losses: number[];
      maes: number[];
    },
  ][];
  /** A vector of the binary file, such as `initial` or `sgd_10`. `[parameters]` */
  vector(name: string): Float32Array | undefined;
}

/** All models that Keras ran. */
export const GOLDEN_CASES: GoldenCase[] = golden.cases.map((entry) => {
  const spec = {
    ...DEFAULT_CONFIG,
    ...entry.spec,
    values: VALUES.map((value) => value / entry.unit),
  } as EngineSpec;
  const count = parameterCount(spec);
  const places: Partial<Record<string, number>> = entry.vectors;
  // A copy, because the imported bytes need not begin at a multiple of 4.
  const vectors = new Float32Array(FILES[entry.title]!.slice().buffer);
  return {
    title: entry.title,
    spec,
    starts: Int32Array.from(entry.starts),
    parameters: entry.parameters as [string, number[]][],
    outputs: entry.outputs,
    loss: entry.loss,
    mae: entry.mae,
    rules: Object.entries(entry.optimizers) as GoldenCase["rules"],
    vector(name) {
      const place = places[name];
      return place === undefined
        ? undefined
        : vectors.slice(place * count, (place + 1) * count);
    },
  };
});

/** How `goldenParity()` is run. */
export interface ParityOptions {
  /** Registers the tests as ignored, with this reason in their titles; empty: they run. */
  ignore: string;
  /** Runs all update rules on one small model only, elsewhere just the first. @default {false} */
  slow?: boolean;
}

/**
 * Registers the comparison of one engine with Keras: forward outputs to 1e-5, each tensor's
 * gradient to 1e-4, weights after 1, 3 and 10 steps of each update rule to 1e-5.
 *
 * @param name in the tests' titles.
 * @param create makes the engine under test.
 */
export function goldenParity(
  name: string,
  create: (spec: EngineSpec, weights: Float32Array) => Promise<ParityEngine>,
  options: ParityOptions,
): void {
  const test = (what: string, fn: () => Promise<void>) =>
    Deno.test({
      name: `${name} ${what}${
        options.ignore && ` (ignored: ${options.ignore})`
      }`,
      ignore: options.ignore !== "",
      fn,
    });
  for (const golden of GOLDEN_CASES) {
    test(`has Keras's outputs, loss and gradient: ${golden.title}`, async () => {
      const engine = await create(golden.spec, golden.vector("initial")!);
      try {
        await checkFirstBatch(engine, golden);
      } finally {
        engine.dispose();
      }
    });
    const few = options.slow && golden.title !== "strides_2";
    for (const [rule, expected] of golden.rules.slice(0, few ? 1 : undefined)) {
      test(`has Keras's weights after ${rule} steps: ${golden.title}`, async () => {
        const spec = { ...golden.spec, ...expected.options };
        const engine = await create(spec, golden.vector("initial")!);
        try {
          await checkSteps(engine, { golden, rule, expected, spec });
        } finally {
          engine.dispose();
        }
      });
    }
  }
}

async function checkFirstBatch(
  engine: ParityEngine,
  golden: GoldenCase,
): Promise<void> {
  const { spec } = golden;
  const starts = golden.starts.slice(0, spec.batchSize);
  const inputs = new Float32Array(starts.length * spec.windowSize);
  starts.forEach((start, i) =>
    inputs.set(
      spec.values.subarray(start, start + spec.windowSize),
      i * spec.windowSize,
    )
  );
  assertClose(await engine.predict(inputs), golden.outputs, {
    tolerance: 1e-5,
    label: "outputs",
  });
  const { loss, mae, gradient } = await engine.gradient(starts);
  assertClose([loss, mae], [golden.loss, golden.mae], {
    tolerance: 1e-5,
    label: "loss and mae",
  });
  const expected = golden.vector("gradient")!;
  assertEquals(gradient.length, expected.length);
  for (const { name, offset, size } of parameterLayout(spec)) {
    assertClose(
      gradient.subarray(offset, offset + size),
      expected.subarray(offset, offset + size),
      { tolerance: 1e-4, label: `gradient of ${name}` },
    );
  }
}

async function checkSteps(
  engine: ParityEngine,
  { golden, rule, expected, spec }: {
    golden: GoldenCase;
    rule: string;
    expected: GoldenCase["rules"][number][1];
    spec: EngineSpec;
  },
): Promise<void> {
  const losses: number[] = [], maes: number[] = [];
  let done = 0;
  for (const steps of [1, 3, 10]) {
    const { loss, mae } = await engine.trainEpoch(
      golden.starts.slice(done * spec.batchSize, steps * spec.batchSize),
    );
    losses.push(...loss);
    maes.push(...mae);
    done = steps;
    const state = await engine.readState();
    assertEquals(state.iterations, steps);
    const weights = golden.vector(`${rule}_${steps}`);
    if (weights === undefined) continue;
    assertClose(state.weights, weights, {
      tolerance: 1e-5,
      label: `weights after ${steps} steps`,
    });
    // The steps are small beside the weights, so they are also compared by themselves.
    const initial = golden.vector("initial")!;
    assertClose(
      state.weights.map((w, i) => w - initial[i]!),
      weights.map((w, i) => w - initial[i]!),
      { tolerance: 5e-3, label: `change of the weights in ${steps} steps` },
    );
  }
  for (
    const [label, a, b] of [
      ["loss of each step", losses, expected.losses],
      ["mae of each step", maes, expected.maes],
    ] as const
  ) {
    assertClose(a, b, { tolerance: 1e-5, label });
  }
}
