import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { UsageError } from "../lib/errors.ts";
import { listWindows, makeWindows, shuffleOrder } from "../lib/windows.ts";
import goldenShuffle from "./golden/shuffle.json" with { type: "json" };
import goldenWindows from "./golden/windows.json" with { type: "json" };

const CUT = { windowSize: 30, horizon: 1, shift: 1, dropRemainder: true };
const indices = (count: number) =>
  Int32Array.from({ length: count }, (_, i) => i);

Deno.test("makeWindows() cuts the exercise's 2970 and 205 windows", () => {
  const train = makeWindows({ begin: 0, end: 3000 }, CUT);
  assertEquals(train.size, 31);
  assertEquals(train.starts, indices(2970));
  const validation = makeWindows({ begin: 3000, end: 3235 }, CUT);
  assertEquals(validation.starts, indices(205).map((i) => 3000 + i));
});

Deno.test("makeWindows() lets no training target lie at or past the split", () => {
  for (const horizon of [1, 2, 7]) {
    for (const shift of [1, 3, 31]) {
      const { starts, size } = makeWindows({ begin: 0, end: 3000 }, {
        ...CUT,
        horizon,
        shift,
      });
      const last = starts.at(-1)! + size - 1;
      assert(last < 3000 && last >= 3000 - shift, `${last}`);
    }
  }
});

Deno.test("listWindows() lists what tf.data's window() hands over", () => {
  for (const golden of goldenWindows.cases) {
    const { starts, lengths } = listWindows({ begin: 0, end: golden.count }, {
      windowSize: golden.window_size,
      horizon: golden.horizon,
      shift: golden.shift,
      dropRemainder: golden.drop_remainder,
    });
    const title = JSON.stringify({ ...golden, starts: 0, lengths: 0 });
    assertEquals(starts.length, golden.windows, title);
    if (!golden.starts) continue;
    assertEquals([...starts], golden.starts, title);
    assertEquals([...lengths], golden.lengths, title);
  }
});

Deno.test("makeWindows() refuses what tf.data refuses to batch", () => {
  let refused = 0;
  for (const golden of goldenWindows.cases) {
    const cut = () =>
      makeWindows({ begin: 0, end: golden.count }, {
        windowSize: golden.window_size,
        horizon: golden.horizon,
        shift: golden.shift,
        dropRemainder: golden.drop_remainder,
      });
    const size = golden.window_size + golden.horizon;
    if (golden.batching_fails) {
      assertStringIncludes(golden.batching_fails, "different shapes");
      assertThrows(
        cut,
        UsageError,
        golden.count < size ? "at least" : "--drop-remainder",
      );
      refused++;
    } else if (golden.count < size) {
      assertThrows(cut, UsageError, `expected at least ${size}`);
    } else {
      const { starts } = cut();
      const batches = golden.batches!;
      assertEquals(starts.length, batches.reduce((a, b) => a + b, 0));
      assertEquals(Math.ceil(starts.length / 32), batches.length);
    }
  }
  assert(refused >= 8);
});

Deno.test("makeWindows() drops the tail that cannot fill a window", () => {
  const range = { begin: 100, end: 110 };
  const cut = { windowSize: 3, horizon: 1, shift: 4, dropRemainder: true };
  assertEquals([...makeWindows(range, cut).starts], [100, 104]);
  const all = listWindows(range, { ...cut, dropRemainder: false });
  assertEquals([...all.starts], [100, 104, 108]);
  assertEquals([...all.lengths], [4, 4, 2]);
  const error = assertThrows(
    () => makeWindows(range, { ...cut, dropRemainder: false }),
    UsageError,
  );
  assertEquals(
    error.message,
    "Cannot batch the last 1 window: 2 of the 4 values needed; drop it with --drop-remainder",
  );
});

Deno.test("makeWindows() takes a tail that happens to be full", () => {
  const cut = { windowSize: 3, horizon: 1, shift: 4, dropRemainder: false };
  assertEquals([...makeWindows({ begin: 0, end: 8 }, cut).starts], [0, 4]);
});

Deno.test("makeWindows() fits a window into a range of just its size", () => {
  assertEquals([...makeWindows({ begin: 7, end: 38 }, CUT).starts], [7]);
  assertThrows(
    () => makeWindows({ begin: 7, end: 37 }, CUT),
    UsageError,
    "the 30 values 7 to 37: expected at least 31 (window size 30 + horizon 1)",
  );
});

Deno.test("makeWindows() refuses sizes, shifts and ranges that are none", () => {
  const range = { begin: 0, end: 100 };
  for (const value of [0, -1, 1.5, NaN, Infinity]) {
    for (const key of ["windowSize", "horizon", "shift"]) {
      assertThrows(
        () => makeWindows(range, { ...CUT, [key]: value }),
        UsageError,
        `with ${key} ${value}`,
      );
    }
  }
  for (
    const [begin, end] of [[-1, 5], [5, 4], [0, 1.5], [NaN, 3], [0, 2 ** 31]]
  ) {
    assertThrows(
      () => makeWindows({ begin: begin!, end: end! }, CUT),
      RangeError,
    );
  }
});

Deno.test("shuffleOrder() has tf.data's order in every epoch", () => {
  for (const { count, buffer, seed, orders } of goldenShuffle.cases) {
    orders.forEach((order, i) => {
      const options = { shuffleBuffer: buffer, seed, epoch: i + 1 };
      assertEquals(
        [...shuffleOrder(indices(count), options)],
        order,
        `${count} windows, buffer ${buffer}, seed ${seed}, epoch ${i + 1}`,
      );
    });
  }
});

Deno.test("shuffleOrder() permutes, and leaves its input alone", () => {
  const starts = indices(500).map((i) => 3 * i + 1);
  const before = starts.slice();
  const options = { shuffleBuffer: 64, seed: 9, epoch: 12 };
  const order = shuffleOrder(starts, options);
  assertEquals(starts, before);
  assertNotEquals(order, starts);
  assertEquals(order.slice().sort(), starts);
  assertEquals(shuffleOrder(starts, options), order);
  assertNotEquals(shuffleOrder(starts, { ...options, epoch: 13 }), order);
  assertNotEquals(shuffleOrder(starts, { ...options, seed: 10 }), order);
});

Deno.test("shuffleOrder() hands nothing over before the buffer has reached it", () => {
  const order = shuffleOrder(indices(300), {
    shuffleBuffer: 20,
    seed: 1,
    epoch: 1,
  });
  order.forEach((window, at) => assert(window < at + 20));
  const unshuffled = { shuffleBuffer: 1, seed: 1, epoch: 1 };
  assertEquals(shuffleOrder(indices(50), unshuffled), indices(50));
  assertEquals(shuffleOrder(indices(0), unshuffled), indices(0));
});

Deno.test("shuffleOrder() refuses a buffer, an epoch and a seed out of range", () => {
  const options = { shuffleBuffer: 5, seed: 1, epoch: 1 };
  for (const value of [0, -3, 2.5, NaN]) {
    assertThrows(
      () => shuffleOrder(indices(5), { ...options, shuffleBuffer: value }),
      UsageError,
      `a buffer of ${value}`,
    );
    assertThrows(
      () => shuffleOrder(indices(5), { ...options, epoch: value }),
      RangeError,
      `epoch ${value}`,
    );
  }
  for (const seed of [-1, 2 ** 32, 0.5]) {
    assertThrows(
      () => shuffleOrder(indices(5), { ...options, seed }),
      RangeError,
      `seed ${seed}`,
    );
  }
});
