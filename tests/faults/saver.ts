/**
 * A writer that is made to be killed: cleans up, goes on from the number it finds, and saves one
 * checkpoint after the other, saying so on stdout only when each is safe.
 * Run as `saver.ts <checkpoint> [number of saves]`.
 * @module
 */

import {
  checkpointExists,
  loadCheckpoint,
  recoverCheckpoint,
  saveCheckpoint,
} from "../../lib/checkpoint.ts";
import { DEFAULT_CONFIG } from "../../lib/config.ts";
import { lockRun } from "../../lib/run_lock.ts";
import { numberOf, sample } from "./sample.ts";

const [path = "", saves = "1000"] = Deno.args;
console.log("started");
try {
  using _lock = await lockRun(path);
  await recoverCheckpoint(path);
  const first = await checkpointExists(path)
    ? numberOf(await loadCheckpoint(path)) + 1
    : 1;
  for (let n = first; n < first + Number(saves); n++) {
    await saveCheckpoint(path, sample(n, DEFAULT_CONFIG));
    console.log(`saved ${n}`);
  }
} catch (error) {
  console.error((error as Error).message);
  Deno.exit(1);
}
