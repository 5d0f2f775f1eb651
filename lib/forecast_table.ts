/**
 * A forecast as plain text for a terminal: a table with a strip chart of each step's intervals.
 * @module
 */

import type { Forecast, ForecastStep } from "./forecast.ts";

/** Looks of the table. */
export interface TableOptions {
  /** What is forecast, with its unit. */
  name: string;
  /** Columns of the terminal; the chart takes what the table leaves. @default {80} */
  columns?: number;
}

/** Narrowest and widest chart that is still readable. */
const CHART = { min: 16, max: 60 };
/** Outermost first, the mean last. */
const MARKS = { outer: "░", inner: "▒", mean: "●" };

/**
 * Lays out one line per step: date, mean, bounds of each level, and a strip on which `●` is the mean, `▒` the
 * narrowest interval and `░` the widest.
 */
export function forecastTable(
  { origin, steps }: Forecast,
  options: TableOptions,
): string {
  const levels = steps[0]?.intervals.map(({ level }) => level) ?? [];
  const digits = steps.some(({ mean }) => Math.abs(mean) >= 1000) ? 0 : 1;
  const show = (value: number) => value.toFixed(digits);
  const header = [
    "date",
    "mean",
    ...levels.map((level) => `${level} %`),
    ...(steps[0]?.spread === undefined ? [] : ["spread"]),
  ];
  const cells = steps.map((step) => [
    step.date,
    show(step.mean),
    ...step.intervals.map(({ lower, upper }) =>
      `${show(lower)} to ${show(upper)}`
    ),
    ...(step.spread === undefined ? [] : [show(step.spread)]),
  ]);
  const widths = header.map((text, c) =>
    Math.max(text.length, ...cells.map((row) => row[c]!.length))
  );
  const line = (row: string[]) =>
    row.map((text, c) =>
      c === 0 ? text.padEnd(widths[c]!) : text.padStart(widths[c]!)
    ).join("  ");
  const left = widths.reduce((sum, width) => sum + width + 2, 0);
  const room = (options.columns ?? 80) - left;
  const chart = room < CHART.min ? 0 : Math.min(room, CHART.max);
  const ends = steps.flatMap((step) => [
    step.mean,
    ...step.intervals.flatMap(({ lower, upper }) => [lower, upper]),
  ]);
  const low = Math.min(...ends), high = Math.max(...ends);
  const axis = show(low) +
    show(high).padStart(Math.max(chart - show(low).length, 0));
  const strips = steps.map((step) => strip(step, { low, high, chart }));
  return [
    `${options.name}, forecast from ${origin}`,
    `${line(header)}${chart ? `  ${axis}` : ""}`,
    ...cells.map((row, i) =>
      `${line(row)}${chart ? `  ${strips[i]}` : ""}`.trimEnd()
    ),
    "",
  ].join("\n");
}

/** One step's intervals and mean on a line of `chart` characters from `low` to `high`. */
function strip(
  { mean, intervals }: ForecastStep,
  { low, high, chart }: { low: number; high: number; chart: number },
): string {
  const at = (value: number) =>
    high > low ? Math.round((value - low) / (high - low) * (chart - 1)) : 0;
  const marks = new Array<string>(chart).fill(" ");
  [...intervals].reverse().forEach(({ lower, upper }, i) =>
    marks.fill(
      i === intervals.length - 1 ? MARKS.inner : MARKS.outer,
      at(lower),
      at(upper) + 1,
    )
  );
  if (chart > 0) marks[at(mean)] = MARKS.mean;
  return marks.join("");
}
