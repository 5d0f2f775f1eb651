/**
 * Simple exponential smoothing with its one parameter fitted on the training part.
 * @module
 */

import { type Baseline, checkTraining } from "./baseline.ts";

/** Accuracy of the fitted smoothing parameter. */
const TOLERANCE = 1e-7;

/**
 * `level[t] = alpha y[t] + (1 - alpha) level[t - 1]`, started at the first value; every horizon's forecast is
 * the last level (https://otexts.com/fpp3/ses.html). `alpha` minimises the squared one-step errors
 * of the training part, found by golden-section search after a coarse grid.
 *
 * @param alpha Smoothing parameter from 0 to 1, if it isn't to be fitted.
 */
export function exponentialSmoothing(alpha?: number): Baseline {
  const baseline: Baseline = {
    name: "exponential_smoothing",
    minTraining: 2,
    fit(training) {
      checkTraining(baseline, training);
      const fitted = alpha ?? fitAlpha(training.values);
      return {
        label: `exponential smoothing (alpha ${fitted.toFixed(3)})`,
        forecast: (history, horizon) =>
          new Float64Array(horizon).fill(smooth(history, fitted).level),
      };
    },
  };
  return baseline;
}

/** The last level and the squared one-step errors on the way. */
function smooth(values: Float64Array, alpha: number) {
  let level = values[0]!, squares = 0;
  for (let t = 1; t < values.length; t++) {
    const error = values[t]! - level;
    squares += error * error;
    level += alpha * error;
  }
  return { level, squares };
}

/** Golden-section search (https://en.wikipedia.org/wiki/Golden-section_search) in the best cell of a grid. */
function fitAlpha(values: Float64Array): number {
  const cost = (alpha: number) => smooth(values, alpha).squares;
  const cells = 50;
  let best = 0;
  for (let i = 1; i <= cells; i++) {
    if (cost(i / cells) < cost(best / cells)) best = i;
  }
  let low = Math.max(best - 1, 0) / cells;
  let high = Math.min(best + 1, cells) / cells;
  const ratio = (Math.sqrt(5) - 1) / 2;
  while (high - low > TOLERANCE) {
    const left = high - ratio * (high - low);
    const right = low + ratio * (high - low);
    if (cost(left) < cost(right)) high = right;
    else low = left;
  }
  return (low + high) / 2;
}
