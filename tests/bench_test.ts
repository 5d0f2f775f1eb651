import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { DEFAULT_CONFIG } from "../lib/config.ts";
import { useCpuBackend } from "../lib/engine/backend.ts";
import { type GpuHandle, openDevice } from "../lib/engine/device.ts";
import { drawReport } from "./bench/chart.ts";
import type { Contestant } from "./bench/contestant.ts";
import { createTfjs, createWasm } from "./bench/engines.ts";
import { stepFlops } from "./bench/flops.ts";
import { countGpuCalls } from "./bench/gpu_calls.ts";
import gpuPeak from "./bench/gpu_peak.wgsl" with { type: "text" };
import { describeMachine } from "./bench/machine.ts";
import { requireSameLoss, takeTurns, type Timing } from "./bench/measure.ts";
import { createPeer } from "./bench/peers.ts";
import {
  type BenchReport,
  describeReport,
  judge,
  makeRows,
} from "./bench/report.ts";
import { spread } from "./bench/statistics.ts";
import { createStock } from "./bench/stock.ts";
import { FLOPS_PER_TURN, peakModule } from "./bench/wasm_peak.ts";
import { makeWorkload, startsOf, tensorsOf } from "./bench/workload.ts";

const opened: GpuHandle | Error = await openDevice().catch((error) => error);
if (!(opened instanceof Error)) opened.close();

/** A test that needs a device. */
function gpuTest(name: string, fn: (handle: GpuHandle) => Promise<void>) {
  const missing = opened instanceof Error ? opened.message : "";
  Deno.test({
    name: name + (missing && ` (ignored: ${missing})`),
    ignore: missing !== "",
    async fn() {
      const handle = await openDevice();
      try {
        await fn(handle);
      } finally {
        handle.close();
      }
    },
  });
}

const timing = (key: string, median: number, rest: Partial<Timing> = {}) => ({
  key,
  label: key,
  device: "CPU",
  steps: 1,
  ms: { min: median - 1, median, max: median + 1 },
  samples: [median],
  firstLoss: 70,
  ...rest,
});
const software = {
  vendor: "Mesa",
  architecture: "",
  device: "",
  description: "llvmpipe",
  software: true,
  openGl: false,
};

Deno.test("spread() takes the middle one, or the mean of two", () => {
  assertEquals(spread([3, 1, 2]), { min: 1, median: 2, max: 3 });
  assertEquals(spread([4, 1, 2, 3]), { min: 1, median: 2.5, max: 4 });
  assertThrows(() => spread([]), RangeError);
});

Deno.test("stepFlops() is 345 MFLOP for the exercise, and right by hand for a tiny model", () => {
  assertEquals(stepFlops(DEFAULT_CONFIG), 345_081_600);
  // Two positions of one window: conv 1 x 2, LSTM 4 x 3 x (2 + 3), dense 3 x 1.
  assertEquals(
    stepFlops({
      ...DEFAULT_CONFIG,
      windowSize: 2,
      batchSize: 1,
      kernelSize: 1,
      filters: 2,
      lstmUnits: [3],
      denseUnits: [],
    }),
    2 * 2 * (3 * (2 + 60 + 3) - 2),
  );
});

Deno.test("peakModule() does as many multiply-adds as it says, in both builds", async () => {
  for (const relaxed of [false, true]) {
    const bytes = peakModule(relaxed);
    if (relaxed && !WebAssembly.validate(bytes)) continue;
    const { instance } = await WebAssembly.instantiate(bytes);
    const run = instance.exports.run as (turns: number) => number;
    // x after n multiply-adds: m^n x + c (1 - m^n) / (1 - m), summed over 12 chains that begin at 3 to 14.
    const turns = 50, chains = 12;
    const n = turns * FLOPS_PER_TURN / (2 * 4 * chains);
    const shrunk = 0.999 ** n;
    const expected = shrunk * (3 + 14) * chains / 2 +
      chains * 0.5 * (1 - shrunk) / (1 - 0.999);
    assertAlmostEquals(run(turns), expected, expected * 1e-3);
  }
});

gpuTest(
  "gpu_peak.wgsl does as many multiply-adds as it's counted for",
  async (handle) => {
    const { device } = handle;
    const ITERATIONS = 7;
    const pipeline = await handle.compile("peak", gpuPeak, {
      constants: { ITERATIONS },
    });
    const size = 16 * 65;
    const values = device.createBuffer({
      size,
      usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST |
        GPUBufferUsage.COPY_SRC,
    });
    const read = device.createBuffer({
      size,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    device.queue.writeBuffer(values, 0, Float32Array.of(0.75, 0.5, 0, 0));
    const { calls } = await countGpuCalls(() => {
      const encoder = device.createCommandEncoder();
      const pass = encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(
        0,
        device.createBindGroup({
          layout: pipeline.getBindGroupLayout(0),
          entries: [{ binding: 0, resource: { buffer: values } }],
        }),
      );
      pass.dispatchWorkgroups(1);
      pass.end();
      encoder.copyBufferToBuffer(values, 0, read, 0, size);
      device.queue.submit([encoder.finish()]);
      return handle.guard(read.mapAsync(GPUMapMode.READ));
    });
    assertEquals(calls, { dispatches: 1, submits: 1 });
    const lane = 63;
    const shrunk = 0.75 ** (8 * ITERATIONS);
    const expected = shrunk * (3 * lane + 3) + 3 * 0.5 * (1 - shrunk) / 0.25;
    const result = new Float32Array(read.getMappedRange());
    assertAlmostEquals(result[4 * (1 + lane)]!, expected, 1e-4);
    values.destroy();
    read.destroy();
  },
);

gpuTest("countGpuCalls() leaves the WebGPU objects as they were", async () => {
  const { submit } = GPUQueue.prototype;
  await assertRejects(
    () => countGpuCalls(() => Promise.reject(new Error("broken"))),
    Error,
    "broken",
  );
  assertEquals(GPUQueue.prototype.submit, submit);
});

Deno.test("tensorsOf() cuts the windows that the engines gather", async () => {
  const workload = await makeWorkload({ windowSize: 3, batchSize: 2 });
  const starts = startsOf(workload, 1);
  const { values } = workload.spec;
  const { inputs, targets } = tensorsOf(workload, starts, 1);
  const [a, b] = starts as unknown as [number, number];
  const at = (start: number, from: number, to: number) => [
    ...values.subarray(start + from, start + to),
  ];
  assertEquals([...inputs], [0, ...at(a, 0, 3), 0, ...at(b, 0, 3)]);
  assertEquals([...targets], [...at(a, 1, 4), ...at(b, 1, 4)]);
});

Deno.test("stock tf.layers, the tfjs engine and the WebAssembly engine train the same", async () => {
  const workload = await makeWorkload({
    windowSize: 6,
    batchSize: 3,
    filters: 3,
    kernelSize: 2,
    lstmUnits: [4, 3],
    denseUnits: [2],
  });
  await useCpuBackend();
  const contestants = [
    await createStock(workload, { backend: "cpu", device: "CPU" }),
    await createTfjs(workload, { backend: "cpu", device: "CPU" }),
    await createWasm(workload, { threads: 1, plain: true }),
  ];
  try {
    requireSameLoss(contestants);
    const timings = await takeTurns(contestants, {
      rounds: 2,
      budgetMs: 1,
      steps: 2,
    });
    assertEquals(timings.map(({ key }) => key), [
      "stock-cpu",
      "tfjs-cpu",
      "wasm-plain-1",
    ]);
    for (const { samples, steps } of timings) {
      assertEquals([samples.length, steps], [2, 2]);
      assert(samples.every((ms) => ms > 0));
    }
  } finally {
    for (const contestant of contestants) await contestant.dispose();
  }
});

Deno.test("takeTurns() interleaves, and times per step", async () => {
  const calls: string[] = [];
  const fake = (key: string, ms: number): Contestant => ({
    key,
    label: key,
    device: "CPU",
    firstLoss: 1,
    run(steps) {
      calls.push(key);
      return Promise.resolve(steps * ms);
    },
    dispose: () => Promise.resolve(),
  });
  const timings = await takeTurns([fake("a", 2), fake("b", 500)], {
    rounds: 3,
    budgetMs: 100,
    onRound: () => {
      calls.push("round");
    },
  });
  const rounds = calls.slice(calls.indexOf("round"));
  assertEquals(rounds.join(" "), "round a b round a b round a b");
  assertEquals(timings.map(({ steps }) => steps), [50, 1]);
  assertEquals(timings.map(({ ms }) => ms.median), [2, 500]);
});

Deno.test("takeTurns() doesn't take a first step that compiles for the pace", async () => {
  let runs = 0;
  const [timing] = await takeTurns([{
    key: "a",
    label: "a",
    device: "CPU",
    firstLoss: 1,
    run: (steps) => Promise.resolve(runs++ === 0 ? 4000 : 2 * steps),
    dispose: () => Promise.resolve(),
  }], { rounds: 1, budgetMs: 100 });
  assertEquals(timing!.steps, 50);
});

Deno.test("requireSameLoss() refuses a contestant that does something else", () => {
  const rows = [70, 70.0001, 71].map((firstLoss, i) => ({
    label: `number ${i}`,
    firstLoss,
  }));
  requireSameLoss(rows.slice(0, 2));
  assertThrows(() => requireSameLoss(rows), Error, "number 2");
});

Deno.test("makeRows() and judge() divide rightly and leave out what wasn't measured", () => {
  const flops = 300e6;
  const peaks = { gpu: 40 };
  const timings = [
    timing("stock-webgpu", 900),
    timing("webgpu-software", 25, {
      peak: "gpu",
      cost: { dispatches: 19, submits: 1 / 32, hostMs: 0.6 },
    }),
    timing("wasm-1", 10),
    timing("wasm-2", 8),
    timing("torch-1", 12),
  ];
  const rows = makeRows(timings, { flops, peaks });
  assertEquals(rows[0]!.key, "wasm-2");
  const fused = rows.find((row) => row.key === "webgpu-software")!;
  assertAlmostEquals(fused.gflops, 12, 1e-9);
  assertAlmostEquals(fused.ofPeak!, 0.3, 1e-9);
  assertAlmostEquals(fused.fasterThanStock.webgpu!, 36, 1e-9);
  assertEquals(fused.fasterThanStock.cpu, undefined);
  assertEquals(judge(rows, software).map(({ met }) => met), [
    true, // 36 times stock
    true, // 25 ms
    false, // 0.6 ms of host time
    true, // 10 ms against 12 ms
    false, // 1.25 times
  ]);
  assertEquals(judge([], software), []);
  assertEquals(judge(rows, null).length, 2);
});

Deno.test("the report survives JSON, and its table and picture show every contestant", () => {
  const rows = makeRows([timing("wasm-1", 10), timing("stock-cpu", 900)], {
    flops: 345e6,
    peaks: {},
  });
  const report: BenchReport = {
    date: "2026-01-01T00:00:00.000Z",
    machine: describeMachine(),
    adapter: software,
    versions: { tfjs: "4.22.0" },
    flops: 345e6,
    rounds: 1,
    rows,
    peaks: { gpu: 50 },
    absent: [{ key: "torch-1", reason: "no --python was given" }],
    goals: judge(rows, software),
    scaling: [30, 60].map((value) => ({
      axis: "window",
      value,
      key: "wasm-1",
      ms: { min: value, median: value, max: value },
      gflops: 30,
      stepsPerEpoch: 93,
      epochSeconds: 1,
    })),
  };
  assertEquals(JSON.parse(JSON.stringify(report)), report);
  const text = describeReport(report);
  for (const part of ["wasm-1", "stock-cpu", "no --python", "window size"]) {
    assertStringIncludes(text, part);
  }
  const svg = drawReport(report);
  for (const part of ["<svg", "stock-cpu", "window size", "llvmpipe"]) {
    assertStringIncludes(svg, part);
  }
  assert(!svg.includes("NaN") && !svg.includes("undefined"));
});

const mayRun = Deno.permissions.querySync({ name: "run" }).state === "granted";
Deno.test({
  name: `createPeer() says plainly which interpreter lacks what${
    mayRun ? "" : " (ignored: needs --allow-run)"
  }`,
  ignore: !mayRun,
  async fn() {
    const workload = await makeWorkload();
    await assertRejects(
      () =>
        createPeer(workload, {
          name: "torch",
          pythons: ["./no-such-python"],
          threads: 1,
        }),
      Error,
      "Cannot find torch: ./no-such-python",
    );
  },
});
