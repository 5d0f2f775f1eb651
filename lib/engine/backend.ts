/**
 * Sets up TensorFlow.js's own backends: WebGPU on a device that we have opened and watch, or the
 * processor.
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import { WebGPUBackend } from "@tensorflow/tfjs-backend-webgpu";
import type { GpuHandle } from "./device.ts";
import { describe } from "./device.ts";
import type { TfjsEngineOptions } from "./tfjs.ts";

/** Makes TensorFlow.js compute on the processor, which every model of record is built on. */
export async function useCpuBackend(): Promise<TfjsEngineOptions> {
  await tf.setBackend("cpu");
  return { adapter: "tfjs on the CPU" };
}

/**
 * Makes TensorFlow.js compute on an open GPU device, whose errors the handle keeps.
 *
 * @throws {Error} if TensorFlow.js refuses the device.
 */
export async function useWebgpuBackend(
  handle: GpuHandle,
): Promise<TfjsEngineOptions> {
  tf.removeBackend("webgpu");
  tf.registerBackend(
    "webgpu",
    // The package brings types of another WebGPU draft than Deno's.
    () => new WebGPUBackend(handle.device as never, handle.info as never),
  );
  if (!await tf.setBackend("webgpu")) {
    throw new Error(
      "Cannot use TensorFlow.js on the GPU: its backend didn't start",
    );
  }
  return {
    adapter: `tfjs on ${describe(handle.adapter)}`,
    guard: (work) => handle.guard(work),
  };
}
