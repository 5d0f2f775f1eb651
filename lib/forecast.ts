/**
 * Forecasts from the end of the series, with dates and intervals.
 * @module
 */

import { continueDates, type Dated, formatDate } from "./calendar.ts";
import { calibratedForecasts, type CalibrationOptions } from "./calibration.ts";
import { ensembleSpread } from "./ensemble.ts";
import { type Network, type Predict, rollForward } from "./rollout.ts";

/** How far, and of what. */
export interface ForecastOptions extends CalibrationOptions {
  /** Times, dates and calendar of the values. */
  series: Dated;
  /** Time steps ahead; months for the bundled series. @default {12} */
  steps?: number;
  /** The members of an ensemble, to tell how far they lie apart; `network` is their mean. */
  members?: readonly Predict[];
}

/** One level's bounds. */
export interface ForecastInterval {
  /** In percent. */
  level: number;
  /** Lower end, in the series' units. */
  lower: number;
  /** Upper end, in the series' units. */
  upper: number;
}

/** One time step to come. */
export interface ForecastStep {
  /** As the series' calendar writes it; the time step where there are no dates. */
  date: string;
  /** Milliseconds UTC, or the time step where there are no dates. */
  moment: number;
  /** The forecast, in the series' units. */
  mean: number;
  /** In rising order of level. */
  intervals: ForecastInterval[];
  /** Standard deviation of an ensemble's members, each rolled forward by itself. */
  spread?: number;
}

/** A forecast. */
export interface Forecast {
  /** Date of the last value known. */
  origin: string;
  /** `[steps]` */
  steps: ForecastStep[];
}

/**
 * Forecasts the values that follow the series.
 *
 * The intervals rest on the errors of the forecasts from the training part's last `calibration` time steps
 * and from all of the validation part, exactly as `backtest()` makes and checks them. Forecast and bounds
 * are clipped to `min`.
 *
 * @example
 * ```ts
 * import { forecast, loadDataset, loadPretrained, openForecaster } from "@sunspots/sunspots";
 * const checkpoint = await loadPretrained();
 * const series = await loadDataset("bundled");
 * using forecaster = await openForecaster([checkpoint], { engine: "wasm", threads: 1 });
 * const { steps } = await forecast(forecaster.network, {
 *   ...checkpoint.meta.config,
 *   values: series.values,
 *   series,
 *   steps: 3,
 *   min: 0,
 * });
 * console.log(steps.map(({ date, mean }) => `${date}: ${mean.toFixed(1)}`));
 * ```
 *
 * @throws {RangeError} if the number of steps is none, or too few past errors are known for the levels.
 * @throws {UsageError} if the network sees its own target.
 */
export async function forecast(
  network: Network,
  options: ForecastOptions,
): Promise<Forecast> {
  const { values, series, steps = 12, min = -Infinity } = options;
  if (!Number.isSafeInteger(steps) || steps < 1) {
    throw new RangeError(
      `Cannot forecast ${steps} time steps: expected a whole number above 0`,
    );
  }
  const origins = Int32Array.of(values.length - 1);
  const track = await calibratedForecasts(network, {
    ...options,
    origins,
    horizon: steps,
  });
  const paths: Float64Array[] = [];
  for (const predict of options.members ?? []) {
    const member = { ...network, predict };
    paths.push(await rollForward(member, { values, origins, horizon: steps }));
  }
  const spread = ensembleSpread(paths);
  const moments = continueDates(series, steps);
  const last = series.dates ?? series.times;
  return {
    origin: formatDate(series.calendar, last.at(-1)!),
    steps: Array.from({ length: steps }, (_, h): ForecastStep => ({
      date: formatDate(series.calendar, moments[h]!),
      moment: moments[h]!,
      mean: Math.max(track.forecasts[track.first * steps + h]!, min),
      intervals: track.intervals(h + 1).map(({ level, lower, upper }) => ({
        level,
        lower: lower.at(-1)!,
        upper: upper.at(-1)!,
      })),
      ...(spread.length > 0 && { spread: spread[h]! }),
    })),
  };
}

/** One step as `forecast --json` and the CSV name its figures: `date`, `mean`, `lower_80`, `upper_80`, … */
export function forecastRecord(
  step: ForecastStep,
): Record<string, string | number> {
  const record: Record<string, string | number> = {
    date: step.date,
    mean: step.mean,
  };
  for (const { level, lower, upper } of step.intervals) {
    record[`lower_${level}`] = lower;
    record[`upper_${level}`] = upper;
  }
  if (step.spread !== undefined) record.spread = step.spread;
  return record;
}

/** What `forecast --json` prints. */
export function forecastJson(
  { origin, steps }: Forecast,
): { origin: string; forecast: Record<string, string | number>[] } {
  return { origin, forecast: steps.map(forecastRecord) };
}

/** A CSV table with a header row; numbers in full precision, which need no quotes. */
export function forecastCsv({ steps }: Forecast): string {
  const records = steps.map(forecastRecord);
  const rows = [Object.keys(records[0] ?? {}), ...records.map(Object.values)];
  return rows.map((row) => `${row.join(",")}\n`).join("");
}
