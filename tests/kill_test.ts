import { assert, assertEquals, assertMatch } from "@std/assert";
import { lockRun } from "../lib/run_lock.ts";
import { killSavers, program, whyNoProcesses } from "./faults/processes.ts";

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
