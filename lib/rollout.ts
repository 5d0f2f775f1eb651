/**
 * The network as a function, and how it is rolled forward on its own outputs from many origins
 * at once.
 * @module
 */

import { alignment, type AlignmentOptions } from "./alignment.ts";
import { UsageError } from "./errors.ts";

/**
 * The network on any inputs, in the series' units: an engine's `predict`, an ensemble's mean.
 *
 * @param inputs `[n, windowSize]`
 * @returns `[n, steps, horizon]`
 */
export type Predict = (
  inputs: Float32Array,
) => Promise<Float32Array | Float64Array>;

/** The network as a function with its geometry; a `Config` with `predict` is one. */
export interface Network extends AlignmentOptions {
  /** Values ahead that each output position predicts. */
  horizon: number;
  /** The function. */
  predict: Predict;
}

/** From where and how far. */
export interface RolloutOptions {
  /** The series; nothing after an origin is read. `[time]` */
  values: ArrayLike<number>;
  /** Index of the newest value that each forecast may know. `[n]` */
  origins: ArrayLike<number>;
  /** Values ahead. */
  horizon: number;
  /** Most windows handed to `predict` at once. @default {1024} */
  batch?: number;
}

/**
 * Where in the window the newest known value has to lie so that the last output predicts what comes next.
 *
 * @throws {UsageError} if that output's convolution reads beyond it: such a network was trained with its
 * target before its eyes and can't forecast.
 */
export function newestOffset(geometry: AlignmentOptions): number {
  const { anchor, lastSeen } = alignment(geometry);
  const newest = anchor.at(-1)!;
  if (lastSeen.at(-1)! > newest) {
    throw new UsageError(
      `Cannot forecast with --padding ${geometry.padding} and --strides ${geometry.strides}: the last output reads ${
        lastSeen.at(-1)! - newest
      } values beyond the one it stands at, so its own target; expected a network that sees only the past, such as --padding causal`,
    );
  }
  return newest;
}

/**
 * Forecasts from every origin: the window that ends there goes in, the last output position's `horizon` values
 * come out, are appended, and go in again until there are enough. Nothing after an origin is read.
 *
 * With strides the last output may stand before the window's end; the window is then moved so that this
 * output stands at the newest value, and the inputs behind it, which it doesn't read, repeat that value.
 *
 * @returns `[origins, horizon]`
 * @throws {RangeError} if an origin has no full window before it or lies outside of the series.
 * @throws {UsageError} if the last output sees its own target.
 */
export async function rollForward(
  network: Network,
  options: RolloutOptions,
): Promise<Float64Array> {
  const { values, origins, horizon, batch = 1024 } = options;
  const newest = newestOffset(network);
  const { windowSize } = network;
  const { steps } = alignment(network);
  const known = newest + 1;
  const n = origins.length;
  // Each row: the known end of the series, then the forecasts.
  const width = known + horizon;
  const paths = new Float64Array(n * width);
  for (let i = 0; i < n; i++) {
    const origin = origins[i]!;
    if (!(origin >= newest && origin < values.length)) {
      throw new RangeError(
        `Cannot forecast from time index ${origin}: expected one from ${newest}, the end of the first full window, to ${
          values.length - 1
        }, the series' last`,
      );
    }
    for (let k = 0; k < known; k++) {
      paths[i * width + k] = values[origin - newest + k]!;
    }
  }
  for (let done = 0; done < horizon; done += network.horizon) {
    for (let from = 0; from < n; from += batch) {
      const rows = Math.min(batch, n - from);
      const inputs = new Float32Array(rows * windowSize);
      for (let i = 0; i < rows; i++) {
        const at = (from + i) * width + done;
        const row = inputs.subarray(i * windowSize, (i + 1) * windowSize);
        row.set(paths.subarray(at, at + known));
        row.fill(paths[at + newest]!, known);
      }
      const outputs = await network.predict(inputs);
      const size = steps * network.horizon;
      if (outputs.length !== rows * size) {
        throw new RangeError(
          `Cannot use the network's ${outputs.length} outputs: expected ${
            rows * size
          } for ${rows} windows, ${steps} positions and ${network.horizon} values each`,
        );
      }
      for (let i = 0; i < rows; i++) {
        const last = (i + 1) * size - network.horizon;
        for (let h = 0; h < network.horizon && done + h < horizon; h++) {
          paths[(from + i) * width + known + done + h] = outputs[last + h]!;
        }
      }
    }
  }
  const forecasts = new Float64Array(n * horizon);
  for (let i = 0; i < n; i++) {
    forecasts.set(
      paths.subarray(i * width + known, (i + 1) * width),
      i * horizon,
    );
  }
  return forecasts;
}
