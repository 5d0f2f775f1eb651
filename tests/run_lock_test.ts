import { assert, assertEquals, assertRejects } from "@std/assert";
import { CheckpointError, UsageError } from "../lib/errors.ts";
import { lockRun } from "../lib/run_lock.ts";
import { whyNoFiles } from "./faults/processes.ts";

const reason = whyNoFiles();
const ignore = reason !== undefined;
const suffix = ignore ? ` (ignored: ${reason})` : "";

/** Runs `body` in a folder of its own. */
async function inFolder(body: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

Deno.test({
  name: `lockRun() lets one writer in at a time${suffix}`,
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const path = `${folder}/new/best`;
      const first = await lockRun(path);
      await assertRejects(
        () => lockRun(path),
        CheckpointError,
        "another process is writing there",
      );
      first.release();
      first.release();
      {
        using _second = await lockRun(path);
        await assertRejects(() => lockRun(path), CheckpointError);
      }
      (await lockRun(path)).release();
      assert((await Deno.stat(`${folder}/new/lock`)).isFile);
    }),
});

Deno.test({
  name:
    `lockRun() lets runs with other names in the same folder go on${suffix}`,
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      using _best = await lockRun(`${folder}/best`);
      using _wide = await lockRun(`${folder}/wide`);
      const names = Array.from(Deno.readDirSync(folder), ({ name }) => name);
      assertEquals(names.sort(), ["lock", "wide.lock"]);
    }),
});

Deno.test({
  name: `lockRun() says what to do where nothing can be written${suffix}`,
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      await Deno.writeTextFile(`${folder}/file`, "");
      await assertRejects(
        () => lockRun(`${folder}/file/best`),
        CheckpointError,
        "pass another --checkpoint",
      );
    }),
});

Deno.test("lockRun() refuses a name that isn't a run's", async () => {
  await assertRejects(() => lockRun("checkpoints/last"), UsageError);
});
