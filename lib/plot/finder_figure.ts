/**
 * Figure: the loss by learning rate, from the learning-rate finder.
 * @module
 */

import * as Plot from "@observablehq/plot";
import type { Figure } from "./figure.ts";

/** One epoch of the finder. */
export interface FinderPoint {
  /** The epoch's step size. */
  learning_rate: number;
  /** Its mean training loss; may not be finite. */
  loss: number;
}

/**
 * Lays the figure out; losses far above the smallest leave the picture at the top.
 *
 * @param points In rising order of learning rate.
 * @param suggested The learning rate to mark, if one was chosen.
 */
export function finderFigure(
  points: readonly FinderPoint[],
  suggested?: number,
): Figure {
  const finite = points.filter(({ loss }) => Number.isFinite(loss));
  const lowest = Math.min(...finite.map(({ loss }) => loss));
  const first = finite[0]?.loss ?? 1;
  return {
    title: "Learning-rate finder",
    subtitle:
      "Loss on the training part while the learning rate grows from epoch to epoch. A good rate lies where the loss still falls steeply, well before it leaps up.",
    legend: (colors) => [
      { label: "loss", color: colors.network },
      ...(suggested === undefined ? [] : [{
        label: `suggested: ${suggested.toExponential(1)}`,
        color: colors.accent,
        mark: "dashed" as const,
      }]),
    ],
    panels: (colors) => [{
      height: 460,
      x: { type: "log", label: "Learning rate", tickFormat: "~e", ticks: 8 },
      y: {
        label: "Loss",
        domain: [0, Math.max(1.25 * first, 2 * lowest)],
        nice: true,
      },
      marks: [
        Plot.lineY(finite, {
          x: "learning_rate",
          y: "loss",
          stroke: colors.network,
          strokeWidth: 3,
          clip: true,
        }),
        ...(suggested === undefined ? [] : [
          Plot.ruleX([suggested], {
            stroke: colors.accent,
            strokeWidth: 2,
            strokeDasharray: "6 5",
          }),
        ]),
      ],
    }],
  };
}
