/**
 * Random numbers that are a pure function of (seed, purpose, index, position), so that nothing has
 * to be stored to repeat or resume a run. Beneath windows (shuffling) and initialisers.
 *
 * The generator is Philox4x32-10 with the constants of Salmon, Moraes, Dror and Shaw (2011),
 * "Parallel random numbers: as easy as 1, 2, 3", https://doi.org/10.1145/2063384.2063405, keyed
 * and read as TensorFlow does, so that shuffling can give tf.data's very order:
 * https://github.com/tensorflow/tensorflow/blob/v2.20.0/third_party/xla/xla/tsl/lib/random/philox_random.h
 * @module
 */

/** Multipliers of the paper's table 2 and Weyl increments of its section 4.1. */
const MULTIPLIER_0 = 0xd2511f53;
const MULTIPLIER_1 = 0xcd9e8d57;
const WEYL_0 = 0x9e3779b9;
const WEYL_1 = 0xbb67ae85;
const ROUNDS = 10;

/** The four words of one Philox block. */
export type PhiloxBlock = [number, number, number, number];

/** Upper 32 bits of the 64-bit product of two 32-bit words. */
function multiplyHigh(a: number, b: number): number {
  const aLow = a & 0xffff, aHigh = a >>> 16;
  const bLow = b & 0xffff, bHigh = b >>> 16;
  const middle = aHigh * bLow + ((aLow * bLow) >>> 16);
  const low = aLow * bHigh + (middle & 0xffff);
  return aHigh * bHigh + (middle >>> 16) + (low >>> 16);
}

/**
 * One Philox4x32-10 block: scrambles a 128-bit counter under a 64-bit key.
 *
 * @param counter Four 32-bit words, lowest first.
 * @param key Two 32-bit words, lowest first.
 * @returns Four words in [0, 2^32).
 */
export function philox(
  counter: Readonly<PhiloxBlock>,
  key: readonly [number, number],
): PhiloxBlock {
  let [c0, c1, c2, c3] = counter;
  let [k0, k1] = key;
  for (let round = 0; round < ROUNDS; round++) {
    const high0 = multiplyHigh(MULTIPLIER_0, c0);
    const low0 = Math.imul(MULTIPLIER_0, c0);
    const high1 = multiplyHigh(MULTIPLIER_1, c2);
    const low1 = Math.imul(MULTIPLIER_1, c2);
    c0 = high1 ^ c1 ^ k0;
    c1 = low1;
    c2 = high0 ^ c3 ^ k1;
    c3 = low0;
    k0 = (k0 + WEYL_0) | 0;
    k1 = (k1 + WEYL_1) | 0;
  }
  return [c0 >>> 0, c1 >>> 0, c2 >>> 0, c3 >>> 0];
}

/** A stream of numbers; two streams with the same arguments give the same numbers. */
export class RandomStream {
  readonly #key: [number, number];
  readonly #high: [number, number];
  #blocks = 0;
  #block: PhiloxBlock = [0, 0, 0, 0];
  #used = 4;
  #spare: number | undefined;

  /**
   * TensorFlow's `PhiloxRandom(seed, seed2)` behind a `SingleSampleAdapter`.
   *
   * @param seed The key: a whole number in [0, 2^53).
   * @param seed2 The counter's upper half: a whole number in [0, 2^53).
   * @throws {RangeError} if one isn't.
   */
  constructor(seed: number, seed2: number) {
    this.#key = words(seed);
    this.#high = words(seed2);
  }

  /** The next 32 random bits, a whole number in [0, 2^32). */
  uint32(): number {
    if (this.#used === 4) {
      this.#block = philox(
        [...words(this.#blocks++), ...this.#high],
        this.#key,
      );
      this.#used = 0;
    }
    return this.#block[this.#used++]!;
  }

  /** The next number uniform in [0, 1), a multiple of 2^-24, so exact in float32 too. */
  uniform(): number {
    return (this.uint32() >>> 8) * 2 ** -24;
  }

  /**
   * The next standard normal number, by Box and Muller (1958), two at a time:
   * https://doi.org/10.1214/aoms/1177706645. The half added keeps the logarithm finite.
   */
  normal(): number {
    if (this.#spare !== undefined) {
      const spare = this.#spare;
      this.#spare = undefined;
      return spare;
    }
    const radius = Math.sqrt(
      -2 * Math.log((this.uint32() + 0.5) * 2 ** -32),
    );
    const angle = 2 * Math.PI * this.uint32() * 2 ** -32;
    this.#spare = radius * Math.sin(angle);
    return radius * Math.cos(angle);
  }
}

/** Splits a whole number in [0, 2^53) into its low and high 32 bits. */
function words(value: number): [number, number] {
  if (!Number.isSafeInteger(value) || value < 0) {
    throw new RangeError(
      `Cannot seed random numbers with ${value}: expected a whole number from 0 to 2^53 - 1`,
    );
  }
  return [value >>> 0, Math.floor(value / 2 ** 32)];
}

/** What random numbers are for; numbers for different purposes are independent. */
export type Purpose = "weights" | "simulation" | "test";

/** The purposes' places in the key; never renumber them, or old runs can't be repeated. */
const PURPOSES: Record<Purpose, number> = {
  weights: 1,
  simulation: 2,
  test: 3,
};

/** Which of a seed's streams. */
export interface StreamOptions {
  /** What the numbers are for. */
  purpose: Purpose;
  /** Which one of that purpose: the parameter, the path, the trial. @default {0} */
  index?: number;
}

/**
 * The stream of random numbers for one purpose.
 *
 * @param seed A whole number in [0, 2^32), the run's `--seed`.
 * @throws {RangeError} if the seed or the index is no such number.
 */
export function randomStream(
  seed: number,
  options: StreamOptions,
): RandomStream {
  if (!Number.isSafeInteger(seed) || seed < 0 || seed > 0xffff_ffff) {
    throw new RangeError(
      `Cannot seed random numbers with ${seed}: expected a whole number from 0 to 4294967295`,
    );
  }
  // The purpose goes above the seed's 32 bits in the 64-bit key.
  return new RandomStream(
    PURPOSES[options.purpose] * 2 ** 32 + seed,
    options.index ?? 0,
  );
}
