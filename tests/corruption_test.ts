import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { loadCheckpoint, saveCheckpoint } from "../lib/checkpoint.ts";
import { type Config, DEFAULT_CONFIG } from "../lib/config.ts";
import { CheckpointError } from "../lib/errors.ts";
import { emptyDisk, PATH } from "./faults/crashes.ts";
import type { MemoryDisk } from "./faults/memory_disk.ts";
import { randomFrom } from "./faults/processes.ts";
import { numberOf, sample } from "./faults/sample.ts";

const FILES = ["meta.json", "model.json", "weights.bin", "optimizer.bin"];

/** A disk with one checkpoint. */
async function saved(config?: Config): Promise<MemoryDisk> {
  const disk = await emptyDisk();
  await saveCheckpoint(PATH, sample(1, config), { fileSystem: disk });
  return disk;
}

/** Requires that a file with this content is refused, by name and with a remedy. */
async function refused(
  disk: MemoryDisk,
  file: string,
  content: Uint8Array<ArrayBuffer>,
): Promise<void> {
  const original = disk.get(`${PATH}/${file}`);
  disk.set(`${PATH}/${file}`, content);
  const { message } = await assertRejects(
    () => loadCheckpoint(PATH, { fileSystem: disk }),
    CheckpointError,
  ) as CheckpointError;
  assert(message.includes(file), message);
  assertMatch(message, /^Cannot load [^\n]+; restore the folder from a copy, /);
  disk.set(`${PATH}/${file}`, original);
}

for (const file of FILES) {
  Deno.test(`loadCheckpoint() detects each flipped bit of a small ${file}`, async () => {
    const disk = await saved();
    const original = disk.get(`${PATH}/${file}`);
    for (let at = 0; at < original.length; at++) {
      for (const mask of [1, 2, 4, 8, 16, 32, 64, 128, 255]) {
        const content = original.slice();
        content[at]! ^= mask;
        await refused(disk, file, content);
      }
    }
    assertEquals(
      numberOf(await loadCheckpoint(PATH, { fileSystem: disk })),
      1,
    );
  });

  Deno.test(`loadCheckpoint() detects each truncation of a small ${file}`, async () => {
    const disk = await saved();
    const original = disk.get(`${PATH}/${file}`);
    for (let length = 0; length < original.length; length++) {
      await refused(disk, file, original.slice(0, length));
    }
    await refused(disk, file, new Uint8Array([...original, 10]));
    await refused(disk, file, new Uint8Array([...original, ...original]));
    await refused(disk, file, new Uint8Array(original.length));
  });

  Deno.test(`loadCheckpoint() detects a missing ${file}`, async () => {
    const disk = await saved();
    await disk.removeFile(`${PATH}/${file}`);
    await assertRejects(
      () => loadCheckpoint(PATH, { fileSystem: disk }),
      CheckpointError,
      `it has no ${file}`,
    );
  });
}

for (const file of ["weights.bin", "optimizer.bin"]) {
  Deno.test(`loadCheckpoint() detects 2,000 random flips of the exercise's ${file}`, async () => {
    const disk = await saved(DEFAULT_CONFIG);
    const original = disk.get(`${PATH}/${file}`);
    const random = randomFrom(2026);
    for (let i = 0; i < 2000; i++) {
      const content = original.slice();
      content[Math.floor(random() * content.length)]! ^= 1 +
        Math.floor(random() * 255);
      await refused(disk, file, content);
    }
  });
}

Deno.test("loadCheckpoint() uses the generation before, with a warning that names the damage", async () => {
  for (const file of FILES) {
    const disk = await saved();
    await saveCheckpoint(PATH, sample(2), { fileSystem: disk });
    const content = disk.get(`${PATH}/${file}`).slice();
    content[content.length >> 1]! ^= 16;
    disk.set(`${PATH}/${file}`, content);
    const loaded = await loadCheckpoint(PATH, { fileSystem: disk });
    assertEquals(numberOf(loaded), 1);
    assertEquals(loaded.folder, `${PATH}.previous`);
    assert(
      loaded.warning?.startsWith(
        `Using ${PATH}.previous instead of ${PATH}: ${file} `,
      ),
      loaded.warning,
    );
  }
});

Deno.test("loadCheckpoint() names both damages if no generation is whole", async () => {
  const disk = await saved();
  await saveCheckpoint(PATH, sample(2), { fileSystem: disk });
  disk.set(`${PATH}/weights.bin`, new Uint8Array(3));
  disk.set(`${PATH}.previous/model.json`, new Uint8Array(3));
  await assertRejects(
    () => loadCheckpoint(PATH, { fileSystem: disk }),
    CheckpointError,
    "run/best.previous: model.json has 3 bytes",
  );
});

Deno.test("loadCheckpoint() detects files swapped between two checkpoints", async () => {
  const disk = await saved();
  await saveCheckpoint("run/other", sample(2), { fileSystem: disk });
  for (const file of FILES.slice(1)) {
    const other = disk.get(`run/other/${file}`);
    if (file === "model.json") continue; // the same model
    await refused(disk, file, other);
  }
});
