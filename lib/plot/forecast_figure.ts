/**
 * Figure: the end of the series and the forecast that follows, with its intervals.
 * @module
 */

import * as Plot from "@observablehq/plot";
import { describeStep } from "../calendar.ts";
import type { Forecast } from "../forecast.ts";
import type { Series } from "../series.ts";
import { timeAxis, valueAxis } from "./axis.ts";
import type { Figure } from "./figure.ts";
import { BAND_OPACITY } from "./series_figure.ts";

/** Lays the figure out. */
export function forecastFigure(
  series: Pick<Series, "name" | "values" | "dates" | "times" | "calendar">,
  forecast: Forecast,
): Figure {
  const { at, scale } = timeAxis(series);
  const moment = (value: number) => series.dates ? new Date(value) : value;
  const shown = Math.max(60, 3 * forecast.steps.length);
  const first = Math.max(series.values.length - shown, 0);
  const past = Array.from(
    series.values.subarray(first),
    (value, i) => ({ x: at[first + i]!, value }),
  );
  const joint = past.at(-1)!;
  const levels = forecast.steps[0]?.intervals.map(({ level }) => level) ?? [];
  // Everything starts from the last value known, where nothing is uncertain.
  const ahead = [
    {
      x: joint.x,
      value: joint.value,
      bounds: levels.map(() => [joint.value, joint.value]),
    },
    ...forecast.steps.map((step) => ({
      x: moment(step.moment),
      value: step.mean,
      bounds: step.intervals.map(({ lower, upper }) => [lower, upper]),
    })),
  ];
  return {
    title: `${series.name}: ${
      describeStep(series.calendar, forecast.steps.length)
    } from ${forecast.origin}`,
    subtitle: levels.length > 0
      ? `Intervals are meant to hold the value in ${
        levels.join(" and ")
      } of 100 cases; they rest on the errors of past forecasts.`
      : "",
    legend: (colors) => [
      { label: "measured", color: colors.ink },
      { label: "forecast", color: colors.network },
      ...levels.toReversed().map((level, i) => ({
        label: `${level} % interval`,
        color: colors.network,
        mark: "area" as const,
        opacity: BAND_OPACITY * (1 + 0.8 * i),
      })),
    ],
    panels: (colors) => [{
      height: 480,
      x: scale,
      y: valueAxis(series.name, series.values),
      marks: [
        ...levels.map((_, l) =>
          Plot.areaY(ahead, {
            x: "x",
            y1: (d: typeof ahead[number]) => d.bounds[l]![0]!,
            y2: (d: typeof ahead[number]) => d.bounds[l]![1]!,
            fill: colors.network,
            fillOpacity: BAND_OPACITY,
          })
        ),
        Plot.lineY(past, {
          x: "x",
          y: "value",
          stroke: colors.ink,
          strokeWidth: 1.8,
        }),
        Plot.lineY(ahead, {
          x: "x",
          y: "value",
          stroke: colors.network,
          strokeWidth: 2.8,
        }),
        Plot.dot(ahead.slice(1), {
          x: "x",
          y: "value",
          fill: colors.network,
          r: forecast.steps.length > 36 ? 0 : 4,
        }),
      ],
    }],
  };
}
