import {
  assertAlmostEquals,
  assertEquals,
  assertLess,
  assertMatch,
  assertRejects,
} from "@std/assert";
import { backtest } from "../lib/backtest.ts";
import { fitAutoregression } from "../lib/baselines/autoregression.ts";
import { DEFAULT_CONFIG } from "../lib/config.ts";
import type { Network } from "../lib/rollout.ts";
import { month, SPLIT, sunspots } from "./sunspots.ts";

/** AR(30), fitted on the training part, behind a network's interface. */
function autoregressiveNetwork(): Network {
  const { intercept, lags } = fitAutoregression(
    sunspots.subarray(0, SPLIT),
    30,
  );
  return {
    ...DEFAULT_CONFIG,
    predict: (inputs) => {
      const outputs = new Float64Array(inputs.length);
      for (let end = 30; end <= inputs.length; end += 30) {
        outputs[end - 1] = lags.reduce(
          (sum, lag, k) => sum + lag * inputs[end - 1 - k]!,
          intercept,
        );
      }
      return Promise.resolve(outputs);
    },
  };
}

const options = { values: sunspots, month, splitTime: SPLIT, min: 0 };

Deno.test("backtest() gives the known errors from the 224 origins of the validation part", async () => {
  const { summary } = await backtest(autoregressiveNetwork(), options);
  assertEquals(summary.origins, { count: 224, first: 2999, last: 3222 });
  const expected: Record<string, number[]> = {
    ar_30: [14.99, 21.56, 26.79],
    ar_12: [14.77, 22.12, 29.89],
    persistence: [16.51, 24.23, 30.94],
  };
  summary.horizons.forEach(({ horizon, mae, baselines }, i) => {
    assertEquals(horizon, [1, 6, 12][i]);
    for (const [name, maes] of Object.entries(expected)) {
      assertAlmostEquals(baselines[name]!.mae, maes[i]!, 0.005001);
      assertEquals(
        baselines[name]!.mae,
        summary.curve.baselines[name]![horizon - 1],
      );
    }
    // Its inputs are float32, so it isn't quite the baseline.
    assertAlmostEquals(mae, baselines.ar_30!.mae, 1e-4);
    assertAlmostEquals(baselines.ar_30!.skill, 0, 1e-5);
  });
  assertMatch(summary.verdicts[2]!, /^12 steps ahead the network is .* than /);
});

const echo: Network = {
  ...DEFAULT_CONFIG,
  predict: (inputs) => Promise.resolve(inputs),
};

for (
  const [name, network, points] of [
    ["AR(30)", autoregressiveNetwork(), 5],
    // On blocks of the training part as long as this one it's off by up to 7 points.
    ["persistence", echo, 7],
  ] as const
) {
  Deno.test(`backtest() has intervals that hold about as often as they say, around ${name}`, async () => {
    const { summary, paths } = await backtest(network, {
      ...options,
      horizons: [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
    });
    for (const { intervals, horizon } of summary.horizons) {
      for (const { level, coverage } of intervals) {
        assertLess(
          Math.abs(coverage - level),
          points,
          `${level} % ${horizon} ahead: ${coverage}`,
        );
      }
      assertEquals(paths.intervals.get(horizon)![0]!.lower.length, 224);
    }
  });
}

Deno.test("backtest() sees nothing of the future in forecasts and intervals", async () => {
  const network = autoregressiveNetwork();
  const first = await backtest(network, options);
  const changed = sunspots.slice();
  const origin = 3100;
  changed.fill(500, origin + 1);
  const second = await backtest(network, { ...options, values: changed });
  const upTo = origin - first.summary.origins.first + 1;
  const { longest } = first.paths;
  assertEquals(
    second.paths.forecasts.subarray(0, upTo * longest),
    first.paths.forecasts.subarray(0, upTo * longest),
  );
  for (const [horizon, levels] of first.paths.intervals) {
    levels.forEach((bounds, l) =>
      assertEquals(
        second.paths.intervals.get(horizon)![l]!.upper.subarray(0, upTo),
        bounds.upper.subarray(0, upTo),
      )
    );
  }
});

Deno.test("backtest() keeps to the last origins, and does without intervals", async () => {
  const { summary, paths } = await backtest(autoregressiveNetwork(), {
    ...options,
    horizons: [3],
    origins: 10,
    levels: [],
  });
  assertEquals(summary.origins, { count: 10, first: 3222, last: 3231 });
  assertEquals(summary.horizons[0]!.intervals, []);
  assertEquals(paths.forecasts.length, 30);
});

Deno.test("backtest() refuses horizons that don't fit and levels without enough errors", async () => {
  const network = autoregressiveNetwork();
  for (const horizons of [[236], [0], [1.5], []]) {
    await assertRejects(
      () => backtest(network, { ...options, horizons }),
      RangeError,
    );
  }
  await assertRejects(
    () => backtest(network, { ...options, calibration: 20 }),
    RangeError,
    "expected at least 39",
  );
});
