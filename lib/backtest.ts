/**
 * Backtest with a rolling origin: what the network and the baselines would have forecast from each
 * month of the validation part, horizon by horizon, and how often the intervals held.
 * @module
 */

import type { Baseline, FittedBaseline } from "./baselines/baseline.ts";
import { fitBaselines } from "./baselines/baselines.ts";
import {
  bootstrapMean,
  compareInWords,
  describeDifference,
  twoDecimals,
} from "./bootstrap.ts";
import { calibratedForecasts, type CalibrationOptions } from "./calibration.ts";
import type { Bounds } from "./conformal.ts";
import { bestOf, type Difference } from "./evaluate.ts";
import { meanAbsoluteError, rootMeanSquaredError, skill } from "./metrics.ts";
import { type Network, newestOffset } from "./rollout.ts";

/** From where, how far, and beside what. */
export interface BacktestOptions extends CalibrationOptions {
  /** Values ahead to report. @default {[1, 6, 12]} */
  horizons?: readonly number[];
  /** Only the last so many origins; all if absent. */
  origins?: number;
  /** Month (0 to 11) of a time index, for climatology. */
  month?: (index: number) => number;
  /** What to set beside the network. @default {allBaselines()} */
  baselines?: Baseline[];
  /** Seed of the bootstrap. @default {0} */
  seed?: number;
}

/** Errors at one horizon, in the series' units. */
export interface HorizonError {
  /** Mean absolute error. */
  mae: number;
  /** Root mean squared error. */
  rmse: number;
}

/** How the intervals of one level did. */
export interface Coverage {
  /** In percent. */
  level: number;
  /** Percent of the values that lay inside. */
  coverage: number;
  /** Mean width in the series' units. */
  width: number;
}

/** One horizon's figures. */
export interface HorizonScores extends HorizonError {
  /** Values ahead. */
  horizon: number;
  /** By name; `skill` is the share of the baseline's MAE that the network saves. */
  baselines: Record<string, HorizonError & { skill: number }>;
  /** The baseline with the smallest MAE at this horizon, chosen after the fact. */
  best_baseline: string;
  /** The network's MAE minus the best baseline's, bootstrapped over origins. */
  difference: Difference;
  /** One for each level. */
  intervals: Coverage[];
}

/** What `backtest` says. */
export interface Backtest {
  /** The origins: time index of the last value known. The same for all horizons: the longest must fit in. */
  origins: { count: number; first: number; last: number };
  /** The horizons asked for. */
  horizons: HorizonScores[];
  /** Mean absolute error at every horizon up to the longest, for a picture. `[longest]` each */
  curve: { network: number[]; baselines: Record<string, number[]> };
  /** What each baseline is, for people. */
  labels: Record<string, string>;
  /** Baselines left out, and why. */
  notes: string[];
  /** One sentence for each horizon: is the network better? */
  verdicts: string[];
}

/** Every forecast of a backtest, for pictures and further questions. */
export interface BacktestPaths {
  /** Time index of each origin. `[origins]` */
  origins: Int32Array;
  /** The longest horizon. */
  longest: number;
  /** The network's forecasts. `[origins, longest]` */
  forecasts: Float64Array;
  /** Intervals by horizon, `horizons` of the backtest only; bounds `[origins]`. */
  intervals: Map<number, Bounds[]>;
}

/**
 * Forecasts from every origin of the validation part, and compares with what came.
 *
 * An origin is the last value known; they run from the one before the split to the last from which the longest horizon
 * still ends in the series, so that every target is a validation value and every horizon has the same origins.
 * Each forecast may read all values up to its origin, those of the training part too; models stay as
 * fitted on the training part (no refit). The network is rolled forward on its own outputs (see `rollForward()`).
 *
 * Intervals at an origin rest on the errors known there: of forecasts from the training part's last `calibration`
 * time steps, and from earlier origins (see `conformalIntervals()`). Where the longest horizon exceeds 24, every
 * second, third, … of the calibration's origins is taken, so that the work stays in bounds.
 *
 * @example
 * ```ts
 * import { backtest, loadDataset, loadPretrained, openForecaster } from "@sunspots/sunspots";
 * const checkpoint = await loadPretrained();
 * const { values } = await loadDataset("bundled");
 * using forecaster = await openForecaster([checkpoint], { engine: "wasm", threads: 1 });
 * const { summary } = await backtest(forecaster.network, {
 *   ...checkpoint.meta.config,
 *   values,
 *   horizons: [1, 6],
 * });
 * console.log(summary);
 * ```
 *
 * @throws {RangeError} if no origin fits, or too few errors are known for the levels.
 * @throws {UsageError} if the network sees its own target.
 */
export async function backtest(
  network: Network,
  options: BacktestOptions,
): Promise<{ summary: Backtest; paths: BacktestPaths }> {
  const { values, splitTime } = options;
  const horizons = [...new Set(options.horizons ?? [1, 6, 12])]
    .sort((a, b) => a - b);
  const longest = horizons.at(-1) ?? 0;
  if (!horizons.every((h) => Number.isSafeInteger(h) && h >= 1)) {
    throw new RangeError(
      `Cannot backtest horizons ${horizons}: expected whole numbers above 0`,
    );
  }
  const end = values.length - longest;
  const begin = Math.max(
    splitTime - 1,
    newestOffset(network),
    end - (options.origins ?? Infinity),
  );
  if (!(longest >= 1 && begin < end)) {
    throw new RangeError(
      `Cannot backtest ${longest} values ahead: the validation part has ${
        values.length - splitTime
      } values, expected at least as many and a horizon above 0`,
    );
  }
  const origins = Int32Array.from(
    { length: end - begin },
    (_, i) => begin + i,
  );
  const track = await calibratedForecasts(network, {
    ...options,
    origins,
    horizon: longest,
  });
  const forecasts = track.forecasts.subarray(track.first * longest);
  const at = (paths: Float64Array, h: number) =>
    Float64Array.from(origins, (_, i) => paths[i * longest + h - 1]!);
  const actual = (h: number) =>
    Float64Array.from(origins, (o) => values[o + h]!);
  const training = {
    values: values.subarray(0, splitTime),
    ...(options.month && { month: options.month }),
  };
  const { fitted, omitted } = fitBaselines(training, options.baselines);
  const paths = new Map(
    Array.from(fitted, ([name, baseline]) => [
      name,
      rollBaseline(baseline, { values, origins, horizon: longest }),
    ]),
  );
  const curveOf = (path: Float64Array) =>
    Array.from(
      { length: longest },
      (_, h) => meanAbsoluteError(actual(h + 1), at(path, h + 1)),
    );

  const bounds = new Map<number, Bounds[]>();
  const scores = horizons.map((horizon, index): HorizonScores => {
    const truth = actual(horizon), predicted = at(forecasts, horizon);
    const own = errors(truth, predicted);
    const baselines: HorizonScores["baselines"] = {};
    for (const [name, path] of paths) {
      const theirs = errors(truth, at(path, horizon));
      baselines[name] = { ...theirs, skill: skill(own.mae, theirs.mae) };
    }
    const best = bestOf(baselines, (b) => b.mae);
    const reference = at(paths.get(best)!, horizon);
    const lost = truth.map((value, i) =>
      Math.abs(value - predicted[i]!) - Math.abs(value - reference[i]!)
    );
    const intervals = track.intervals(horizon).map((level) => ({
      ...level,
      lower: level.lower.subarray(track.first),
      upper: level.upper.subarray(track.first),
    }));
    bounds.set(horizon, intervals);
    return {
      horizon,
      ...own,
      baselines,
      best_baseline: best,
      difference: {
        baseline: best,
        ...bootstrapMean(lost, {
          seed: options.seed ?? 0,
          index,
          minBlock: horizon,
        }),
      },
      intervals: intervals.map((level) => coverage(truth, level)),
    };
  });
  const labels = Object.fromEntries(
    Array.from(fitted, ([name, { label }]) => [name, label]),
  );
  return {
    summary: {
      origins: { count: origins.length, first: begin, last: end - 1 },
      horizons: scores,
      curve: {
        network: curveOf(forecasts),
        baselines: Object.fromEntries(
          Array.from(paths, ([name, path]) => [name, curveOf(path)]),
        ),
      },
      labels,
      notes: omitted,
      verdicts: scores.map((score) => verdict(score, labels)),
    },
    paths: { origins, longest, forecasts, intervals: bounds },
  };
}

/** A fitted baseline from each origin, shown the values up to it and no more. `[origins, horizon]` */
function rollBaseline(
  baseline: FittedBaseline,
  { values, origins, horizon }: {
    values: Float64Array;
    origins: Int32Array;
    horizon: number;
  },
): Float64Array {
  const paths = new Float64Array(origins.length * horizon);
  origins.forEach((origin, i) =>
    paths.set(
      baseline.forecast(values.subarray(0, origin + 1), horizon),
      i * horizon,
    )
  );
  return paths;
}

/** Both errors. */
function errors(actual: Float64Array, predicted: Float64Array): HorizonError {
  return {
    mae: meanAbsoluteError(actual, predicted),
    rmse: rootMeanSquaredError(actual, predicted),
  };
}

/** How often the bounds held, and how far apart they lay. */
function coverage(actual: Float64Array, bounds: Bounds): Coverage {
  const { level, lower, upper } = bounds;
  let inside = 0, width = 0;
  actual.forEach((value, i) => {
    if (value >= lower[i]! && value <= upper[i]!) inside++;
    width += upper[i]! - lower[i]!;
  });
  return {
    level,
    coverage: 100 * inside / actual.length,
    width: width / actual.length,
  };
}

/** Says honestly what the interval of the difference shows. */
function verdict(
  { horizon, mae, baselines, difference }: HorizonScores,
  labels: Record<string, string>,
): string {
  const { baseline } = difference;
  const theirs = baselines[baseline]!;
  return `${horizon} step${horizon === 1 ? "" : "s"} ahead the network is ${
    compareInWords(difference)
  } the best baseline, ${labels[baseline]}: MAE ${twoDecimals(mae)} and ${
    twoDecimals(theirs.mae)
  } (skill ${(100 * theirs.skill).toFixed(1)} %), ${
    describeDifference(difference)
  }.`;
}
