import {
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertLess,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { blockLength, bootstrapMean } from "../lib/bootstrap.ts";
import { randomStream } from "../lib/random.ts";

/** An autoregression of order 1 around 0. */
function ar1(n: number, phi: number, seed: number): Float64Array {
  const random = randomStream(seed, { purpose: "test" });
  const values = new Float64Array(n);
  let x = random.normal() / Math.sqrt(1 - phi * phi);
  for (let t = 0; t < n; t++) values[t] = x = phi * x + random.normal();
  return values;
}

Deno.test("blockLength() agrees with arch.bootstrap.optimal_block_length", () => {
  // arch 8.0's `circular` for the same two series.
  const wave = Float64Array.from(
    { length: 234 },
    (_, i) =>
      Math.sin(i * 1.7) +
      0.5 * Math.sin(i * 0.3) * ((i * 7919) % 13) / 13,
  );
  assertAlmostEquals(blockLength(wave), 46, 1e-6);
  const noise = Float64Array.from(
    { length: 200 },
    (_, i) => ((i * 7919) % 101) / 101,
  );
  const smooth = Float64Array.from(
    { length: 195 },
    (_, i) => noise.subarray(i, i + 6).reduce((a, b) => a + b, 0),
  );
  assertAlmostEquals(blockLength(smooth), 27.938456, 1e-5);
});

Deno.test("blockLength() is 1 for a series that never moves", () => {
  assertEquals(blockLength(new Float64Array(50).fill(3)), 1);
});

Deno.test("bootstrapMean() covers the mean of a correlated series about as often as it says", () => {
  let covered = 0;
  const trials = 200;
  for (let trial = 0; trial < trials; trial++) {
    const { lower, upper } = bootstrapMean(ar1(300, 0.5, trial), {
      samples: 500,
      index: trial,
    });
    if (lower <= 0 && upper >= 0) covered++;
  }
  // 95 % in the limit; at 300 steps with correlation the bootstrap falls a little short.
  assertGreater(covered / trials, 0.87);
  assertLess(covered / trials, 0.99);
});

Deno.test("bootstrapMean() repeats itself for the same seed only", () => {
  const values = ar1(100, 0.3, 7);
  assertEquals(
    bootstrapMean(values, { seed: 1 }),
    bootstrapMean(values, { seed: 1 }),
  );
  assertNotEquals(
    bootstrapMean(values, { seed: 1 }),
    bootstrapMean(values, { seed: 2 }),
  );
});

Deno.test("bootstrapMean() weighs time steps by their counts", () => {
  const interval = bootstrapMean(Float64Array.of(2, 12, 4, 6), {
    counts: Float64Array.of(1, 6, 2, 3),
  });
  assertEquals([interval.mean, interval.lower, interval.upper], [2, 2, 2]);
});

Deno.test("bootstrapMean() refuses what it can't resample", () => {
  assertThrows(() => bootstrapMean(new Float64Array(2)), RangeError, "3");
});
