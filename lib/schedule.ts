/**
 * The step size of each epoch: constant, cosine or exponential, after a linear warm-up. Between
 * configuration and training; pure arithmetic.
 * @module
 */

import type { Config } from "./config.ts";

/** What of the configuration decides the step size. */
export type ScheduleOptions = Pick<
  Config,
  "schedule" | "learningRate" | "epochs" | "warmupEpochs"
>;

/** Epochs in which the exponential schedule grows tenfold; the exercise's `1e-8 * 10 ** (epoch / 20)`. */
const EPOCHS_PER_DECADE = 20;

/**
 * The learning rate of an epoch.
 *
 * The first `warmupEpochs` rise linearly, epoch `e` to `learningRate e / (warmupEpochs + 1)`. After them, with `i`
 * epochs gone of `n = epochs - warmupEpochs`:
 *
 * - `constant`: `learningRate`;
 * - `cosine`: `learningRate (1 + cos(pi i / n)) / 2`, which ends just above 0 (Loshchilov & Hutter 2017,
 *   https://arxiv.org/abs/1608.03983, without restarts; Keras's CosineDecay with `alpha` 0, held for an epoch:
 *   https://keras.io/api/optimizers/learning_rate_schedules/cosine_decay/);
 * - `exponential`: `learningRate 10^(i / 20)`, which from `learningRate` 1e-8 is the exercise's search for a good one.
 *
 * @param epoch From 1.
 * @returns Above 0, unless `learningRate` is 0.
 * @throws {RangeError} if the epoch isn't a whole number from 1 to `epochs`.
 *
 * @example
 * ```ts
 * import { learningRateAt, type ScheduleOptions } from "@sunspots/sunspots";
 * const options: ScheduleOptions = {
 *   schedule: "exponential",
 *   learningRate: 1e-8,
 *   epochs: 100,
 *   warmupEpochs: 0,
 * };
 * learningRateAt(1, options); // 1e-8
 * learningRateAt(41, options); // 1e-6
 * ```
 */
export function learningRateAt(
  epoch: number,
  options: ScheduleOptions,
): number {
  const { schedule, learningRate, epochs, warmupEpochs } = options;
  if (!Number.isSafeInteger(epoch) || epoch < 1 || epoch > epochs) {
    throw new RangeError(
      `Cannot schedule epoch ${epoch}: expected a whole number from 1 to ${epochs}`,
    );
  }
  if (epoch <= warmupEpochs) return learningRate * epoch / (warmupEpochs + 1);
  const gone = epoch - 1 - warmupEpochs;
  switch (schedule) {
    case "constant":
      return learningRate;
    case "cosine":
      return learningRate *
        (1 + Math.cos(Math.PI * gone / (epochs - warmupEpochs))) / 2;
    case "exponential":
      return learningRate * 10 ** (gone / EPOCHS_PER_DECADE);
  }
}
