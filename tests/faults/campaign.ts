/**
 * The long fault campaign, `deno task test:faults`: every single operation on a disk in memory, then real
 * processes killed, starved and locked out. Prints what was tried; the first loss ends it with an error.
 *
 * Options: `--kills=200` (of savers and of trainings each), `--seed=1`.
 * @module
 */

import { parseArgs } from "@std/cli";
import {
  type Counts,
  exploreErrors,
  exploreKills,
  exploreRecovery,
  starts,
} from "./crashes.ts";
import { fillDisk, readOnlyDisk, whyNoMounts } from "./disks.ts";
import { killSavers } from "./processes.ts";
import { killTrainings, sunspots, trainArgs } from "./trainings.ts";

const options = parseArgs(Deno.args, {
  string: ["kills", "seed"],
  default: { kills: "200", seed: "1" },
});
const kills = Number(options.kills), seed = Number(options.seed);
const began = performance.now();

/** Prints a result with the time since the beginning. */
function report(what: string, counts: object): void {
  const seconds = ((performance.now() - began) / 1000).toFixed(0);
  const list = Object.entries(counts).map(([name, n]) => `${n} ${name}`);
  console.log(`[${seconds} s] ${what}: ${list.join(", ")}`);
}

const explorations: [string, typeof exploreKills][] = [
  ["kill or power cut at every operation of a save", exploreKills],
  ["kill or power cut at every operation of the cleaning", exploreRecovery],
  ["error at every operation of save and cleaning", exploreErrors],
];
for (const [what, explore] of explorations) {
  const sum: Counts = { faults: 0, states: 0, distinct: 0 };
  for (const start of await starts()) {
    const counts = await explore(start);
    for (const name of ["faults", "states", "distinct"] as const) {
      sum[name] += counts[name];
    }
  }
  report(what, sum);
}

const folder = await Deno.makeTempDir();
try {
  report(
    "SIGKILL of a saving process",
    await killSavers(`${folder}/saver`, { kills, seed }),
  );
  report(
    "SIGKILL of a training process",
    await killTrainings(folder, {
      kills,
      seed,
      onKill: (counts) => {
        if (counts.kills % 25 === 0) report("so far", counts);
      },
    }),
  );
  report("two trainings on one folder", await rivals(`${folder}/rivals`));
  const reason = whyNoMounts();
  if (reason) {
    report(`full and read-only disks: not tried, ${reason}`, {});
  } else {
    report("full disk", await fillDisk(`${folder}/full`));
    report("read-only disk", await readOnlyDisk(`${folder}/readonly`));
  }
} finally {
  await Deno.remove(folder, { recursive: true });
}

/** Starts a second training on a folder while the first is at it. */
async function rivals(folder: string): Promise<{ refused: number }> {
  await Deno.mkdir(folder);
  const first = sunspots(folder, trainArgs(folder, { epochs: 60 })).spawn();
  const errors = new Response(first.stderr).text();
  const lines = first.stdout.pipeThrough(new TextDecoderStream()).getReader();
  await lines.read();
  const second = await sunspots(
    folder,
    trainArgs(folder, { epochs: 60, resume: true }),
  ).output();
  const message = new TextDecoder().decode(second.stderr);
  if (second.code !== 1 || !message.includes("another process is writing")) {
    throw new Error(
      `the second training ended with ${second.code}: ${message}`,
    );
  }
  while (!(await lines.read()).done);
  const { code } = await first.status;
  if (code !== 0) throw new Error(`the first training: ${await errors}`);
  await errors;
  return { refused: 1 };
}
