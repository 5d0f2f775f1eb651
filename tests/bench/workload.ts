/**
 * What every contestant of the benchmark trains: the same model from the same weights on the same windows.
 * @module
 */

import { alignment } from "../../lib/alignment.ts";
import { type Config, DEFAULT_CONFIG } from "../../lib/config.ts";
import { BUNDLED, loadDataset } from "../../lib/dataset.ts";
import type { EngineSpec } from "../../lib/engine/engine.ts";
import { initialWeights } from "../../lib/initializers.ts";
import { makeWindows, shuffleOrder } from "../../lib/windows.ts";
import { stepFlops } from "./flops.ts";

/** One thing to train. */
export interface Workload {
  /** Model, loss, optimizer and series. */
  spec: EngineSpec;
  /** `[parameters]` */
  weights: Float32Array;
  /** First indices of the training windows, shuffled. */
  order: Int32Array;
  /** Floating-point operations of a full batch's step. */
  flops: number;
}

/** What a workload changes of the exercise. */
export interface WorkloadOptions extends Partial<Config> {
  /** How often the series is repeated, one after the other. @default {1} */
  copies?: number;
}

/** Makes a workload from the bundled sunspots, the exercise's settings and what is changed of them. */
export async function makeWorkload(
  options: WorkloadOptions = {},
): Promise<Workload> {
  const { copies = 1, ...changes } = options;
  const config: Config = { ...DEFAULT_CONFIG, ...changes };
  const series = await loadDataset(BUNDLED);
  const { length } = series.values;
  const values = new Float32Array(copies * length);
  for (let i = 0; i < copies; i++) values.set(series.values, i * length);
  const end = config.splitTime + (copies - 1) * length;
  const { starts } = makeWindows({ begin: 0, end }, config);
  return {
    spec: { ...config, values },
    weights: initialWeights(config, config.seed),
    order: shuffleOrder(starts, { ...config, epoch: 1 }),
    flops: stepFlops(config),
  };
}

/** The windows of so many steps, the order repeated where it's too short. */
export function startsOf({ spec, order }: Workload, steps: number): Int32Array {
  return Int32Array.from(
    { length: steps * spec.batchSize },
    (_, i) => order[i % order.length]!,
  );
}

/**
 * The same windows as tensors, for those who don't take a series.
 *
 * @param padding Zeros before each window, which make a valid convolution a causal one. @default {0}
 * @returns inputs `[windows, padding + windowSize]`, targets `[windows, steps]`; the horizon is 1.
 */
export function tensorsOf(
  { spec }: Workload,
  starts: Int32Array,
  padding = 0,
): { inputs: Float32Array<ArrayBuffer>; targets: Float32Array<ArrayBuffer> } {
  const { windowSize, values } = spec;
  const { steps, anchor } = alignment(spec);
  const width = padding + windowSize;
  const inputs = new Float32Array(starts.length * width);
  const targets = new Float32Array(starts.length * steps);
  starts.forEach((start, n) => {
    inputs.set(
      values.subarray(start, start + windowSize),
      n * width + padding,
    );
    anchor.forEach((at, j) => targets[n * steps + j] = values[start + at + 1]!);
  });
  return { inputs, targets };
}
