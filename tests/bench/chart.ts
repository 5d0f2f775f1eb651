/**
 * The benchmark's picture: who takes how long, and how the cost grows.
 * @module
 */

import * as Plot from "@observablehq/plot";
import {
  type Figure,
  type Palette,
  renderFigure,
} from "../../lib/plot/figure.ts";
import { AXIS_LABELS, type BenchReport } from "./report.ts";
import type { AxisName } from "./scaling.ts";

/** Draws a report as an SVG document. */
export function drawReport(report: BenchReport): string {
  const { rows, scaling, machine, adapter } = report;
  const keys = [...new Set(scaling.map(({ key }) => key))];
  const color = (colors: Palette, key: string) =>
    colors.others[keys.indexOf(key) % colors.others.length]!;
  const axes = (Object.keys(AXIS_LABELS) as AxisName[])
    .filter((axis) => scaling.some((point) => point.axis === axis));
  const figure: Figure = {
    title: rows.length > 0
      ? "One train step of the exercise's model"
      : "How the cost of the exercise's model grows",
    subtitle: `${
      report.date.slice(0, 10)
    }, ${machine.cpu}, ${machine.cores} cores, GPU ${
      adapter
        ? `${adapter.description}${adapter.software ? " (software)" : ""}`
        : "none"
    }. Dots are medians, lines reach from the fastest turn to the slowest; scales are logarithmic.`,
    legend: (colors) =>
      keys.map((key) => ({ label: key, color: color(colors, key) })),
    panels: (colors) => [
      ...(rows.length === 0 ? [] : [{
        height: 90 + 28 * rows.length,
        marginLeft: 370,
        marginRight: 80,
        x: {
          type: "log" as const,
          label: "ms per step",
          labelAnchor: "center" as const,
          tickFormat: "~s",
          grid: true,
        },
        y: { label: null, domain: rows.map(({ label }) => label) },
        marks: [
          Plot.ruleY(rows, {
            y: "label",
            x1: ({ ms }) => ms.min,
            x2: ({ ms }) => ms.max,
            stroke: colors.network,
            strokeWidth: 3,
          }),
          Plot.dot(rows, {
            y: "label",
            x: ({ ms }) => ms.median,
            r: 5,
            fill: colors.network,
          }),
          Plot.text(rows, {
            y: "label",
            x: ({ ms }) => ms.max,
            text: ({ ms }) => String(+ms.median.toPrecision(3)),
            dx: 10,
            textAnchor: "start",
            fill: colors.ink,
          }),
        ],
      }]),
      ...axes.map((axis) => {
        const points = scaling.filter((point) => point.axis === axis);
        const seconds = axis === "windows";
        const value = (point: typeof points[number]) =>
          seconds ? point.epochSeconds : point.ms.median;
        return {
          height: 300,
          x: {
            // Logarithms on a linear scale: a logarithmic one labels only some of the ticks.
            label: AXIS_LABELS[axis],
            labelAnchor: "center" as const,
            ticks: [...new Set(points.map(({ value }) => Math.log2(value)))],
            tickFormat: (power: number) => String(Math.round(2 ** power)),
          },
          y: {
            type: "log" as const,
            label: seconds ? "seconds per epoch" : "ms per step",
            tickFormat: "~g",
          },
          marks: keys.flatMap((key) => {
            const own = points.filter((point) => point.key === key);
            return [
              Plot.line(own, {
                x: ({ value }) => Math.log2(value),
                y: value,
                stroke: color(colors, key),
                strokeWidth: 2.5,
              }),
              Plot.dot(own, {
                x: ({ value }) => Math.log2(value),
                y: value,
                fill: color(colors, key),
                r: 4,
              }),
            ];
          }),
        };
      }),
    ],
  };
  return renderFigure(figure);
}
