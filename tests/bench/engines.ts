/**
 * This project's engines as contestants.
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import type { GpuHandle } from "../../lib/engine/device.ts";
import type { TrainEngine } from "../../lib/engine/engine.ts";
import { createTfjsEngine } from "../../lib/engine/tfjs.ts";
import { createWasmEngine } from "../../lib/engine/wasm/engine.ts";
import { hasRelaxedSimd } from "../../lib/engine/wasm/module.ts";
import { createWebgpuEngine } from "../../lib/engine/webgpu/engine.ts";
import type { KernelSetName } from "../../lib/engine/webgpu/kernels.ts";
import type { Contestant } from "./contestant.ts";
import { countGpuCalls } from "./gpu_calls.ts";
import { startsOf, type Workload } from "./workload.ts";

/** Steps over which dispatches, submits and host time of a step are averaged. */
const COST_STEPS = 32;

/** Milliseconds of an epoch of so many steps, its read of the metrics included. */
async function timeEpoch(
  engine: TrainEngine,
  workload: Workload,
  steps: number,
): Promise<number> {
  const starts = startsOf(workload, steps);
  const began = performance.now();
  const { loss } = await engine.trainEpoch(starts);
  const ms = performance.now() - began;
  const bad = loss.find((value) => !Number.isFinite(value));
  if (bad !== undefined) {
    throw new Error(
      `Cannot time the ${engine.name} engine: its loss became ${bad}, expected a finite one`,
    );
  }
  return ms;
}

/** The loss of the first batch at the initial weights. */
async function firstLoss(
  engine: TrainEngine,
  workload: Workload,
): Promise<number> {
  return (await engine.evaluate(startsOf(workload, 1))).loss[0]!;
}

/** Settings of {@linkcode createTfjs}. */
export interface TfjsOptions {
  /** TensorFlow.js backend, already registered. */
  backend: "webgpu" | "cpu";
  /** Its device, for people. */
  device: string;
  /** Awaits work on the device and turns its failures into clear errors. */
  guard?: <T>(work: Promise<T>) => Promise<T>;
}

/** The engine of TensorFlow.js's ops and autodiff. */
export async function createTfjs(
  workload: Workload,
  { backend, device, guard }: TfjsOptions,
): Promise<Contestant> {
  await tf.setBackend(backend);
  const engine = createTfjsEngine(workload.spec, workload.weights, {
    adapter: device,
    ...(guard && { guard }),
  });
  const contestant: Contestant = {
    key: `tfjs-${backend}`,
    label: `tfjs engine, ${backend}`,
    device,
    ...(backend === "webgpu" && { peak: "gpu" }),
    firstLoss: await firstLoss(engine, workload),
    async run(steps) {
      await tf.setBackend(backend);
      return await timeEpoch(engine, workload, steps);
    },
    async dispose() {
      await tf.setBackend(backend);
      engine.dispose();
    },
  };
  if (backend === "webgpu") {
    contestant.cost = async () => {
      await tf.setBackend(backend);
      const { calls, result } = await countGpuCalls(async () => {
        const began = performance.now();
        // Runs until the first wait for the device before it returns.
        const epoch = engine.trainEpoch(startsOf(workload, 1));
        const hostMs = performance.now() - began;
        await epoch;
        return hostMs;
      });
      return { ...calls, hostMs: result };
    };
  }
  return contestant;
}

/** The fused engine with one of its kernel sets, or with that of its own choice. */
export async function createFused(
  workload: Workload,
  { handle, kernels }: { handle: GpuHandle; kernels?: KernelSetName },
): Promise<Contestant> {
  const engine = await createWebgpuEngine(workload.spec, workload.weights, {
    handle,
    ...(kernels && { kernels }),
  });
  return {
    key: kernels ? `webgpu-${kernels}` : "webgpu",
    label: kernels
      ? `fused WebGPU, ${kernels} kernels`
      : `fused WebGPU, ${engine.stats().kernels}`,
    device: engine.adapter,
    peak: "gpu",
    firstLoss: await firstLoss(engine, workload),
    run: (steps) => timeEpoch(engine, workload, steps),
    async cost() {
      const before = engine.stats();
      const { calls } = await countGpuCalls(() =>
        engine.trainEpoch(startsOf(workload, COST_STEPS))
      );
      const after = engine.stats();
      return {
        dispatches: calls.dispatches / COST_STEPS,
        submits: (after.submits - before.submits) / COST_STEPS,
        hostMs: (after.hostMs - before.hostMs) / COST_STEPS,
      };
    },
    dispose() {
      engine.dispose();
      return Promise.resolve();
    },
  };
}

/** The WebAssembly engine. */
export async function createWasm(
  workload: Workload,
  { threads, plain = false }: { threads: number; plain?: boolean },
): Promise<Contestant> {
  if (!plain && !hasRelaxedSimd()) {
    throw new Error(
      "Cannot run the relaxed SIMD build: this runtime doesn't take it",
    );
  }
  const engine = await createWasmEngine(workload.spec, workload.weights, {
    threads,
    relaxed: !plain,
  });
  return {
    key: plain ? `wasm-plain-${threads}` : `wasm-${threads}`,
    label: `WebAssembly${plain ? ", plain SIMD" : ""}, ${threads} ${
      threads === 1 ? "thread" : "threads"
    }`,
    device: engine.adapter,
    peak: plain ? `wasm-plain-${threads}` : `wasm-${threads}`,
    firstLoss: await firstLoss(engine, workload),
    run: (steps) => timeEpoch(engine, workload, steps),
    dispose() {
      engine.dispose();
      return Promise.resolve();
    },
  };
}
