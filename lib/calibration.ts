/**
 * Forecasts together with the older ones whose errors make their intervals. Beneath backtest and
 * forecast, so that both make them the same way.
 * @module
 */

import { type Bounds, conformalIntervals, minErrors } from "./conformal.ts";
import { type Network, newestOffset, rollForward } from "./rollout.ts";

/** On what intervals rest. */
export interface CalibrationOptions {
  /** The whole series. `[time]` */
  values: Float64Array;
  /** Time index at which validation begins. */
  splitTime: number;
  /** Interval levels in percent; none: no intervals. @default {[80, 95]} */
  levels?: readonly number[];
  /** Time steps before the split whose forecasts calibrate the first interval. @default {800} */
  calibration?: number;
  /** Lowest value that the series can take. */
  min?: number;
}

/** Forecasts whose intervals can be made, because older ones come before them. */
export interface CalibratedForecasts {
  /** The calibration's origins, then those asked for. `[all]` */
  origins: Int32Array;
  /** Index of the first that was asked for. */
  first: number;
  /** `[all, horizon]` */
  forecasts: Float64Array;
  /** Intervals at one horizon, bounds `[all]`. */
  intervals: (horizon: number) => Bounds[];
}

/** Longest horizon for which every origin of the calibration is taken. */
const DENSE_HORIZON = 24;

/**
 * Rolls the network forward from the origins asked for and from those that calibrate their intervals, all in
 * one go.
 */
export async function calibratedForecasts(
  network: Network,
  options: CalibrationOptions & { origins: Int32Array; horizon: number },
): Promise<CalibratedForecasts> {
  const { values, splitTime, horizon, levels = [80, 95], calibration = 800 } =
    options;
  const begin = options.origins[0]!;
  const stride = Math.ceil(horizon / DENSE_HORIZON);
  const oldest = Math.max(splitTime - 1 - calibration, newestOffset(network));
  const past: number[] = [];
  if (levels.length > 0) {
    for (let o = begin - stride; o >= oldest; o -= stride) past.unshift(o);
  }
  const origins = Int32Array.from([...past, ...options.origins]);
  const forecasts = await rollForward(network, { values, origins, horizon });
  const known = past.filter((o) => o + horizon <= begin).length;
  const needed = Math.max(0, ...levels.map(minErrors));
  if (known < needed) {
    throw new RangeError(
      `Cannot make ${
        Math.max(...levels)
      } % intervals ${horizon} values ahead: ${known} past forecasts have come true at the first origin, expected at least ${needed}`,
    );
  }
  // Half of the past fits the spread and the first bounds, the other half lets the rates settle.
  const settle = past.filter((o) => o < splitTime - 1).length;
  const warmUp = Math.min(Math.max(settle >> 1, needed), known);
  return {
    origins,
    first: past.length,
    forecasts,
    intervals: (h) =>
      levels.length === 0 ? [] : conformalIntervals({
        origins,
        horizon: h,
        forecasts: Float64Array.from(
          origins,
          (_, i) => forecasts[i * horizon + h - 1]!,
        ),
        actuals: Float64Array.from(origins, (o) => values[o + h] ?? NaN),
      }, {
        levels,
        warmUp,
        ...(options.min !== undefined && { min: options.min }),
      }),
  };
}
