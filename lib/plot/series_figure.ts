/**
 * Figure: the whole series with its split, and below it the validation part with predictions and intervals.
 * @module
 */

import * as Plot from "@observablehq/plot";
import type { Bounds } from "../conformal.ts";
import { describeStep } from "../calendar.ts";
import type { Series } from "../series.ts";
import { timeAxis, valueAxis } from "./axis.ts";
import type { Figure } from "./figure.ts";

/** What is drawn beside the series. */
export interface SeriesFigureOptions {
  /** Time index at which validation begins. */
  splitTime: number;
  /** Forecasts at one horizon, and their intervals. */
  predictions?: {
    horizon: number;
    /** Time index of each forecast's origin. `[n]` */
    origins: ArrayLike<number>;
    /** `[n]` */
    forecasts: ArrayLike<number>;
    /** Bounds `[n]`. */
    intervals: readonly Bounds[];
  };
}

/** Opacity of an interval's area; nested ones add up. */
export const BAND_OPACITY = 0.2;

/** Lays the figure out. */
export function seriesFigure(
  series: Pick<Series, "name" | "values" | "dates" | "times" | "calendar">,
  { splitTime, predictions }: SeriesFigureOptions,
): Figure {
  const { at, scale } = timeAxis(series);
  const points = Array.from(
    series.values,
    (value, t) => ({ x: at[t]!, value }),
  );
  const split = at[splitTime]!;
  const forecasts = predictions &&
    Array.from(predictions.origins, (origin, i) => ({
      x: at[origin + predictions.horizon]!,
      value: predictions.forecasts[i]!,
      bounds: predictions.intervals.map(({ lower, upper }) =>
        [lower[i]!, upper[i]!] as const
      ),
    }));
  const levels = predictions?.intervals.map(({ level }) => level) ?? [];
  const ahead = predictions &&
    `${describeStep(series.calendar, predictions.horizon)} ahead`;
  return {
    title: series.name,
    subtitle: `${
      series.values.length.toLocaleString("en")
    } values; the model learned from the first ${
      splitTime.toLocaleString("en")
    } and is judged on the ${
      series.values.length - splitTime
    } after the split.${
      ahead ? ` Below: the validation part, each value forecast ${ahead}.` : ""
    }`,
    legend: (colors) => [
      { label: "measured", color: colors.ink },
      { label: "split", color: colors.accent, mark: "dashed" },
      ...(predictions
        ? [
          { label: `network, ${ahead}`, color: colors.network },
          ...levels.toReversed().map((level, i) => ({
            label: `${level} % interval`,
            color: colors.network,
            mark: "area" as const,
            opacity: BAND_OPACITY * (1 + 0.8 * i),
          })),
        ]
        : []),
    ],
    panels: (colors) => {
      const rule = Plot.ruleX([split], {
        stroke: colors.accent,
        strokeWidth: 2,
        strokeDasharray: "6 5",
      });
      const y = valueAxis(series.name, series.values);
      const whole = {
        height: 300,
        x: scale,
        y,
        marks: [
          Plot.lineY(points, {
            x: "x",
            y: "value",
            stroke: colors.ink,
            strokeWidth: 1,
          }),
          rule,
        ],
      };
      if (!forecasts) return [whole];
      const first = Math.max(splitTime - 24, 0);
      return [whole, {
        height: 420,
        x: scale,
        y,
        marks: [
          ...levels.map((_, l) =>
            Plot.areaY(forecasts, {
              x: "x",
              y1: (d: typeof forecasts[number]) => d.bounds[l]![0],
              y2: (d: typeof forecasts[number]) => d.bounds[l]![1],
              fill: colors.network,
              fillOpacity: BAND_OPACITY,
            })
          ),
          Plot.lineY(points.slice(first), {
            x: "x",
            y: "value",
            stroke: colors.ink,
            strokeWidth: 1.5,
          }),
          Plot.lineY(forecasts, {
            x: "x",
            y: "value",
            stroke: colors.network,
            strokeWidth: 2.5,
          }),
          rule,
        ],
      }];
    },
  };
}
