/**
 * Train steps whose right answer is known: the exercise's model at full size, three batches. What an engine
 * makes of them shows whether its kernels compute rightly on this machine.
 * @module
 */

import { DEFAULT_CONFIG } from "../config.ts";
import type { BatchMetrics, EngineSpec } from "../engine/engine.ts";
import { initialWeights } from "../initializers.ts";

/** Steps whose answer is known. */
export const KNOWN_STEPS = 3;
/** Loss of each batch; each depends on the updates before it. The float64 twin's, by the test of this file. */
export const KNOWN_LOSSES: readonly number[] = [
  90.30571182750292,
  46.730205192429814,
  25.823023745146063,
];
/** Mean absolute error of each batch, likewise. */
export const KNOWN_MAES: readonly number[] = [
  90.80571182750302,
  47.22799169214804,
  26.319781808644816,
];
/** Largest relative deviation that float32 explains: sound engines stay below a tenth of it. */
export const KNOWN_TOLERANCE = 1e-4;

/** The exercise's model on a series of whole numbers, so that every machine has the same. */
export function knownSpec(): EngineSpec {
  return {
    ...DEFAULT_CONFIG,
    values: Float32Array.from(
      { length: 512 },
      (_, i) => Math.abs((7 * i) % 240 - 120),
    ),
  };
}

/** The initial weights. `[parameters]` */
export function knownWeights(): Float32Array {
  return initialWeights(DEFAULT_CONFIG, DEFAULT_CONFIG.seed);
}

/** The windows of so many steps, far apart from one to the next. */
export function knownStarts(steps: number): Int32Array {
  return Int32Array.from(
    { length: steps * DEFAULT_CONFIG.batchSize },
    (_, i) => (29 * i) % 480,
  );
}

/**
 * The largest relative deviation from the right answer.
 *
 * @param metrics Of the first steps from the known weights, at most {@link KNOWN_STEPS}.
 * @returns NaN if a number is missing or NaN itself.
 */
export function deviation({ loss, mae }: BatchMetrics): number {
  const off = (values: Float32Array, known: readonly number[]) =>
    Array.from(values, (v, i) => Math.abs(v - known[i]!) / known[i]!);
  return Math.max(...off(loss, KNOWN_LOSSES), ...off(mae, KNOWN_MAES));
}
