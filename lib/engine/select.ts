/**
 * Which engine trains, on what, and why, in one sentence.
 * @module
 */

import { GpuError, UnsupportedModelError } from "../errors.ts";
import { useCpuBackend, useWebgpuBackend } from "./backend.ts";
import { describe, type GpuHandle, openDevice } from "./device.ts";
import type { EngineSpec, TrainEngine } from "./engine.ts";
import { unsupportedReason } from "./limits.ts";
import { createTfjsEngine } from "./tfjs.ts";
import { createWasmEngine } from "./wasm/engine.ts";

/** The words of `--engine`. */
export const ENGINES = ["auto", "webgpu", "wasm", "tfjs"] as const;
/** One of them. */
export type EngineChoice = typeof ENGINES[number];

/** What the user said about the engine. */
export interface SelectOptions {
  /** Which one, or `auto` for the first that works. @default {"auto"} */
  engine?: EngineChoice;
  /** Threads of the WebAssembly engine; all cores, up to 8, if absent. */
  threads?: number;
}

/** The chosen engine, ready to run. */
export interface SelectedEngine {
  /** The engine; the caller calls `dispose()` below instead of its own. */
  engine: TrainEngine;
  /** Why this one, a sentence. */
  reason: string;
  /** Frees the engine and closes its device. */
  dispose(): void;
}

/**
 * Chooses and makes the engine. `auto` takes the first that works of: WebGPU on a graphics card,
 * WebAssembly, WebGPU in software, TensorFlow.js; a model that the hand-written engines don't take goes to
 * TensorFlow.js. A named engine is taken or refused.
 *
 * @param weights Initial weights, flat.
 * @throws {UnsupportedModelError} if the named engine can't take this model.
 * @throws {GpuError} if WebGPU is named and there is no adapter, or it fails.
 */
export async function selectEngine(
  spec: EngineSpec,
  weights: Float32Array,
  options: SelectOptions = {},
): Promise<SelectedEngine> {
  const { engine = "auto" } = options;
  // The model of record lives on the CPU backend, whichever engine trains.
  await useCpuBackend();
  if (engine === "tfjs") return await tfjs(spec, weights, "as asked");
  const refusal = unsupportedReason(spec);
  if (refusal !== undefined) {
    if (engine !== "auto") {
      throw new UnsupportedModelError(
        `Cannot train on the ${engine} engine: ${refusal}; use --engine tfjs or auto`,
      );
    }
    return await tfjs(spec, weights, `for ${refusal}`);
  }
  const wasm = (reason: string) =>
    webassembly(spec, weights, { ...options, reason });
  if (engine === "wasm") return await wasm("as asked");
  const gpu = await open();
  if (engine === "webgpu") {
    if (gpu instanceof GpuError) throw gpu;
    return await webgpu(spec, weights, { gpu, reason: "as asked" });
  }
  if (gpu instanceof GpuError) return await wasm(gpu.message);
  const { software, openGl } = gpu.adapter;
  if (!software && !openGl) {
    return await webgpu(spec, weights, {
      gpu,
      reason: "the graphics card is there",
    });
  }
  gpu.close();
  return await wasm(
    openGl
      ? `the only adapter (${
        describe(gpu.adapter)
      }) is OpenGL's; install the card's Vulkan driver`
      : `the only adapter (${
        describe(gpu.adapter)
      }) is software, which is slower`,
  );
}

/** A device, or why there is none. */
async function open(): Promise<GpuHandle | GpuError> {
  try {
    return await openDevice();
  } catch (error) {
    if (error instanceof GpuError) return error;
    throw error;
  }
}

/** Makes the WebGPU engine, which then owns the device. */
async function webgpu(
  spec: EngineSpec,
  weights: Float32Array,
  { gpu, reason }: { gpu: GpuHandle; reason: string },
): Promise<SelectedEngine> {
  try {
    // Loaded when needed: most machines without a graphics card never do.
    const { createWebgpuEngine } = await import("./webgpu/engine.ts");
    const engine = await createWebgpuEngine(spec, weights, { handle: gpu });
    return {
      engine,
      reason,
      dispose() {
        engine.dispose();
        gpu.close();
      },
    };
  } catch (error) {
    gpu.close();
    throw error;
  }
}

/** Makes the WebAssembly engine, or, where the runtime can't compile it, the next best. */
async function webassembly(
  spec: EngineSpec,
  weights: Float32Array,
  options: SelectOptions & { reason: string },
): Promise<SelectedEngine> {
  const { reason, threads } = options;
  try {
    const engine = await createWasmEngine(
      spec,
      weights,
      threads === undefined ? {} : { threads },
    );
    return { engine, reason, dispose: () => engine.dispose() };
  } catch (error) {
    if (
      !(error instanceof WebAssembly.CompileError) || options.engine === "wasm"
    ) throw error;
    const gpu = await open();
    const why = `WebAssembly SIMD isn't there (${error.message})`;
    return gpu instanceof GpuError
      ? await tfjs(spec, weights, why)
      : await webgpu(spec, weights, { gpu, reason: why });
  }
}

/** Makes the TensorFlow.js engine: on a graphics card where there is one, else on the processor. */
async function tfjs(
  spec: EngineSpec,
  weights: Float32Array,
  reason: string,
): Promise<SelectedEngine> {
  const gpu = await open();
  const fast = !(gpu instanceof GpuError) && !gpu.adapter.software &&
    !gpu.adapter.openGl;
  if (fast) {
    const engine = createTfjsEngine(spec, weights, await useWebgpuBackend(gpu));
    return {
      engine,
      reason,
      dispose() {
        engine.dispose();
        gpu.close();
      },
    };
  }
  if (!(gpu instanceof GpuError)) gpu.close();
  const engine = createTfjsEngine(spec, weights, await useCpuBackend());
  return { engine, reason, dispose: () => engine.dispose() };
}
