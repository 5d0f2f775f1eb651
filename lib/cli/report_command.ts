/**
 * `report`: everything about a checkpoint on one self-contained HTML page.
 * @module
 */

import { backtest } from "../backtest.ts";
import { checkpointExists, loadCheckpoint } from "../checkpoint.ts";
import { evaluate } from "../evaluate.ts";
import { forecast } from "../forecast.ts";
import { renderReport } from "../report.ts";
import type { EpochRecord } from "../run_keeper.ts";
import { runPaths } from "../run_paths.ts";
import {
  CHECKPOINT_OPTIONS,
  judgedBy,
  openCheckpoint,
  type Opened,
} from "./checkpoint_options.ts";
import type { Command } from "./command.ts";
import { givenMin, MIN_OPTION } from "./min_option.ts";
import { writeOutput } from "./output_file.ts";

/** The command. */
export const reportCommand: Command = {
  options: [
    ...CHECKPOINT_OPTIONS,
    {
      name: "horizons",
      kind: "list",
      help: "time steps ahead of the backtest",
      default: "1,6,12",
    },
    {
      name: "months",
      kind: "number",
      help: "time steps ahead of the forecast",
      default: "24",
    },
    MIN_OPTION,
    {
      name: "output",
      kind: "text",
      value: "FILE",
      help: "page to write",
      default: "checkpoints/report.html",
    },
    { name: "verbose", kind: "flag", help: "say more on stderr" },
  ],
  async run(values, terminal) {
    using opened = await openCheckpoint(values, terminal);
    const { meta, path, series, forecaster } = opened;
    const { network, members, selected } = forecaster;
    const judged = { ...judgedBy(opened), ...givenMin(values, series) };
    const horizons = values.get("horizons") as number[] | undefined;
    const page = renderReport({
      series,
      splitTime: meta.config.splitTime,
      made: new Date().toISOString().slice(0, 16).replace("T", " ") + " UTC",
      run: {
        checkpoint: path,
        members: members.length,
        epoch: meta.epoch,
        seed: meta.seed,
        "trained on engine": `${meta.engine}, ${meta.adapter}`,
        "judged on engine":
          `${selected.engine.name}, ${selected.engine.adapter}`,
        data: series.source,
        "data SHA-256": series.sha256,
        ...meta.versions,
      },
      config: meta.config as unknown as Record<string, unknown>,
      monitor: meta.monitor,
      history: await historyOf(opened),
      evaluation: await evaluate(network, judged),
      backtest: await backtest(network, {
        ...judged,
        ...(horizons && { horizons }),
      }),
      forecast: await forecast(network, {
        ...judged,
        series,
        steps: (values.get("months") as number | undefined) ?? 24,
      }),
    });
    const output = (values.get("output") as string | undefined) ??
      "checkpoints/report.html";
    await writeOutput(output, page);
    terminal.out(`Wrote ${output} (${(page.length / 1024).toFixed(0)} KiB)`);
  },
};

/** All epochs of the run where its last checkpoint is still there, else those up to the best. */
async function historyOf(
  { checkpoints, path }: Opened,
): Promise<EpochRecord[]> {
  const { meta } = checkpoints[0]!;
  let history = meta.history;
  const { last } = runPaths(path);
  if (checkpoints.length === 1 && await checkpointExists(last)) {
    const { meta: { history: whole } } = await loadCheckpoint(last);
    const same = JSON.stringify(whole.slice(0, history.length)) ===
      JSON.stringify(history);
    if (same) history = whole;
  }
  return history as unknown as EpochRecord[];
}
