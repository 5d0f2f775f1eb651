import { assertEquals, assertThrows } from "@std/assert";
import { parseSeriesOptions } from "../lib/series_options.ts";

Deno.test("parseSeriesOptions() takes what a checkpoint may say, and leaves out what it doesn't know", () => {
  const known = {
    timeColumn: null,
    valueColumn: "spots",
    dateColumn: [0, "month"],
    delimiter: ";",
    header: false,
    dateFormat: "YYYY MM",
    fill: "linear",
    missing: ["-1"],
  };
  assertEquals<unknown>(parseSeriesOptions({ ...known, source: "x" }), known);
  assertEquals(parseSeriesOptions({}), {});
  // An inherited field is not the file's.
  assertEquals(parseSeriesOptions(Object.create({ header: 3 })), {});
});

Deno.test("parseSeriesOptions() names the first option of a wrong kind", () => {
  for (const json of [null, [], "header", 3]) {
    assertThrows(
      () => parseSeriesOptions(json),
      TypeError,
      "expected an object",
    );
  }
  const wrong = {
    timeColumn: [0],
    valueColumn: null,
    dateColumn: [0, 1, 2, 3, 4, 5, 6, 7],
    delimiter: 1,
    header: "yes",
    dateFormat: "Y".repeat(101),
    fill: "zero",
    missing: [0],
  };
  for (const [key, value] of Object.entries(wrong)) {
    assertThrows(
      () => parseSeriesOptions({ [key]: value }),
      TypeError,
      `${key} is of a wrong kind`,
    );
  }
});
