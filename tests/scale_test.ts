import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import type { ScaleName } from "../lib/config.ts";
import { DataError, UsageError } from "../lib/errors.ts";
import {
  applyScaling,
  fitScaling,
  invertScaling,
  NO_SCALING,
  parseScaling,
} from "../lib/scale.ts";

Deno.test("fitScaling() standard gives mean 0 and deviation 1", () => {
  const scaling = fitScaling("standard", [2, 4, 4, 4, 5, 5, 7, 9]);
  assertAlmostEquals(scaling.offset, 5);
  assertAlmostEquals(scaling.divisor, 2);
});

Deno.test("fitScaling() minmax gives 0 to 1", () => {
  const scaling = fitScaling("minmax", [3, -1, 7]);
  assertEquals(scaling, { kind: "minmax", offset: -1, divisor: 8 });
  assertEquals(Array.from(applyScaling(scaling, [-1, 3, 7, 15])), [
    0,
    0.5,
    1,
    2,
  ]);
});

Deno.test("invertScaling() undoes applyScaling(), also for huge and close values", () => {
  const series = [[1, 2, 3], [-3.4e38, 0, 3.4e38], [1e9, 1e9 + 1, 1e9 + 2]];
  for (const kind of ["none", "standard", "minmax"] as ScaleName[]) {
    for (const values of series) {
      const scaling = fitScaling(kind, values);
      const back = invertScaling(scaling, applyScaling(scaling, values));
      for (const [i, value] of values.entries()) {
        assertAlmostEquals(back[i]!, value, 1e-12 * Math.max(...values));
      }
    }
  }
});

Deno.test("fitScaling() refuses a constant or empty training part", () => {
  for (const kind of ["standard", "minmax"] as const) {
    assertThrows(() => fitScaling(kind, [5, 5]), DataError, "always 5");
    assertThrows(() => fitScaling(kind, []), DataError, "is empty");
  }
  assertEquals(fitScaling("none", [5, 5]), NO_SCALING);
  assertThrows(
    () => fitScaling("log" as ScaleName, [1, 2]),
    UsageError,
    "--scale log",
  );
});

Deno.test("parseScaling() takes back what JSON kept, and nothing else", () => {
  const scaling = fitScaling("standard", [1, 2, 4]);
  assertEquals(parseScaling(JSON.parse(JSON.stringify(scaling))), scaling);
  const wrong = [
    null,
    "minmax",
    {},
    { kind: "minmax", offset: 0, divisor: 0 },
    { kind: "minmax", offset: 0, divisor: -1 },
    { kind: "minmax", offset: "0", divisor: 1 },
    { kind: "none", offset: 1, divisor: 1 },
    { kind: "log", offset: 0, divisor: 1 },
    { kind: "standard", offset: Infinity, divisor: 1 },
  ];
  for (const json of wrong) {
    assertThrows(() => parseScaling(json), TypeError, "Cannot read a scaling");
  }
});
