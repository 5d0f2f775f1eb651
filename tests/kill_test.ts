import { assert, assertEquals, assertMatch } from "@std/assert";
import { lockRun } from "../lib/run_lock.ts";
import { checkpointExists, loadCheckpoint } from "../lib/checkpoint.ts";
import { fillDisk, readOnlyDisk, whyNoMounts } from "./faults/disks.ts";
import { killSavers, program, whyNoProcesses } from "./faults/processes.ts";
import { numberOf } from "./faults/sample.ts";
import { killTrainings } from "./faults/trainings.ts";

const reason = whyNoProcesses();
const ignore = reason !== undefined;
const suffix = ignore ? ` (ignored: ${reason})` : "";

Deno.test({
  name: `saveCheckpoint() loses nothing to 30 SIGKILLs${suffix}`,
  ignore,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const counts = await killSavers(folder, { kills: 30, seed: 1 });
      assertEquals(counts.kills, 30);
      assert(counts.announced + counts.next > 20);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: `lockRun() refuses a second process, in one clear line${suffix}`,
  ignore,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      using _lock = await lockRun(`${folder}/best`);
      const { code, stderr } = await program("saver.ts", folder, [
        `${folder}/best`,
        "1",
      ]).output();
      assertEquals(code, 1);
      assertMatch(
        new TextDecoder().decode(stderr),
        /^Cannot train into \S+best: another process is writing there; [^\n]+\n$/,
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: `lockRun() names the folder that it may not write${suffix}`,
  ignore,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const { code, stderr } = await program("saver.ts", `${folder}/allowed`, [
        `${folder}/denied/best`,
      ]).output();
      assertEquals(code, 1);
      assertMatch(
        new TextDecoder().decode(stderr),
        /^Cannot lock \S+denied\/best: [^\n]+; expected a folder that this program may read and write[^\n]*\n$/,
      );
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: `train loses nothing to SIGKILLs and resumes to the same bits${suffix}`,
  ignore,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      const counts = await killTrainings(folder, {
        kills: 2,
        seed: 3,
        epochs: 12,
      });
      assert(counts.kills >= 2 && counts.identical >= 1);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name:
    `loadCheckpoint() is never disturbed by another process that saves${suffix}`,
  ignore,
  async fn() {
    const folder = await Deno.makeTempDir();
    const path = `${folder}/best`;
    try {
      const writer = program("saver.ts", folder, [path, "80"]).output();
      let done = false, loads = 0, newest = 0;
      const ended = writer.then(() => done = true);
      while (!done) {
        if (newest === 0 && !await checkpointExists(path)) continue;
        const loaded = await loadCheckpoint(path).catch((error) => {
          // Until the first save is through there is nothing whole.
          if (newest > 0) throw error;
        });
        if (!loaded) continue;
        const number = numberOf(loaded);
        assert(number >= newest - 1, `${number} after ${newest}`);
        newest = Math.max(newest, number);
        loads++;
      }
      await ended;
      const { success, stderr } = await writer;
      assert(success, new TextDecoder().decode(stderr));
      assertEquals(numberOf(await loadCheckpoint(path)), 80);
      assert(loads > 10);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

const noMounts = whyNoMounts();
const mounts = noMounts === undefined ? "" : ` (ignored: ${noMounts})`;

Deno.test({
  name: `saveCheckpoint() keeps the old generation on a full disk${mounts}`,
  ignore: noMounts !== undefined,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      assertEquals(await fillDisk(folder, 4), { filled: 4, kept: 2 });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});

Deno.test({
  name: `lockRun() refuses a disk that turned read-only${mounts}`,
  ignore: noMounts !== undefined,
  async fn() {
    const folder = await Deno.makeTempDir();
    try {
      assertEquals(await readOnlyDisk(folder), { refused: 1 });
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  },
});
