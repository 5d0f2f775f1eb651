import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertThrows,
} from "@std/assert";
import {
  philox,
  type PhiloxBlock,
  RandomStream,
  randomStream,
} from "../lib/random.ts";
import goldenPhilox from "./golden/philox.json" with { type: "json" };

/** Known answers of the authors' Random123 library, tests/kat_vectors, philox4x32-10. */
const KNOWN: [PhiloxBlock, [number, number], PhiloxBlock][] = [
  [
    [0, 0, 0, 0],
    [0, 0],
    [0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8],
  ],
  [
    [0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff],
    [0xffffffff, 0xffffffff],
    [0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd],
  ],
  [
    [0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344],
    [0xa4093822, 0x299f31d0],
    [0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1],
  ],
];

Deno.test("philox() gives its authors' known answers", () => {
  for (const [counter, key, answer] of KNOWN) {
    assertEquals(philox(counter, key), answer);
  }
});

Deno.test("RandomStream gives TensorFlow's numbers for two 64-bit seeds", () => {
  for (const { seed, seed2, numbers } of goldenPhilox.cases) {
    const random = new RandomStream(seed, seed2);
    assertEquals(numbers.map(() => random.uint32()), numbers);
  }
});

Deno.test("RandomStream gives uniform numbers in [0, 1) with 24 bits", () => {
  const random = randomStream(1, { purpose: "test" });
  const n = 100_000;
  let sum = 0, squares = 0;
  const tenths = new Int32Array(10);
  for (let i = 0; i < n; i++) {
    const u = random.uniform();
    assert(u >= 0 && u < 1 && Math.fround(u) === u);
    assertEquals(u * 2 ** 24 % 1, 0);
    sum += u;
    squares += u * u;
    tenths[Math.floor(10 * u)]!++;
  }
  // Five standard errors; the seed is fixed, so this passes always or never.
  assertAlmostEquals(sum / n, 1 / 2, 5 * Math.sqrt(1 / 12 / n));
  assertAlmostEquals(squares / n, 1 / 3, 5 * Math.sqrt(4 / 45 / n));
  for (const count of tenths) {
    assertAlmostEquals(count / n, 0.1, 5 * Math.sqrt(0.09 / n));
  }
});

Deno.test("RandomStream gives standard normal numbers, two in a row independent", () => {
  const random = randomStream(2, { purpose: "test" });
  const n = 100_000;
  const moments = [0, 0, 0, 0, 0];
  let lagged = 0, last = 0, within = 0;
  for (let i = 0; i < n; i++) {
    const z = random.normal();
    for (let k = 1; k <= 4; k++) moments[k]! += z ** k / n;
    lagged += z * last / n;
    last = z;
    if (Math.abs(z) < 1.959963984540054) within++;
  }
  const error = (variance: number) => 5 * Math.sqrt(variance / n);
  assertAlmostEquals(moments[1]!, 0, error(1));
  assertAlmostEquals(moments[2]!, 1, error(2));
  assertAlmostEquals(moments[3]!, 0, error(15));
  assertAlmostEquals(moments[4]!, 3, error(96));
  assertAlmostEquals(lagged, 0, error(1));
  assertAlmostEquals(within / n, 0.95, error(0.0475));
});

Deno.test("randomStream() repeats, and separates seed, purpose and index", () => {
  const first = (seed: number, purpose: "test" | "weights", index?: number) => {
    const random = randomStream(
      seed,
      index === undefined ? { purpose } : { purpose, index },
    );
    return [random.uint32(), random.uint32(), random.normal()].join();
  };
  assertEquals(first(5, "test"), first(5, "test", 0));
  const different = new Set([
    first(5, "test"),
    first(6, "test"),
    first(0xffff_ffff, "test"),
    first(5, "weights"),
    first(5, "test", 1),
    first(5, "test", 2 ** 32),
    first(1, "test", 5),
  ]);
  assertEquals(different.size, 7);
});

Deno.test("randomStream() refuses seeds that are none", () => {
  for (const seed of [-1, 1.5, NaN, 2 ** 32, 2 ** 53]) {
    assertThrows(
      () => randomStream(seed, { purpose: "test" }),
      RangeError,
      "expected a whole number",
    );
  }
  assertThrows(
    () => randomStream(1, { purpose: "test", index: -1 }),
    RangeError,
  );
});
