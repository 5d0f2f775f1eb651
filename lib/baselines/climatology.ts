/**
 * The climatology baseline: each calendar month's mean over the training part.
 * @module
 */

import { continueDates, type Dated } from "../calendar.ts";
import { type Baseline, checkTraining } from "./baseline.ts";

/**
 * The calendar month of each of a series' values and of those to come.
 *
 * @param ahead How many to come.
 * @returns Month, 0 to 11, by time index; `undefined` if the series has no dates.
 */
export function monthsOf(
  series: Dated,
  ahead = 0,
): ((index: number) => number) | undefined {
  if (!series.dates) return undefined;
  const months = [...series.dates, ...continueDates(series, ahead)].map(
    (date) => new Date(date).getUTCMonth(),
  );
  return (index) => {
    const month = months[index];
    if (month === undefined) {
      throw new RangeError(
        `Cannot tell the month of time index ${index}: expected 0 to ${
          months.length - 1
        }`,
      );
    }
    return month;
  };
}

/**
 * The mean of the training values of the same calendar month, as in meteorology
 * (https://glossary.ametsoc.org/wiki/Climatological_forecast). A month that the training part lacks gets
 * the mean of all.
 */
export function climatology(): Baseline {
  const baseline: Baseline = {
    name: "climatology",
    minTraining: 1,
    fit(training) {
      checkTraining(baseline, training);
      const { values, month } = training;
      if (!month) {
        throw new RangeError(
          "Cannot fit climatology: the series has no dates, expected the month of each value",
        );
      }
      const sums = new Float64Array(12), counts = new Float64Array(12);
      let total = 0;
      values.forEach((value, t) => {
        sums[month(t)]! += value;
        counts[month(t)]! += 1;
        total += value;
      });
      const means = sums.map((sum, m) =>
        counts[m] ? sum / counts[m]! : total / values.length
      );
      return {
        label: "climatology (months' means)",
        forecast: (history, horizon) =>
          Float64Array.from(
            { length: horizon },
            (_, h) => means[month(history.length + h)]!,
          ),
      };
    },
  };
  return baseline;
}
