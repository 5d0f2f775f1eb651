/**
 * Where the threads wait for each other: a counting barrier with generations on three words of
 * shared memory, 64 bytes apart so that each has its cache line.
 * @module
 */

import { BARRIER, BARRIER_GENERATION, BARRIER_STOP, THREADS } from "./plan";
import { word } from "./read";

/** Looks before a waiting thread goes to sleep, some 30 microseconds. */
const SPINS: i32 = 20_000;
/** Nanoseconds of sleep before a thread looks by itself whether all was called off. */
const PATIENCE: i64 = 100_000_000;

/** Waits for all threads; false if the work was called off. */
export function meet(): bool {
  const threads = <i32> word(THREADS);
  if (threads == 1) return true;
  const count = word(BARRIER), generation = count + BARRIER_GENERATION;
  const stop = count + BARRIER_STOP;
  const mine = atomic.load<i32>(generation);
  if (atomic.add<i32>(count, 1) + 1 == threads) {
    atomic.store<i32>(count, 0);
    atomic.add<i32>(generation, 1);
    atomic.notify(generation, threads);
    return !atomic.load<i32>(stop);
  }
  for (let spin = 0; spin < SPINS; ++spin) {
    if (atomic.load<i32>(generation) != mine) return !atomic.load<i32>(stop);
  }
  while (atomic.load<i32>(generation) == mine) {
    if (atomic.load<i32>(stop)) return false;
    atomic.wait<i32>(generation, mine, PATIENCE);
  }
  return !atomic.load<i32>(stop);
}
