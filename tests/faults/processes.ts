/**
 * Starts real programs of this folder with the least permissions, and kills them at random moments.
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { checkpointExists, loadCheckpoint } from "../../lib/checkpoint.ts";
import { numberOf } from "./sample.ts";

const granted = (descriptor: Deno.PermissionDescriptor) =>
  Deno.permissions.querySync(descriptor).state === "granted";

/** Why real files can't be used here, or `undefined` if they can. */
export function whyNoFiles(): string | undefined {
  return granted({ name: "read" }) && granted({ name: "write" })
    ? undefined
    : "needs --allow-read and --allow-write";
}

/** Why real processes can't be started here, or `undefined` if they can. */
export function whyNoProcesses(): string | undefined {
  return granted({ name: "run", command: Deno.execPath() })
    ? whyNoFiles()
    : "needs --allow-run";
}

/** A program of this folder, ready to be spawned; it may touch `folder` only. */
export function program(
  name: string,
  folder: string,
  args: string[],
): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--no-check",
      `--allow-read=${folder}`,
      `--allow-write=${folder}`,
      new URL(name, import.meta.url).href,
      ...args,
    ],
    stdout: "piped",
    stderr: "piped",
  });
}

/** A small random generator with a seed, so that a failing campaign can be repeated roughly. */
export function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

/** What the killings came to. */
export interface KillCounts {
  kills: number;
  /** Kills after which the newest announced number loaded. */
  announced: number;
  /** Kills after which the next number loaded: saved in full, not yet announced. */
  next: number;
  /** Kills after which a checkpoint loaded from elsewhere than its folder, with a warning. */
  warned: number;
  /** Kills that left a staged folder behind. */
  leftovers: number;
}

/**
 * Starts the saver again and again on one folder and kills it at random moments. After each kill, the
 * newest number that any of them announced must load, or the one after it.
 */
export async function killSavers(
  folder: string,
  { kills, seed }: { kills: number; seed: number },
): Promise<KillCounts> {
  const path = `${folder}/best`;
  const random = randomFrom(seed);
  const counts: KillCounts = {
    kills: 0,
    announced: 0,
    next: 0,
    warned: 0,
    leftovers: 0,
  };
  let newest = 0;
  while (counts.kills < kills) {
    const child = program("saver.ts", folder, [path]).spawn();
    // One in four dies while it locks and cleans up, the others somewhere in their first saves.
    const sign = random() < 0.25 ? "started" : "saved";
    const delay = random() * 25;
    let output = "";
    let timer: ReturnType<typeof setTimeout> | undefined;
    const errors = new Response(child.stderr).text();
    for await (
      const text of child.stdout.pipeThrough(new TextDecoderStream())
    ) {
      output += text;
      if (timer === undefined && output.includes(sign)) {
        timer = setTimeout(() => child.kill("SIGKILL"), delay);
      }
    }
    clearTimeout(timer);
    const { signal } = await child.status;
    assertEquals(signal, "SIGKILL", await errors);
    await errors;
    counts.kills++;
    for (const [, n] of output.matchAll(/^saved (\d+)$/gm)) newest = Number(n);
    if (newest === 0 && !await checkpointExists(path)) continue;
    const names = Array.from(Deno.readDirSync(folder), ({ name }) => name);
    if (names.includes("best.incoming")) counts.leftovers++;
    const loaded = await loadCheckpoint(path).catch((error) => {
      // Before the first announcement there may be nothing whole.
      if (newest === 0) return undefined;
      throw error;
    });
    if (!loaded) continue;
    const number = numberOf(loaded);
    assert(
      number === newest || number === newest + 1,
      `loaded ${number} after ${newest} was announced`,
    );
    if (number === newest) counts.announced++;
    else counts.next++;
    if (loaded.warning) counts.warned++;
    newest = number;
  }
  return counts;
}
