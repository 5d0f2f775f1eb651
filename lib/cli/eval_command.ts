/**
 * `eval`: judges a checkpoint on the validation part, beside the baselines.
 * @module
 */

import { evaluate, type Evaluation } from "../evaluate.ts";
import {
  CHECKPOINT_OPTIONS,
  judgedBy,
  openCheckpoint,
} from "./checkpoint_options.ts";
import type { Command } from "./command.ts";
import { table } from "./table.ts";

/** The command. */
export const evalCommand: Command = {
  options: [
    ...CHECKPOINT_OPTIONS,
    { name: "json", kind: "flag", help: "JSON on stdout" },
    { name: "verbose", kind: "flag", help: "say more on stderr" },
  ],
  async run(values, terminal) {
    using opened = await openCheckpoint(values, terminal);
    const { meta, path, series, forecaster } = opened;
    const result = await evaluate(forecaster.network, judgedBy(opened));
    if (values.get("json") === true) {
      terminal.out(
        JSON.stringify({ checkpoint: path, epoch: meta.epoch, ...result }),
      );
    } else {
      terminal.out(report(result, series.name));
    }
  },
};

/** The result as people read it. */
function report(result: Evaluation, name: string): string {
  const row = (
    label: string,
    s: {
      val_mae: number;
      val_rmse: number;
      mase: number;
      last_step: { mae: number; rmse: number };
    },
    skill: string,
  ) => [
    label,
    s.val_mae.toFixed(4),
    s.val_rmse.toFixed(4),
    s.last_step.mae.toFixed(4),
    s.last_step.rmse.toFixed(4),
    s.mase.toFixed(4),
    skill,
  ];
  const rows = [
    [
      "",
      "val_mae",
      "val_rmse",
      "last mae",
      "last rmse",
      "MASE",
      "network's skill",
    ],
    row("network", result, ""),
    ...Object.values(result.baselines).map((b) =>
      row(b.label, b, `${(100 * b.skill).toFixed(1)} %`)
    ),
  ];
  return [
    `${name}: ${result.windows} validation windows, ${result.positions} positions`,
    `val_loss ${result.val_loss.toFixed(5)}  val_mae ${
      result.val_mae.toFixed(5)
    }  val_rmse ${result.val_rmse.toFixed(5)}`,
    "",
    table(rows),
    "",
    ...(result.members ? [ensembleLine(result.members, result.val_mae)] : []),
    ...result.notes,
    result.verdict,
  ].join("\n");
}

/** What averaging gains. */
function ensembleLine(
  { val_mae, mean, spread, skill }: NonNullable<Evaluation["members"]>,
  ensemble: number,
): string {
  return `Ensemble of ${val_mae.length}: val_mae ${
    ensemble.toFixed(4)
  }; the members alone ${mean.toFixed(4)} ± ${
    spread.toFixed(4)
  }, so averaging saves ${(100 * skill).toFixed(1)} %.`;
}
