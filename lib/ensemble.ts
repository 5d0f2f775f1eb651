/**
 * Several networks as one: the mean of their outputs, and how far they lie apart.
 * @module
 */

import type { Predict } from "./rollout.ts";

/**
 * The members' mean output; rolled forward, every member is fed that mean. The members run one after the
 * other, since they may share a device.
 *
 * @example
 * ```ts
 * import { ensemblePredict } from "@sunspots/sunspots";
 * const same = (inputs: Float32Array) => Promise.resolve(inputs);
 * const doubled = (inputs: Float32Array) => Promise.resolve(inputs.map((x) => 2 * x));
 * await ensemblePredict([same, doubled])(Float32Array.of(2)); // 3
 * ```
 *
 * @throws {RangeError} if there is no member.
 */
export function ensemblePredict(members: readonly Predict[]): Predict {
  if (members.length === 0) {
    throw new RangeError(
      "Cannot average an ensemble: it has no members, expected at least one",
    );
  }
  return async (inputs) => {
    let mean: Float64Array | undefined;
    for (const member of members) {
      const outputs = await member(inputs);
      mean ??= new Float64Array(outputs.length);
      for (let i = 0; i < mean.length; i++) {
        mean[i]! += outputs[i]! / members.length;
      }
    }
    return mean!;
  };
}

/**
 * The sample standard deviation of the members' forecasts at each element, `n - 1` in the denominator; 0 for one
 * member.
 *
 * @param forecasts Each member's, `[n]` alike.
 * @returns `[n]`, in the series' units.
 */
export function ensembleSpread(
  forecasts: readonly ArrayLike<number>[],
): Float64Array {
  const members = forecasts.length;
  return Float64Array.from(forecasts[0] ?? [], (_, i) => {
    if (members < 2) return 0;
    const mean = forecasts.reduce((sum, f) => sum + f[i]!, 0) / members;
    const squares = forecasts.reduce((sum, f) => sum + (f[i]! - mean) ** 2, 0);
    return Math.sqrt(squares / (members - 1));
  });
}
