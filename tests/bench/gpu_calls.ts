/**
 * Counts what any library asks of the GPU, by standing between it and the WebGPU objects.
 * @module
 */

/** What was asked of the GPU. */
export interface GpuCalls {
  /** Compute dispatches recorded. */
  dispatches: number;
  /** Calls of `queue.submit()`. */
  submits: number;
}

/**
 * Counts dispatches and submits on all devices while `work` runs.
 *
 * @returns The counts and what `work` gave.
 */
export async function countGpuCalls<T>(
  work: () => Promise<T>,
): Promise<{ calls: GpuCalls; result: T }> {
  const calls: GpuCalls = { dispatches: 0, submits: 0 };
  const passes = GPUComputePassEncoder.prototype;
  const queues = GPUQueue.prototype;
  const { dispatchWorkgroups } = passes;
  const { submit } = queues;
  passes.dispatchWorkgroups = function (x, y, z) {
    calls.dispatches++;
    return dispatchWorkgroups.call(this, x, y, z);
  };
  queues.submit = function (buffers) {
    calls.submits++;
    return submit.call(this, buffers);
  };
  try {
    return { calls, result: await work() };
  } finally {
    passes.dispatchWorkgroups = dispatchWorkgroups;
    queues.submit = submit;
  }
}
