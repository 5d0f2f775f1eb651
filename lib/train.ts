/**
 * The training loop over any engine: shuffled epochs, validation, history, divergence.
 * What happens after an epoch (saving, printing) is the caller's.
 * @module
 */

import {
  averagesEpoch,
  averageWeights,
  type WeightAverage,
} from "./averaging.ts";
import type { EpochLogs } from "./callbacks.ts";
import type { Config } from "./config.ts";
import type {
  BatchMetrics,
  EngineState,
  TrainEngine,
} from "./engine/engine.ts";
import { DivergenceError } from "./errors.ts";
import { parameterLayout } from "./layout.ts";
import { learningRateAt } from "./schedule.ts";
import { shuffleOrder } from "./windows.ts";

/** How far training is: all that it goes on from. */
export interface TrainState extends EngineState {
  /** The mean weights over the last epochs, once they have begun. */
  average: WeightAverage | undefined;
  /** `[parameters]`, what the metrics are of: the mean weights, or those of the epoch. */
  judged: Float32Array;
}

/** What to train on and whom to tell. */
export interface TrainRequest {
  /** The run's configuration. */
  config: Config;
  /** First indices of the training windows, in the series' order. */
  training: Int32Array;
  /** First indices of the validation windows. */
  validation: Int32Array;
  /** The series' units per unit of the engine's values; MAE is told in the series' units. @default {1} */
  unit?: number;
  /** The mean weights of an earlier part of this run. */
  average?: WeightAverage | undefined;
  /** Epochs done by an earlier part of this run, whose state the engine holds. @default {0} */
  epochsDone?: number;
  /** Stops the run; the unfinished epoch is dropped. */
  signal?: AbortSignal;
  /** Called now and then within an epoch. */
  onProgress?: (epoch: number, steps: number) => void;
  /** Called after each epoch with its metrics and how far training is, and awaited. */
  onEpochEnd: (
    epoch: number,
    logs: EpochLogs,
    state: TrainState,
  ) => Promise<void>;
}

/** The mean over an epoch's windows of a metric given per batch; Keras weights batches by size too. */
export function meanOverWindows(
  batches: Float32Array,
  counts: { windows: number; batchSize: number },
): number {
  const { windows, batchSize } = counts;
  let sum = 0;
  batches.forEach((value, b) =>
    sum += value * Math.min(batchSize, windows - b * batchSize)
  );
  return sum / windows;
}

/**
 * Trains until `config.epochs` epochs are done.
 *
 * @example
 * ```ts
 * import { DEFAULT_CONFIG, initialWeights, loadDataset, selectEngine, splitWindows, train } from "@sunspots/sunspots";
 * const config = { ...DEFAULT_CONFIG, filters: 4, lstmUnits: [4], learningRate: 1e-6, epochs: 2 };
 * const { values } = await loadDataset("bundled");
 * const selected = await selectEngine(
 *   { ...config, values: Float32Array.from(values) },
 *   initialWeights(config, config.seed),
 *   { engine: "wasm", threads: 1 },
 * );
 * await train(selected.engine, {
 *   config,
 *   ...splitWindows(config, values.length),
 *   onEpochEnd: async (epoch, { val_mae }) => console.log(epoch, val_mae),
 * });
 * selected.dispose();
 * ```
 *
 * @throws {DivergenceError} if the loss is no longer finite.
 * @throws The signal's reason, if aborted; what `onEpochEnd` last got stays good.
 */
export async function train(
  engine: TrainEngine,
  request: TrainRequest,
): Promise<void> {
  const { config, training, validation, unit = 1, signal } = request;
  const { onProgress, onEpochEnd } = request;
  let state = await engine.readState();
  let average = request.average;
  for (
    let epoch = (request.epochsDone ?? 0) + 1;
    epoch <= config.epochs;
    epoch++
  ) {
    const order = shuffleOrder(training, { ...config, epoch });
    const learningRate = learningRateAt(epoch, config);
    const trained = await engine.trainEpoch(order, {
      learningRate,
      ...(signal && { signal }),
      onProgress: (steps) => onProgress?.(epoch, steps),
    });
    await refuseDivergence(engine, {
      config,
      order,
      epoch,
      learningRate,
      state,
      trained,
    });
    state = await engine.readState();
    const averaged = averagesEpoch(epoch, config);
    if (averaged) average = averageWeights(average, state.weights);
    const judged = averaged ? average!.mean : state.weights;
    if (averaged) await engine.writeState({ ...state, weights: judged });
    const validated = await engine.evaluate(validation);
    if (averaged) await engine.writeState(state);
    signal?.throwIfAborted();
    const of = (metrics: Float32Array, windows: number) =>
      meanOverWindows(metrics, { windows, batchSize: config.batchSize });
    const logs: EpochLogs = {
      loss: of(trained.loss, training.length),
      mae: unit * of(trained.mae, training.length),
      val_loss: of(validated.loss, validation.length),
      val_mae: unit * of(validated.mae, validation.length),
    };
    await onEpochEnd(epoch, logs, { ...state, average, judged });
  }
}

/** An epoch as it went, and the state before it. */
interface EpochRun {
  config: Config;
  order: Int32Array;
  epoch: number;
  learningRate: number;
  state: EngineState;
  trained: BatchMetrics;
}

/**
 * If a batch's loss was NaN or infinite, runs the epoch again up to that batch (engines are
 * deterministic) to name the largest gradient that led to it.
 */
async function refuseDivergence(
  engine: TrainEngine,
  run: EpochRun,
): Promise<void> {
  const { config, order, epoch, learningRate, state, trained } = run;
  const bad = trained.loss.findIndex((value) => !Number.isFinite(value));
  if (bad < 0) return;
  const { batchSize } = config;
  const before = Math.max(bad - 1, 0);
  await engine.writeState(state);
  if (before > 0) {
    await engine.trainEpoch(order.subarray(0, before * batchSize), {
      learningRate,
    });
  }
  const { gradient } = await engine.gradient(
    order.subarray(before * batchSize, (before + 1) * batchSize),
  );
  await engine.writeState(state);
  let at = 0;
  gradient.forEach((g, i) => {
    if (!(Math.abs(g) <= Math.abs(gradient[at]!))) at = i;
  });
  const parameter = parameterLayout(config).find((p) =>
    at < p.offset + p.size
  )!;
  throw new DivergenceError(
    `Cannot go on training: the loss became ${
      trained.loss[bad]
    } in epoch ${epoch}, batch ${
      bad + 1
    } of ${trained.loss.length}; the largest gradient in batch ${
      before + 1
    } was ${
      gradient[at]!.toPrecision(3)
    } (${parameter.name}); try a smaller --learning-rate or --clip-norm 1`,
  );
}
