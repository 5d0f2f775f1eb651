import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import {
  autocovariance,
  elementLoss,
  meanAbsoluteError,
  naiveScale,
  rootMeanSquaredError,
  skill,
} from "../lib/metrics.ts";
import golden from "./golden/baselines.json" with { type: "json" };
import { SPLIT, sunspots } from "./sunspots.ts";

Deno.test("meanAbsoluteError() and rootMeanSquaredError() average over all elements", () => {
  assertEquals(meanAbsoluteError([1, 2, 3], [1, 4, 7]), 2);
  assertAlmostEquals(
    rootMeanSquaredError([1, 2, 3], [1, 4, 7]),
    Math.sqrt(20 / 3),
  );
});

Deno.test("meanAbsoluteError() refuses lengths that would broadcast", () => {
  assertThrows(() => meanAbsoluteError([1, 2], [1]), RangeError, "1 predict");
  assertThrows(() => meanAbsoluteError([], []), RangeError, "at least one");
});

Deno.test("elementLoss() is quadratic up to huberDelta and linear beyond", () => {
  const huber = { loss: "huber", huberDelta: 2 } as const;
  assertEquals(elementLoss(-1, huber), 0.5);
  assertEquals(elementLoss(2, huber), 2);
  assertEquals(elementLoss(5, huber), 8);
  assertEquals(elementLoss(-3, { loss: "mse", huberDelta: 2 }), 9);
  assertEquals(elementLoss(-3, { loss: "mae", huberDelta: 2 }), 3);
});

Deno.test("naiveScale() agrees with numpy on the training part", () => {
  for (const { season, mase_scale } of golden.seasonal_naive) {
    assertAlmostEquals(
      naiveScale(sunspots.subarray(0, SPLIT), season),
      mase_scale,
      1e-9,
    );
  }
});

Deno.test("naiveScale() refuses a series that never moves", () => {
  assertThrows(() => naiveScale([5, 5, 5]), RangeError, "differ nowhere");
  assertThrows(() => naiveScale([5]), RangeError);
});

Deno.test("skill() is the share of the reference's error that is saved", () => {
  assertEquals(skill(3, 4), 0.25);
  assertEquals(skill(5, 4), -0.25);
});

Deno.test("autocovariance() divides every lag by n", () => {
  const result = autocovariance([1, 2, 3, 4], 2);
  assertAlmostEquals(result[0]!, 5 / 4);
  assertAlmostEquals(result[1]!, 1.25 / 4);
  assertAlmostEquals(result[2]!, -1.5 / 4);
});
