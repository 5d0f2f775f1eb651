/**
 * Prediction intervals from a forecaster's own past errors, at each horizon by itself.
 *
 * Split conformal prediction (Vovk, Gammerman & Shafer 2005; Lei et al. 2018,
 * https://arxiv.org/abs/1604.04173) takes the `ceil((n + 1)(1 - a))`-th smallest of `n` past scores as the bound
 * of the next one, which covers with probability `1 - a` at least, in finite samples, if the scores are
 * exchangeable. Those of a forecaster on a time series are not: they are correlated, their size follows the
 * series' level, and it drifts. So here
 *
 * - a score is the error divided by a spread that grows linearly with the forecast (Lei et al., section 5.2),
 * - the two tails are bounded each by itself, since a series that can't fall below 0 errs lopsidedly,
 * - each tail's rate is corrected after every miss and hit, `rate += gamma target (target - miss)`: adaptive
 *   conformal inference (Gibbs & Candès 2021, https://arxiv.org/abs/2106.00170), more slowly at long horizons.
 *
 * What remains guaranteed is the average: over `T` intervals the share of misses approaches the target as
 * `1 / (gamma target T)`, whatever the series does, as long as no interval has to be wider than the largest error seen
 * allows. Nothing is promised for a single interval, or for several horizons at once.
 * @module
 */

/** Past forecasts at one horizon, and what came true. */
export interface TrackRecord {
  /** Time index of each forecast's origin, increasing. `[n]` */
  origins: ArrayLike<number>;
  /** Values ahead. */
  horizon: number;
  /** The forecasts. `[n]` */
  forecasts: ArrayLike<number>;
  /** What came true; not read where it came after the last origin. `[n]` */
  actuals: ArrayLike<number>;
}

/** How to make intervals. */
export interface ConformalOptions {
  /** Levels in percent. */
  levels: readonly number[];
  /** Errors to see before the first interval is made; they also fit the spread. */
  warmUp: number;
  /**
   * How fast a tail's rate follows misses, as a share of the rate aimed at. More keeps the coverage closer to its level
   * and makes the intervals wider. The default was chosen on the sunspots' training part alone, on five blocks of
   * 224 origins at horizons 1 to 12: of the exercise's network, AR(12), AR(30) and persistence the coverage of 80 %
   * intervals was off by 3.3, 4.4, 2.7 and 4.3 points (root mean square) without it, and by 2.7, 2.5, 1.7 and 2.4
   * with it; of 95 % intervals by 2.5 at most either way. Beyond `OVERLAP` values ahead it falls as 1 / horizon.
   * @default {0.2}
   */
  gamma?: number;
  /** Lowest value that the series can take: bounds are clipped to it, and spread is measured from it. */
  min?: number;
}

/** Bounds of one level. */
export interface Bounds {
  /** In percent. */
  level: number;
  /** NaN where too few errors were known. `[n]` */
  lower: Float64Array;
  /** NaN where too few errors were known. `[n]` */
  upper: Float64Array;
}

/**
 * Horizon up to which every miss counts in full. Forecasts `h` ahead from consecutive origins share `h - 1` of the steps
 * that they err over, so their misses come in runs as long as that; a rate that followed each of them would run away
 * and give the neighbouring horizon another interval. A compromise found on the training part, around AR(12), AR(30)
 * and persistence: against no limit the 80 % coverage is off by 0.1 to 0.3 points more at horizons to 12 (root mean
 * square over five blocks of 224 origins: 2.2 to 3.1 points) and by up to 1.7 more at 13 to 24 (3.3 to 6.2), and the
 * widths of neighbouring horizons there differ by 6 to 7 % instead of 9 to 12.
 */
const OVERLAP = 6;

/** Past errors that intervals of this level need at least, so that either tail's rank exists. */
export function minErrors(level: number): number {
  return Math.ceil(2 / (1 - level / 100)) - 1;
}

/**
 * Makes each forecast's intervals from the errors that were known at its origin: those of forecasts whose
 * target lies no later.
 *
 * @returns One for each level, nested: a higher level's bounds contain a lower one's.
 * @throws {RangeError} if a level lies outside of 0 to 100, or the warm-up is too short for it.
 */
export function conformalIntervals(
  record: TrackRecord,
  options: ConformalOptions,
): Bounds[] {
  const { origins, horizon, forecasts, actuals } = record;
  const { warmUp, min = -Infinity } = options;
  const gamma = (options.gamma ?? 0.2) * Math.min(1, OVERLAP / horizon);
  const levels = [...options.levels].sort((a, b) => a - b);
  for (const level of levels) {
    if (!(level > 0 && level < 100)) {
      throw new RangeError(
        `Cannot make intervals of level ${level}: expected a percentage between 0 and 100`,
      );
    }
    if (warmUp < minErrors(level)) {
      throw new RangeError(
        `Cannot make ${level} % intervals from ${warmUp} past errors: expected at least ${
          minErrors(level)
        }`,
      );
    }
  }
  const n = origins.length;
  const bounds = levels.map((level): Bounds => ({
    level,
    lower: new Float64Array(n).fill(NaN),
    upper: new Float64Array(n).fill(NaN),
  }));
  const rates = levels.map((level) => {
    const tail = (1 - level / 100) / 2;
    return { tail, below: tail, above: tail };
  });
  let spread: ((forecast: number) => number) | undefined;
  const scores: number[] = [];
  let known = 0;
  for (let i = 0; i < n; i++) {
    for (; known < i && origins[known]! + horizon <= origins[i]!; known++) {
      if (!spread) continue;
      const actual = actuals[known]!;
      insert(scores, (actual - forecasts[known]!) / spread(forecasts[known]!));
      rates.forEach((rate, l) => {
        const { lower, upper } = bounds[l]!;
        if (Number.isNaN(lower[known]!)) return;
        const step = gamma * rate.tail;
        rate.below += step * (rate.tail - Number(actual < lower[known]!));
        rate.above += step * (rate.tail - Number(actual > upper[known]!));
      });
    }
    if (known < warmUp) continue;
    if (!spread) {
      spread = fitSpread(record, known, min);
      for (let k = 0; k < known; k++) {
        insert(scores, (actuals[k]! - forecasts[k]!) / spread(forecasts[k]!));
      }
    }
    const forecast = forecasts[i]!, width = spread(forecast);
    let low = Infinity, high = -Infinity;
    rates.forEach(({ below, above }, l) => {
      const most = scores.length - 1;
      low = Math.min(low, forecast + scores[most - rank(below)]! * width);
      high = Math.max(high, forecast + scores[rank(above)]! * width);
      bounds[l]!.lower[i] = Math.max(low, min);
      bounds[l]!.upper[i] = Math.max(high, min);
    });
  }
  return bounds;

  /** Index, from 0, of the score that bounds a tail of this rate. */
  function rank(rate: number): number {
    const k = Math.ceil((scores.length + 1) * (1 - rate));
    return Math.min(Math.max(k, 1), scores.length) - 1;
  }
}

/** Puts a score into its place in the sorted list. */
function insert(sorted: number[], score: number): void {
  let low = 0, high = sorted.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (sorted[middle]! < score) low = middle + 1;
    else high = middle;
  }
  sorted.splice(low, 0, score);
}

/** Share of the mean absolute error below which the spread never falls, so that no score explodes. */
const SPREAD_FLOOR = 0.1;

/**
 * Least-squares line of the absolute error over the forecast's height above `min`, neither slope nor
 * intercept below 0; without `min` the errors are taken to be alike everywhere.
 */
function fitSpread(
  { forecasts, actuals }: TrackRecord,
  known: number,
  min: number,
): (forecast: number) => number {
  const height = (forecast: number) =>
    min === -Infinity ? 0 : Math.max(forecast - min, 0);
  let meanHeight = 0, meanError = 0;
  for (let k = 0; k < known; k++) {
    meanHeight += height(forecasts[k]!) / known;
    meanError += Math.abs(actuals[k]! - forecasts[k]!) / known;
  }
  let covariance = 0, variance = 0;
  for (let k = 0; k < known; k++) {
    const x = height(forecasts[k]!) - meanHeight;
    covariance += x * (Math.abs(actuals[k]! - forecasts[k]!) - meanError);
    variance += x * x;
  }
  const slope = variance > 0 ? Math.max(covariance / variance, 0) : 0;
  const intercept = Math.max(meanError - slope * meanHeight, 0);
  const floor = SPREAD_FLOOR * meanError || 1;
  return (forecast) => Math.max(intercept + slope * height(forecast), floor);
}
