import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertLess,
  assertThrows,
} from "@std/assert";
import { conformalIntervals, minErrors } from "../lib/conformal.ts";
import { randomStream } from "../lib/random.ts";

/** Forecasts of 100 with independent errors, their size by time. */
function record(n: number, size: (t: number) => number, seed = 1) {
  const random = randomStream(seed, { purpose: "test" });
  return {
    origins: Int32Array.from({ length: n }, (_, i) => i),
    horizon: 1,
    forecasts: new Float64Array(n).fill(100),
    actuals: Float64Array.from(
      { length: n },
      (_, t) => 100 + size(t) * random.normal(),
    ),
  };
}

/** Percent inside from an index on. */
function covered(
  { actuals }: { actuals: Float64Array },
  { lower, upper }: { lower: Float64Array; upper: Float64Array },
  from: number,
): number {
  let inside = 0;
  for (let i = from; i < actuals.length; i++) {
    if (actuals[i]! >= lower[i]! && actuals[i]! <= upper[i]!) inside++;
  }
  return 100 * inside / (actuals.length - from);
}

Deno.test("conformalIntervals() takes the finite-sample rank of the past errors", () => {
  // 9 errors of 1 to 9 above and 10 to 18 below: at 50 % each tail takes rank ceil(19 x 0.75) = 15.
  const errors = [
    3,
    -14,
    7,
    -10,
    1,
    -18,
    9,
    -12,
    5,
    -16,
    2,
    -11,
    8,
    -13,
    4,
    -17,
    6,
    -15,
  ];
  const [bounds] = conformalIntervals({
    origins: [...errors.keys(), errors.length],
    horizon: 1,
    forecasts: [...errors, 0].map(() => 50),
    actuals: errors.map((e) => 50 + e),
  }, { levels: [50], warmUp: errors.length, gamma: 0 });
  // The 15th largest of the upward errors, and of the downward ones.
  const up = errors.toSorted((a, b) => a - b)[14]!;
  const down = errors.toSorted((a, b) => b - a)[14]!;
  assertAlmostEquals(bounds!.upper.at(-1)!, 50 + up, 1e-9);
  assertAlmostEquals(bounds!.lower.at(-1)!, 50 + down, 1e-9);
  assert(Number.isNaN(bounds!.lower[17]!));
});

Deno.test("conformalIntervals() covers independent errors at its levels", () => {
  const track = record(3000, () => 5);
  const [inner, outer] = conformalIntervals(track, {
    levels: [80, 95],
    warmUp: 100,
    gamma: 0,
  });
  assertAlmostEquals(covered(track, inner!, 100), 80, 2.5);
  assertAlmostEquals(covered(track, outer!, 100), 95, 1.5);
});

Deno.test("conformalIntervals() follows errors that grow, as fixed ranks don't", () => {
  const track = record(2000, (t) => t < 1000 ? 1 : 4);
  const options = { levels: [80], warmUp: 200 };
  const [adaptive] = conformalIntervals(track, { ...options, gamma: 0.2 });
  const [fixed] = conformalIntervals(track, { ...options, gamma: 0 });
  assertLess(covered(track, fixed!, 1000), 72);
  assertAlmostEquals(covered(track, adaptive!, 1000), 80, 3);
});

Deno.test("conformalIntervals() widens with the forecast where errors do", () => {
  const random = randomStream(3, { purpose: "test" });
  const n = 1500;
  const forecasts = Float64Array.from(
    { length: n },
    () => 200 * random.uniform(),
  );
  const track = {
    origins: Int32Array.from({ length: n }, (_, i) => i),
    horizon: 1,
    forecasts,
    actuals: forecasts.map((f) => f + (2 + 0.2 * f) * random.normal()),
  };
  const [bounds] = conformalIntervals(track, {
    levels: [80],
    warmUp: 300,
    min: 0,
  });
  let low = 0, high = 0;
  for (let i = 300; i < n; i++) {
    const width = bounds!.upper[i]! - bounds!.lower[i]!;
    if (forecasts[i]! < 20) low = Math.max(low, width);
    if (forecasts[i]! > 180) high = Math.max(high, width);
    assertGreater(bounds!.lower[i]!, -1e-12);
  }
  assertGreater(high, 3 * low);
});

Deno.test("conformalIntervals() knows an error only when its target has come", () => {
  const track = record(200, () => 3);
  const options = { levels: [80, 95], warmUp: 50 };
  const before = conformalIntervals({ ...track, horizon: 6 }, options);
  const changed = track.actuals.slice();
  // The target of origin 144 is the first that lies past origin 149.
  changed.fill(1e6, 144);
  const after = conformalIntervals(
    { ...track, horizon: 6, actuals: changed },
    options,
  );
  for (const l of [0, 1]) {
    assertEquals(
      after[l]!.upper.subarray(0, 150),
      before[l]!.upper.subarray(0, 150),
    );
    assertGreater(after[l]!.upper[199]!, before[l]!.upper[199]!);
  }
  assert(Number.isNaN(before[0]!.lower[54]!));
  assert(!Number.isNaN(before[0]!.lower[55]!));
});

Deno.test("conformalIntervals() gives neighbouring long horizons much the same intervals", () => {
  // A random walk forecast by its last value: errors at horizon h are sums of h steps, h - 1 of them shared.
  for (const seed of [1, 2, 3, 4]) {
    const random = randomStream(seed, { purpose: "test" });
    const n = 900;
    const walk = new Float64Array(n + 40);
    for (let t = 1; t < walk.length; t++) {
      walk[t] = walk[t - 1]! + random.normal();
    }
    const origins = Int32Array.from({ length: n }, (_, i) => i);
    const width = (horizon: number) => {
      const [bounds] = conformalIntervals({
        origins,
        horizon,
        forecasts: Float64Array.from(origins, (o) => walk[o]!),
        actuals: Float64Array.from(origins, (o) => walk[o + horizon]!),
      }, { levels: [80], warmUp: 400 });
      return bounds!.upper.at(-1)! - bounds!.lower.at(-1)!;
    };
    for (let horizon = 18; horizon < 36; horizon++) {
      const ratio = width(horizon + 1) / width(horizon);
      assert(ratio > 0.8 && ratio < 1.25, `${horizon}, ${seed}: ${ratio}`);
    }
  }
});

Deno.test("conformalIntervals() nests levels and refuses impossible ones", () => {
  const track = record(300, (t) => 1 + t % 7);
  const [inner, outer] = conformalIntervals(track, {
    levels: [95, 80],
    warmUp: 40,
    gamma: 1,
  });
  assertEquals([inner!.level, outer!.level], [80, 95]);
  for (let i = 60; i < 300; i++) {
    assert(outer!.lower[i]! <= inner!.lower[i]!);
    assert(outer!.upper[i]! >= inner!.upper[i]!);
  }
  assertEquals(minErrors(95), 39);
  assertThrows(
    () => conformalIntervals(track, { levels: [95], warmUp: 38 }),
    RangeError,
    "at least 39",
  );
  assertThrows(
    () => conformalIntervals(track, { levels: [100], warmUp: 99 }),
    RangeError,
  );
});
