import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertRejects,
} from "@std/assert";
import { fitAutoregression } from "../lib/baselines/autoregression.ts";
import { monthsOf } from "../lib/baselines/climatology.ts";
import { backtest } from "../lib/backtest.ts";
import { DEFAULT_CONFIG } from "../lib/config.ts";
import { forecast, forecastCsv, forecastJson } from "../lib/forecast.ts";
import { forecastTable } from "../lib/forecast_table.ts";
import type { Network } from "../lib/rollout.ts";
import { parseSeries } from "../lib/series.ts";
import csv from "../data/sunspots.csv" with { type: "text" };
import { month } from "./sunspots.ts";

const series = parseSeries(csv);
const { values } = series;
const options = { series, values, splitTime: 3000, min: 0 };
const ar = fitAutoregression(values.subarray(0, 3000), 30);

/** AR(30) plus a constant, behind a network's interface. */
const network = (shift = 0): Network => ({
  ...DEFAULT_CONFIG,
  predict: (inputs) => {
    const outputs = new Float64Array(inputs.length);
    for (let end = 30; end <= inputs.length; end += 30) {
      outputs[end - 1] = ar.lags.reduce(
        (sum, lag, k) => sum + lag * inputs[end - 1 - k]!,
        ar.intercept + shift,
      );
    }
    return Promise.resolve(outputs);
  },
});

Deno.test("forecast() continues the series' calendar, nested intervals around the mean", async () => {
  const { origin, steps } = await forecast(network(), options);
  assertEquals(origin, "2018-07-31");
  assertEquals(steps.map(({ date }) => date).slice(0, 8), [
    "2018-08-31",
    "2018-09-30",
    "2018-10-31",
    "2018-11-30",
    "2018-12-31",
    "2019-01-31",
    "2019-02-28",
    "2019-03-31",
  ]);
  assertEquals(steps.length, 12);
  for (const { mean, intervals: [inner, outer] } of steps) {
    assertEquals([inner!.level, outer!.level], [80, 95]);
    const ends = [outer!.lower, inner!.lower, mean, inner!.upper, outer!.upper];
    assertEquals(ends.toSorted((a, b) => a - b), ends);
    assert(outer!.lower >= 0);
  }
});

Deno.test("forecast() clips at min, and not without it", async () => {
  const low = await forecast(network(-40), options);
  assertEquals(low.steps[0]!.mean, 0);
  assert(low.steps.every(({ intervals }) => intervals[1]!.lower >= 0));
  const { min: _, ...free } = options;
  assert((await forecast(network(-40), free)).steps[0]!.mean < 0);
  const { steps } = await forecast(network(), free);
  assert(steps[11]!.intervals[1]!.lower < 0);
});

Deno.test("forecast() gives the interval that a backtest gives at the same origin", async () => {
  // The series cut at 3101: its end is one of the backtest's origins.
  const cut = parseSeries(csv.split("\n").slice(0, 3102).join("\n"));
  const ahead = await forecast(network(), {
    ...options,
    series: cut,
    values: cut.values,
    steps: 6,
  });
  const { paths } = await backtest(network(), {
    ...options,
    horizons: [6],
  });
  const at = paths.origins.indexOf(cut.values.length - 1);
  const [, outer] = paths.intervals.get(6)!;
  const own = ahead.steps[5]!;
  assertAlmostEquals(own.mean, paths.forecasts[at * 6 + 5]!, 1e-9);
  assertAlmostEquals(own.intervals[1]!.lower, outer!.lower[at]!, 1e-9);
  assertAlmostEquals(own.intervals[1]!.upper, outer!.upper[at]!, 1e-9);
});

Deno.test("forecast() tells how far an ensemble's members lie apart", async () => {
  const members = [network(-1).predict, network(1).predict];
  const { steps } = await forecast(network(), {
    ...options,
    levels: [],
    steps: 2,
    members,
  });
  assertAlmostEquals(steps[0]!.spread!, Math.SQRT2, 1e-5);
  assertEquals(steps[0]!.intervals, []);
});

Deno.test("forecast() goes as far as a whole cycle", async () => {
  const { steps } = await forecast(network(), { ...options, steps: 132 });
  assertEquals(steps.at(-1)!.date, "2029-07-31");
  assert(
    steps.every(({ intervals }) =>
      intervals.every(({ lower, upper }) => lower <= upper)
    ),
  );
});

Deno.test("forecast() refuses no steps", async () => {
  for (const steps of [0, 1.5]) {
    await assertRejects(
      () => forecast(network(), { ...options, steps }),
      RangeError,
    );
  }
});

const made = {
  origin: "2018-07-31",
  steps: [{
    date: "2018-08-31",
    moment: 0,
    mean: 10,
    intervals: [
      { level: 80, lower: 5, upper: 15 },
      { level: 95, lower: 0, upper: 20 },
    ],
  }],
};

Deno.test("forecastJson() keeps the command line's contract", () => {
  assertEquals(forecastJson(made), {
    origin: "2018-07-31",
    forecast: [{
      date: "2018-08-31",
      mean: 10,
      lower_80: 5,
      upper_80: 15,
      lower_95: 0,
      upper_95: 20,
    }],
  });
});

Deno.test("forecastCsv() writes a header and a row for each step", () => {
  assertEquals(
    forecastCsv(made),
    "date,mean,lower_80,upper_80,lower_95,upper_95\n2018-08-31,10,5,15,0,20\n",
  );
});

Deno.test("forecastTable() draws each step's intervals where they lie", () => {
  const text = forecastTable(made, { name: "Sunspots", columns: 76 });
  const [title, header, row] = text.split("\n");
  assertEquals(title, "Sunspots, forecast from 2018-07-31");
  assertMatch(header!, /^date +mean +80 % +95 % +0\.0 +20\.0$/);
  assertMatch(
    row!,
    /^2018-08-31 +10\.0 +5\.0 to 15\.0 +0\.0 to 20\.0 +(░+)(▒+)●(▒+)(░+)$/,
  );
  assertEquals([...header!].length, [...row!].length);
  // Too narrow for a chart.
  assertEquals(
    forecastTable(made, { name: "Sunspots", columns: 50 }).includes("●"),
    false,
  );
});

Deno.test("monthsOf() knows the months of the series and of those to come", () => {
  const months = monthsOf(series, 12)!;
  for (let t = 0; t < values.length + 12; t++) {
    assertEquals(months(t), month(t));
  }
  assertEquals(monthsOf({ ...series, dates: undefined }), undefined);
});
