/**
 * Lets `--engine auto` choose, and checks what it chose as any other engine.
 * @module
 */

import { type SelectedEngine, selectEngine } from "../engine/select.ts";
import { checkEngine, type CheckOptions } from "./engine_check.ts";
import { knownSpec, knownWeights } from "./known_steps.ts";

/** What `--engine auto` would do. */
export interface AutoChoice {
  /** The engine's name. */
  engine: string;
  /** What it runs on. */
  adapter: string;
  /** Why this one. */
  reason: string;
  /** Whether it answers rightly. */
  works: boolean;
  /** Expected milliseconds per train step of the exercise's model. */
  ms_per_step?: number;
  /** Why it doesn't work. */
  problem?: string;
}

/**
 * Chooses and checks.
 *
 * @throws The signal's reason, if aborted.
 */
export async function examineAuto(settings: CheckOptions): Promise<AutoChoice> {
  let selected: SelectedEngine | undefined;
  const check = await checkEngine(async () => {
    selected = await selectEngine(knownSpec(), knownWeights());
    return selected.engine;
  }, settings);
  // Frees the device too; the engine itself has been freed by the check.
  selected?.dispose();
  return {
    engine: selected?.engine.name ?? "none",
    adapter: check.adapter ?? "",
    reason: selected?.reason ?? "",
    works: check.works,
    ...(check.ms_per_step !== undefined && { ms_per_step: check.ms_per_step }),
    ...(check.problem !== undefined && { problem: check.problem }),
  };
}
