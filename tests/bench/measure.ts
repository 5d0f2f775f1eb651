/**
 * Times contestants in turns, so that what else the machine does meanwhile hits all of them.
 * @module
 */

import type { Contestant, StepCost } from "./contestant.ts";
import { type Spread, spread } from "./statistics.ts";

/** Steps of the exercise's epoch: the longest stretch that is timed at once. */
const MOST_STEPS = 93;

/** How to time. */
export interface TurnOptions {
  /** Turns of each contestant. */
  rounds: number;
  /** How long one turn should take, in ms; a turn is one step at least. */
  budgetMs: number;
  /** Steps of a turn instead. */
  steps?: number;
  /** Called with each contestant's first estimate, ms per step. */
  onWarm?: (key: string, ms: number) => void;
  /** Called before each round. */
  onRound?: (round: number) => Promise<void> | void;
}

/** What came out for one contestant. */
export interface Timing {
  /** As `Contestant.key`. */
  key: string;
  /** What it is. */
  label: string;
  /** What it runs on. */
  device: string;
  /** Steps of each turn. */
  steps: number;
  /** Milliseconds per step over the turns. */
  ms: Spread;
  /** Milliseconds per step, turn by turn. */
  samples: number[];
  /** The loss of the first batch. */
  firstLoss: number;
  /** As `Contestant.peak`. */
  peak?: string;
  /** What a step asks of host and GPU. */
  cost?: StepCost;
}

/**
 * Warms all up, then times them in turns.
 *
 * @throws whatever a contestant throws.
 */
export async function takeTurns(
  contestants: readonly Contestant[],
  options: TurnOptions,
): Promise<Timing[]> {
  const { rounds, budgetMs, onWarm, onRound } = options;
  const timings: Timing[] = [];
  for (const contestant of contestants) {
    // The first step compiles and allocates, and says nothing of the pace.
    await contestant.run(1);
    let estimate = await contestant.run(1);
    if (estimate < budgetMs / 4) {
      // The read at the end, or the start of a thread, is most of a single short step.
      estimate = await contestant.run(10) / 10;
    }
    const { key, label, device, firstLoss, peak } = contestant;
    onWarm?.(key, estimate);
    timings.push({
      key,
      label,
      device,
      firstLoss,
      steps: options.steps ??
        Math.max(1, Math.min(MOST_STEPS, Math.round(budgetMs / estimate))),
      ms: { min: 0, median: 0, max: 0 },
      samples: [],
      ...(peak !== undefined && { peak }),
    });
  }
  for (let round = 1; round <= rounds; round++) {
    await onRound?.(round);
    for (const [i, contestant] of contestants.entries()) {
      const timing = timings[i]!;
      timing.samples.push(await contestant.run(timing.steps) / timing.steps);
    }
  }
  for (const [i, contestant] of contestants.entries()) {
    const timing = timings[i]!;
    timing.ms = spread(timing.samples);
    if (contestant.cost) timing.cost = await contestant.cost();
  }
  return timings;
}

/**
 * Requires that all contestants do the same: equal loss of the first batch at equal weights.
 *
 * @throws {Error} naming the one that differs.
 */
export function requireSameLoss(
  contestants: readonly Pick<Contestant, "label" | "firstLoss">[],
  tolerance = 1e-4,
): void {
  const losses = contestants.map((c) => c.firstLoss);
  if (losses.length === 0) return;
  const { median } = spread(losses);
  for (const { label, firstLoss } of contestants) {
    if (!(Math.abs(firstLoss - median) <= tolerance * Math.abs(median))) {
      throw new Error(
        `Cannot compare ${label} with the others: its loss of the first batch is ${firstLoss}, expected ${median}`,
      );
    }
  }
}
