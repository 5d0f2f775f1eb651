/**
 * Every knob of a run with its default and its permitted range. First in the flow: everything
 * else takes a slice of `Config`.
 *
 * Defaults are those of the TensorFlow Developer Certificate's Sunspots exercise ("the seed"):
 * windows of 30, batches of 32, Conv1D(60, 5, causal), two LSTM(60), Dense 30-10-1, times 400,
 * SGD(1e-4, momentum 0.9), Huber loss, 100 epochs. The optimizers' remaining settings are Keras 3's.
 * @module
 */

import { alignment, type Padding } from "./alignment.ts";
import { UsageError } from "./errors.ts";

/** Update rules, with Keras 3's formulas. */
export type OptimizerName = "sgd" | "adam" | "rmsprop";
/** How values are scaled: not at all, to mean 0 and standard deviation 1, or to the range 0 to 1; see `scale.ts`. */
export type ScaleName = "none" | "standard" | "minmax";
/** How the step size changes from epoch to epoch; see `schedule.ts`. */
export type ScheduleName = "constant" | "cosine" | "exponential";
/** Element-wise losses; `huber` with `huberDelta`. */
export type LossName = "huber" | "mse" | "mae";

/** How the series is cut into training examples; the words are tf.data's. */
export interface WindowOptions {
  /** Input time steps per window. @default {30} */
  windowSize: number;
  /** Values between the starts of two windows. @default {1} */
  shift: number;
  /** Drop the windows at the end that the series can't fill. @default {true} */
  dropRemainder: boolean;
  /** Windows per gradient step. @default {32} */
  batchSize: number;
  /** Size of tf.data's shuffle buffer, in windows. @default {1000} */
  shuffleBuffer: number;
  /** Values ahead that each output position predicts, 1 to `horizon`. @default {1} */
  horizon: number;
}

/** The network: Conv1D, LSTM stack, dense head, output scale. */
export interface ModelOptions {
  /** Convolution filters. @default {60} */
  filters: number;
  /** Convolution kernel size in time steps. @default {5} */
  kernelSize: number;
  /** Convolution stride in time steps. @default {1} */
  strides: number;
  /** Convolution padding. @default {"causal"} */
  padding: Padding;
  /** Units of each LSTM layer. @default {[60, 60]} */
  lstmUnits: readonly number[];
  /** Units of each hidden (relu) dense layer; the last layer, `horizon` linear units, comes on top. @default {[30, 10]} */
  denseUnits: readonly number[];
  /** Factor on the network's output (the seed's Lambda). @default {400} */
  outputScale: number;
}

/** The update rule. */
export interface OptimizerOptions {
  /** Which rule. @default {"sgd"} */
  optimizer: OptimizerName;
  /** Step size. @default {1e-4} */
  learningRate: number;
  /** Momentum of sgd and rmsprop. @default {0.9} */
  momentum: number;
  /** Nesterov momentum, sgd only. @default {false} */
  nesterov: boolean;
  /** Adam's decay of the first moment. @default {0.9} */
  beta1: number;
  /** Adam's decay of the second moment. @default {0.999} */
  beta2: number;
  /** RMSprop's decay of the squared gradient. @default {0.9} */
  rho: number;
  /** Adam's and RMSprop's guard against division by 0. @default {1e-7} */
  epsilon: number;
  /** Largest Euclidean norm of the whole gradient (Keras's `global_clipnorm`); 0: no clipping. @default {0} */
  clipNorm: number;
}

/** What is minimised. */
export interface LossOptions {
  /** Which loss. @default {"huber"} */
  loss: LossName;
  /** Where Huber's loss turns from quadratic to linear, in the series' units. @default {1} */
  huberDelta: number;
  /** First output position that counts in the loss; the metrics count all. @default {0} */
  lossStart: number;
}

/** How long and how to train. */
export interface TrainOptions {
  /** Passes over the training windows. @default {100} */
  epochs: number;
  /** How the learning rate changes from epoch to epoch. @default {"constant"} */
  schedule: ScheduleName;
  /** Epochs in which the learning rate first rises linearly. @default {0} */
  warmupEpochs: number;
  /** Last epochs whose mean weights are judged and kept; 0: each epoch's own weights. @default {0} */
  averageEpochs: number;
  /** The metric that decides which epoch is the best. @default {"val_mae"} */
  monitor: string;
  /** Keep only the best epoch; otherwise each epoch replaces the one before, and the last stays. @default {true} */
  saveBestOnly: boolean;
  /** Seed of initial weights and shuffling. @default {42} */
  seed: number;
  /** Time index at which validation begins. @default {3000} */
  splitTime: number;
  /** How values are scaled before the network, fitted on the training part. @default {"none"} */
  scale: ScaleName;
  /** Factors at which the training part is repeated, beside itself; empty: no copies. @default {[]} */
  augmentScales: readonly number[];
}

/** Everything that decides what a run computes (on a given series). */
export interface Config
  extends
    WindowOptions,
    ModelOptions,
    OptimizerOptions,
    LossOptions,
    TrainOptions {}

/** The seed's settings. */
export const DEFAULT_CONFIG: Readonly<Config> = Object.freeze({
  windowSize: 30,
  shift: 1,
  dropRemainder: true,
  batchSize: 32,
  shuffleBuffer: 1000,
  horizon: 1,
  filters: 60,
  kernelSize: 5,
  strides: 1,
  padding: "causal" as Padding,
  lstmUnits: Object.freeze([60, 60]),
  denseUnits: Object.freeze([30, 10]),
  outputScale: 400,
  optimizer: "sgd" as OptimizerName,
  learningRate: 1e-4,
  momentum: 0.9,
  nesterov: false,
  beta1: 0.9,
  beta2: 0.999,
  rho: 0.9,
  epsilon: 1e-7,
  clipNorm: 0,
  loss: "huber" as LossName,
  huberDelta: 1,
  lossStart: 0,
  epochs: 100,
  schedule: "constant" as ScheduleName,
  warmupEpochs: 0,
  averageEpochs: 0,
  monitor: "val_mae",
  saveBestOnly: true,
  seed: 42,
  splitTime: 3000,
  scale: "none" as ScaleName,
  augmentScales: Object.freeze([]),
});

/** Smallest and largest permitted value of each numeric option. */
const RANGES: Partial<
  Record<keyof Config, readonly [min: number, max: number, whole: boolean]>
> = {
  windowSize: [1, 100_000, true],
  shift: [1, 1e9, true],
  batchSize: [1, 65_536, true],
  shuffleBuffer: [1, 1e9, true],
  horizon: [1, 1_000, true],
  filters: [1, 4_096, true],
  kernelSize: [1, 10_000, true],
  strides: [1, 10_000, true],
  outputScale: [-1e9, 1e9, false],
  learningRate: [0, 1e6, false],
  momentum: [0, 1, false],
  beta1: [0, 0.999999, false],
  beta2: [0, 0.9999999, false],
  rho: [0, 0.999999, false],
  epsilon: [1e-30, 1, false],
  clipNorm: [0, 1e30, false],
  huberDelta: [1e-12, 1e12, false],
  lossStart: [0, 100_000, true],
  epochs: [1, 50_000, true],
  warmupEpochs: [0, 50_000, true],
  averageEpochs: [0, 50_000, true],
  seed: [0, 0xffff_ffff, true],
  splitTime: [1, 1e9, true],
};

/** Permitted words of each option that takes one. */
const CHOICES: Partial<Record<keyof Config, readonly string[]>> = {
  padding: ["causal", "same", "valid"],
  optimizer: ["sgd", "adam", "rmsprop"],
  loss: ["huber", "mse", "mae"],
  scale: ["none", "standard", "minmax"],
  schedule: ["constant", "cosine", "exponential"],
  monitor: ["val_mae", "val_loss", "mae", "loss"],
};

/** `windowSize` as the command line spells it: `--window-size`. */
export function optionName(key: string): string {
  return `--${key.replace(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;
}

/**
 * Checks every field of a configuration and how they go together.
 *
 * @throws {UsageError} naming the option, its value and what was expected.
 */
export function validateConfig(config: Config): void {
  for (const [key, range] of Object.entries(RANGES)) {
    const value: unknown = config[key as keyof Config];
    const [min, max, whole] = range;
    if (
      typeof value !== "number" || !(value >= min && value <= max) ||
      (whole && !Number.isSafeInteger(value))
    ) {
      throw new UsageError(
        `Cannot use ${optionName(key)} ${value}: expected a ${
          whole ? "whole number" : "number"
        } from ${min} to ${max}`,
      );
    }
  }
  for (const [key, words] of Object.entries(CHOICES)) {
    const value: unknown = config[key as keyof Config];
    if (typeof value !== "string" || !words.includes(value)) {
      throw new UsageError(
        `Cannot use ${optionName(key)} ${value}: expected one of ${
          words.join(", ")
        }`,
      );
    }
  }
  for (const key of ["lstmUnits", "denseUnits"] as const) {
    const list: unknown = config[key];
    if (
      !Array.isArray(list) || list.length > 16 ||
      (key === "lstmUnits" && list.length === 0) ||
      !list.every((n) => Number.isSafeInteger(n) && n >= 1 && n <= 4_096)
    ) {
      throw new UsageError(
        `Cannot use ${optionName(key)} ${
          String(list)
        }: expected whole numbers from 1 to 4096, separated by commas`,
      );
    }
  }
  const factors: unknown = config.augmentScales;
  if (
    !Array.isArray(factors) || factors.length > 16 ||
    !factors.every((f) => typeof f === "number" && f >= 1e-3 && f <= 1e3)
  ) {
    throw new UsageError(
      `Cannot use ${optionName("augmentScales")} ${
        String(factors)
      }: expected up to 16 numbers from 0.001 to 1000, separated by commas, or none`,
    );
  }
  for (const key of ["dropRemainder", "nesterov", "saveBestOnly"] as const) {
    if (typeof config[key] !== "boolean") {
      throw new UsageError(
        `Cannot use ${optionName(key)} ${config[key]}: expected true or false`,
      );
    }
  }
  if (config.padding === "valid" && config.kernelSize > config.windowSize) {
    throw new UsageError(
      `Cannot use --kernel-size ${config.kernelSize} with --padding valid: expected at most the window size, ${config.windowSize}`,
    );
  }
  const { steps } = alignment(config);
  if (config.lossStart >= steps) {
    throw new UsageError(
      `Cannot use --loss-start ${config.lossStart}: expected less than the ${steps} output positions of a window`,
    );
  }
  if (config.warmupEpochs >= config.epochs) {
    throw new UsageError(
      `Cannot use --warmup-epochs ${config.warmupEpochs}: expected fewer than the ${config.epochs} epochs`,
    );
  }
  if (config.averageEpochs > config.epochs) {
    throw new UsageError(
      `Cannot use --average-epochs ${config.averageEpochs}: expected at most the ${config.epochs} epochs`,
    );
  }
  if (config.outputScale === 0) {
    throw new UsageError(
      "Cannot use --output-scale 0: the model would predict nothing but 0",
    );
  }
}
