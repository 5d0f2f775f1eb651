import { assert, assertEquals, assertThrows } from "@std/assert";
import { augmentSeries } from "../lib/augment.ts";
import { DEFAULT_CONFIG, validateConfig } from "../lib/config.ts";
import { UsageError } from "../lib/errors.ts";
import { splitWindows } from "../lib/run.ts";

const series = Float64Array.from({ length: 100 }, (_, i) => i + 1);
const config = {
  ...DEFAULT_CONFIG,
  windowSize: 7,
  horizon: 3,
  shift: 2,
  splitTime: 60,
};

Deno.test("augmentSeries() leaves series and windows as they are without factors", () => {
  const { training } = splitWindows(config, 100);
  const augmented = augmentSeries(series, { ...config, training });
  assertEquals(augmented.values, series);
  assertEquals(augmented.training, training);
});

Deno.test("augmentSeries() repeats each training window, inputs and targets, at each factor", () => {
  const { training } = splitWindows(config, 100);
  const factors = [0.5, 3];
  const { values, training: all } = augmentSeries(series, {
    ...config,
    training,
    augmentScales: factors,
  });
  assertEquals(values.subarray(0, 100), series);
  assertEquals(values.length, 100 + 2 * 60);
  assertEquals(all.length, 3 * training.length);
  const window = (start: number) => values.subarray(start, start + 10);
  [1, ...factors].forEach((factor, copy) =>
    training.forEach((start, i) =>
      assertEquals(
        window(all[copy * training.length + i]!),
        window(start).map((value) => factor * value),
      )
    )
  );
});

Deno.test("augmentSeries() shows training windows nothing from the split on", () => {
  const { training } = splitWindows(config, 100);
  const options = { ...config, training, augmentScales: [0.8, 1.25] };
  const before = augmentSeries(series, options);
  const other = series.map((value, i) => i < config.splitTime ? value : -value);
  const after = augmentSeries(other, options);
  for (const start of before.training) {
    assertEquals(
      after.values.subarray(start, start + 10),
      before.values.subarray(start, start + 10),
    );
  }
});

Deno.test("validateConfig() takes only positive factors for the copies, and not many", () => {
  validateConfig({ ...DEFAULT_CONFIG, augmentScales: [0.8, 1.25] });
  for (const augmentScales of [[0], [-1], [NaN], [1e9], Array(17).fill(2)]) {
    const error = assertThrows(
      () => validateConfig({ ...DEFAULT_CONFIG, augmentScales }),
      UsageError,
    );
    assert(error.message.includes("--augment-scales"), error.message);
  }
});
