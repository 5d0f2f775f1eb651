/**
 * Named recipes: what each changes of the defaults. Between configuration and command line.
 * @module
 */

import type { Config } from "./config.ts";

/** Names of the recipes, as in `--preset`. */
export type PresetName = "seed" | "tuned";

/**
 * The recipes; options given beside one go before it.
 *
 * - `seed`: the TensorFlow exercise, which is what the defaults are.
 * - `tuned`: the same family of model for forecasts of up to a year. It sees one solar cycle, and the record at three
 *   amplitudes; it predicts 6 months at once, minimises the absolute error that it is judged by, lets the step size
 *   fall along half a cosine, and keeps the mean weights of the last epochs. Everything in it was chosen by
 *   backtests inside of the first 3000 months (trained up to month 1800, 2200 or 2600, judged on the 400 that
 *   follow). The last epoch is kept, not the best one, so that the validation part chooses nothing.
 *   With 12 months at once and no copies its error one month ahead was there that of AR(30); copies saved 2 to 3 %,
 *   6 months instead of 12 another 1 to 2 %. Predicting the change from the last value, a linear path beside the
 *   network and square roots of the values were tried too, and added nothing clear.
 */
export const PRESETS: Readonly<Record<PresetName, Readonly<Partial<Config>>>> =
  Object.freeze({
    seed: Object.freeze({}),
    tuned: Object.freeze({
      windowSize: 132,
      shift: 6,
      shuffleBuffer: 3000,
      horizon: 6,
      filters: 32,
      lstmUnits: Object.freeze([64]),
      denseUnits: Object.freeze([32]),
      scale: "standard",
      augmentScales: Object.freeze([0.8, 1.25]),
      outputScale: 1,
      optimizer: "adam",
      learningRate: 6e-3,
      clipNorm: 1,
      loss: "mae",
      epochs: 12,
      schedule: "cosine",
      averageEpochs: 5,
      saveBestOnly: false,
    }),
  });

/** How many members each recipe trains; their mean forecasts better than any one of them. 1: no ensemble. */
export const PRESET_MEMBERS: Readonly<Record<PresetName, number>> = Object
  .freeze({ seed: 1, tuned: 5 });
