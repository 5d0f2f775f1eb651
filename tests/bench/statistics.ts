/**
 * A few timings in three numbers.
 * @module
 */

/** The ends and the middle of some measurements. */
export interface Spread {
  /** The smallest. */
  min: number;
  /** The middle one; the mean of the two in the middle of an even count. */
  median: number;
  /** The largest. */
  max: number;
}

/**
 * Minimum, median and maximum.
 *
 * @throws {RangeError} without a measurement.
 */
export function spread(values: readonly number[]): Spread {
  if (values.length === 0) {
    throw new RangeError("Cannot summarise no measurements: expected some");
  }
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return {
    min: sorted[0]!,
    median: sorted.length % 2 === 1
      ? sorted[middle]!
      : (sorted[middle - 1]! + sorted[middle]!) / 2,
    max: sorted.at(-1)!,
  };
}
