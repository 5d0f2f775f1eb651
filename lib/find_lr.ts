/**
 * The learning-rate finder: trains while the learning rate grows from epoch to epoch, and points at
 * the rates worth trying. Uses the exercise's schedule; nothing is kept of the weights.
 * @module
 */

import type { Config } from "./config.ts";
import type { TrainEngine } from "./engine/engine.ts";
import { learningRateAt } from "./schedule.ts";
import { meanOverWindows } from "./train.ts";
import { shuffleOrder } from "./windows.ts";

/** One epoch of the finder. */
export interface FinderEpoch {
  /** Its step size. */
  learning_rate: number;
  /** Its mean training loss. */
  loss: number;
}

/** What the finder tries. */
export interface FinderRequest {
  /** The run's configuration; `learningRate` is where the finder begins. */
  config: Config;
  /** First indices of the training windows. */
  training: Int32Array;
  /** Stops the search. */
  signal?: AbortSignal;
  /** Called after each epoch. */
  onEpochEnd?: (epoch: number, point: FinderEpoch) => void;
}

/** The loss has blown up at this many times the smallest one. */
const BLOWN_UP = 10;

/**
 * Trains with the exponential schedule, `learningRate 10^(epoch / 20)`, until the epochs are done or the loss has
 * blown up.
 *
 * @returns In rising order of learning rate; the last loss may not be finite.
 */
export async function findLearningRate(
  engine: TrainEngine,
  request: FinderRequest,
): Promise<FinderEpoch[]> {
  const { training, signal, onEpochEnd } = request;
  const config: Config = {
    ...request.config,
    schedule: "exponential",
    warmupEpochs: 0,
  };
  const points: FinderEpoch[] = [];
  let smallest = Infinity;
  for (let epoch = 1; epoch <= config.epochs; epoch++) {
    const learningRate = learningRateAt(epoch, config);
    const { loss } = await engine.trainEpoch(
      shuffleOrder(training, { ...config, epoch }),
      { learningRate, ...(signal && { signal }) },
    );
    const point = {
      learning_rate: learningRate,
      loss: meanOverWindows(loss, {
        windows: training.length,
        batchSize: config.batchSize,
      }),
    };
    points.push(point);
    onEpochEnd?.(epoch, point);
    smallest = Math.min(smallest, point.loss);
    if (!(point.loss < BLOWN_UP * smallest)) break;
  }
  return points;
}

/**
 * A tenth of the rate with the smallest loss, the usual safe choice (Smith 2017, section 3.3,
 * https://arxiv.org/abs/1506.01186).
 *
 * @returns `undefined` if no loss was finite.
 */
export function suggestLearningRate(
  points: readonly FinderEpoch[],
): number | undefined {
  const finite = points.filter(({ loss }) => Number.isFinite(loss));
  if (finite.length === 0) return undefined;
  return finite.reduce((a, b) => b.loss < a.loss ? b : a).learning_rate / 10;
}
