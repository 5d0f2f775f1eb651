/**
 * Has an engine take the known steps, compares its answer, and times it.
 * @module
 */

import type { TrainEngine } from "../engine/engine.ts";
import {
  deviation,
  KNOWN_STEPS,
  KNOWN_TOLERANCE,
  knownStarts,
} from "./known_steps.ts";

/** Longest stretch that is timed at once: the steps of the exercise's epoch. */
const MOST_STEPS = 93;

/** What an engine made of the known steps. */
export interface EngineCheck {
  /** Which engine and which of its variants. */
  name: string;
  /** What it runs on; absent if it couldn't be made. */
  adapter?: string;
  /** Whether its answer was right. */
  works: boolean;
  /** Largest relative deviation from the right answer. */
  deviation?: number;
  /** Expected milliseconds per train step of the exercise's model. */
  ms_per_step?: number;
  /** Why it doesn't work. */
  problem?: string;
}

/** How to check. */
export interface CheckOptions {
  /** As `EngineCheck.name`. */
  name: string;
  /** Known steps to take. @default {KNOWN_STEPS} */
  steps?: number;
  /** How long to time, in ms. @default {700} */
  budgetMs?: number;
  /** Calls the check off. */
  signal?: AbortSignal;
}

/**
 * Checks one engine; whatever goes wrong with it is part of the answer.
 *
 * @param make Makes it, on `knownSpec()` and `knownWeights()`.
 * @throws The signal's reason, if aborted.
 */
export async function checkEngine(
  make: () => Promise<TrainEngine>,
  options: CheckOptions,
): Promise<EngineCheck> {
  const { name, steps = KNOWN_STEPS, budgetMs = 700, signal } = options;
  const check: EngineCheck = { name, works: false };
  let engine: TrainEngine | undefined;
  try {
    engine = await make();
    check.adapter = engine.adapter;
    const found = deviation(await engine.trainEpoch(knownStarts(steps)));
    check.deviation = found;
    if (!(found <= KNOWN_TOLERANCE)) {
      check.problem = `wrong results, ${
        found.toPrecision(2)
      } off, expected at most ${KNOWN_TOLERANCE}`;
      return check;
    }
    check.works = true;
    check.ms_per_step = await timeStep(engine, { budgetMs, signal });
  } catch (error) {
    signal?.throwIfAborted();
    check.works = false;
    check.problem = error instanceof Error ? error.message : String(error);
  } finally {
    engine?.dispose();
  }
  return check;
}

/** Milliseconds per step over about `budgetMs`. */
async function timeStep(
  engine: TrainEngine,
  { budgetMs, signal }: {
    budgetMs: number;
    signal: AbortSignal | undefined;
  },
): Promise<number> {
  const time = async (steps: number) => {
    signal?.throwIfAborted();
    const began = performance.now();
    await engine.trainEpoch(knownStarts(steps), signal ? { signal } : {});
    return (performance.now() - began) / steps;
  };
  const once = await time(1);
  if (once > budgetMs) return once;
  const few = await time(Math.min(5, Math.ceil(budgetMs / once)));
  const steps = Math.floor(budgetMs / few);
  return steps > 5 ? await time(Math.min(steps, MOST_STEPS)) : few;
}
