/**
 * `train`: trains a forecaster and keeps its best weights.
 * @module
 */

import { loadLast, runTraining } from "../run.ts";
import { BUNDLED } from "../dataset.ts";
import { DEFAULT_CHECKPOINT } from "./checkpoint_options.ts";
import type { SeriesOptions } from "../series.ts";
import { optionName } from "../config.ts";
import type { Command } from "./command.ts";
import { CONFIG_OPTION, printConfig } from "./config_file.ts";
import { CONFIG_OPTIONS, givenConfig, mergeConfig } from "./config_options.ts";
import {
  DATA_OPTIONS,
  givenSeriesOptions,
  givenSplit,
  loadSeries,
  SPLIT_OPTION,
} from "./data_options.ts";
import { ENGINE_OPTIONS, givenEngine, tellEngine } from "./engine_options.ts";
import type { ProgressBar } from "./terminal.ts";

/** The command. */
export const trainCommand: Command = {
  options: [
    ...DATA_OPTIONS,
    SPLIT_OPTION,
    ...CONFIG_OPTIONS,
    {
      name: "checkpoint",
      kind: "text",
      value: "FOLDER",
      help: "where the best weights go",
      default: DEFAULT_CHECKPOINT,
    },
    CONFIG_OPTION,
    {
      name: "print-config",
      kind: "flag",
      help: "print every option as a --config file, and stop",
    },
    {
      name: "resume",
      kind: "flag",
      help: "go on after the last finished epoch",
    },
    ...ENGINE_OPTIONS,
    { name: "json", kind: "flag", help: "one JSON object a line on stdout" },
    { name: "verbose", kind: "flag", help: "say more on stderr" },
  ],
  async run(values, terminal) {
    const json = values.get("json") === true;
    const checkpoint = (values.get("checkpoint") as string | undefined) ??
      DEFAULT_CHECKPOINT;
    const resume = values.get("resume") === true
      ? await loadLast(checkpoint)
      : undefined;
    if (resume?.warning) terminal.err(resume.warning);
    const earlier = resume?.meta.series.options as SeriesOptions | undefined;
    const seriesOptions = { ...earlier, ...givenSeriesOptions(values) };
    const source = (values.get("data") as string | undefined) ??
      resume?.meta.series.source ?? BUNDLED;
    // What is wrong with the options alone is said before anything is loaded.
    const given = givenConfig(values);
    const base = resume?.meta.config ?? {};
    mergeConfig(base, given);
    const series = await loadSeries(source, {
      options: seriesOptions,
      terminal,
    });
    const config = mergeConfig(base, given, givenSplit(values, series));

    if (values.get("print-config") === true) {
      const resolved = Object.entries(config).map(([key, value]) =>
        [optionName(key).slice(2), value] as const
      );
      terminal.out(printConfig(
        new Map([["data", source], ...values, ...resolved] as Iterable<
          readonly [string, string | number | boolean | number[]]
        >),
      ));
      return;
    }

    let bar: ProgressBar | undefined;
    let steps = 0;
    let began = performance.now();
    let epochs = 0;
    const first = resume?.meta.epoch ?? 0;
    try {
      const result = await runTraining({
        config,
        series,
        seriesOptions,
        checkpoint,
        resume,
        ...givenEngine(values),
        signal: terminal.signal,
        log: (line) => terminal.err(line),
        onStart: (selected, stepsPerEpoch) => {
          terminal.err(tellEngine(selected));
          terminal.err(
            `Training on ${series.name} (${series.source}, ${series.values.length} values), seed ${config.seed}`,
          );
          steps = stepsPerEpoch;
          bar = terminal.bar(config.epochs * steps, "steps");
          began = performance.now();
        },
        onProgress: (epoch, done) =>
          bar?.update(
            (epoch - 1) * steps + done,
            `epoch ${epoch}/${config.epochs}`,
          ),
        onEpochEnd: (record) => {
          epochs++;
          const perEpoch = (performance.now() - began) / epochs;
          const left = perEpoch * (config.epochs - first - epochs) / 1000;
          const perStep = `${
            (record.seconds * 1000 / steps).toFixed(1)
          } ms/step`;
          terminal.err(
            `Epoch ${record.epoch}/${config.epochs} - ${
              record.seconds.toFixed(1)
            }s - ${perStep} - loss: ${record.loss.toFixed(4)} - mae: ${
              record.mae.toFixed(4)
            } - val_loss: ${record.val_loss.toFixed(4)} - val_mae: ${
              record.val_mae.toFixed(4)
            }`,
          );
          bar?.update(
            record.epoch * steps,
            `${perStep}, ${duration(left)} left`,
          );
          if (json) terminal.out(JSON.stringify(record));
        },
      });
      bar?.stop();
      const { best, engine, adapter } = result;
      if (json) {
        terminal.out(JSON.stringify({
          done: true,
          engine,
          adapter,
          best_epoch: best?.epoch ?? null,
          best_val_mae: result.history.find((r) =>
            r.epoch === best?.epoch
          )?.val_mae ?? null,
          checkpoint,
        }));
      } else {
        terminal.out(
          best
            ? `Best epoch ${best.epoch} of ${result.history.length}: ${config.monitor} ${
              best.value.toFixed(5)
            }, saved in ${checkpoint}; next: deno task eval${
              checkpoint === DEFAULT_CHECKPOINT
                ? ""
                : ` --checkpoint ${checkpoint}`
            }`
            : `No epoch had a finite ${config.monitor}: nothing saved in ${checkpoint}`,
        );
      }
    } catch (error) {
      bar?.stop();
      if (terminal.signal.aborted && error === terminal.signal.reason) {
        terminal.err(
          "Interrupted: the last finished epoch is saved; go on with: train --resume",
        );
      }
      throw error;
    }
  },
};

/** Seconds as people say them. */
function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return whole < 60
    ? `${whole}s`
    : `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, "0")}s`;
}
