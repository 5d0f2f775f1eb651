/**
 * `--augment-scales`: repeats the training part at other amplitudes, so that the network sees weak and strong cycles
 * that the record doesn't hold. Between windows and training; validation and forecasts never see the copies.
 *
 * Multiplying a series by a constant is the magnitude scaling of https://arxiv.org/abs/1706.00527, there
 * drawn at random, here fixed, so that a run can be repeated.
 * @module
 */

import type { TrainOptions } from "./config.ts";

/** A series with its copies, and the windows to train on. */
export interface AugmentedSeries {
  /** The series as it was, then a copy of the training part for each factor. `[time + copies]` */
  values: Float64Array<ArrayBuffer>;
  /** First indices of the training windows, then of the same windows in each copy. */
  training: Int32Array;
}

/**
 * Appends copies of the training part, each multiplied by one of `augmentScales`, and cuts the same windows from each.
 * No window reaches from one copy into the next, and none reads a value from `splitTime` on.
 *
 * @example
 * ```ts
 * import { augmentSeries } from "@sunspots/sunspots";
 * const { values, training } = augmentSeries(Float64Array.of(1, 2, 3, 9), {
 *   training: Int32Array.of(0, 1),
 *   splitTime: 3,
 *   augmentScales: [0.5],
 * });
 * values; // [1, 2, 3, 9, 0.5, 1, 1.5]
 * training; // [0, 1, 4, 5]
 * ```
 *
 * @param values The whole series in its own units, not scaled: the factors are about its 0.
 */
export function augmentSeries(
  values: ArrayLike<number>,
  options:
    & Pick<TrainOptions, "splitTime" | "augmentScales">
    & Pick<AugmentedSeries, "training">,
): AugmentedSeries {
  const { training, splitTime, augmentScales } = options;
  const copies = 1 + augmentScales.length;
  const original = Float64Array.from(values);
  const all = new Float64Array(
    original.length + augmentScales.length * splitTime,
  );
  const starts = new Int32Array(copies * training.length);
  all.set(original);
  starts.set(training);
  augmentScales.forEach((factor, i) => {
    const at = original.length + i * splitTime;
    all.set(
      original.subarray(0, splitTime).map((value) => factor * value),
      at,
    );
    starts.set(training.map((start) => at + start), (i + 1) * training.length);
  });
  return { values: all, training: starts };
}
