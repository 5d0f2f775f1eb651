import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { DEFAULT_CONFIG } from "../lib/config.ts";
import type { EngineSpec, TrainEngine } from "../lib/engine/engine.ts";
import { createLoneCrew, createWorkerCrew } from "../lib/engine/wasm/crew.ts";
import * as plan from "../lib/engine/wasm/assembly/plan.ts";
import { createWasmEngine } from "../lib/engine/wasm/engine.ts";
import { planMemory } from "../lib/engine/wasm/memory_plan.ts";
import { compileStep, hasRelaxedSimd } from "../lib/engine/wasm/module.ts";
import { UnsupportedModelError } from "../lib/errors.ts";
import { conformance, initialWeights, seeded } from "./engine_conformance.ts";

const NO_RELAXED = hasRelaxedSimd() ? "" : "this runtime has no relaxed SIMD";

conformance(
  "WebAssembly engine, relaxed SIMD, 1 thread",
  (spec, weights) =>
    createWasmEngine(spec, weights, { threads: 1, relaxed: true }),
  { ignore: NO_RELAXED, configurations: 12 },
);
conformance(
  "WebAssembly engine, plain SIMD, 2 threads",
  (spec, weights) =>
    createWasmEngine(spec, weights, { threads: 2, relaxed: false }),
  { ignore: "", configurations: 12, first: 12 },
);

const SPEC: EngineSpec = {
  ...DEFAULT_CONFIG,
  windowSize: 10,
  batchSize: 26,
  filters: 9,
  lstmUnits: [12, 7],
  denseUnits: [6],
  outputScale: 4,
  clipNorm: 0.5,
  values: Float32Array.from({ length: 160 }, (_, i) => 2 + Math.sin(i / 5)),
};
const WEIGHTS = initialWeights(SPEC, seeded(1));
const STARTS = Int32Array.from({ length: 120 }, (_, i) => (i * 37) % 149);

/** Two epochs, and all that comes out of them. */
async function outcome(spec: EngineSpec, threads: number, relaxed: boolean) {
  const engine = await createWasmEngine(spec, WEIGHTS, { threads, relaxed });
  try {
    return {
      epochs: [
        await engine.trainEpoch(STARTS),
        await engine.trainEpoch(STARTS.subarray(0, 55)),
      ],
      validation: await engine.evaluate(STARTS.subarray(0, 30)),
      prediction: await engine.predict(spec.values.subarray(0, 150)),
      gradient: await engine.gradient(STARTS.subarray(0, 3)),
      state: await engine.readState(),
    };
  } finally {
    engine.dispose();
  }
}

for (const relaxed of [true, false]) {
  for (const clipNorm of [0, 0.5]) {
    Deno.test({
      name: `createWasmEngine() gives the same bits on 1, 2, 3 and 4 threads${
        clipNorm ? ", clipping," : ""
      } with ${relaxed ? "relaxed" : "plain"} SIMD`,
      ignore: relaxed && NO_RELAXED !== "",
      fn: async () => {
        const spec = { ...SPEC, clipNorm };
        const alone = await outcome(spec, 1, relaxed);
        assert(alone.state.weights.some((w, i) => w !== WEIGHTS[i]));
        for (const threads of [2, 3, 4]) {
          assertEquals(await outcome(spec, threads, relaxed), alone);
        }
      },
    });
  }
}

Deno.test("createWasmEngine() names the build and the threads", async () => {
  for (
    const [threads, relaxed, adapter] of [
      [1, false, "WebAssembly SIMD, 1 thread"],
      [3, false, "WebAssembly SIMD, 3 threads"],
      [undefined, undefined, undefined],
    ] as const
  ) {
    const engine = await createWasmEngine(SPEC, WEIGHTS, {
      ...(threads === undefined ? {} : { threads }),
      ...(relaxed === undefined ? {} : { relaxed }),
    });
    if (adapter) assertEquals(engine.adapter, adapter);
    assertEquals(engine.name, "wasm");
    engine.dispose();
  }
});

Deno.test("createWasmEngine() refuses what it can't take", async () => {
  await assertRejects(
    () => createWasmEngine({ ...SPEC, lstmUnits: [129] }, WEIGHTS),
    UnsupportedModelError,
    "an LSTM of 129 units",
  );
  await assertRejects(
    () =>
      createWasmEngine({ ...SPEC, windowSize: 1e5, batchSize: 65536 }, WEIGHTS),
    UnsupportedModelError,
    "GiB",
  );
  await assertRejects(
    () => createWasmEngine(SPEC, WEIGHTS, { threads: 9 }),
    RangeError,
    "expected 1 to 8",
  );
  await assertRejects(
    () => createWasmEngine(SPEC, WEIGHTS.subarray(1), { threads: 2 }),
    RangeError,
    "parameters",
  );
});

Deno.test("createWasmEngine() makes an engine that is of no use once disposed of", async () => {
  const engine = await createWasmEngine(SPEC, WEIGHTS, { threads: 2 });
  engine.dispose();
  engine.dispose();
  for (
    const use of [
      (e: TrainEngine) => e.trainEpoch(STARTS),
      (e: TrainEngine) => e.predict(new Float32Array(10)),
      (e: TrainEngine) => e.gradient(STARTS),
    ]
  ) {
    await assertRejects(() => use(engine), Error, "disposed of");
  }
});

Deno.test("createWasmEngine() leaves timers their turn while it trains", async () => {
  for (const threads of [1, 2]) {
    const engine = await createWasmEngine(SPEC, WEIGHTS, { threads });
    let ticks = 0, progress = 0;
    const timer = setInterval(() => ticks++, 1);
    const many = Int32Array.from({ length: 26 * 2000 }, (_, i) => i % 149);
    await engine.trainEpoch(many, { onProgress: (steps) => progress = steps });
    clearInterval(timer);
    engine.dispose();
    assertEquals(progress, 2000);
    assert(ticks > 2, `${ticks} ticks`);
  }
});

/** A crew on the small model's memory, and its plan's words. */
async function makeCrew(threads: number) {
  const { pages, words } = planMemory(SPEC, threads);
  const memory = new WebAssembly.Memory({
    initial: pages,
    maximum: pages,
    shared: true,
  });
  new Uint32Array(memory.buffer, plan.PLAN, words.length).set(words);
  const module = await compileStep(false);
  return {
    memory,
    words: new Uint32Array(memory.buffer, plan.PLAN, words.length),
    crew: threads === 1
      ? await createLoneCrew({ module, memory })
      : await createWorkerCrew({ module, memory, threads }),
  };
}

Deno.test("createWorkerCrew() reports a dead thread, and the others don't wait for it", async () => {
  for (const dead of [0, 1]) {
    const { memory, words, crew } = await makeCrew(2);
    words[plan.WINDOWS] = SPEC.batchSize;
    // Only the rows of one thread have a window beyond the memory's end.
    const starts = new Uint32Array(memory.buffer, words[plan.STARTS]!, 26);
    starts.fill(0x3000_0000, 12 * dead, 12 * dead + 4);
    await assertRejects(
      () => crew.run(plan.MODE_TRAIN),
      Error,
      `WebAssembly thread ${dead + 1} of 2 died`,
    );
    await assertRejects(() => crew.run(plan.MODE_TRAIN), Error, "died");
    crew.dispose();
  }
});

Deno.test("createWorkerCrew() ends a run that is under way when it's disposed of", async () => {
  const { words, crew } = await makeCrew(2);
  words[plan.WINDOWS] = 100 * SPEC.batchSize;
  const running = crew.run(plan.MODE_EVALUATE);
  crew.dispose();
  await assertRejects(() => running, Error, "have been ended");
});

Deno.test("createWorkerCrew() says so when a thread can't start", async () => {
  const memory = new WebAssembly.Memory({
    initial: 1,
    maximum: 1,
    shared: true,
  });
  // The smallest module there is: it has no run().
  const bytes = Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0);
  const module = await WebAssembly.compile(bytes);
  await assertRejects(
    () => createWorkerCrew({ module, memory, threads: 2 }),
    Error,
    "WebAssembly thread",
  );
});

Deno.test("createLoneCrew() trains 30 epochs in a memory that can't grow", async () => {
  const { memory, words, crew } = await makeCrew(1);
  words[plan.WINDOWS] = STARTS.length;
  new Int32Array(memory.buffer, words[plan.STARTS]!, STARTS.length).set(STARTS);
  const { byteLength } = memory.buffer;
  for (let epoch = 0; epoch < 30; epoch++) await crew.run(plan.MODE_TRAIN);
  assertEquals(memory.buffer.byteLength, byteLength);
  assertThrows(() => memory.grow(1), RangeError);
});
