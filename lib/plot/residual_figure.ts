/**
 * Figure: how the errors of a forecast are distributed, and whether they follow one another.
 * @module
 */

import * as Plot from "@observablehq/plot";
import { type Calendar, describeStep } from "../calendar.ts";
import { autocovariance } from "../metrics.ts";
import { stepLabel } from "./axis.ts";
import type { Figure } from "./figure.ts";

/** What the residuals are. */
export interface ResidualFigureOptions {
  /** Their unit. */
  unit: string;
  /** Values ahead of the forecasts they come from. */
  horizon: number;
  /** The series' step. */
  calendar: Calendar;
}

/** Most lags shown: two years of months. */
const LAGS = 24;

/**
 * Lays the figure out.
 *
 * @param residuals Value minus forecast, one for each origin in order. `[n]`
 */
export function residualFigure(
  residuals: Float64Array,
  { unit, horizon, calendar }: ResidualFigureOptions,
): Figure {
  const n = residuals.length;
  const lags = Math.min(LAGS, n - 1);
  const covariance = autocovariance(residuals, lags);
  const correlations = Array.from(covariance, (c, lag) => ({
    lag,
    r: covariance[0]! > 0 ? c / covariance[0]! : 0,
  })).slice(1);
  // The band of white noise, https://otexts.com/fpp3/wn.html
  const band = 1.96 / Math.sqrt(n);
  const mean = residuals.reduce((a, b) => a + b, 0) / n;
  const outside = correlations.filter(({ r }) => Math.abs(r) > band).length;
  return {
    title: `Residuals ${describeStep(calendar, horizon)} ahead`,
    subtitle: `Value minus forecast at ${n} origins, mean ${
      mean.toFixed(2)
    }. ${outside} of ${correlations.length} autocorrelations lie outside of the band that holds 95 % of white noise's${
      horizon > 1
        ? `; the first ${
          horizon - 1
        } are expected to, since these forecasts overlap`
        : ""
    }.`,
    legend: (colors) => [
      {
        label: "residuals",
        color: colors.network,
        mark: "area",
        opacity: 0.75,
      },
      { label: "mean", color: colors.accent },
      {
        label: "95 % band of white noise",
        color: colors.accent,
        mark: "dashed",
      },
    ],
    panels: (colors) => [
      {
        height: 320,
        x: { label: `Residual (${unit})` },
        y: { label: "Number of origins" },
        marks: [
          Plot.rectY(
            residuals,
            Plot.binX<Plot.RectYOptions>({ y: "count" }, {
              x: (value: number) => value,
              fill: colors.network,
              fillOpacity: 0.75,
              inset: 1,
              thresholds: 30,
            }),
          ),
          Plot.ruleX([mean], { stroke: colors.accent, strokeWidth: 2.5 }),
          Plot.ruleY([0], { stroke: colors.ink }),
        ],
      },
      {
        height: 300,
        x: {
          label: stepLabel("Lag", calendar),
          domain: [0.4, lags + 0.6],
          ticks: correlations.map(({ lag }) => lag),
          tickFormat: "d",
        },
        y: { label: "Autocorrelation", nice: true },
        marks: [
          Plot.ruleX(correlations, {
            x: "lag",
            y1: 0,
            y2: "r",
            stroke: colors.network,
            strokeWidth: 7,
          }),
          Plot.ruleY([-band, band], {
            stroke: colors.accent,
            strokeWidth: 2,
            strokeDasharray: "6 5",
          }),
          Plot.ruleY([0], { stroke: colors.ink }),
        ],
      },
    ],
  };
}
