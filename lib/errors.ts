/**
 * The few error classes that a caller reacts to; everything else is a built-in error.
 * @module
 */

/** The command line or a configuration asks for something impossible. The program exits with 2. */
export class UsageError extends Error {
  /** Tells it from other errors where `instanceof` can't. */
  override name = "UsageError";
}

/** The input series can't be used as it is: what, where and what was expected. */
export class DataError extends Error {
  /** Tells it from other errors where `instanceof` can't. */
  override name = "DataError";
}

/** A checkpoint is missing, damaged or doesn't fit; the message names the file and the remedy. */
export class CheckpointError extends Error {
  /** Tells it from other errors where `instanceof` can't. */
  override name = "CheckpointError";
}

/** An engine can't take this model; with `--engine auto` the next engine is tried. */
export class UnsupportedModelError extends Error {
  /** Tells it from other errors where `instanceof` can't. */
  override name = "UnsupportedModelError";
}

/** The GPU or its driver failed: no adapter, device lost, out of memory, wrong results. */
export class GpuError extends Error {
  /** Tells it from other errors where `instanceof` can't. */
  override name = "GpuError";
}

/** The loss became NaN or infinite: says in which epoch and batch. */
export class DivergenceError extends Error {
  /** Tells it from other errors where `instanceof` can't. */
  override name = "DivergenceError";
}
