/**
 * Figure: loss and mean absolute error by epoch, on the training and the validation part.
 * @module
 */

import * as Plot from "@observablehq/plot";
import { wholeTicks } from "./axis.ts";
import type { Figure, Palette } from "./figure.ts";

/** One epoch's metrics, as `train --json` names them. */
export interface EpochMetrics {
  /** 1-based. */
  epoch: number;
  /** On the training part. */
  loss: number;
  /** On the training part, in the series' units. */
  mae: number;
  /** On the validation part. */
  val_loss: number;
  /** On the validation part, in the series' units. */
  val_mae: number;
}

/** Lays the figure out; the early epochs may leave the picture at the top, so that the later ones can be read. */
export function historyFigure(
  history: readonly EpochMetrics[],
  { monitor = "val_mae" }: { monitor?: string } = {},
): Figure {
  const key = monitor as keyof EpochMetrics;
  const best = history.reduce((a, b) => b[key] < a[key] ? b : a);
  const panel = (
    colors: Palette,
    { name, label }: { name: "loss" | "mae"; label: string },
  ): Plot.PlotOptions => {
    const both = history.flatMap((epoch) => [epoch[name], epoch[`val_${name}`]])
      .filter(Number.isFinite).sort((a, b) => a - b);
    // With less than a dozen epochs everything is early.
    const top = history.length < 12
      ? both.at(-1)!
      : 1.3 * both[Math.floor(0.9 * (both.length - 1))]!;
    const low = both[0]!;
    return {
      height: 330,
      x: {
        label: "Epoch",
        domain: [1, Math.max(history.length, 2)],
        ticks: wholeTicks([1, history.length], 20),
        tickFormat: "d",
      },
      y: {
        label,
        domain: [low - 0.1 * (top - low), top],
        nice: true,
      },
      marks: [
        Plot.ruleX([best.epoch], {
          stroke: colors.accent,
          strokeWidth: 2,
          strokeDasharray: "6 5",
        }),
        Plot.lineY(history, {
          x: "epoch",
          y: name,
          stroke: colors.muted,
          strokeWidth: 2,
          clip: true,
        }),
        Plot.lineY(history, {
          x: "epoch",
          y: `val_${name}`,
          stroke: colors.network,
          strokeWidth: 2.5,
          clip: true,
        }),
        ...(history.length === 1
          ? [
            Plot.dot(history, { x: "epoch", y: name, fill: colors.muted }),
            Plot.dot(history, {
              x: "epoch",
              y: `val_${name}`,
              fill: colors.network,
            }),
          ]
          : []),
      ],
    };
  };
  return {
    title: "Training",
    subtitle: `Best ${monitor} ${
      best[key].toPrecision(4)
    } in epoch ${best.epoch} of ${history.length}.`,
    legend: (colors) => [
      { label: "training part", color: colors.muted },
      { label: "validation part", color: colors.network },
      { label: "best epoch", color: colors.accent, mark: "dashed" },
    ],
    panels: (colors) => [
      panel(colors, { name: "loss", label: "Loss" }),
      panel(colors, { name: "mae", label: "Mean absolute error" }),
    ],
  };
}
