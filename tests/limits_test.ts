import { assertEquals, assertThrows } from "@std/assert";
import { DEFAULT_CONFIG } from "../lib/config.ts";
import { checkStarts, unsupportedReason } from "../lib/engine/limits.ts";

Deno.test("unsupportedReason() names what the fused engines don't take, and takes the exercise's model", () => {
  const reason = (given: Partial<typeof DEFAULT_CONFIG>) =>
    unsupportedReason({ ...DEFAULT_CONFIG, ...given });
  assertEquals(reason({}), undefined);
  const most = {
    lstmUnits: [128, 128, 128, 128],
    filters: 256,
    denseUnits: [256, 1, 1, 1, 1],
    horizon: 256,
  };
  assertEquals(reason(most), undefined);
  const beyond: [Partial<typeof DEFAULT_CONFIG>, string][] = [
    [
      { lstmUnits: [1, 1, 1, 1, 1] },
      "5 LSTM layers, the fused engines take 1 to 4",
    ],
    [
      { lstmUnits: [129] },
      "an LSTM of 129 units, the fused engines take up to 128",
    ],
    [{ filters: 257 }, "257 filters, the fused engines take up to 256"],
    [
      { denseUnits: [1, 1, 1, 1, 1, 1] },
      "7 dense layers, the fused engines take up to 6",
    ],
    [
      { denseUnits: [257] },
      "a dense layer of 257 units, the fused engines take up to 256",
    ],
    [
      { horizon: 257 },
      "a dense layer of 257 units, the fused engines take up to 256",
    ],
  ];
  for (const [given, expected] of beyond) assertEquals(reason(given), expected);
});

Deno.test("checkStarts() refuses windows whose inputs or targets lie outside of the series", () => {
  const spec = {
    ...DEFAULT_CONFIG,
    windowSize: 4,
    horizon: 2,
    values: new Float32Array(10),
  };
  checkStarts(spec, Int32Array.of(0, 4));
  for (const bad of [-1, 5]) {
    assertThrows(
      () => checkStarts(spec, Int32Array.of(0, bad)),
      RangeError,
      `Cannot use the window at ${bad}: a series of 10 values holds windows at 0 to 4`,
    );
  }
});
