import {
  assertAlmostEquals,
  assertEquals,
  assertGreater,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { allBaselines, fitBaselines } from "../lib/baselines/baselines.ts";
import {
  autoregression,
  chooseOrder,
  fitAutoregression,
} from "../lib/baselines/autoregression.ts";
import type { Baseline } from "../lib/baselines/baseline.ts";
import { climatology } from "../lib/baselines/climatology.ts";
import { exponentialSmoothing } from "../lib/baselines/exponential_smoothing.ts";
import {
  movingAverage,
  persistence,
  seasonalNaive,
} from "../lib/baselines/naive.ts";
import { meanAbsoluteError, rootMeanSquaredError } from "../lib/metrics.ts";
import { randomStream } from "../lib/random.ts";
import golden from "./golden/baselines.json" with { type: "json" };
import { month, SPLIT, sunspots } from "./sunspots.ts";

const training = { values: sunspots.subarray(0, SPLIT), month };
const actual = sunspots.subarray(SPLIT);

/** Each validation value forecast from all before it. */
function oneStep(baseline: Baseline): Float64Array {
  const { forecast } = baseline.fit(training);
  return actual.map((_, i) => forecast(sunspots.subarray(0, SPLIT + i), 1)[0]!);
}

function assertErrors(
  forecast: Float64Array,
  expected: { mae: number; rmse: number },
  tolerance = 1e-8,
) {
  assertAlmostEquals(
    meanAbsoluteError(actual, forecast),
    expected.mae,
    tolerance,
  );
  assertAlmostEquals(
    rootMeanSquaredError(actual, forecast),
    expected.rmse,
    tolerance,
  );
}

for (const reference of golden.autoregression) {
  Deno.test(`autoregression() of order ${reference.order} agrees with statsmodels`, () => {
    const { order } = reference;
    const { intercept, lags } = fitAutoregression(training.values, order);
    assertAlmostEquals(intercept, reference.constant, 1e-8);
    reference.coefficients.forEach((c, k) =>
      assertAlmostEquals(lags[k]!, c, 1e-10)
    );
    assertErrors(oneStep(autoregression({ order })), reference.one_step);
    const ahead = autoregression({ order }).fit(training)
      .forecast(training.values, 12);
    reference.from_split_12_steps.forEach((value, h) =>
      assertAlmostEquals(ahead[h]!, value, 1e-7)
    );
  });
}

Deno.test("exponentialSmoothing() agrees with statsmodels", () => {
  for (
    const { alpha, forecast_from_split } of golden.exponential_smoothing_fixed
  ) {
    const { forecast } = exponentialSmoothing(alpha).fit(training);
    assertAlmostEquals(
      forecast(training.values, 3)[2]!,
      forecast_from_split,
      1e-9,
    );
  }
  const fitted = golden.exponential_smoothing[0]!;
  // The flat minimum leaves both optimizers 1e-5 of play.
  assertErrors(oneStep(exponentialSmoothing()), fitted.one_step, 1e-4);
  assertEquals(
    exponentialSmoothing().fit(training).label,
    `exponential smoothing (alpha ${fitted.alpha.toFixed(3)})`,
  );
});

Deno.test("seasonalNaive() and persistence() agree with numpy", () => {
  for (const { season, one_step, from_split } of golden.seasonal_naive) {
    assertErrors(oneStep(seasonalNaive(season)), one_step);
    const { forecast } = seasonalNaive(season).fit(training);
    assertErrors(forecast(training.values, actual.length), from_split);
  }
  assertErrors(oneStep(persistence()), golden.seasonal_naive[0]!.one_step);
});

Deno.test("climatology() agrees with numpy, and needs dates", () => {
  assertErrors(oneStep(climatology()), golden.climatology);
  const year = climatology().fit(training).forecast(training.values, 12);
  golden.climatology.by_month.forEach((mean, m) =>
    assertAlmostEquals(year[m]!, mean, 1e-9)
  );
  assertThrows(
    () => climatology().fit({ values: training.values }),
    RangeError,
    "no dates",
  );
});

Deno.test("movingAverage() forecasts the mean of its window", () => {
  const history = Float64Array.of(1, 2, 3, 6);
  const { forecast } = movingAverage(2).fit({ values: history });
  assertEquals([...forecast(history, 2)], [4.5, 4.5]);
});

Deno.test("movingAverage() finds the window that made the series", () => {
  const random = randomStream(1, { purpose: "test" });
  const values = new Float64Array(2000);
  values.forEach((_, t) => {
    const last = values.subarray(Math.max(t - 4, 0), t);
    const mean = last.reduce((a, b) => a + b, 0) / Math.max(last.length, 1);
    values[t] = mean + random.normal();
  });
  assertEquals(movingAverage().fit({ values }).label, "moving average (4)");
});

Deno.test("chooseOrder() finds the order that made the series", () => {
  const random = randomStream(2, { purpose: "test" });
  const values = new Float64Array(4000);
  for (let t = 3; t < values.length; t++) {
    values[t] = 0.5 * values[t - 1]! - 0.6 * values[t - 3]! + random.normal();
  }
  assertEquals(chooseOrder(values, 3), 3);
  const order = chooseOrder(values, 20);
  assertGreater(order, 2);
  assertGreater(8, order);
});

Deno.test("chooseOrder() gives the AIC that separate fits give", () => {
  const maxOrder = 6, values = training.values.subarray(0, 400);
  const n = values.length - maxOrder;
  const aics = Array.from({ length: maxOrder }, (_, i) => {
    const order = i + 1;
    // Drop the targets that the longest model can't have.
    const model = fitAutoregression(values.subarray(maxOrder - order), order);
    let rss = 0;
    for (let t = maxOrder; t < values.length; t++) {
      const fit = model.lags.reduce(
        (sum, lag, k) => sum + lag * values[t - 1 - k]!,
        model.intercept,
      );
      rss += (values[t]! - fit) ** 2;
    }
    return n * Math.log(rss / n) + 2 * (order + 1);
  });
  assertEquals(
    chooseOrder(values, maxOrder),
    1 + aics.indexOf(Math.min(...aics)),
  );
});

Deno.test("autoregression() refuses a series without noise", () => {
  const values = Float64Array.from({ length: 100 }, (_, t) => t % 2);
  assertThrows(
    () => autoregression({ order: 12 }).fit({ values }),
    RangeError,
    "linear function",
  );
});

for (const baseline of allBaselines()) {
  Deno.test(`${baseline.name} sees nothing of the future`, () => {
    const changed = sunspots.slice();
    for (let t = SPLIT; t < changed.length; t++) changed[t] = 1e4 - t;
    const other = { values: changed.subarray(0, SPLIT), month };
    const a = baseline.fit(training).forecast;
    const b = baseline.fit(other).forecast;
    assertEquals(
      a(sunspots.subarray(0, SPLIT), 24),
      b(changed.subarray(0, SPLIT), 24),
    );
    // Fitted before the change, a forecast from an origin must not follow what comes after it.
    const origin = SPLIT + 100;
    const late = sunspots.slice();
    late.fill(-999, origin + 1);
    assertEquals(
      a(late.subarray(0, origin + 1), 24),
      a(sunspots.subarray(0, origin + 1), 24),
    );
    // It does follow what it may know, or the above would prove nothing.
    if (baseline.name !== "climatology") {
      assertNotEquals(
        a(changed.subarray(0, SPLIT + 132), 24),
        a(sunspots.subarray(0, SPLIT + 132), 24),
      );
    }
  });
}

Deno.test("fitBaselines() leaves out what can't be fitted and says why", () => {
  const short = { values: sunspots.subarray(0, 40) };
  const { fitted, omitted } = fitBaselines(short);
  assertEquals([...fitted.keys()], [
    "persistence",
    "moving_average",
    "exponential_smoothing",
    "ar_12",
    "ar",
  ]);
  assertEquals(omitted.length, 3);
});
