/**
 * What there is to say about the GPU: adapter, driver, limits that matter, self-check.
 * @module
 */

import {
  type AdapterDescription,
  type GpuHandle,
  openDevice,
} from "../engine/device.ts";

/** Limits and features that decide what the kernels can do. */
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxUniformBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupsPerDimension",
] as const;
const FEATURES = ["shader-f16", "subgroups", "timestamp-query"];

/** An open GPU, or why there is none. */
export type GpuFacts = {
  /** The self-check passed. */
  works: true;
  /** Adapter and driver in words. */
  adapter: AdapterDescription;
  /** The adapter's limits that matter. */
  limits: Record<string, number>;
  /** Optional features that the adapter has. */
  features: string[];
} | {
  /** There is none, or it computes wrongly. */
  works: false;
  /** Why, with the remedy. */
  problem: string;
};

/** Opens the GPU, self-check included, and describes it. The caller closes the handle. */
export async function gatherGpu(): Promise<
  { facts: GpuFacts; handle: GpuHandle | undefined }
> {
  try {
    const handle = await openDevice();
    // A device shows what was asked for; the report should show what there is.
    const offered = await navigator.gpu.requestAdapter({
      powerPreference: "high-performance",
    }) ?? handle.device;
    return {
      handle,
      facts: {
        works: true,
        adapter: handle.adapter,
        limits: Object.fromEntries(
          LIMITS.map((name) => [name, offered.limits[name]]),
        ),
        features: FEATURES.filter((name) =>
          offered.features.has(name as GPUFeatureName)
        ),
      },
    };
  } catch (error) {
    // Whatever the driver does wrong is what the doctor is asked about.
    const problem = error instanceof Error ? error.message : String(error);
    return { facts: { works: false, problem }, handle: undefined };
  }
}
