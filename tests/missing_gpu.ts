/**
 * Whether tests can have a GPU, or a processor that plays one.
 * @module
 */

import { openDevice } from "../lib/engine/device.ts";
import { GpuError } from "../lib/errors.ts";

/** Why there is no GPU here; empty if there is one. */
export const missingGpu: string = await openDevice().then(
  (gpu) => {
    gpu.close();
    return "";
  },
  (error: unknown) => {
    if (error instanceof GpuError) return error.message;
    throw error;
  },
);
