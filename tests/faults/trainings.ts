/**
 * Kills real trainings of the whole program at random moments, goes on with `--resume`, and compares the end
 * with that of a training nobody disturbed.
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import { checkpointExists, loadCheckpoint } from "../../lib/checkpoint.ts";
import { runPaths } from "../../lib/run_paths.ts";
import { sha256 } from "../../lib/seal.ts";
import { randomFrom } from "./processes.ts";

/** A small network that improves for many epochs, so that there's much to save. */
const SETTINGS = [
  "--engine=wasm",
  "--threads=1",
  "--filters=4",
  "--kernel-size=3",
  "--lstm-units=4",
  "--dense-units=4",
  "--split-time=400",
  "--learning-rate=1e-6",
];

/** What the killings came to. */
export interface TrainingCounts {
  kills: number;
  /** Kills before the first epoch was announced, resumptions included. */
  early: number;
  /** Kills that left a staged folder behind. */
  leftovers: number;
  /** Evaluations in a new process after a kill, each of the last announced best or the one after it. */
  evaluations: number;
  /** Trainings that were killed, resumed and ended with the bits of the undisturbed one. */
  identical: number;
}

/** The program's process for one command, with no more permissions than its task has. */
export function sunspots(folder: string, args: string[]): Deno.Command {
  return new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--no-prompt",
      "--no-check",
      `--allow-read=data,${folder}`,
      `--allow-write=${folder}`,
      "--allow-env=DENO_WEBGPU_BACKEND,NO_COLOR,XDG_RUNTIME_DIR",
      new URL("../../main.ts", import.meta.url).href,
      ...args,
    ],
    stdout: "piped",
    stderr: "piped",
  });
}

/** The arguments of a training into `folder`. */
export function trainArgs(
  folder: string,
  { resume = false, epochs }: { resume?: boolean; epochs: number },
): string[] {
  return [
    "train",
    "--json",
    ...SETTINGS,
    `--epochs=${epochs}`,
    `--checkpoint=${folder}/best`,
    ...resume ? ["--resume"] : [],
  ];
}

/** Everything of a finished training that must not depend on interruptions. */
export async function outcome(folder: string): Promise<string[]> {
  const { best, last, historyJsonl, historyCsv } = runPaths(`${folder}/best`);
  const hashes = await Promise.all(
    [`${best}/weights.bin`, `${last}/weights.bin`, `${last}/optimizer.bin`]
      .map(async (path) =>
        `${path.slice(folder.length)} ${await sha256(
          await Deno.readFile(path),
        )}`
      ),
  );
  const untimed = (text: string) =>
    text.trim().split("\n").map((line) => line.replace(/,[^,]*$/, ""));
  const history = await Deno.readTextFile(historyJsonl);
  const { meta } = await loadCheckpoint(last);
  const { meta: bestMeta } = await loadCheckpoint(best);
  return [
    ...hashes,
    JSON.stringify([meta.epoch, meta.iterations, meta.best, meta.metrics]),
    JSON.stringify([bestMeta.epoch, bestMeta.iterations, bestMeta.metrics]),
    ...untimed(history),
    ...untimed(await Deno.readTextFile(historyCsv)),
  ];
}

/** One line of `train --json`. */
interface Line {
  epoch?: number;
  improved?: boolean;
  val_mae?: number;
  done?: boolean;
}

/** What has been announced so far in one folder. */
interface Announced {
  /** The newest best epoch. */
  best: number;
  /** Its metric. */
  value: number;
  /** The newest epoch. */
  last: number;
}

/** What stands in a folder, for the message of a failure. */
function listing(folder: string): string {
  const lines: string[] = [];
  const visit = (path: string) => {
    for (const { name, isDirectory } of Deno.readDirSync(path)) {
      const { size } = Deno.statSync(`${path}/${name}`);
      lines.push(`${path}/${name}${isDirectory ? "/" : ` ${size} bytes`}`);
      if (isDirectory) visit(`${path}/${name}`);
    }
  };
  visit(folder);
  return lines.join("\n");
}

/** Runs one training until it's done or killed; `undefined`: done. */
async function disturb(
  folder: string,
  { resume, epochs, early, delay, announced }: {
    resume: boolean;
    epochs: number;
    early: boolean;
    delay: number;
    announced: Announced;
  },
): Promise<"killed" | "done"> {
  const child = sunspots(folder, trainArgs(folder, { resume, epochs })).spawn();
  const errors = new Response(child.stderr).text();
  const kill = () => {
    try {
      child.kill("SIGKILL");
    } catch (error) {
      // It ended just now: that's the "done" below.
      if (!(error instanceof TypeError)) throw error;
    }
  };
  let timer: ReturnType<typeof setTimeout> | undefined;
  if (early) timer = setTimeout(kill, delay);
  let output = "";
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    output += text;
    timer ??= setTimeout(kill, delay);
  }
  clearTimeout(timer);
  const { signal, code } = await child.status;
  const complete = output.slice(0, output.lastIndexOf("\n") + 1);
  for (const text of complete.split("\n").filter((line) => line !== "")) {
    const line: Line = JSON.parse(text);
    if (line.epoch === undefined) continue;
    announced.last = line.epoch;
    if (!line.improved) continue;
    announced.best = line.epoch;
    announced.value = line.val_mae!;
  }
  const message = await errors;
  if (signal === "SIGKILL") return "killed";
  assertEquals(code, 0, `${message}${listing(folder)}`);
  return "done";
}

/** After a kill: the checkpoints are the announced ones or the next, and `eval` agrees. */
async function inspect(
  folder: string,
  announced: Announced,
  counts: TrainingCounts,
): Promise<void> {
  const { best, last } = runPaths(`${folder}/best`);
  const names = Array.from(Deno.readDirSync(folder), ({ name }) => name);
  if (names.some((name) => name.endsWith(".incoming"))) counts.leftovers++;
  if (announced.last > 0) {
    const { meta } = await loadCheckpoint(last);
    assert(
      meta.epoch === announced.last || meta.epoch === announced.last + 1,
      `last is epoch ${meta.epoch} after ${announced.last} was announced`,
    );
    // Saved, but killed before it could be said: the next process goes on from there.
    announced.last = meta.epoch;
  }
  if (announced.best === 0) return;
  const { meta } = await loadCheckpoint(best);
  assert(
    meta.epoch === announced.best || meta.epoch === announced.last ||
      meta.epoch === announced.last + 1,
    `best is epoch ${meta.epoch} after ${announced.best} was announced`,
  );
  const { success, stdout, stderr } = await sunspots(folder, [
    "eval",
    "--json",
    "--engine=wasm",
    "--threads=1",
    `--checkpoint=${best}`,
  ]).output();
  assert(success, new TextDecoder().decode(stderr));
  const result: { epoch: number; val_mae: number } = JSON.parse(
    new TextDecoder().decode(stdout),
  );
  assertEquals(result.epoch, meta.epoch);
  const said = meta.epoch === announced.best
    ? announced.value
    : meta.metrics.val_mae!;
  assert(
    Math.abs(result.val_mae - said) <= 1e-5 * said,
    `eval says ${result.val_mae}, training said ${said}`,
  );
  counts.evaluations++;
  announced.best = meta.epoch;
  announced.value = said;
}

/** A training that nobody disturbs. */
export async function undisturbed(
  folder: string,
  epochs: number,
): Promise<string[]> {
  const { success, stderr } = await sunspots(
    folder,
    trainArgs(folder, { epochs }),
  ).output();
  assert(success, new TextDecoder().decode(stderr));
  return await outcome(folder);
}

/**
 * Trains in new folders under `parent`, killing and resuming until each is done, until there were enough kills.
 */
export async function killTrainings(
  parent: string,
  { kills, seed, epochs = 60, longest = 700, onKill }: {
    kills: number;
    seed: number;
    /** Epochs of each training. @default {60} */
    epochs?: number;
    /** Most milliseconds from the first announced epoch to the kill. @default {700} */
    longest?: number;
    onKill?: (counts: TrainingCounts) => void;
  },
): Promise<TrainingCounts> {
  const random = randomFrom(seed);
  const counts: TrainingCounts = {
    kills: 0,
    early: 0,
    leftovers: 0,
    evaluations: 0,
    identical: 0,
  };
  const expected = await undisturbed(
    `${parent}/undisturbed`,
    epochs,
  );
  for (let run = 1; counts.kills < kills; run++) {
    const folder = `${parent}/run${run}`;
    const announced: Announced = { best: 0, value: NaN, last: 0 };
    const { last } = runPaths(`${folder}/best`);
    for (;;) {
      const before = announced.last;
      const early = random() < 0.2;
      const end = await disturb(folder, {
        resume: await checkpointExists(last),
        epochs,
        early,
        delay: random() * (early ? 1000 : longest),
        announced,
      });
      if (end === "done") break;
      counts.kills++;
      if (announced.last === before) counts.early++;
      if (await checkpointExists(last)) {
        await inspect(folder, announced, counts);
      }
      onKill?.(counts);
    }
    assertEquals(await outcome(folder), expected);
    counts.identical++;
    await Deno.remove(folder, { recursive: true });
  }
  return counts;
}
