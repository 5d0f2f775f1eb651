/**
 * The measured peak of an adapter's float32 arithmetic, to put a kernel's speed in proportion.
 * @module
 */

import type { GpuHandle } from "../../lib/engine/device.ts";
import code from "./gpu_peak.wgsl" with { type: "text" };

const ITERATIONS = 2048;
/** Eight times three vectors of four chains, see gpu_peak.wgsl. */
const FLOPS_PER_LANE = 2 * 8 * 3 * 4 * ITERATIONS;
const WORKGROUP = 64;

/** Measures again and again on the same device. */
export interface PeakMeter {
  /** GFLOPS over some `ms` of nothing but multiply-adds. */
  measure(ms: number): Promise<number>;
  /** Frees the buffer. */
  dispose(): void;
}

/**
 * Makes a meter of a device's fused multiply-adds.
 *
 * @throws {GpuError} if the device fails.
 */
export async function createGpuPeakMeter(
  handle: GpuHandle,
): Promise<PeakMeter> {
  const { device } = handle;
  const pipeline = await handle.compile("peak", code, {
    constants: { ITERATIONS },
  });
  const most = Math.min(
    4096,
    device.limits.maxComputeWorkgroupsPerDimension,
  );
  const values = device.createBuffer({
    size: 16 * (1 + most * WORKGROUP),
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_DST,
  });
  device.queue.writeBuffer(values, 0, Float32Array.of(0.999, 0.5, 0, 0));
  const group = device.createBindGroup({
    layout: pipeline.getBindGroupLayout(0),
    entries: [{ binding: 0, resource: { buffer: values } }],
  });
  /** Milliseconds of `repeats` dispatches of `workgroups`. */
  const time = async (workgroups: number, repeats: number) => {
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(0, group);
    for (let i = 0; i < repeats; i++) pass.dispatchWorkgroups(workgroups);
    pass.end();
    const began = performance.now();
    device.queue.submit([encoder.finish()]);
    await handle.guard(device.queue.onSubmittedWorkDone());
    return performance.now() - began;
  };
  /** So many workgroups that one dispatch takes a while, found once. */
  let workgroups = 16;
  await time(workgroups, 1);
  while (workgroups < most && await time(workgroups, 1) < 30) workgroups *= 4;
  workgroups = Math.min(workgroups, most);
  return {
    async measure(ms) {
      const once = await time(workgroups, 1);
      const repeats = Math.max(1, Math.min(1000, Math.round(ms / once)));
      const took = await time(workgroups, repeats);
      return repeats * workgroups * WORKGROUP * FLOPS_PER_LANE / took / 1e6;
    },
    dispose: () => values.destroy(),
  };
}
