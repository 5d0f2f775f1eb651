/**
 * Baselines that repeat what was: the last value, last season's, the last values' mean.
 * See https://otexts.com/fpp3/simple-methods.html
 * @module
 */

import { type Baseline, checkTraining } from "./baseline.ts";

/** The last value, for ever: the forecast that is hardest to beat one step ahead. */
export function persistence(): Baseline {
  const baseline: Baseline = {
    name: "persistence",
    minTraining: 1,
    fit(training) {
      checkTraining(baseline, training);
      return {
        label: "persistence",
        forecast: (history, horizon) =>
          new Float64Array(horizon).fill(history.at(-1)!),
      };
    },
  };
  return baseline;
}

/**
 * The value one season before, the last season repeated for horizons beyond it.
 *
 * @param period Season's length in time steps; 132 months are the mean solar cycle of 11 years
 * (https://www.sidc.be/SILSO/cyclesminmax). @default {132}
 */
export function seasonalNaive(period = 132): Baseline {
  const baseline: Baseline = {
    name: "seasonal_naive",
    minTraining: period,
    fit(training) {
      checkTraining(baseline, training);
      return {
        label: `seasonal naive (${period})`,
        forecast: (history, horizon) =>
          Float64Array.from(
            { length: horizon },
            (_, h) => history[history.length - period + h % period]!,
          ),
      };
    },
  };
  return baseline;
}

/** Longest window that `movingAverage()` considers. */
const MAX_WINDOW = 36;

/**
 * The mean of the last values. Their number is the one, from 2 to 36 (1 would be persistence), whose one-step forecasts of the
 * training part have the smallest mean absolute error.
 *
 * @param window The number of values, if it isn't to be chosen.
 */
export function movingAverage(window?: number): Baseline {
  const baseline: Baseline = {
    name: "moving_average",
    minTraining: (window ?? 2) + 1,
    fit(training) {
      checkTraining(baseline, training);
      const size = window ?? bestWindow(training.values);
      return {
        label: `moving average (${size})`,
        forecast: (history, horizon) => {
          const from = Math.max(history.length - size, 0);
          let sum = 0;
          for (let i = from; i < history.length; i++) sum += history[i]!;
          return new Float64Array(horizon).fill(sum / (history.length - from));
        },
      };
    },
  };
  return baseline;
}

/** All sizes are compared on the same targets. */
function bestWindow(values: Float64Array): number {
  const largest = Math.min(MAX_WINDOW, values.length - 1);
  let best = 2, bestError = Infinity;
  for (let size = 2; size <= largest; size++) {
    let sum = 0, error = 0;
    for (let t = largest - size; t < largest; t++) sum += values[t]!;
    for (let t = largest; t < values.length; t++) {
      error += Math.abs(values[t]! - sum / size);
      sum += values[t]! - values[t - size]!;
    }
    if (error < bestError) [best, bestError] = [size, error];
  }
  return best;
}
