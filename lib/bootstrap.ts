/**
 * Confidence intervals for mean differences of errors that are correlated in time, by the circular
 * block bootstrap.
 * @module
 */

import { autocovariance } from "./metrics.ts";
import { randomStream } from "./random.ts";

/** How to resample. */
export interface BootstrapOptions {
  /** Seed of the resampling. @default {0} */
  seed?: number;
  /** Which of the seed's streams, so that two intervals don't share their draws. @default {0} */
  index?: number;
  /** Number of resampled series. @default {10_000} */
  samples?: number;
  /** Confidence level in percent. @default {95} */
  level?: number;
  /** Shortest permitted block; forecasts `h` ahead have errors correlated over `h` steps. @default {1} */
  minBlock?: number;
}

/** A mean with its interval. */
export interface Interval {
  /** The mean itself. */
  mean: number;
  /** Lower end. */
  lower: number;
  /** Upper end. */
  upper: number;
  /** Confidence level in percent. */
  level: number;
  /** Length of the resampled blocks in time steps. */
  block_length: number;
}

/**
 * Percentile interval of the mean of a stationary series: circular blocks are drawn with
 * replacement until they fill the series' length (Politis & Romano 1992, "A circular
 * block-resampling procedure for stationary data"), their length chosen by `blockLength()`.
 *
 * A time step may stand for several elements: the mean is then `sum(sums) / sum(counts)`.
 *
 * @example
 * ```ts
 * import { bootstrapMean, describeDifference } from "@sunspots/sunspots";
 * const differences = Float64Array.from({ length: 100 }, (_, t) => Math.sin(t) - 0.5);
 * console.log(describeDifference(bootstrapMean(differences)));
 * ```
 *
 * @param sums Sum of the elements of each time step. `[n]`
 * @param counts Elements of each time step; 1 if absent. `[n]`
 * @throws {RangeError} if there are fewer than 3 time steps.
 */
export function bootstrapMean(
  sums: Float64Array,
  options: BootstrapOptions & { counts?: Float64Array } = {},
): Interval {
  const n = sums.length;
  if (n < 3) {
    throw new RangeError(
      `Cannot resample ${n} time steps: expected at least 3`,
    );
  }
  const { seed = 0, index = 0, samples = 10_000, level = 95, minBlock = 1 } =
    options;
  const counts = options.counts ?? new Float64Array(n).fill(1);
  const total = (values: Float64Array) => values.reduce((a, b) => a + b, 0);
  const mean = total(sums) / total(counts);
  const influence = sums.map((sum, t) => sum - mean * counts[t]!);
  const length = Math.min(
    Math.max(Math.round(blockLength(influence)), minBlock, 1),
    Math.floor(n / 3),
  );
  const sumUpTo = circularPrefix(sums), countUpTo = circularPrefix(counts);
  const random = randomStream(seed, { purpose: "simulation", index });
  const means = new Float64Array(samples);
  for (let s = 0; s < samples; s++) {
    let sum = 0, count = 0;
    for (let left = n; left > 0; left -= length) {
      const from = Math.floor(random.uniform() * n);
      const to = from + Math.min(length, left);
      sum += sumUpTo[to]! - sumUpTo[from]!;
      count += countUpTo[to]! - countUpTo[from]!;
    }
    means[s] = sum / count;
  }
  means.sort();
  const tail = (1 - level / 100) / 2;
  return {
    mean,
    lower: means[Math.floor(tail * (samples - 1))]!,
    upper: means[Math.ceil((1 - tail) * (samples - 1))]!,
    level,
    block_length: length,
  };
}

/** Two decimals, and no minus before a zero. */
export function twoDecimals(value: number): string {
  return (Number(value.toFixed(2)) + 0).toFixed(2);
}

/** `difference -0.18, 95 % interval -0.99 to 0.62` */
export function describeDifference(
  { mean, lower, upper, level }: Interval,
): string {
  const [m, l, u] = [mean, lower, upper].map(twoDecimals);
  return `difference ${m}, ${level} % interval ${l} to ${u}`;
}

/** `better than`, `worse than`, or not clearly so where the interval of (own error - other's error) contains 0. */
export function compareInWords({ mean, lower, upper }: Interval): string {
  if (upper < 0) return "better than";
  if (lower > 0) return "worse than";
  return mean === 0
    ? "no better than"
    : `not clearly ${mean < 0 ? "better" : "worse"} than`;
}

/** Prefix sums over the series written twice, so that a block may run over its end. */
function circularPrefix(values: Float64Array): Float64Array {
  const n = values.length;
  const prefix = new Float64Array(2 * n + 1);
  for (let i = 0; i < 2 * n; i++) prefix[i + 1] = prefix[i]! + values[i % n]!;
  return prefix;
}

/**
 * The circular block bootstrap's optimal block length, estimated from the series' own
 * autocovariances through a flat-top lag window: Politis & White (2004),
 * https://doi.org/10.1081/ETC-120028836, with the correction of Patton, Politis & White (2009),
 * https://doi.org/10.1080/07474930802459016.
 *
 * @param values `[n]`
 * @returns A length in time steps from 1 on, not rounded.
 */
export function blockLength(values: Float64Array): number {
  const n = values.length;
  // The constants are the paper's: section 3.2 and its footnote c.
  const run = Math.max(5, Math.ceil(Math.sqrt(Math.log10(n))));
  const most = Math.min(Math.ceil(Math.sqrt(n)) + run, n - 1);
  const band = 2 * Math.sqrt(Math.log10(n) / n);
  const covariance = autocovariance(values, most);
  if (values.every((value) => value === values[0])) return 1;
  const significant = (lag: number) =>
    Math.abs(covariance[lag]! / covariance[0]!) >= band;
  // Significant up to the first lag after which `run` in a row are not.
  let last = 0;
  for (let lag = 1; lag <= most && lag - last <= run; lag++) {
    if (significant(lag)) last = lag;
  }
  const width = Math.min(2 * Math.max(last, 1), most);
  let spectrum = covariance[0]!, weighted = 0;
  for (let lag = 1; lag <= width; lag++) {
    const window = Math.min(1, 2 * (1 - lag / width));
    spectrum += 2 * window * covariance[lag]!;
    weighted += 2 * window * lag * covariance[lag]!;
  }
  const variance = 4 / 3 * spectrum * spectrum;
  if (!(variance > 0)) return 1;
  const length = Math.cbrt(2 * weighted * weighted / variance * n);
  const longest = Math.ceil(Math.min(3 * Math.sqrt(n), n / 3));
  return Math.min(Math.max(length, 1), longest);
}
