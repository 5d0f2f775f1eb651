/**
 * `--scale`: brings values to the network's range and its outputs back, fitted on the training part only. Between
 * series and windows in the flow.
 * @module
 */

import type { ScaleName } from "./config.ts";
import { DataError, UsageError } from "./errors.ts";

/** A fitted scaling, `scaled = (value - offset) / divisor`. Plain JSON, so that a checkpoint can keep it. */
export interface Scaling {
  /** How it was fitted. */
  readonly kind: ScaleName;
  /** What becomes 0, in the series' units. */
  readonly offset: number;
  /** What becomes 1 above it, in the series' units; positive. */
  readonly divisor: number;
}

/** Leaves values as they are. */
export const NO_SCALING: Scaling = Object.freeze({
  kind: "none",
  offset: 0,
  divisor: 1,
});

/**
 * Fits a scaling. `standard` is `(x - mean) / deviation` with the population's standard deviation, as
 * https://scikit-learn.org/stable/modules/generated/sklearn.preprocessing.StandardScaler.html; `minmax` is
 * `(x - min) / (max - min)`.
 *
 * @example
 * ```ts
 * import { applyScaling, fitScaling, invertScaling } from "@sunspots/sunspots";
 * const values = Float64Array.of(0, 50, 100);
 * const scaling = fitScaling("minmax", values);
 * const scaled = applyScaling(scaling, values); // [0, 0.5, 1]
 * invertScaling(scaling, scaled); // [0, 50, 100]
 * ```
 *
 * @param training The training part only, `values.subarray(0, splitTime)`: anything more would let the future leak in.
 * @throws {DataError} if the training part is empty or constant.
 * @throws {UsageError} for an unknown kind.
 */
export function fitScaling(
  kind: ScaleName,
  training: ArrayLike<number>,
): Scaling {
  if (kind === "none") return NO_SCALING;
  if (kind !== "standard" && kind !== "minmax") {
    throw new UsageError(
      `Cannot use --scale ${kind}: expected one of none, standard, minmax`,
    );
  }
  const count = training.length;
  let min = Infinity;
  let max = -Infinity;
  for (let i = 0; i < count; i++) {
    min = Math.min(min, training[i]!);
    max = Math.max(max, training[i]!);
  }
  if (!(max > min)) {
    throw new DataError(
      `Cannot scale the series by ${kind}: its training part ${
        count === 0 ? "is empty" : `is always ${min}`
      }, expected values that differ`,
    );
  }
  if (kind === "minmax") return { kind, offset: min, divisor: max - min };
  // Two passes, and everything relative to the range: no overflow, no cancellation.
  const range = max - min;
  let sum = 0;
  for (let i = 0; i < count; i++) sum += (training[i]! - min) / range;
  const mean = sum / count;
  let squares = 0;
  for (let i = 0; i < count; i++) {
    squares += ((training[i]! - min) / range - mean) ** 2;
  }
  return {
    kind,
    offset: min + mean * range,
    divisor: Math.sqrt(squares / count) * range,
  };
}

/** Scales values, `[n]` to a new `[n]`. */
export function applyScaling(
  scaling: Scaling,
  values: ArrayLike<number>,
): Float64Array<ArrayBuffer> {
  const { offset, divisor } = scaling;
  return Float64Array.from(values, (value) => (value - offset) / divisor);
}

/** Brings scaled values back to the series' units, `[n]` to a new `[n]`. */
export function invertScaling(
  scaling: Scaling,
  values: ArrayLike<number>,
): Float64Array<ArrayBuffer> {
  const { offset, divisor } = scaling;
  return Float64Array.from(values, (value) => value * divisor + offset);
}

/**
 * Reads a scaling from a checkpoint's JSON.
 *
 * @throws {TypeError} if it is none.
 */
export function parseScaling(json: unknown): Scaling {
  if (typeof json === "object" && json !== null) {
    const { kind, offset, divisor } = json as Record<string, unknown>;
    if (
      (kind === "none" || kind === "standard" || kind === "minmax") &&
      typeof offset === "number" && Number.isFinite(offset) &&
      typeof divisor === "number" && Number.isFinite(divisor) &&
      divisor > 0 && (kind !== "none" || (offset === 0 && divisor === 1))
    ) return { kind, offset, divisor };
  }
  throw new TypeError(
    "Cannot read a scaling: expected kind none, standard or minmax, a finite offset and a positive divisor",
  );
}
