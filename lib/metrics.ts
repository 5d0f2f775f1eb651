/**
 * Error measures of forecasts, each the mean over all elements it is given. Between windows and
 * baselines in the flow: whatever is judged is judged by these.
 * @module
 */

import type { LossOptions } from "./config.ts";

/** Rejects pairs that would broadcast silently or divide by nothing. */
function checkPair(
  actual: ArrayLike<number>,
  predicted: ArrayLike<number>,
): number {
  if (actual.length !== predicted.length || actual.length === 0) {
    throw new RangeError(
      `Cannot compare forecasts: ${predicted.length} predictions for ${actual.length} values, expected as many and at least one`,
    );
  }
  return actual.length;
}

/**
 * Mean absolute error, `mean |actual - predicted|`, in the series' units.
 *
 * @example
 * ```ts
 * import { meanAbsoluteError } from "@sunspots/sunspots";
 * meanAbsoluteError([1, 2, 3], [1, 4, 7]); // 2
 * ```
 *
 * @param actual `[n]`
 * @param predicted `[n]`
 * @throws {RangeError} if the lengths differ or are 0.
 */
export function meanAbsoluteError(
  actual: ArrayLike<number>,
  predicted: ArrayLike<number>,
): number {
  const n = checkPair(actual, predicted);
  let sum = 0;
  for (let i = 0; i < n; i++) sum += Math.abs(actual[i]! - predicted[i]!);
  return sum / n;
}

/**
 * Root mean squared error, `sqrt(mean (actual - predicted)^2)`, in the series' units.
 *
 * @param actual `[n]`
 * @param predicted `[n]`
 * @throws {RangeError} if the lengths differ or are 0.
 */
export function rootMeanSquaredError(
  actual: ArrayLike<number>,
  predicted: ArrayLike<number>,
): number {
  const n = checkPair(actual, predicted);
  let sum = 0;
  for (let i = 0; i < n; i++) sum += (actual[i]! - predicted[i]!) ** 2;
  return Math.sqrt(sum / n);
}

/**
 * One element's loss as Keras computes it: Huber
 * (https://keras.io/api/losses/regression_losses/#huber-class), squared or absolute error.
 */
export function elementLoss(
  error: number,
  options: Pick<LossOptions, "loss" | "huberDelta">,
): number {
  const size = Math.abs(error);
  switch (options.loss) {
    case "mae":
      return size;
    case "mse":
      return size * size;
    case "huber":
      return size <= options.huberDelta
        ? size * size / 2
        : options.huberDelta * (size - options.huberDelta / 2);
  }
}

/**
 * The denominator of the mean absolute scaled error: the training part's own one-step naive error,
 * `mean |y[t] - y[t - period]|` (Hyndman & Koehler 2006, https://doi.org/10.1016/j.ijforecast.2006.03.001).
 * A scaled error below 1 beats the naive forecast's average on the training part.
 *
 * @example
 * ```ts
 * import { meanAbsoluteError, naiveScale } from "@sunspots/sunspots";
 * const training = [3, 5, 4, 8];
 * meanAbsoluteError([9, 7], [8, 8]) / naiveScale(training); // MASE: 1 / (7 / 3)
 * ```
 *
 * @param training `[n]`
 * @param period 1 for the plain naive forecast, the season's length for the seasonal one. @default {1}
 * @throws {RangeError} if the training part is no longer than the period, or never changes.
 */
export function naiveScale(training: ArrayLike<number>, period = 1): number {
  let sum = 0;
  for (let t = period; t < training.length; t++) {
    sum += Math.abs(training[t]! - training[t - period]!);
  }
  if (!(sum > 0)) {
    throw new RangeError(
      `Cannot scale errors by the training part's naive error: ${training.length} values differ nowhere from those ${period} before, expected a series that moves`,
    );
  }
  return sum / (training.length - period);
}

/**
 * Share of the reference's error that a forecast saves, `1 - error / reference`: 0 is no better, 1 is perfect,
 * below 0 is worse (the skill score, https://glossary.ametsoc.org/wiki/Skill).
 */
export function skill(error: number, reference: number): number {
  return 1 - error / reference;
}

/**
 * Sample autocovariances of lags 0 to `lags` around the mean, divided by `n` at every lag
 * (Box & Jenkins; https://otexts.com/fpp3/acf.html). Divided by the first they are the autocorrelations.
 *
 * @param values `[n]`
 * @returns `[lags + 1]`
 * @throws {RangeError} if there are no more values than lags.
 */
export function autocovariance(
  values: ArrayLike<number>,
  lags: number,
): Float64Array {
  const n = values.length;
  if (n <= lags) {
    throw new RangeError(
      `Cannot correlate ${n} values over ${lags} lags: expected more values than lags`,
    );
  }
  let mean = 0;
  for (let i = 0; i < n; i++) mean += values[i]!;
  mean /= n;
  return Float64Array.from({ length: lags + 1 }, (_, lag) => {
    let sum = 0;
    for (let i = lag; i < n; i++) {
      sum += (values[i]! - mean) * (values[i - lag]! - mean);
    }
    return sum / n;
  });
}
