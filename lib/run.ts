/**
 * One training run from series to checkpoints: lock, resume, engine, epochs, `best` and `last`,
 * history.
 * @module
 */

import { augmentSeries } from "./augment.ts";
import type { WeightAverage } from "./averaging.ts";
import type { Best } from "./callbacks.ts";
import {
  checkpointExists,
  type CheckpointMeta,
  loadCheckpoint,
  type LoadedCheckpoint,
  recoverCheckpoint,
} from "./checkpoint.ts";
import { type Config, optionName } from "./config.ts";
import { type EngineSpec, slotCount } from "./engine/engine.ts";
import {
  type EngineChoice,
  type SelectedEngine,
  selectEngine,
} from "./engine/select.ts";
import { CheckpointError, UsageError } from "./errors.ts";
import { initialWeights } from "./initializers.ts";
import { lockRun } from "./run_lock.ts";
import { type EpochRecord, RunKeeper } from "./run_keeper.ts";
import { runPaths } from "./run_paths.ts";
import { applyScaling, fitScaling, type Scaling } from "./scale.ts";
import type { Series, SeriesOptions } from "./series.ts";
import { train } from "./train.ts";
import { makeWindows } from "./windows.ts";

/** What to train, where to keep it, whom to tell. */
export interface RunRequest {
  /** The configuration. */
  config: Config;
  /** The series. */
  series: Series;
  /** How the series was read, so that the run can be repeated from its checkpoint. */
  seriesOptions: SeriesOptions;
  /** The folder of the best checkpoint. */
  checkpoint: string;
  /** The last checkpoint of the run to go on with. */
  resume?: LoadedCheckpoint | undefined;
  /** Which engine. @default {"auto"} */
  engine?: EngineChoice;
  /** Threads of the WebAssembly engine. */
  threads?: number;
  /** Keep the best without the optimizer's state. @default {true} */
  saveWeightsOnly?: boolean;
  /** Ends the run after the step in hand. */
  signal?: AbortSignal;
  /** Takes lines for people: what is chosen, cleaned up, saved. */
  log: (line: string) => void;
  /** Called once the engine is there. */
  onStart?: (selected: SelectedEngine, steps: number) => void;
  /** Called within an epoch with the steps done. */
  onProgress?: (epoch: number, steps: number) => void;
  /** Called after each epoch, everything saved. */
  onEpochEnd?: (record: EpochRecord) => void;
}

/** How a run ended. */
export interface RunResult {
  /** The best epoch, if any had a finite metric. */
  best: Best | undefined;
  /** All epochs, those before a resumption included. */
  history: EpochRecord[];
  /** Which engine trained. */
  engine: string;
  /** On what. */
  adapter: string;
}

/**
 * The last checkpoint of a run, to go on from.
 *
 * @throws {CheckpointError} if there is none, or it's damaged.
 */
export async function loadLast(checkpoint: string): Promise<LoadedCheckpoint> {
  const { last } = runPaths(checkpoint);
  if (!await checkpointExists(last)) {
    throw new CheckpointError(
      `Cannot resume: there is no checkpoint at ${last}; train without --resume first`,
    );
  }
  return await loadCheckpoint(last);
}

/**
 * Refuses a resumption that could not equal an undisturbed run.
 *
 * @throws {UsageError} listing every difference.
 */
function refuseDifferences(request: RunRequest, earlier: CheckpointMeta): void {
  const differences: string[] = [];
  for (const key of Object.keys(earlier.config) as (keyof Config)[]) {
    const [before, now] = [earlier.config[key], request.config[key]].map((v) =>
      JSON.stringify(v)
    );
    // More epochs are the point of resuming, unless every epoch depends on how many there are.
    const { schedule, averageEpochs } = earlier.config;
    const free = key === "epochs" && schedule !== "cosine" &&
      averageEpochs === 0;
    if (!free && before !== now) {
      differences.push(`${optionName(key)} was ${before}, is ${now}`);
    }
  }
  if (earlier.series.sha256 !== request.series.sha256) {
    differences.push(
      `--data was ${earlier.series.source}, is ${request.series.source} with other content`,
    );
  }
  const { engine = "auto" } = request;
  if (engine !== "auto" && engine !== earlier.engine) {
    differences.push(`--engine was ${earlier.engine}, is ${engine}`);
  }
  if (differences.length > 0) {
    throw new UsageError(
      `Cannot resume with other settings: ${
        differences.join("; ")
      }; leave them out, or train anew without --resume`,
    );
  }
}

/** Training and validation windows of a series. */
export function splitWindows(
  config: Config,
  length: number,
): { training: Int32Array; validation: Int32Array } {
  const cut = (name: string, begin: number, end: number) => {
    try {
      return makeWindows({ begin, end }, config).starts;
    } catch (error) {
      if (error instanceof UsageError) {
        throw new UsageError(`${error.message} (the ${name} part)`, {
          cause: error,
        });
      }
      throw error;
    }
  };
  if (config.splitTime >= length) {
    throw new UsageError(
      `Cannot split the series at ${config.splitTime}: it has ${length} values, expected a split inside`,
    );
  }
  return {
    training: cut("training", 0, config.splitTime),
    validation: cut("validation", config.splitTime, length),
  };
}

/** A series as the engines and the training loop take it. */
export interface TrainingData {
  /** Model and scaled series, copies of the training part at its end. */
  spec: EngineSpec;
  /** Fitted on the training part. */
  scaling: Scaling;
  /** First indices of the training windows, those in the copies too. */
  training: Int32Array;
  /** First indices of the validation windows. */
  validation: Int32Array;
}

/**
 * Cuts, repeats and scales a series as a configuration says.
 *
 * @param values In the series' units. `[time]`
 * @throws {UsageError} if the settings don't fit the series.
 */
export function prepareTraining(
  config: Config,
  values: Float64Array,
): TrainingData {
  const windows = splitWindows(config, values.length);
  const augmented = augmentSeries(values, { ...config, ...windows });
  const scaling = fitScaling(
    config.scale,
    values.subarray(0, config.splitTime),
  );
  return {
    spec: {
      ...config,
      values: Float32Array.from(applyScaling(scaling, augmented.values)),
    },
    scaling,
    training: augmented.training,
    validation: windows.validation,
  };
}

/**
 * Trains, keeping the best and the last checkpoint.
 *
 * @throws {CheckpointError} if another process trains there, or nothing can be saved.
 * @throws {UsageError} if the settings don't fit the series, or the run to be resumed.
 * @throws {DivergenceError} if the loss blows up; the best checkpoint stands.
 * @throws The signal's reason when interrupted; everything up to the last finished epoch is saved.
 */
export async function runTraining(request: RunRequest): Promise<RunResult> {
  const { config, series, log } = request;
  const { spec, scaling, training, validation } = prepareTraining(
    config,
    series.values,
  );
  const paths = runPaths(request.checkpoint);
  if (request.resume) refuseDifferences(request, request.resume.meta);
  using _lock = await lockRun(request.checkpoint);
  for (const path of [paths.best, paths.last]) {
    (await recoverCheckpoint(path)).forEach(log);
  }
  // Another process may have trained on between the caller's look and the lock.
  const resume = request.resume && await loadLast(request.checkpoint);
  if (resume) refuseDifferences(request, resume.meta);
  const fresh = initialWeights(config, config.seed);
  const selected = await selectEngine(spec, fresh, {
    engine: resume
      ? resume.meta.engine as EngineChoice
      : request.engine ?? "auto",
    ...(request.threads !== undefined && { threads: request.threads }),
  });
  const { engine } = selected;
  const keeper = new RunKeeper({
    config,
    series,
    seriesOptions: request.seriesOptions,
    scaling,
    engine,
    paths,
    saveWeightsOnly: request.saveWeightsOnly ?? true,
    best: resume?.meta.best ?? undefined,
    history: (resume?.meta.history ?? []) as unknown as EpochRecord[],
    log,
  });
  try {
    let average: WeightAverage | undefined;
    if (resume) {
      const { weights, slots = [], meta } = resume;
      const count = slotCount(config);
      const averaged = meta.extra.averaged;
      if (typeof averaged === "number" && averaged > 0) {
        average = { count: averaged, mean: slots[count]! };
      }
      await engine.writeState({
        weights,
        slots: slots.slice(0, count),
        iterations: meta.iterations,
      });
      if (machineOf(meta.adapter) !== machineOf(engine.adapter)) {
        log(
          `The run began on ${meta.adapter}: equal bits are promised only there`,
        );
      }
    }
    request.onStart?.(selected, Math.ceil(training.length / config.batchSize));
    if (resume) {
      await keeper.goOn();
    } else {
      const state = await engine.readState();
      await keeper.begin({ ...state, average, judged: state.weights });
    }
    let began = performance.now();
    await train(engine, {
      config,
      training,
      validation,
      unit: scaling.divisor,
      average,
      epochsDone: resume?.meta.epoch ?? 0,
      ...(request.signal && { signal: request.signal }),
      ...(request.onProgress && { onProgress: request.onProgress }),
      onEpochEnd: async (epoch, logs, state) => {
        const seconds = (performance.now() - began) / 1000;
        const record = await keeper.keep({ epoch, logs, state, seconds });
        request.onEpochEnd?.(record);
        began = performance.now();
      },
    });
    return {
      best: keeper.best,
      history: keeper.history,
      engine: engine.name,
      adapter: engine.adapter,
    };
  } finally {
    keeper.dispose();
    selected.dispose();
  }
}

/** The adapter without the number of threads, on which no bit depends. */
function machineOf(adapter: string): string {
  return adapter.replace(/, \d+ threads?/, "");
}
