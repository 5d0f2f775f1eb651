/**
 * Finds where a series leaves its calendar or lacks values, and fills gaps by a stated rule. Used by series.
 * @module
 */

import {
  addSteps,
  type Calendar,
  describeStep,
  formatDate,
  stepsBetween,
} from "./calendar.ts";
import { DataError } from "./errors.ts";

/** How missing values are filled: not at all, on the line between their neighbours, or with the last known value. */
export type Fill = "none" | "linear" | "previous";

/** Rows of a series that may lack values (NaN) and whole rows. */
export interface Rows {
  /** Time steps, `[n]`. */
  times: Float64Array<ArrayBuffer>;
  /** Values, `[n]`. */
  values: Float64Array<ArrayBuffer>;
  /** Dates in milliseconds UTC, `[n]`. */
  dates: Float64Array<ArrayBuffer> | undefined;
  /** The calendar that the dates, or without dates the time steps, should keep. */
  calendar: Calendar;
}

/** How gaps are treated, and what errors name. */
export interface GapOptions {
  /** The rule. */
  fill: Fill;
  /** Where the rows come from. */
  source: string;
  /** The line of each row, `[n]`. */
  lines: Float64Array;
}

/**
 * Checks that each row follows the one before it by one step of the calendar, and fills what is missing.
 *
 * `linear` looks ahead to the next known value; `previous` never does.
 *
 * @returns rows without gaps, and how many values were filled in.
 * @throws {DataError} at the first double, unordered or irregular row, at a gap that may not or can't be filled.
 */
export function closeGaps(
  rows: Rows,
  options: GapOptions,
): { rows: Rows; filled: number } {
  const missing = countMissingRows(rows, options);
  const whole = missing === 0 ? rows : insertRows(rows, missing);
  return { rows: whole, filled: fillValues(whole.values, options) };
}

/** Checks the order. @returns how many rows are missing. */
function countMissingRows(rows: Rows, options: GapOptions): number {
  const { calendar, dates, times } = rows;
  const moments = dates ?? times;
  const what = dates === undefined ? "time step" : "date";
  const show = (i: number) => formatDate(calendar, moments[i]!);
  let missing = 0;
  for (let i = 1; i < moments.length; i++) {
    const [from, to] = [moments[i - 1]!, moments[i]!];
    const count = stepsBetween(calendar, [from, to]);
    const fail = (fact: string) =>
      new DataError(
        `Cannot read ${options.source}: line ${options.lines[i]}: ${fact}`,
      );
    if (count === 1) {
      if (dates === undefined || times[i]! >= times[i - 1]!) continue;
      throw fail(
        `time step ${times[i]} comes after ${
          times[i - 1]
        }, expected increasing ones`,
      );
    }
    if (to === from) {
      throw fail(
        `${show(i)} is there a second time, expected each ${what} once`,
      );
    }
    if (to < from) {
      throw fail(
        `${show(i)} comes after ${show(i - 1)}, expected increasing ${what}s`,
      );
    }
    const expected = formatDate(calendar, addSteps(calendar, from, 1));
    if (!(count > 1)) {
      throw fail(
        `${show(i)} follows ${
          show(i - 1)
        }, expected ${expected} as the step is ${
          calendar.kind === "index" ? calendar.step : describeStep(calendar)
        }`,
      );
    }
    const gap = `${describeStep(calendar, count - 1)} missing`;
    if (options.fill === "none") {
      throw fail(
        `${show(i)} follows ${
          show(i - 1)
        }, expected ${expected}: ${gap}; use --fill linear or --fill previous`,
      );
    }
    missing += count - 1;
    if (missing > moments.length) {
      throw fail(
        `${gap} after ${
          show(i - 1)
        }, expected no more missing rows than there are`,
      );
    }
  }
  return missing;
}

/** Puts a row with value NaN wherever the calendar skips one. */
function insertRows(rows: Rows, missing: number): Rows {
  const moments = rows.dates ?? rows.times;
  const length = rows.values.length + missing;
  const times = new Float64Array(length);
  const values = new Float64Array(length).fill(NaN);
  const dates = rows.dates && new Float64Array(length);
  for (let i = 0, to = 0; i < rows.values.length; i++, to++) {
    if (i > 0) {
      const from = moments[i - 1]!;
      const count = stepsBetween(rows.calendar, [from, moments[i]!]);
      const time = rows.times[i - 1]!;
      const rise = (rows.times[i]! - time) / count;
      for (let k = 1; k < count; k++, to++) {
        times[to] = time + k * rise;
        if (dates) dates[to] = addSteps(rows.calendar, from, k);
      }
    }
    times[to] = rows.times[i]!;
    values[to] = rows.values[i]!;
    if (dates) dates[to] = rows.dates![i]!;
  }
  return { times, values, dates, calendar: rows.calendar };
}

/** Replaces each NaN by the rule. @returns how many there were. */
function fillValues(values: Float64Array, options: GapOptions): number {
  const { fill, source } = options;
  let filled = 0;
  for (let i = 0; i < values.length; i++) {
    if (!Number.isNaN(values[i])) continue;
    let next = i;
    while (next < values.length && Number.isNaN(values[next])) next++;
    if (i === 0 || (fill === "linear" && next === values.length)) {
      const [which, side] = i === 0 ? ["first", "before"] : ["last", "after"];
      throw new DataError(
        `Cannot read ${source}: the ${which} value is missing, and --fill ${fill} needs a known one ${side} it`,
      );
    }
    const from = values[i - 1]!;
    const rise = fill === "linear"
      ? (values[next]! - from) / (next - i + 1)
      : 0;
    filled += next - i;
    for (let k = 1; i < next; i++, k++) values[i] = from + k * rise;
  }
  return filled;
}
