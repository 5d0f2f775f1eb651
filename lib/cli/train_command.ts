/**
 * `train`: trains a forecaster, or an ensemble of them, and keeps the best weights.
 * @module
 */

import { checkpointExists, type LoadedCheckpoint } from "../checkpoint.ts";
import { type Config, optionName } from "../config.ts";
import { BUNDLED } from "../dataset.ts";
import { UsageError } from "../errors.ts";
import { memberPath, mergeEnsemble } from "../members.ts";
import { PRESET_MEMBERS, type PresetName, PRESETS } from "../presets.ts";
import { loadLast, type RunResult, runTraining } from "../run.ts";
import { runPaths } from "../run_paths.ts";
import { DEFAULT_CHECKPOINT, trainedOptions } from "./checkpoint_options.ts";
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
import { ENGINE_OPTIONS, givenEngine } from "./engine_options.ts";
import { runFinder } from "./find_lr.ts";
import type { OptionValues } from "./options.ts";
import type { Terminal } from "./terminal.ts";
import { TrainProgress } from "./train_progress.ts";

/** Where an ensemble goes unless told otherwise. */
const DEFAULT_ENSEMBLE = "checkpoints/ensemble";

const DEFAULT_PICTURE = "checkpoints/learning_rate.svg";

/** The command. */
export const trainCommand: Command = {
  options: [
    ...DATA_OPTIONS,
    SPLIT_OPTION,
    {
      name: "preset",
      kind: "choice",
      choices: Object.keys(PRESETS),
      help: "recipe under the other options; tuned trains an ensemble of 5",
      default: "seed",
    },
    ...CONFIG_OPTIONS,
    {
      name: "checkpoint",
      kind: "text",
      value: "FOLDER",
      help: "where the best weights go",
      default: `${DEFAULT_CHECKPOINT}, of ensembles ${DEFAULT_ENSEMBLE}`,
    },
    {
      name: "ensemble",
      kind: "number",
      help: "train so many members, seeds counting up",
    },
    {
      name: "ensemble-member",
      kind: "number",
      help: "train only this member, from 0; join them with: ensemble merge",
    },
    {
      name: "save-weights-only",
      kind: "flag",
      help:
        "keep the best without the optimizer's state; --no-save-weights-only keeps it too",
      default: "on",
    },
    {
      name: "find-lr",
      kind: "flag",
      help:
        "search a learning rate from 1e-8, tenfold every 20 epochs, and draw it",
    },
    {
      name: "output",
      kind: "text",
      value: "FILE",
      help: "picture of --find-lr",
      default: DEFAULT_PICTURE,
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
    const member = whole(values, "ensemble-member", 0);
    const size = whole(values, "ensemble", 1) ??
      PRESET_MEMBERS[presetOf(values)];
    const isEnsemble = size > 1 || member !== undefined;
    const path = (values.get("checkpoint") as string | undefined) ??
      (isEnsemble ? DEFAULT_ENSEMBLE : DEFAULT_CHECKPOINT);
    if (!isEnsemble) {
      return await trainOne(values, terminal, { checkpoint: path });
    }
    const members = member !== undefined
      ? [member]
      : Array.from({ length: size }, (_, index) => index);
    for (const index of members) {
      const checkpoint = memberPath(path, index);
      terminal.err(
        `Member ${index}: ${checkpoint}`,
      );
      await trainOne(values, terminal, { checkpoint, member: index });
    }
    if (member === undefined) {
      const names = await mergeEnsemble(path);
      terminal.err(
        `Ensemble of ${names.length} in ${path}; next: eval --checkpoint ${path}`,
      );
    }
  },
};

/** The recipe. */
function presetOf(values: OptionValues): PresetName {
  return (values.get("preset") as PresetName | undefined) ?? "seed";
}

/** A whole number among the options. */
function whole(
  values: OptionValues,
  name: string,
  min: number,
): number | undefined {
  const value = values.get(name) as number | undefined;
  if (
    value !== undefined &&
    !(Number.isInteger(value) && value >= min && value < 1000)
  ) {
    throw new UsageError(
      `Cannot use --${name} ${value}: expected a whole number from ${min} to 999`,
    );
  }
  return value;
}

/** Which run of an ensemble, or the only one. */
interface Place {
  checkpoint: string;
  member?: number;
}

/** The earlier part of this run, if there is one to go on with. */
async function earlierPart(
  values: OptionValues,
  { checkpoint, member }: Place,
): Promise<LoadedCheckpoint | undefined> {
  if (values.get("resume") !== true) return undefined;
  // An interrupted ensemble has members that were never begun.
  if (
    member !== undefined && !await checkpointExists(runPaths(checkpoint).last)
  ) return undefined;
  return await loadLast(checkpoint);
}

/** The seed of a member: its own on from the one that was asked for. */
function seedOf(given: Partial<Config>, { member }: Place): Partial<Config> {
  return member === undefined
    ? {}
    : { seed: (given.seed ?? mergeConfig().seed) + member };
}

/** Trains one run from its options. */
async function trainOne(
  values: OptionValues,
  terminal: Terminal,
  place: Place,
): Promise<void> {
  const { checkpoint, member } = place;
  const resume = await earlierPart(values, place);
  if (resume?.warning) terminal.err(resume.warning);
  const earlier = resume && trainedOptions(resume.meta);
  const seriesOptions = { ...earlier, ...givenSeriesOptions(values) };
  const source = (values.get("data") as string | undefined) ??
    resume?.meta.series.source ?? BUNDLED;
  // What is wrong with the options alone is said before anything is loaded.
  const given = givenConfig(values);
  const base = {
    ...PRESETS[presetOf(values)],
    ...resume?.meta.config,
    ...given,
    // A resumed member has its seed already, unless the ensemble's is named again.
    ...resume && given.seed === undefined ? {} : seedOf(given, place),
  };
  mergeConfig(base);
  const series = await loadSeries(source, { options: seriesOptions, terminal });
  const config = mergeConfig(base, givenSplit(values, series));
  if (values.get("print-config") === true) {
    return terminal.out(printAll(values, { source, config }));
  }
  const json = values.get("json") === true;
  if (values.get("find-lr") === true) {
    const output = (values.get("output") as string | undefined) ??
      DEFAULT_PICTURE;
    return await runFinder(
      { config, series, engine: givenEngine(values), output, json },
      terminal,
    );
  }
  if (resume && resume.meta.epoch >= config.epochs) {
    terminal.err(
      `Nothing to do: ${resume.meta.epoch} of ${config.epochs} epochs are done; go on with a larger --epochs`,
    );
  }
  const progress = new TrainProgress(terminal, {
    config,
    series,
    epochsDone: resume?.meta.epoch ?? 0,
    verbose: values.get("verbose") === true,
    ...(json && { json: member === undefined ? {} : { member } }),
  });
  try {
    const result = await runTraining({
      config,
      series,
      seriesOptions,
      checkpoint,
      resume,
      saveWeightsOnly: values.get("save-weights-only") !== false,
      ...givenEngine(values),
      signal: terminal.signal,
      log: (line) => terminal.err(line),
      onStart: (selected, steps) => progress.start(selected, steps),
      onProgress: (epoch, steps) => progress.step(epoch, steps),
      onEpochEnd: (record) => progress.epoch(record),
    });
    progress.stop();
    terminal.out(summary(result, { config, checkpoint, json }));
  } catch (error) {
    progress.stop();
    if (terminal.signal.aborted && error === terminal.signal.reason) {
      terminal.err(
        "Interrupted: the last finished epoch is saved; go on with: train --resume",
      );
    }
    throw error;
  }
}

/** Every option that matters, for a file that gives the same run. */
function printAll(
  values: OptionValues,
  { source, config }: { source: string; config: Config },
): string {
  const all: OptionValues = new Map([["data", source], ...values]);
  for (const [key, value] of Object.entries(config)) {
    all.set(optionName(key).slice(2), value);
  }
  return printConfig(all);
}

/** The last line. */
function summary(
  { best, history, engine, adapter }: RunResult,
  { config, checkpoint, json }: {
    config: Config;
    checkpoint: string;
    json: boolean;
  },
): string {
  if (json) {
    return JSON.stringify({
      done: true,
      engine,
      adapter,
      best_epoch: best?.epoch ?? null,
      best_val_mae: history.find(({ epoch }) =>
        epoch === best?.epoch
      )?.val_mae ?? null,
      checkpoint,
    });
  }
  if (!best) {
    return `No epoch had a ${config.monitor}: nothing saved in ${checkpoint}`;
  }
  const option = checkpoint === DEFAULT_CHECKPOINT
    ? ""
    : ` --checkpoint ${checkpoint}`;
  const saved = config.saveBestOnly ? "saved" : "the last epoch saved";
  return `Best epoch ${best.epoch} of ${history.length}: ${config.monitor} ${
    best.value.toFixed(5)
  }, ${saved} in ${checkpoint}; next: deno task eval${option}`;
}
