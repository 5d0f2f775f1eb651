/**
 * The options of commands that start from a checkpoint, and what they lead to.
 * @module
 */

import { monthsOf } from "../baselines/climatology.ts";
import {
  checkpointExists,
  type CheckpointMeta,
  type LoadedCheckpoint,
} from "../checkpoint.ts";
import { CheckpointError, DataError } from "../errors.ts";
import { type Forecaster, openForecaster } from "../forecaster.ts";
import { isEnsemble, loadMembers } from "../members.ts";
import { loadPretrained, PRETRAINED } from "../pretrained.ts";
import { parseScaling } from "../scale.ts";
import type { Series, SeriesOptions } from "../series.ts";
import { parseSeriesOptions } from "../series_options.ts";
import {
  DATA_OPTIONS,
  givenSeriesOptions,
  loadSeries,
} from "./data_options.ts";
import { ENGINE_OPTIONS, givenEngine, tellEngine } from "./engine_options.ts";
import type { OptionSpec, OptionValues } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/** Where training leaves the best weights unless told otherwise. */
export const DEFAULT_CHECKPOINT = "checkpoints/best";
/** The weights that come with the program. */
export const SHIPPED_CHECKPOINT = PRETRAINED;

/** Their specs. */
export const CHECKPOINT_OPTIONS: readonly OptionSpec[] = [
  {
    name: "checkpoint",
    kind: "text",
    value: "FOLDER",
    help: "weights to use",
    default: `${DEFAULT_CHECKPOINT}, else ${SHIPPED_CHECKPOINT}`,
  },
  ...DATA_OPTIONS.map((spec) =>
    spec.name === "data" ? { ...spec, default: "as in training" } : spec
  ),
  ...ENGINE_OPTIONS,
];

/** A checkpoint with its series, ready to predict. */
export interface Opened extends Disposable {
  /** The checkpoint, or the ensemble's members. */
  checkpoints: LoadedCheckpoint[];
  /** What the first says; the members differ in seed, epoch and metrics only. */
  meta: CheckpointMeta;
  /** Its folder as the user knows it. */
  path: string;
  /** The series to judge or continue. */
  series: Series;
  /** The network. */
  forecaster: Forecaster;
}

/**
 * Opens what the options name, saying on stderr what that is.
 *
 * @throws {CheckpointError} if there is no sound checkpoint.
 * @throws {DataError} if the series is too short for it.
 */
export async function openCheckpoint(
  values: OptionValues,
  terminal: Terminal,
): Promise<Opened> {
  const { path, checkpoints } = await chooseCheckpoint(
    values.get("checkpoint") as string | undefined,
  );
  for (const { warning, folder, meta } of checkpoints) {
    if (warning) terminal.err(warning);
    terminal.err(
      `Checkpoint ${folder}: epoch ${meta.epoch}, ${meta.monitor} ${
        meta.metrics[meta.monitor]?.toFixed(5) ?? "unknown"
      }, seed ${meta.seed}, trained on ${meta.series.name} (${meta.series.source})`,
    );
  }
  const { meta } = checkpoints[0]!;
  const source = (values.get("data") as string | undefined) ??
    meta.series.source;
  const options = {
    ...trainedOptions(meta),
    ...givenSeriesOptions(values),
  };
  const series = await loadSeries(source, { options, terminal });
  if (series.sha256 !== meta.series.sha256) {
    terminal.err(
      `The series in ${source} is not the one that the checkpoint was trained on`,
    );
  }
  const { splitTime, windowSize, horizon } = meta.config;
  const needed = splitTime + windowSize + horizon;
  if (series.values.length < needed) {
    throw new DataError(
      `Cannot judge the checkpoint on ${source}: it has ${series.values.length} values, expected at least ${needed} (split at ${splitTime}, window ${windowSize})`,
    );
  }
  const forecaster = await openForecaster(checkpoints, givenEngine(values));
  if (values.get("verbose") === true || values.has("engine")) {
    terminal.err(tellEngine(forecaster.selected));
  }
  return {
    checkpoints,
    meta,
    path,
    series,
    forecaster,
    [Symbol.dispose]: () => forecaster[Symbol.dispose](),
  };
}

/** What judging a network needs beside it: configuration, values, calendar, scaling, members. */
export function judgedBy({ meta, series, forecaster }: Opened) {
  const month = monthsOf(series);
  const { members } = forecaster;
  return {
    ...meta.config,
    values: series.values,
    lossUnit: parseScaling(meta.scale).divisor,
    ...(month && { month }),
    ...(members.length > 1 && { members }),
  };
}

/** How the training's series was read, of which nothing is believed. */
export function trainedOptions({ series }: CheckpointMeta): SeriesOptions {
  try {
    return parseSeriesOptions(series.options ?? {});
  } catch (cause) {
    throw new CheckpointError(
      `Cannot use the checkpoint's series options: ${
        (cause as Error).message
      }; name the columns yourself, or restore the checkpoint from a copy`,
      { cause },
    );
  }
}

/** What was chosen. */
export interface Chosen {
  /** Its folder as the user knows it. */
  path: string;
  /** The checkpoint, or the ensemble's members. */
  checkpoints: LoadedCheckpoint[];
}

/**
 * Loads the checkpoint that is meant: the named one, the last trained, the shipped.
 *
 * @throws {CheckpointError} if it's missing or damaged.
 */
export async function chooseCheckpoint(
  named: string | undefined,
): Promise<Chosen> {
  const exists = async (path: string) =>
    await checkpointExists(path) || await isEnsemble(path);
  const path = named ??
    (await exists(DEFAULT_CHECKPOINT)
      ? DEFAULT_CHECKPOINT
      : SHIPPED_CHECKPOINT);
  // The program carries it, so it needs no folder.
  const checkpoints = path === SHIPPED_CHECKPOINT
    ? [await loadPretrained()]
    : await loadMembers(path);
  return { path, checkpoints };
}
