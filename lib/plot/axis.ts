/**
 * Axes that figures share: time as dates where there are some, counts at whole numbers, values from 0 where it's near.
 * @module
 */

import { type Calendar, type Dated, describeStep } from "../calendar.ts";

/**
 * At most about `count` whole numbers from `first` to `last`, evenly spaced, for an axis that counts.
 *
 * @param range `[first, last]`, whole numbers.
 */
export function wholeTicks(
  [first, last]: readonly [number, number],
  count: number,
): number[] {
  const rough = Math.max((last - first) / count, 1);
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * [1, 2, 5, 10].find((f) => f * power >= rough)!;
  const from = Math.ceil(first / step) * step;
  return Array.from(
    { length: Math.floor((last - from) / step) + 1 },
    (_, i) => from + i * step,
  );
}

/** What an axis that counts the series' steps is called: `Horizon (steps of 1 month)`. */
export function stepLabel(name: string, calendar: Calendar): string {
  return calendar.kind === "index"
    ? `${name} (steps)`
    : `${name} (steps of ${describeStep(calendar)})`;
}

/** Positions on the horizontal axis and what it is called. */
export interface TimeAxis {
  /** By time index. `[n]` */
  at: (Date | number)[];
  /** Plot's scale. */
  scale: { type: "utc" | "linear"; label: string };
}

/** The axis of a series, from its dates in milliseconds UTC or else its time steps. */
export function timeAxis(
  series: Pick<Dated, "dates" | "times">,
): TimeAxis {
  return series.dates
    ? {
      at: Array.from(series.dates, (date) => new Date(date)),
      scale: { type: "utc", label: "Date" },
    }
    : {
      at: Array.from(series.times),
      scale: { type: "linear", label: "Time step" },
    };
}

/**
 * Options of the axis that shows a series' values. It begins at 0 where that's nearer to them than they spread; an axis
 * from 0 for temperatures from 20 to 29 would squeeze them.
 *
 * @param label What the axis is called.
 * @param values The series. `[time]`
 */
export function valueAxis(
  label: string,
  values: Iterable<number>,
): { label: string; nice: true; zero: boolean } {
  let low = Infinity, high = -Infinity;
  for (const value of values) {
    low = Math.min(low, value);
    high = Math.max(high, value);
  }
  return { label, nice: true, zero: Math.max(low, -high) <= high - low };
}
