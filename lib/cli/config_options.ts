/**
 * The options that make up a `Config`, and back from their values to a `Config`.
 * @module
 */

import {
  type Config,
  DEFAULT_CONFIG,
  optionName,
  validateConfig,
} from "../config.ts";
import { UsageError } from "../errors.ts";
import type { OptionKind, OptionSpec, OptionValues } from "./options.ts";

/** Kind and help of each configuration field, in the order of the help text. */
const FIELDS: Record<
  keyof Config,
  readonly [OptionKind, string, (readonly string[])?]
> = {
  splitTime: ["number", "index at which validation begins"],
  scale: ["choice", "scaling of the values, fitted on the training part", [
    "none",
    "standard",
    "minmax",
  ]],
  augmentScales: [
    "list",
    "factors at which the training part is repeated, or none",
  ],
  windowSize: ["number", "input values per window"],
  horizon: ["number", "values ahead that each position predicts"],
  shift: ["number", "values between the starts of two windows"],
  dropRemainder: [
    "flag",
    "drop windows that the series can't fill; --no-drop-remainder keeps them",
  ],
  batchSize: ["number", "windows per gradient step"],
  shuffleBuffer: ["number", "windows in tf.data's shuffle buffer"],
  filters: ["number", "convolution filters"],
  kernelSize: ["number", "convolution kernel size"],
  strides: ["number", "convolution stride"],
  padding: ["choice", "convolution padding", ["causal", "same", "valid"]],
  lstmUnits: ["list", "units of each LSTM layer"],
  denseUnits: ["list", "units of each hidden dense layer, or none"],
  outputScale: ["number", "factor on the output, the exercise's Lambda"],
  optimizer: ["choice", "update rule", ["sgd", "adam", "rmsprop"]],
  learningRate: ["number", "step size"],
  momentum: ["number", "momentum of sgd and rmsprop"],
  nesterov: ["flag", "Nesterov momentum (sgd)"],
  beta1: ["number", "adam's decay of the first moment"],
  beta2: ["number", "adam's decay of the second moment"],
  rho: ["number", "rmsprop's decay of the squared gradient"],
  epsilon: ["number", "adam's and rmsprop's guard against division by 0"],
  clipNorm: ["number", "largest norm of the gradient, 0 for any"],
  loss: ["choice", "what is minimised", ["huber", "mse", "mae"]],
  huberDelta: ["number", "where Huber's loss turns linear"],
  lossStart: ["number", "first output position that counts in the loss"],
  epochs: ["number", "passes over the training windows"],
  schedule: ["choice", "how the learning rate changes by epoch", [
    "constant",
    "cosine",
    "exponential",
  ]],
  warmupEpochs: ["number", "first epochs, in which the learning rate rises"],
  averageEpochs: ["number", "last epochs whose mean weights are kept"],
  monitor: ["choice", "metric that decides the best epoch", [
    "val_mae",
    "val_loss",
    "mae",
    "loss",
  ]],
  saveBestOnly: [
    "flag",
    "keep the best epoch; --no-save-best-only keeps the last",
  ],
  seed: ["number", "seed of initial weights and shuffling"],
};

const KEYS = Object.keys(FIELDS) as (keyof Config)[];
/** `--split-time` takes dates and fractions too, which need the series. */
const OPTION_KEYS = KEYS.filter((key) => key !== "splitTime");

/** The option specs, defaults those of the exercise. */
export const CONFIG_OPTIONS: readonly OptionSpec[] = OPTION_KEYS.map((key) => {
  const [kind, help, choices] = FIELDS[key];
  const value = DEFAULT_CONFIG[key];
  return {
    name: optionName(key).slice(2),
    kind,
    help,
    default: kind === "flag" ? (value ? "on" : "off") : String(value) || "none",
    ...(choices && { choices }),
  };
});

/** Of the given options, those that are configuration. */
export function givenConfig(values: OptionValues): Partial<Config> {
  const given: Record<string, unknown> = {};
  for (const key of OPTION_KEYS) {
    const value = values.get(optionName(key).slice(2));
    if (value !== undefined) given[key] = value;
  }
  return given as Partial<Config>;
}

/**
 * Lays later parts over earlier ones, all over the defaults, and checks the result.
 *
 * @throws {UsageError} if a field is unknown, or not what it must be.
 */
export function mergeConfig(...parts: readonly Partial<Config>[]): Config {
  const config = Object.assign({}, DEFAULT_CONFIG, ...parts) as Config;
  const unknown = Object.keys(config).find((key) =>
    !Object.hasOwn(FIELDS, key)
  );
  if (unknown !== undefined) {
    throw new UsageError(
      `Cannot use the setting ${unknown}: expected one of ${KEYS.join(", ")}`,
    );
  }
  validateConfig(config);
  return config;
}
