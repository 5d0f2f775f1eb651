/**
 * The one interface behind which every training engine stands, and what an engine is made from.
 * @module
 */

import type {
  LossOptions,
  ModelOptions,
  OptimizerOptions,
  WindowOptions,
} from "../config.ts";

/** All that an engine needs to know; the weights come separately. */
export interface EngineSpec
  extends
    ModelOptions,
    OptimizerOptions,
    LossOptions,
    Pick<WindowOptions, "windowSize" | "batchSize" | "horizon"> {
  /** The whole series, in the model's units; windows are given by their first index in it. */
  values: Float32Array;
}

/** Loss and MAE of each batch, in order; the means over the batch's elements. */
export interface BatchMetrics {
  /** `[batches]` */
  loss: Float32Array;
  /** `[batches]` */
  mae: Float32Array;
}

/** Weights and optimizer state; vectors are laid out by `parameterLayout()`. */
export interface EngineState {
  /** `[parameters]` */
  weights: Float32Array;
  /**
   * Optimizer vectors, each `[parameters]`: sgd: velocity (absent for momentum 0); adam: first and second
   * moment; rmsprop: mean square, then velocity (absent for momentum 0).
   */
  slots: Float32Array[];
  /** Gradient steps taken; Adam's bias correction depends on it. */
  iterations: number;
}

/** The gradient of one batch, nothing updated. */
export interface Gradient {
  /** The batch's loss. */
  loss: number;
  /** The batch's MAE. */
  mae: number;
  /** `[parameters]`, unclipped. */
  gradient: Float32Array;
}

/** What a caller may say about an epoch. */
export interface EpochOptions {
  /** Step size of this epoch; the spec's if absent. */
  learningRate?: number;
  /** Stops between two steps; `trainEpoch` then rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Called now and then with the number of finished steps. */
  onProgress?: (steps: number) => void;
}

/**
 * Trains and runs one model on one series. Windows are named by their first index in
 * `spec.values`; input `i` of a window at `s` is `values[s + i]`, and target `h` of output `j` is
 * `values[s + anchor[j] + 1 + h]` (see `alignment()`).
 *
 * Calls must not overlap. After an error the engine can only be disposed of. Memory is made once
 * and freed by `dispose()`.
 */
export interface TrainEngine {
  /** Which engine, as in `--engine`. */
  readonly name: "webgpu" | "wasm" | "tfjs";
  /** What it runs on, for people: adapter, driver, threads, kernel set. */
  readonly adapter: string;
  /**
   * One pass over the windows in the order given, `spec.batchSize` at a time, the last batch smaller if they don't
   * divide; a gradient step per batch.
   *
   * @throws {GpuError} if the device failed; the caller's last read state stays good.
   */
  trainEpoch(
    starts: Int32Array,
    options?: EpochOptions,
  ): Promise<BatchMetrics>;
  /** Loss and MAE over windows, batched alike, nothing updated. */
  evaluate(starts: Int32Array): Promise<BatchMetrics>;
  /**
   * Runs the network on any inputs.
   *
   * @param inputs `[n, windowSize]`
   * @returns `[n, steps, horizon]`, scaled by `outputScale`.
   */
  predict(inputs: Float32Array): Promise<Float32Array>;
  /** The gradient over at most `batchSize` windows, for tests and diagnoses. */
  gradient(starts: Int32Array): Promise<Gradient>;
  /** Copies weights and optimizer state to the host. */
  readState(): Promise<EngineState>;
  /** Replaces weights and optimizer state. */
  writeState(state: EngineState): Promise<void>;
  /** Frees everything; safe to call twice. */
  dispose(): void;
}

/** Number of optimizer vectors that `EngineState.slots` holds. */
export function slotCount(
  options: Pick<OptimizerOptions, "optimizer" | "momentum">,
): number {
  const velocity = options.momentum === 0 ? 0 : 1;
  switch (options.optimizer) {
    case "sgd":
      return velocity;
    case "adam":
      return 2;
    case "rmsprop":
      return 1 + velocity;
  }
}
