/**
 * Figure: the backtest's error by horizon, the network beside the baselines.
 * @module
 */

import * as Plot from "@observablehq/plot";
import type { Backtest } from "../backtest.ts";
import type { Calendar } from "../calendar.ts";
import { stepLabel, wholeTicks } from "./axis.ts";
import type { Figure } from "./figure.ts";

/** What the axes are called. */
export interface HorizonFigureOptions {
  /** The errors' unit. */
  unit: string;
  /** The series' step. */
  calendar: Calendar;
}

/** Baselines that err so much more than the network are named instead of drawn, so that the others can be told apart. */
const FAR = 1.9;
const HEIGHT = 520;
/** Pixels between two labels at the lines' ends. */
const LABEL_GAP = 19;

/** Lays the figure out; each line is labelled at its end. */
export function horizonFigure(
  { curve, labels, origins }: Pick<Backtest, "curve" | "labels" | "origins">,
  { unit, calendar }: HorizonFigureOptions,
): Figure {
  const longest = curve.network.length;
  const mean = (maes: readonly number[]) =>
    maes.reduce((sum, mae) => sum + mae, 0) / longest;
  const limit = FAR * Math.max(...curve.network);
  const baselines = Object.entries(curve.baselines);
  const drawn = baselines.filter(([, maes]) => mean(maes) <= limit);
  const far = baselines.filter(([, maes]) => mean(maes) > limit);
  const all = [curve.network, ...drawn.map(([, maes]) => maes)].flat();
  const low = Math.min(...all), high = Math.max(...all);
  const room = 0.06 * (high - low) || 1;
  const domain = [Math.max(low - room, 0), high + room] as const;
  const ends = spreadOut(
    [curve.network, ...drawn.map(([, maes]) => maes)].map((m) => m.at(-1)!),
    LABEL_GAP * (domain[1] - domain[0]) / (HEIGHT - 80),
  );
  return {
    title: "Error by horizon",
    subtitle:
      `Mean absolute error over the same ${origins.count} origins of the validation part.${
        far.length > 0
          ? ` Off the picture: ${
            far.map(([name, maes]) =>
              `${labels[name]}, ${mean(maes).toFixed(1)} on average`
            ).join("; ")
          }.`
          : ""
      }`,
    panels: (colors) => {
      const lines = [
        { label: "network", maes: curve.network, color: colors.network },
        ...drawn.map(([name, maes], i) => ({
          label: labels[name] ?? name,
          maes,
          color: colors.others[i % colors.others.length]!,
        })),
      ].map((line, i) => ({ ...line, at: ends[i]!, network: i === 0 }));
      return [{
        height: HEIGHT,
        marginRight: 290,
        x: {
          label: stepLabel("Horizon", calendar),
          labelAnchor: "center",
          ticks: wholeTicks([1, longest], 12),
          tickFormat: "d",
          domain: longest > 1 ? [1, longest] : [0, 1],
        },
        y: { label: `Mean absolute error (${unit})`, domain },
        marks: [
          // The network last, on top of the others.
          ...lines.toReversed().flatMap((
            { maes, color, network, label, at },
          ) => [
            Plot.lineY(maes.map((mae, h) => ({ horizon: h + 1, mae })), {
              x: "horizon",
              y: "mae",
              stroke: color,
              strokeWidth: network ? 4 : 2,
              ...(longest <= 24 && { marker: "dot" as const }),
            }),
            Plot.text([label], {
              x: longest,
              y: at,
              dx: 14,
              textAnchor: "start",
              fill: color,
              fontWeight: network ? 600 : 400,
            }),
          ]),
        ],
      }];
    },
  };
}

/** Moves values apart, keeping their order, until each two differ by `gap` at least. */
function spreadOut(values: readonly number[], gap: number): number[] {
  const order = values.map((_, i) => i).sort((a, b) => values[a]! - values[b]!);
  const moved = [...values];
  // Half of the crowding goes each way, so that the group stays where its lines end.
  for (let pass = 0; pass < 200; pass++) {
    for (let k = 1; k < order.length; k++) {
      const below = order[k - 1]!, above = order[k]!;
      const missing = gap - (moved[above]! - moved[below]!);
      if (missing > 0) {
        moved[below]! -= missing / 2;
        moved[above]! += missing / 2;
      }
    }
  }
  return moved;
}
