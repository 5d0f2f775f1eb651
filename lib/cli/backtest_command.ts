/**
 * `backtest`: forecasts from every origin of the validation part, beside the baselines.
 * @module
 */

import { type Backtest, backtest } from "../backtest.ts";
import {
  CHECKPOINT_OPTIONS,
  judgedBy,
  openCheckpoint,
} from "./checkpoint_options.ts";
import type { Command } from "./command.ts";
import { givenMin, MIN_OPTION } from "./min_option.ts";
import { table } from "./table.ts";

/** The command. */
export const backtestCommand: Command = {
  options: [
    ...CHECKPOINT_OPTIONS,
    {
      name: "horizons",
      kind: "list",
      help: "time steps ahead, up to 132",
      default: "1,6,12",
    },
    {
      name: "origins",
      kind: "number",
      help: "only the last so many origins",
      default: "all",
    },
    {
      name: "levels",
      kind: "list",
      help: "interval levels in percent",
      default: "80,95",
    },
    MIN_OPTION,
    { name: "json", kind: "flag", help: "JSON on stdout" },
    { name: "verbose", kind: "flag", help: "say more on stderr" },
  ],
  async run(values, terminal) {
    using opened = await openCheckpoint(values, terminal);
    const { meta, path, series, forecaster } = opened;
    const horizons = values.get("horizons") as number[] | undefined;
    const origins = values.get("origins") as number | undefined;
    const levels = values.get("levels") as number[] | undefined;
    const { summary } = await backtest(forecaster.network, {
      ...judgedBy(opened),
      ...givenMin(values, series),
      ...(horizons && { horizons }),
      ...(origins !== undefined && { origins }),
      ...(levels && { levels }),
    });
    terminal.out(
      values.get("json") === true
        ? JSON.stringify({ checkpoint: path, epoch: meta.epoch, ...summary })
        : report(summary, series.name),
    );
  },
};

/** The result as people read it. */
function report(summary: Backtest, name: string): string {
  const lines = [
    `${name}: rolled forward from ${summary.origins.count} origins, no refit`,
  ];
  for (const scores of summary.horizons) {
    const rows = [
      [`horizon ${scores.horizon}`, "MAE", "RMSE", "network's skill"],
      ["network", scores.mae.toFixed(3), scores.rmse.toFixed(3), ""],
      ...Object.entries(scores.baselines).map(([key, b]) => [
        summary.labels[key] ?? key,
        b.mae.toFixed(3),
        b.rmse.toFixed(3),
        `${(100 * b.skill).toFixed(1)} %`,
      ]),
    ];
    const intervals = scores.intervals.map(({ level, coverage, width }) =>
      `${level} % interval: covers ${coverage.toFixed(1)} %, mean width ${
        width.toFixed(1)
      }`
    );
    lines.push("", table(rows), ...intervals);
  }
  return [...lines, "", ...summary.notes, ...summary.verdicts].join("\n");
}
