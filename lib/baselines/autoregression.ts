/**
 * Autoregression by least squares, its order given or chosen on the training part.
 * @module
 */

import { type Baseline, checkTraining } from "./baseline.ts";

/** What `autoregression()` may be told. */
export interface AutoregressionOptions {
  /** Number of lags; chosen by AIC if absent. */
  order?: number;
  /** Most lags that the choice considers: 4 years of months. @default {48} */
  maxOrder?: number;
}

/** Coefficients of `y[t] = intercept + sum lags[k] y[t - 1 - k]`. */
export interface Autoregression {
  /** In the series' units. */
  intercept: number;
  /** `[order]`, the newest value's first. */
  lags: Float64Array;
}

/**
 * AR(p) with an intercept, fitted by conditional least squares on the training part (statsmodels'
 * `AutoReg`), rolled forward on its own forecasts. Without an order it takes the one with the smallest
 * AIC, all orders compared on the same targets (https://otexts.com/fpp3/ar.html, Akaike 1974).
 *
 * @example
 * ```ts
 * import { autoregression } from "@sunspots/sunspots";
 * const values = Float64Array.from({ length: 200 }, (_, t) => Math.sin(t / 5) + (t * 37 % 11) / 50);
 * const { label, forecast } = autoregression({ order: 3 }).fit({ values });
 * const next = forecast(values, 12); // 12 values after the last
 * console.log(label, next.length); // AR(3) 12
 * ```
 */
export function autoregression(options: AutoregressionOptions = {}): Baseline {
  const { order, maxOrder = 48 } = options;
  const baseline: Baseline = {
    name: order === undefined ? "ar" : `ar_${order}`,
    // The regression needs more rows than columns to have anything left to judge it by.
    minTraining: order === undefined ? 16 : 3 * order + 3,
    fit(training) {
      checkTraining(baseline, training);
      const { values } = training;
      const p = order ??
        chooseOrder(values, Math.min(maxOrder, Math.floor(values.length / 4)));
      const model = fitAutoregression(values, p);
      return {
        label: order === undefined ? `AR(${p}), order by AIC` : `AR(${p})`,
        forecast: (history, horizon) => roll(model, history, horizon),
      };
    },
  };
  return baseline;
}

/** Forecasts that feed on the ones before. */
function roll(
  { intercept, lags }: Autoregression,
  history: Float64Array,
  horizon: number,
): Float64Array {
  const p = lags.length;
  if (history.length < p) {
    throw new RangeError(
      `Cannot forecast by AR(${p}): the history has ${history.length} values, expected at least ${p}`,
    );
  }
  const values = new Float64Array(p + horizon);
  values.set(history.subarray(history.length - p));
  for (let t = p; t < p + horizon; t++) {
    let sum = intercept;
    for (let k = 0; k < p; k++) sum += lags[k]! * values[t - 1 - k]!;
    values[t] = sum;
  }
  return values.subarray(p);
}

/**
 * Least-squares coefficients over all targets that have `order` values before them.
 *
 * @throws {RangeError} if the lags are collinear, as in a constant series.
 */
export function fitAutoregression(
  values: Float64Array,
  order: number,
): Autoregression {
  const { factor, mean } = factorGram(values, order, order);
  const target = factor[order]!;
  const lags = new Float64Array(order);
  for (let i = order - 1; i >= 0; i--) {
    let sum = target[i]!;
    for (let k = i + 1; k < order; k++) sum -= factor[k]![i]! * lags[k]!;
    lags[i] = sum / factor[i]![i]!;
  }
  const intercept = mean[order]! -
    lags.reduce((sum, lag, k) => sum + lag * mean[k]!, 0);
  return { intercept, lags };
}

/**
 * The order from 1 to `maxOrder` with the smallest `n log(RSS / n) + 2 (p + 1)`. The factor of the longest
 * model holds every shorter model's residual sum of squares: each lag takes its own square off.
 */
export function chooseOrder(values: Float64Array, maxOrder: number): number {
  const { factor, total } = factorGram(values, maxOrder, maxOrder);
  const n = values.length - maxOrder;
  let rss = total, best = 1, bestAic = Infinity;
  for (let p = 1; p <= maxOrder; p++) {
    rss -= factor[maxOrder]![p - 1]! ** 2;
    const aic = n * Math.log(Math.max(rss, Number.MIN_VALUE) / n) + 2 * (p + 1);
    if (aic < bestAic) [best, bestAic] = [p, aic];
  }
  return best;
}

/**
 * Lower Cholesky factor of the centred Gram matrix of (lag 1 … lag `order`, target), targets from `first`
 * on; its last row is what the back substitution solves for. Centring takes the intercept out and keeps
 * the matrix well conditioned.
 */
function factorGram(values: Float64Array, order: number, first: number) {
  const n = values.length - first, width = order + 1;
  // Column `order` is the target, column k the value k + 1 steps before it.
  const column = (c: number) => c === order ? first : first - 1 - c;
  const mean = Float64Array.from({ length: width }, (_, c) => {
    let sum = 0;
    for (let t = 0; t < n; t++) sum += values[column(c) + t]!;
    return sum / n;
  });
  const factor = Array.from({ length: width }, () => new Float64Array(width));
  for (let i = 0; i < width; i++) {
    for (let j = 0; j <= i; j++) {
      const a = column(i), b = column(j), center = mean[j]!;
      let sum = 0;
      for (let t = 0; t < n; t++) {
        sum += (values[a + t]! - mean[i]!) * (values[b + t]! - center);
      }
      factor[i]![j] = sum;
    }
  }
  const total = factor[order]![order]!;
  for (let i = 0; i < width; i++) {
    for (let j = 0; j <= i; j++) {
      let sum = factor[i]![j]!;
      const diagonal = sum;
      for (let k = 0; k < j; k++) sum -= factor[i]![k]! * factor[j]![k]!;
      if (i === j && i < order && !(sum > 1e-12 * diagonal)) {
        throw new RangeError(
          `Cannot fit AR(${order}): lag ${
            i + 1
          } is a linear function of the others, expected a series that is not constant or periodic without noise`,
        );
      }
      factor[i]![j] = i === j
        ? Math.sqrt(Math.max(sum, 0))
        : sum / factor[j]![j]!;
    }
  }
  return { factor, mean, total };
}
