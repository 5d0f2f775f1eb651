/**
 * The mean of the weights over a run's last epochs, which forecasts better than the weights of any one of them
 * (stochastic weight averaging, Izmailov et al. 2018, https://arxiv.org/abs/1803.05407). Between engine and
 * checkpoint; pure arithmetic, training itself goes on from its own weights.
 * @module
 */

import type { Config } from "./config.ts";

/** A mean so far: all that a resumed run needs to go on bit for bit. */
export interface WeightAverage {
  /** Weight vectors that went in, at least one. */
  readonly count: number;
  /** `[parameters]` */
  readonly mean: Float32Array<ArrayBuffer>;
}

/**
 * Whether an epoch's weights belong to the mean: those of the last `averageEpochs`, none if that is 0.
 *
 * @param epoch From 1.
 */
export function averagesEpoch(
  epoch: number,
  options: Pick<Config, "epochs" | "averageEpochs">,
): boolean {
  return epoch > options.epochs - options.averageEpochs;
}

/**
 * Takes one more weight vector into the mean: `mean + (weights - mean) / count`, rounded to single precision each
 * time, so that a mean that was saved and loaded goes on as if it had not been.
 *
 * @param average The mean so far; `undefined` for none. Left as it is.
 * @param weights `[parameters]`; left as they are, and not kept.
 * @throws {RangeError} if the lengths differ.
 */
export function averageWeights(
  average: WeightAverage | undefined,
  weights: ArrayLike<number>,
): WeightAverage {
  if (average === undefined) {
    return { count: 1, mean: Float32Array.from(weights) };
  }
  if (average.mean.length !== weights.length) {
    throw new RangeError(
      `Cannot average ${weights.length} weights: the mean so far has ${average.mean.length}, expected as many`,
    );
  }
  const count = average.count + 1;
  const mean = average.mean.map((m, i) => m + (weights[i]! - m) / count);
  return { count, mean };
}
