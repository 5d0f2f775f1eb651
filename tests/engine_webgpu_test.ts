import { type GpuHandle, openDevice } from "../lib/engine/device.ts";
import { createWebgpuEngine } from "../lib/engine/webgpu/engine.ts";
import { conformance } from "./engine_conformance.ts";

/** One device for all engines that don't destroy it: compiled shaders are kept with it. */
const opened: GpuHandle | Error = await openDevice().catch((error) => error);
const ignore = opened instanceof Error ? opened.message : "";

for (const [i, kernels] of (["software", "hardware"] as const).entries()) {
  conformance(
    `WebGPU engine, ${kernels} kernels,`,
    (spec, weights) =>
      createWebgpuEngine(spec, weights, {
        handle: opened as GpuHandle,
        kernels,
      }),
    { ignore, configurations: 10, first: 10 * i },
  );
}
