/**
 * `--split-time` -> the index at which validation begins. After series, before windows in the flow.
 * @module
 */

import { DateReader } from "./calendar.ts";
import { UsageError } from "./errors.ts";
import { quoteText } from "./quote.ts";
import type { Series } from "./series.ts";

const NUMBER = /^\d*\.?\d+(?:[eE][+-]?\d+)?$/;

/**
 * Finds where validation begins.
 *
 * @example
 * ```ts
 * import { loadDataset, resolveSplit } from "@sunspots/sunspots";
 * const series = await loadDataset("bundled");
 * resolveSplit(series, "1999-01-31"); // 3000
 * resolveSplit(series, "80%"); // 2588
 * ```
 *
 * @param split An index such as `3000`, a fraction such as `0.8` or `80%`, or a date such as `1999-01-31` or `1999-01`
 * (its first moment): validation begins with the first value at or after it.
 * @returns the index of the first validation value, 1 to n - 1.
 * @throws {UsageError} if it is none of these, or leaves nothing on one side.
 */
export function resolveSplit(series: Series, split: string | number): number {
  const text = String(split).trim();
  const length = series.values.length;
  const fail = (expected: string) =>
    new UsageError(`Cannot use --split-time ${quoteText(text)}: ${expected}`);
  let index: number;
  if (/^\d+$/.test(text)) {
    index = Number(text);
  } else if (NUMBER.test(text) || /^\d+(\.\d*)?%$/.test(text)) {
    const fraction = text.endsWith("%")
      ? Number(text.slice(0, -1)) / 100
      : Number(text);
    if (!(fraction > 0 && fraction < 1)) {
      throw fail("expected a fraction between 0 and 1");
    }
    index = Math.floor(fraction * length);
  } else {
    const moment = new DateReader().read(text);
    if (Number.isNaN(moment)) {
      throw fail(
        "expected an index such as 3000, a fraction such as 0.8, or a date such as 1999-01-31",
      );
    }
    if (series.dates === undefined) {
      throw fail("the series has no dates, expected an index or a fraction");
    }
    const found = series.dates.findIndex((date) => date >= moment);
    index = found < 0 ? length : found;
  }
  if (index < 1 || index >= length) {
    throw fail(
      `it gives index ${index}, expected one from 1 to ${
        length - 1
      } so that values are left on both sides`,
    );
  }
  return index;
}
