import { assertEquals, assertRejects } from "@std/assert";
import { replaceFile } from "../lib/replace_file.ts";
import { Killed, MemoryDisk, osError } from "./faults/memory_disk.ts";

const PATH = "history.csv";
const text = (disk: MemoryDisk) => new TextDecoder().decode(disk.get(PATH));

Deno.test("replaceFile() leaves the old content or the new, whatever happens when", async () => {
  const start = new MemoryDisk();
  await replaceFile(PATH, "old", start);
  const whole = start.clone();
  whole.arm();
  await replaceFile(PATH, "the new one", whole);
  for (const after of [whole, ...whole.afterPowerCut()]) {
    assertEquals(text(after), "the new one");
  }
  const seen = new Set<string>();
  for (let at = 1; at <= whole.operations; at++) {
    const killed = start.clone();
    killed.arm({ at, kind: "kill" });
    await assertRejects(
      () => replaceFile(PATH, "the new one", killed),
      Killed,
    );
    for (const after of [killed.clone(), ...killed.afterPowerCut()]) {
      seen.add(text(after));
      await replaceFile(PATH, "again", after);
      assertEquals(text(after), "again");
    }
    const full = start.clone();
    full.arm({ at, kind: "error", error: osError("ENOSPC") });
    // Nothing to remove is the usual case: a failure there is as good as any.
    await assertRejects(() => replaceFile(PATH, "the new one", full), Error);
    full.arm();
    seen.add(text(full));
  }
  assertEquals([...seen].sort(), ["old", "the new one"]);
});
