import { assertLessOrEqual } from "@std/assert";
import { DEFAULT_CONFIG } from "../lib/config.ts";
import { useCpuBackend } from "../lib/engine/backend.ts";
import type { EngineSpec, TrainEngine } from "../lib/engine/engine.ts";
import { createTfjsEngine } from "../lib/engine/tfjs.ts";
import { createWasmEngine } from "../lib/engine/wasm/engine.ts";
import { createWebgpuEngine } from "../lib/engine/webgpu/engine.ts";
import { initialWeights } from "../lib/initializers.ts";
import { makeWindows, shuffleOrder } from "../lib/windows.ts";
import { missingGpu } from "./missing_gpu.ts";
import { sunspots } from "./sunspots.ts";

const SPEC: EngineSpec = {
  ...DEFAULT_CONFIG,
  values: Float32Array.from(sunspots),
};
const WEIGHTS = initialWeights(SPEC, DEFAULT_CONFIG.seed);

/** The exercise's first epoch, batch by batch. */
function batches(): Int32Array[] {
  const range = { begin: 0, end: DEFAULT_CONFIG.splitTime };
  const { starts } = makeWindows(range, DEFAULT_CONFIG);
  const order = shuffleOrder(starts, { ...DEFAULT_CONFIG, epoch: 1 });
  return Array.from(
    { length: Math.ceil(order.length / SPEC.batchSize) },
    (_, i) => order.subarray(i * SPEC.batchSize, (i + 1) * SPEC.batchSize),
  );
}

/** Relative difference of two losses. */
function apart(a: number, b: number): number {
  return Math.abs(a - b) / Math.abs(b);
}

/**
 * Trains `leader` on the exercise's first epoch and lets `follower` take every n-th step from the leader's state. At
 * the exercise's learning rate rounding alone drives two runs apart within 30 steps, so that no two engines agree over
 * an epoch left to themselves; over one step from the same state they must.
 *
 * @returns of the steps taken by both: the largest and the mean loss's relative difference, and the weights' largest
 * difference relative to the largest weight.
 */
async function follow(
  leader: TrainEngine,
  follower: TrainEngine,
  every: number,
): Promise<{ loss: number; epoch: number; weights: number }> {
  const worst = { loss: 0, weights: 0 };
  const sums = [0, 0];
  for (const [step, batch] of batches().entries()) {
    const taken = step % every === 0;
    if (taken) await follower.writeState(await leader.readState());
    const [a] = (await leader.trainEpoch(batch)).loss;
    if (!taken) continue;
    const [b] = (await follower.trainEpoch(batch)).loss;
    worst.loss = Math.max(worst.loss, apart(a!, b!));
    sums[0]! += a!;
    sums[1]! += b!;
    const x = (await leader.readState()).weights;
    const y = (await follower.readState()).weights;
    const largest = y.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
    const difference = x.reduce(
      (most, v, i) => Math.max(most, Math.abs(v - y[i]!)),
      0,
    );
    worst.weights = Math.max(worst.weights, difference / largest);
  }
  return { ...worst, epoch: apart(sums[0]!, sums[1]!) };
}

const WASM = (): Promise<TrainEngine> =>
  createWasmEngine(SPEC, WEIGHTS, { threads: 1 });
const TFJS = async (): Promise<TrainEngine> =>
  createTfjsEngine(SPEC, WEIGHTS, await useCpuBackend());

for (
  const { name, make, every } of [
    { name: "WebAssembly", make: WASM, every: 1 },
    // A second and a half a step.
    { name: "TensorFlow.js", make: TFJS, every: 15 },
  ]
) {
  Deno.test({
    name:
      `fused WebGPU takes the exercise's first epoch as ${name} does, step by step${
        missingGpu && ` (ignored: ${missingGpu})`
      }`,
    ignore: missingGpu !== "",
    async fn() {
      const leader = await createWebgpuEngine(SPEC, WEIGHTS);
      const follower = await make();
      try {
        const { loss, epoch, weights } = await follow(leader, follower, every);
        assertLessOrEqual(loss, 1e-5);
        assertLessOrEqual(epoch, 1e-6);
        assertLessOrEqual(weights, 1e-6);
      } finally {
        follower.dispose();
        leader.dispose();
      }
    },
  });
}
