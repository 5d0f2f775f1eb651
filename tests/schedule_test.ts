import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { DEFAULT_CONFIG } from "../lib/config.ts";
import { learningRateAt, type ScheduleOptions } from "../lib/schedule.ts";

/** All epochs' rates. */
function rates(options: Partial<ScheduleOptions>): number[] {
  const all = { ...DEFAULT_CONFIG, learningRate: 0.5, epochs: 4, ...options };
  return Array.from(
    { length: all.epochs },
    (_, i) => learningRateAt(i + 1, all),
  );
}

function assertRates(actual: number[], expected: number[]) {
  assertEquals(actual.length, expected.length);
  expected.forEach((rate, i) => assertAlmostEquals(actual[i]!, rate, 1e-15));
}

Deno.test("learningRateAt() is the configured rate in every epoch of the seed's recipe", () => {
  for (const epoch of [1, 2, 57, 100]) {
    assertEquals(learningRateAt(epoch, DEFAULT_CONFIG), 1e-4);
  }
});

Deno.test("learningRateAt() follows half a cosine", () => {
  const half = Math.SQRT1_2 / 4;
  assertRates(rates({ schedule: "cosine" }), [
    0.5,
    0.25 + half,
    0.25,
    0.25 - half,
  ]);
});

Deno.test("learningRateAt() warms up, then begins the cosine at its top", () => {
  assertRates(
    rates({ schedule: "cosine", warmupEpochs: 3, epochs: 7 }).slice(0, 4),
    [0.125, 0.25, 0.375, 0.5],
  );
  assertRates(
    rates({ schedule: "cosine", warmupEpochs: 3, epochs: 7 }).slice(3),
    rates({ schedule: "cosine", epochs: 4 }),
  );
  assertRates(rates({ warmupEpochs: 1 }), [0.25, 0.5, 0.5, 0.5]);
});

Deno.test("learningRateAt() searches as the exercise does, tenfold every 20 epochs", () => {
  const found = rates({
    schedule: "exponential",
    learningRate: 1e-8,
    epochs: 100,
  });
  assertEquals(found[0], 1e-8);
  assertAlmostEquals(found[20]! / 1e-7, 1, 1e-12);
  assertAlmostEquals(found[99]! / 1e-8, 10 ** (99 / 20), 1e-6);
});

Deno.test("learningRateAt() refuses an epoch outside of the run", () => {
  for (const epoch of [0, 101, 1.5, NaN]) {
    assertThrows(
      () => learningRateAt(epoch, DEFAULT_CONFIG),
      RangeError,
      `Cannot schedule epoch ${epoch}`,
    );
  }
});
