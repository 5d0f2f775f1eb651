/**
 * Real disks that are full or read-only: small file systems in memory, which root can mount on Linux.
 * @module
 */

import { assert, assertEquals, assertMatch } from "@std/assert";
import { loadCheckpoint } from "../../lib/checkpoint.ts";
import { program, whyNoProcesses } from "./processes.ts";
import { numberOf } from "./sample.ts";

/** Why nothing can be mounted here, or `undefined` if it can. */
export function whyNoMounts(): string | undefined {
  if (Deno.build.os !== "linux") return "needs Linux";
  const reason = whyNoProcesses();
  if (reason) return reason;
  if (Deno.permissions.querySync({ name: "run" }).state !== "granted") {
    return "needs --allow-run";
  }
  const { success, stdout } = new Deno.Command("sh", {
    args: [
      "-c",
      'd=$(mktemp -d) && mount -t tmpfs -o size=64k none "$d" && umount "$d"; s=$?; rmdir "$d"; exit $s',
    ],
    stderr: "null",
  }).outputSync();
  assertEquals(stdout.length, 0);
  return success ? undefined : "needs root's right to mount";
}

/** Runs a mount command. */
async function mount(command: "mount" | "umount", ...args: string[]) {
  const { success, stderr } = await new Deno.Command(command, { args })
    .output();
  assert(success, new TextDecoder().decode(stderr));
}

/** Runs `body` with a file system of the given size at `folder`. */
async function withDisk(
  folder: string,
  size: string,
  body: () => Promise<void>,
): Promise<void> {
  await Deno.mkdir(folder, { recursive: true });
  await mount("mount", "-t", "tmpfs", "-o", `size=${size}`, "none", folder);
  try {
    await body();
  } finally {
    await mount("umount", folder);
  }
}

/** Lets the saver save once more than fits, and says which number it announced last. */
async function saveUntilItFails(
  folder: string,
  message: RegExp,
): Promise<number> {
  const { code, stdout, stderr } = await program("saver.ts", folder, [
    `${folder}/best`,
    "50",
  ]).output();
  assertEquals(code, 1);
  assertMatch(new TextDecoder().decode(stderr), message);
  const said = new TextDecoder().decode(stdout).match(/saved (\d+)\n$/);
  return Number(said?.[1] ?? 0);
}

/** Requires that saving works again. */
async function saveOnce(folder: string, expected: number): Promise<void> {
  const { success, stderr } = await program("saver.ts", folder, [
    `${folder}/best`,
    "1",
  ]).output();
  assert(success, new TextDecoder().decode(stderr));
  assertEquals(numberOf(await loadCheckpoint(`${folder}/best`)), expected);
}

/** Disks of many sizes, each too small for a third generation: it fills up at other moments. */
export async function fillDisk(
  folder: string,
  sizes = 24,
): Promise<{ filled: number; kept: number }> {
  let kept = 0;
  for (let i = 0; i < sizes; i++) {
    // A generation takes about 500 KB: from too little for one to almost three.
    const kilobytes = 40 + Math.floor(i * 1400 / sizes / 4) * 4;
    await withDisk(folder, `${kilobytes}k`, async () => {
      const newest = await saveUntilItFails(
        folder,
        /^Cannot save checkpoint \S+: No space left on device[^\n]*; free at least \d+ KiB on that disk\. What was saved before still stands\.\n$/,
      );
      if (newest > 0) {
        const loaded = await loadCheckpoint(`${folder}/best`);
        assertEquals(numberOf(loaded), newest);
        kept++;
      }
      await mount("mount", "-o", "remount,size=8m", folder);
      await saveOnce(folder, newest + 1);
    });
  }
  return { filled: sizes, kept };
}

/** A disk that turns read-only under a checkpoint. */
export async function readOnlyDisk(
  folder: string,
): Promise<{ refused: number }> {
  await withDisk(folder, "8m", async () => {
    await saveOnce(folder, 1);
    await mount("mount", "-o", "remount,ro", folder);
    const newest = await saveUntilItFails(
      folder,
      /^Cannot lock \S+: Read-only file system[^\n]*; expected a folder that this program may read and write[^\n]*\n$/,
    );
    assertEquals(newest, 0);
    assertEquals(numberOf(await loadCheckpoint(`${folder}/best`)), 1);
    await mount("mount", "-o", "remount,rw", folder);
    await saveOnce(folder, 2);
  });
  return { refused: 1 };
}
