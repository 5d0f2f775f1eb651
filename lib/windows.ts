/**
 * Cuts a series into training windows, and shuffles them, as index arithmetic: a window is its
 * first index, nothing is copied. Between series and model.
 *
 * The semantics are tf.data's, `window(windowSize + horizon, shift, drop_remainder)` and
 * `shuffle(shuffleBuffer, seed)`, down to the shuffled order:
 * https://www.tensorflow.org/api_docs/python/tf/data/Dataset
 * @module
 */

import type { WindowOptions } from "./config.ts";
import { UsageError } from "./errors.ts";
import { RandomStream } from "./random.ts";

/** A stretch of the series, `begin` included, `end` not. */
export interface SeriesRange {
  /** First index. */
  begin: number;
  /** Index after the last. */
  end: number;
}

/** What decides the cut. */
export type CutOptions = Pick<
  WindowOptions,
  "windowSize" | "shift" | "dropRemainder" | "horizon"
>;

/** Windows in the series' order. */
export interface WindowList {
  /** `[windows]`, each window's first index in the series. */
  starts: Int32Array;
  /** `[windows]`, each window's number of values, inputs and targets together. */
  lengths: Int32Array;
}

/** Windows of equal length, ready to be batched. */
export interface Windows {
  /** `[windows]`, each window's first index in the series. */
  starts: Int32Array;
  /** Values of every window, inputs and targets together: `windowSize + horizon`. */
  size: number;
}

/**
 * Lists the windows that tf.data would hand over: one every `shift` values, each of
 * `windowSize + horizon` values, all inside the range. Without `dropRemainder` the windows that
 * begin less than that before the end come too, shorter.
 *
 * @throws {RangeError} if the range is none.
 * @throws {UsageError} if a size or the shift isn't a whole number above 0.
 */
export function listWindows(
  range: SeriesRange,
  options: CutOptions,
): WindowList {
  const { begin, end } = range;
  if (
    !Number.isSafeInteger(begin) || !Number.isSafeInteger(end) || begin < 0 ||
    end < begin || end > 0x7fff_ffff
  ) {
    throw new RangeError(
      `Cannot cut windows from values ${begin} to ${end}: expected whole numbers with 0 <= begin <= end < 2^31`,
    );
  }
  for (const key of ["windowSize", "horizon", "shift"] as const) {
    if (!Number.isSafeInteger(options[key]) || options[key] < 1) {
      throw new UsageError(
        `Cannot cut windows with ${key} ${
          options[key]
        }: expected a whole number above 0`,
      );
    }
  }
  const { shift } = options;
  const size = options.windowSize + options.horizon;
  const shortest = options.dropRemainder ? size : 1;
  const count = end - begin < shortest
    ? 0
    : Math.floor((end - begin - shortest) / shift) + 1;
  const starts = Int32Array.from(
    { length: count },
    (_, i) => begin + i * shift,
  );
  return {
    starts,
    lengths: starts.map((start) => Math.min(size, end - start)),
  };
}

/**
 * Cuts a stretch of the series into windows that fit into one batch.
 *
 * @example
 * ```ts
 * import { makeWindows } from "@sunspots/sunspots";
 * const cut = { windowSize: 30, horizon: 1, shift: 1, dropRemainder: true };
 * makeWindows({ begin: 0, end: 3000 }, cut).starts.length; // 2970
 * makeWindows({ begin: 3000, end: 3235 }, cut).starts.length; // 205
 * ```
 *
 * @throws {RangeError} if the range is none.
 * @throws {UsageError} if a size or the shift isn't a whole number above 0, if the range is too
 *   short for even one window, or if, without `dropRemainder`, shorter windows are left at the
 *   end: tf.data refuses to batch those too ("Cannot batch tensors with different shapes").
 */
export function makeWindows(range: SeriesRange, options: CutOptions): Windows {
  const size = options.windowSize + options.horizon;
  const { starts, lengths } = listWindows(range, options);
  if (range.end - range.begin < size) {
    throw new UsageError(
      `Cannot cut windows from the ${
        range.end - range.begin
      } values ${range.begin} to ${range.end}: expected at least ${size} (window size ${options.windowSize} + horizon ${options.horizon})`,
    );
  }
  const short = lengths.findIndex((length) => length < size);
  if (short >= 0) {
    const left = starts.length - short;
    throw new UsageError(
      left === 1
        ? `Cannot batch the last 1 window: ${
          lengths[short]
        } of the ${size} values needed; drop it with --drop-remainder`
        : `Cannot batch the last ${left} windows: ${lengths[short]} down to ${
          lengths.at(-1)
        } of the ${size} values needed; drop them with --drop-remainder`,
    );
  }
  return { starts, size };
}

/** Which of the shuffled orders. */
export interface ShuffleOptions extends Pick<WindowOptions, "shuffleBuffer"> {
  /** The run's seed, a whole number in [0, 2^32). */
  seed: number;
  /** Which pass over the data, from 1. */
  epoch: number;
}

/** TensorFlow's `DEFAULT_GRAPH_SEED` (python/framework/random_seed.py), in place when no global seed is set. */
const DEFAULT_GRAPH_SEED = 87654321;
/** TensorFlow takes Python's seeds modulo this (`_truncate_seed()`, same file). */
const SEED_MODULUS = 2 ** 31 - 1;

/**
 * Shuffles windows from a buffer: the order in which
 * `tf.data.Dataset.from_tensor_slices(starts).shuffle(shuffleBuffer, seed=seed)` hands them over
 * when it's iterated for the `epoch`-th time (no global seed set, reshuffled each iteration).
 *
 * The algorithm is ShuffleDatasetOp's: keep the buffer full; hand over a random one of it; put its
 * first where that one was. Pass `e` is seeded with draws `2e - 2` and `2e - 1` of a generator
 * that is seeded with the graph seed and `seed`:
 * https://github.com/tensorflow/tensorflow/blob/v2.20.0/tensorflow/core/kernels/data/shuffle_dataset_op.cc
 *
 * @param starts `[windows]`, left as it is.
 * @returns `[windows]`, the same in the shuffled order.
 * @throws {UsageError} if the buffer isn't a whole number above 0.
 * @throws {RangeError} if the epoch isn't, or the seed isn't in its range.
 */
export function shuffleOrder(
  starts: Int32Array,
  options: ShuffleOptions,
): Int32Array {
  const { shuffleBuffer, seed, epoch } = options;
  if (!Number.isSafeInteger(shuffleBuffer) || shuffleBuffer < 1) {
    throw new UsageError(
      `Cannot shuffle with a buffer of ${shuffleBuffer}: expected a whole number above 0`,
    );
  }
  if (!Number.isSafeInteger(epoch) || epoch < 1) {
    throw new RangeError(
      `Cannot shuffle for epoch ${epoch}: expected a whole number above 0`,
    );
  }
  if (!Number.isSafeInteger(seed) || seed < 0 || seed > 0xffff_ffff) {
    throw new RangeError(
      `Cannot shuffle with seed ${seed}: expected a whole number from 0 to 4294967295`,
    );
  }
  const seeds = new RandomStream(DEFAULT_GRAPH_SEED, seed % SEED_MODULUS);
  for (let draw = 0; draw < 2 * (epoch - 1); draw++) seeds.uint32();
  const random = new RandomStream(seeds.uint32(), seeds.uint32());
  const n = starts.length;
  const size = Math.min(shuffleBuffer, n);
  const buffer = starts.slice(0, size);
  const order = new Int32Array(n);
  for (let i = 0; i < n; i++) {
    // A ring: window i is the oldest, and its place is the next to be filled.
    const oldest = i % size;
    const drawn = (i + random.uint32() % Math.min(size, n - i)) % size;
    order[i] = buffer[drawn]!;
    buffer[drawn] = buffer[oldest]!;
    if (i + size < n) buffer[oldest] = starts[i + size]!;
  }
  return order;
}
