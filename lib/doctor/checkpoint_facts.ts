/**
 * In what state the checkpoint folders are.
 * @module
 */

import { checkpointExists, loadCheckpoint } from "../checkpoint.ts";
import { loadPretrained, PRETRAINED } from "../pretrained.ts";

/** One folder. */
export interface CheckpointFacts {
  /** Its path. */
  path: string;
  /** `verified`: every file as its hash says; `old`: an older generation is used. */
  state: "absent" | "verified" | "old" | "damaged" | "not permitted";
  /** Epoch of the weights. */
  epoch?: number;
  /** The monitored metric and its value. */
  monitor?: string;
  value?: number | null;
  /** What is wrong and what to do. */
  problem?: string;
}

/** Looks at one folder, or at the checkpoint that the program carries, verifying every byte. */
export async function gatherCheckpoint(path: string): Promise<CheckpointFacts> {
  try {
    const carried = path === PRETRAINED;
    if (!carried && !await checkpointExists(path)) {
      return { path, state: "absent" };
    }
    const { meta, warning } = carried
      ? await loadPretrained()
      : await loadCheckpoint(path);
    return {
      path,
      state: warning ? "old" : "verified",
      epoch: meta.epoch,
      monitor: meta.monitor,
      value: meta.metrics[meta.monitor] ?? null,
      ...(warning && { problem: warning }),
    };
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    return {
      path,
      state: error instanceof Deno.errors.NotCapable
        ? "not permitted"
        : "damaged",
      problem,
    };
  }
}
