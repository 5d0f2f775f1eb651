/**
 * What every training engine must do, written once: each engine's test file calls `conformance()`,
 * which registers the same tests for it and compares it with the float64 twin.
 * @module
 */

import {
  assert,
  assertEquals,
  assertGreater,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { alignment, type Padding } from "../lib/alignment.ts";
import {
  DEFAULT_CONFIG,
  type LossName,
  type OptimizerOptions,
} from "../lib/config.ts";
import type {
  EngineSpec,
  EngineState,
  TrainEngine,
} from "../lib/engine/engine.ts";
import { slotCount } from "../lib/engine/engine.ts";
import { parameterCount, parameterLayout } from "../lib/layout.ts";
import {
  twinGradient,
  twinLoss,
  twinPredict,
  twinState,
  twinUpdate,
} from "./twin.ts";

/** Makes the engine under test. */
export type CreateEngine = (
  spec: EngineSpec,
  weights: Float32Array,
) => Promise<TrainEngine>;

/** How `conformance()` is run. */
export interface ConformanceOptions {
  /** Registers the tests as ignored, with this reason in their titles; empty: they run. */
  ignore: string;
  /** Random configurations beside the fixed corner cases. @default {20} */
  configurations?: number;
  /** First random configuration, so that two kernel sets can share the range. @default {0} */
  first?: number;
}

/** Uniform in [0, 1), https://gist.github.com/tommyettinger/46a874533244883189143505d203312c (mulberry32). */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), state | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** The update rules and their variants, each met by some configuration. */
const OPTIMIZERS: readonly Partial<OptimizerOptions>[] = [
  { optimizer: "sgd", momentum: 0.9 },
  { optimizer: "sgd", momentum: 0, clipNorm: 0.05 },
  { optimizer: "sgd", momentum: 0.8, nesterov: true },
  { optimizer: "adam" },
  { optimizer: "rmsprop", momentum: 0 },
  { optimizer: "rmsprop", momentum: 0.7 },
  { optimizer: "adam", clipNorm: 0.02, beta1: 0.8, beta2: 0.99 },
  { optimizer: "sgd", momentum: 0.9, clipNorm: 1e9 },
];

/** A small model; tests change what they are about. */
const SMALL: Omit<EngineSpec, "values"> = {
  ...DEFAULT_CONFIG,
  windowSize: 9,
  batchSize: 4,
  filters: 6,
  kernelSize: 3,
  lstmUnits: [5, 4],
  denseUnits: [6],
  outputScale: 3,
  learningRate: 0.01,
};

/** Corners of the permitted range that chance would seldom meet. */
const CORNERS: readonly Partial<EngineSpec>[] = [
  { windowSize: 1, kernelSize: 1, batchSize: 1, lstmUnits: [1], filters: 1 },
  { lstmUnits: [3, 7, 2, 9], windowSize: 12, batchSize: 3 },
  { lstmUnits: [128], windowSize: 4, batchSize: 2, denseUnits: [] },
  { lstmUnits: [70, 100], windowSize: 3, batchSize: 2, filters: 130 },
  { horizon: 12, denseUnits: [], windowSize: 7, batchSize: 33 },
  { padding: "valid", strides: 2, kernelSize: 9, windowSize: 9, lossStart: 0 },
  { padding: "same", strides: 3, kernelSize: 2, windowSize: 14, lossStart: 2 },
  { kernelSize: 21, windowSize: 5, batchSize: 7, denseUnits: [70, 5, 3, 2, 8] },
];

/** A wavy series with noise, of the size that keeps the gates out of saturation. */
function series(length: number, random: () => number, size = 1): Float32Array {
  return Float32Array.from(
    { length },
    (_, i) => size * (Math.sin(i / 3) + random() - 0.3),
  );
}

/** Weights of the size that Keras's initialisers give, biases not zero. */
export function initialWeights(
  spec: Omit<EngineSpec, "values">,
  random: () => number,
): Float32Array {
  const weights = new Float32Array(parameterCount(spec));
  for (const { shape, offset, size } of parameterLayout(spec)) {
    const fanIn = shape.slice(0, -1).reduce((a, b) => a * b, 1);
    const limit = shape.length === 1 ? 0.2 : Math.sqrt(2 / fanIn);
    for (let i = 0; i < size; i++) {
      weights[offset + i] = limit * (2 * random() - 1);
    }
  }
  return weights;
}

/** Multiply-adds of one step, roughly; keeps the twin's loops short. */
function work(spec: Omit<EngineSpec, "values">): number {
  let width = spec.filters, each = spec.filters * spec.kernelSize;
  for (const units of spec.lstmUnits) {
    each += 4 * units * (width + units);
    width = units;
  }
  for (const units of [...spec.denseUnits, spec.horizon]) {
    each += width * units;
    width = units;
  }
  return 3 * each * alignment(spec).steps * spec.batchSize;
}

/** The `index`-th random configuration: the same one in every run, for every engine. */
export function randomSpec(index: number): Omit<EngineSpec, "values"> {
  const random = seeded(1000 + index);
  const whole = (min: number, max: number) =>
    min + Math.floor(random() * (max - min + 1));
  const pick = <T>(list: readonly T[]): T => list[whole(0, list.length - 1)]!;
  const units = () => random() < 0.2 ? whole(33, 128) : whole(1, 24);
  const windowSize = whole(1, 40);
  const padding = pick<Padding>(["causal", "same", "valid"]);
  const spec = {
    ...SMALL,
    windowSize,
    padding,
    batchSize: pick([1, 2, 3, 5, 8, 16, 31, 32, 33, 40]),
    filters: random() < 0.2 ? whole(33, 90) : whole(1, 24),
    kernelSize: whole(1, padding === "valid" ? Math.min(windowSize, 7) : 7),
    strides: pick([1, 1, 1, 2, 3]),
    lstmUnits: Array.from({ length: pick([1, 1, 2, 2, 3, 4]) }, units),
    denseUnits: Array.from({ length: whole(0, 3) }, () => whole(1, 40)),
    horizon: pick([1, 1, 1, 2, 4]),
    outputScale: pick([1, 10, 400, -2]),
    loss: pick<LossName>(["huber", "mse", "mae"]),
    huberDelta: pick([0.3, 1, 5]),
    ...OPTIMIZERS[index % OPTIMIZERS.length],
  };
  while (work(spec) > 4e6 && spec.batchSize > 1) spec.batchSize >>= 1;
  while (work(spec) > 4e6 && spec.windowSize > spec.kernelSize) {
    spec.windowSize--;
  }
  const { steps } = alignment(spec);
  const lossStart = random() < 0.3 ? whole(0, steps - 1) : 0;
  return { ...spec, lossStart, learningRate: rateFor(spec) };
}

/** Steps large enough to be seen in the weights, small enough to stay smooth. */
function rateFor(spec: OptimizerOptions & { outputScale: number }): number {
  return spec.optimizer !== "sgd"
    ? 1e-3
    : spec.clipNorm > 0 && spec.clipNorm < 1
    ? 0.1
    : 1e-3 / spec.outputScale ** 2;
}

/** One line that tells configurations apart. */
function describe(spec: Omit<EngineSpec, "values">): string {
  return `window ${spec.windowSize}, batch ${spec.batchSize}, conv ${spec.filters}x${spec.kernelSize}/${spec.strides} ${spec.padding}, lstm ${
    spec.lstmUnits.join("-")
  }, dense ${
    [...spec.denseUnits, spec.horizon].join("-")
  }, x${spec.outputScale}, ${spec.loss} from ${spec.lossStart}, ${spec.optimizer} ${spec.momentum}${
    spec.nesterov ? " nesterov" : ""
  }${spec.clipNorm ? ` clip ${spec.clipNorm}` : ""}`;
}

/** Fails if any element is off by more than `tolerance` of the largest expected one, or of `floor`. */
export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  { tolerance, label, floor = 0 }: {
    tolerance: number;
    label: string;
    floor?: number;
  },
): void {
  assertEquals(actual.length, expected.length, `${label}: length`);
  let largest = floor, worst = 0, at = 0;
  for (let i = 0; i < expected.length; i++) {
    largest = Math.max(largest, Math.abs(expected[i]!));
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!(difference <= worst)) [worst, at] = [difference, i];
    assert(!Number.isNaN(difference), `${label}: element ${i} is NaN`);
  }
  assert(
    worst <= tolerance * largest,
    `${label}: element ${at} is ${actual[at]}, expected ${
      expected[at]
    }; off by ${(worst / largest).toExponential(2)} of the largest, at most ${
      tolerance.toExponential(1)
    } allowed`,
  );
}

/** Every tensor's gradient against its own largest element, so that no layer hides behind a larger one. */
function assertGradient(
  spec: EngineSpec,
  actual: Float32Array,
  expected: Float64Array,
): void {
  const largest = expected.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  assertEquals(actual.length, expected.length, "gradient length");
  for (const { name, offset, size } of parameterLayout(spec)) {
    assertClose(
      actual.subarray(offset, offset + size),
      expected.subarray(offset, offset + size),
      { tolerance: 1e-4, label: `gradient of ${name}`, floor: largest / 100 },
    );
  }
}

function assertSameBits(actual: EngineState, expected: EngineState): void {
  const bits = (v: Float32Array) => new Uint32Array(v.slice().buffer);
  assertEquals(actual.iterations, expected.iterations, "iterations");
  assertEquals(actual.slots.length, expected.slots.length, "slots");
  [actual.weights, ...actual.slots].forEach((vector, i) => {
    const a = bits(vector);
    const b = bits([expected.weights, ...expected.slots][i]!);
    const at = a.findIndex((v, j) => v !== b[j]);
    assert(
      a.length === b.length && at < 0,
      `${i === 0 ? "weights" : `slot ${i - 1}`} differ first at ${at}`,
    );
  });
}

/** Windows `0 .. count-1` in a shuffled order, repeated as often as asked. */
function shuffled(
  length: number,
  count: number,
  random: () => number,
): Int32Array<ArrayBuffer> {
  return Int32Array.from({ length }, () => Math.floor(random() * count));
}

/** A spec with a series that holds `windows` windows, and weights. */
function setUp(
  model: Omit<EngineSpec, "values">,
  { seed = 7, windows = 50, size = 1 } = {},
): { spec: EngineSpec; weights: Float32Array; random: () => number } {
  const random = seeded(seed);
  const values = series(
    windows + model.windowSize + model.horizon - 1,
    random,
    size,
  );
  return {
    spec: { ...model, values },
    weights: initialWeights(model, random),
    random,
  };
}

/** The twin's loss and MAE of each batch. */
function twinEvaluate(
  spec: EngineSpec,
  weights: ArrayLike<number>,
  starts: Int32Array,
): { loss: number[]; mae: number[] } {
  const { windowSize, horizon, batchSize, lossStart } = spec;
  const { steps, anchor } = alignment(spec);
  const loss: number[] = [], mae: number[] = [];
  for (let at = 0; at < starts.length; at += batchSize) {
    const batch = starts.subarray(at, at + batchSize);
    const inputs = new Float32Array(batch.length * windowSize);
    batch.forEach((s, i) =>
      inputs.set(spec.values.subarray(s, s + windowSize), i * windowSize)
    );
    const output = twinPredict(spec, weights, inputs);
    let l = 0, m = 0;
    output.forEach((v, i) => {
      const h = i % horizon, j = Math.floor(i / horizon) % steps;
      const s = batch[Math.floor(i / (horizon * steps))]!;
      const error = v - spec.values[s + anchor[j]! + 1 + h]!;
      m += Math.abs(error);
      if (j >= lossStart) l += twinLoss(spec, error)[0];
    });
    loss.push(l / (batch.length * horizon * (steps - lossStart)));
    mae.push(m / output.length);
  }
  return { loss, mae };
}

/** Everything that one configuration can show, on one engine. */
async function checkConfiguration(
  create: CreateEngine,
  model: Omit<EngineSpec, "values">,
  seed: number,
): Promise<void> {
  const { spec, weights, random } = setUp(model, { seed });
  const engine = await create(spec, weights);
  try {
    const short = Math.ceil(spec.batchSize / 2);
    const starts = shuffled(short, 50, random);
    const expected = twinGradient(spec, weights, starts);
    const actual = await engine.gradient(starts);
    assertClose([actual.loss], [expected.loss], {
      tolerance: 1e-5,
      label: "loss of a short batch",
    });
    assertClose([actual.mae], [expected.mae], {
      tolerance: 1e-5,
      label: "mae of a short batch",
    });
    assertGradient(spec, actual.gradient, expected.gradient);

    const inputs = series((spec.batchSize + 1) * spec.windowSize, random);
    assertClose(
      await engine.predict(inputs),
      twinPredict(spec, weights, inputs),
      { tolerance: 1e-5, label: "prediction" },
    );

    const validation = shuffled(2 * spec.batchSize + short, 50, random);
    const reference = twinEvaluate(spec, weights, validation);
    const metrics = await engine.evaluate(validation);
    for (const key of ["loss", "mae"] as const) {
      assertClose(metrics[key], reference[key], {
        tolerance: 1e-5,
        label: `evaluated ${key} of each batch`,
      });
    }
    assertSameBits(await engine.readState(), {
      weights,
      slots: Array.from(
        { length: slotCount(spec) },
        () => new Float32Array(weights.length),
      ),
      iterations: 0,
    });

    const twin = twinState(weights, spec);
    const first = { ...spec, learningRate: spec.learningRate / 2 };
    const losses: number[] = [], trained: number[] = [];
    for (const [options, epoch] of [[first, 0], [spec, 1]] as const) {
      const order = shuffled(4 * spec.batchSize + short, 50, random);
      for (let at = 0; at < order.length; at += spec.batchSize) {
        const batch = order.subarray(at, at + spec.batchSize);
        const { loss, gradient } = twinGradient(spec, twin.weights, batch);
        losses.push(loss);
        twinUpdate(twin, gradient, options);
      }
      const { loss } = await engine.trainEpoch(
        order,
        epoch === 0 ? { learningRate: options.learningRate } : {},
      );
      trained.push(...loss);
    }
    assertClose(trained, losses, { tolerance: 1e-4, label: "training losses" });
    const state = await engine.readState();
    assertEquals(state.iterations, 10);
    assertClose(state.weights, twin.weights, {
      tolerance: 1e-5,
      label: "weights after 10 steps",
    });
    const change = (after: ArrayLike<number>) =>
      Float64Array.from(weights, (w, i) => after[i]! - w);
    assertClose(change(state.weights), change(twin.weights), {
      tolerance: 2e-2,
      label: "change of the weights in 10 steps",
      floor: 1e-5,
    });
    twin.slots.forEach((slot, i) =>
      assertClose(state.slots[i]!, slot, {
        tolerance: 1e-3,
        label: `optimizer vector ${i} after 10 steps`,
      })
    );
  } finally {
    engine.dispose();
  }
}

/**
 * Registers the tests that every engine must pass.
 *
 * @param name in the tests' titles.
 * @param create makes the engine under test.
 */
export function conformance(
  name: string,
  create: CreateEngine,
  options: ConformanceOptions,
): void {
  const { configurations = 20, first = 0, ignore } = options;
  const test = (what: string, fn: () => Promise<void>) =>
    Deno.test({
      name: `${name} ${what}${ignore ? ` (ignored: ${ignore})` : ""}`,
      ignore: ignore !== "",
      fn,
    });

  CORNERS.forEach((corner, i) => {
    const model = {
      ...SMALL,
      ...OPTIMIZERS[i % OPTIMIZERS.length],
      ...corner,
    };
    model.learningRate = rateFor(model);
    test(
      `agrees with the twin at a corner: ${describe(model)}`,
      () => checkConfiguration(create, model, 100 + i),
    );
  });
  for (let i = first; i < first + configurations; i++) {
    const model = randomSpec(i);
    test(
      `agrees with the twin: ${describe(model)}`,
      () => checkConfiguration(create, model, 200 + i),
    );
  }

  test("has the twin's gradient at full width and full window", async () => {
    const { spec, weights } = setUp(
      { ...DEFAULT_CONFIG },
      { size: 50, windows: 100 },
    );
    for (const parameter of parameterLayout(spec)) {
      // Keras's Glorot limit for the convolution keeps the gates as open as in the exercise.
      if (parameter.name !== "conv1d/kernel") continue;
      const limit = Math.sqrt(6 / (spec.kernelSize * (1 + spec.filters)));
      const random = seeded(3);
      for (let i = 0; i < parameter.size; i++) {
        weights[parameter.offset + i] = limit * (2 * random() - 1);
      }
    }
    const engine = await create(spec, weights);
    try {
      const starts = Int32Array.from({ length: 32 }, (_, i) => 3 * i);
      const expected = twinGradient(spec, weights, starts);
      const actual = await engine.gradient(starts);
      assertClose([actual.loss, actual.mae], [expected.loss, expected.mae], {
        tolerance: 1e-5,
        label: "loss and mae",
      });
      assertGradient(spec, actual.gradient, expected.gradient);
    } finally {
      engine.dispose();
    }
  });

  test("continues bit by bit from a state read and written back", async () => {
    const { spec, weights, random } = setUp({ ...SMALL, optimizer: "adam" });
    const order = shuffled(22, 50, random);
    const [one, two] = [
      await create(spec, weights),
      await create(spec, weights.map((w) => w + 1)),
    ];
    try {
      await one.trainEpoch(order);
      const state = await one.readState();
      assertEquals(state.iterations, 6);
      await two.trainEpoch(order.subarray(0, 3));
      await two.writeState(state);
      assertSameBits(await two.readState(), state);
      const kept = structuredClone(state);
      const [a, b] = [await one.trainEpoch(order), await two.trainEpoch(order)];
      assertEquals(a, b);
      const end = await one.readState();
      assertSameBits(await two.readState(), end);
      assert(end.weights.some((w, i) => w !== state.weights[i]));
      assertSameBits(state, kept);
    } finally {
      one.dispose();
      two.dispose();
    }
  });

  test("gives the same bits every time", async () => {
    const { spec, weights, random } = setUp({ ...SMALL, batchSize: 16 });
    const order = shuffled(100, 50, random);
    const states: EngineState[] = [];
    for (let run = 0; run < 2; run++) {
      const engine = await create(spec, weights);
      try {
        await engine.trainEpoch(order);
        states.push(await engine.readState());
      } finally {
        engine.dispose();
      }
    }
    assertSameBits(states[1]!, states[0]!);
    assert(states[0]!.weights.some((w, i) => w !== weights[i]));
  });

  test("stops between two steps when aborted, and says why", async () => {
    const { spec, weights, random } = setUp({
      ...SMALL,
      batchSize: 1,
      windowSize: 2,
      kernelSize: 1,
      lstmUnits: [2],
      denseUnits: [],
    });
    const order = shuffled(1500, 50, random);
    const engine = await create(spec, weights);
    const again = await create(spec, weights);
    try {
      const reason = new Error("enough");
      const before = await engine.readState();
      assertStrictEquals(
        await assertRejects(() =>
          engine.trainEpoch(order, { signal: AbortSignal.abort(reason) })
        ),
        reason,
      );
      assertSameBits(await engine.readState(), before);
      const controller = new AbortController();
      const progress: number[] = [];
      assertStrictEquals(
        await assertRejects(() =>
          engine.trainEpoch(order, {
            signal: controller.signal,
            onProgress: (steps) => {
              progress.push(steps);
              controller.abort(reason);
            },
          })
        ),
        reason,
      );
      const state = await engine.readState();
      assertGreater(progress.length, 0);
      assertGreater(order.length, state.iterations);
      await again.trainEpoch(order.subarray(0, state.iterations));
      assertSameBits(await again.readState(), state);
    } finally {
      engine.dispose();
      again.dispose();
    }
  });

  test("survives inputs that saturate every gate", async () => {
    const { spec, weights } = setUp({ ...SMALL, loss: "mae" });
    const engine = await create(spec, weights.map((w) => 100 * w));
    try {
      for (const size of [1e3, -1e3, 1e10, -1e10, 1e30, -1e30]) {
        const inputs = new Float32Array(spec.windowSize * 3).fill(size);
        const output = await engine.predict(inputs);
        assertClose(
          output,
          twinPredict(spec, weights.map((w) => 100 * w), inputs),
          { tolerance: 1e-4, label: `prediction at inputs of ${size}` },
        );
      }
    } finally {
      engine.dispose();
    }
  });

  test("refuses windows outside the series, and takes none", async () => {
    const { spec, weights } = setUp(SMALL);
    const engine = await create(spec, weights);
    try {
      const before = await engine.readState();
      for (const start of [-1, 50]) {
        const starts = Int32Array.of(0, start);
        await assertRejects(() => engine.trainEpoch(starts), RangeError);
        await assertRejects(() => engine.evaluate(starts), RangeError);
        await assertRejects(() => engine.gradient(starts), RangeError);
      }
      const none = await engine.trainEpoch(new Int32Array(0));
      assertEquals([none.loss.length, none.mae.length], [0, 0]);
      assertEquals((await engine.evaluate(new Int32Array(0))).loss.length, 0);
      assertEquals((await engine.predict(new Float32Array(0))).length, 0);
      assertSameBits(await engine.readState(), before);
    } finally {
      engine.dispose();
    }
  });

  test("can be disposed of twice", async () => {
    const { spec, weights } = setUp(SMALL);
    const engine = await create(spec, weights);
    engine.dispose();
    engine.dispose();
  });
}
