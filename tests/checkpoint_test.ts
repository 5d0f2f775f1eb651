import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import {
  checkpointExists,
  loadCheckpoint,
  recoverCheckpoint,
  saveCheckpoint,
} from "../lib/checkpoint.ts";
import { DEFAULT_CONFIG } from "../lib/config.ts";
import { CheckpointError } from "../lib/errors.ts";
import { saveGeneration } from "../lib/generations.ts";
import { encodeModel, FOLDER_LIMITS } from "../lib/model_json.ts";
import type { JsonObject } from "../lib/safe_json.ts";
import { emptyDisk, PATH } from "./faults/crashes.ts";
import type { MemoryDisk } from "./faults/memory_disk.ts";
import { whyNoFiles } from "./faults/processes.ts";
import { resealed } from "./faults/reseal.ts";
import { numberOf, sample, TINY_CONFIG } from "./faults/sample.ts";

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

Deno.test("loadCheckpoint() gives back every bit that was saved", async () => {
  const fileSystem = await emptyDisk();
  const checkpoint = sample(7);
  checkpoint.weights.set([-0, 1e-45, 3.4028235e38, Math.PI]);
  checkpoint.slots[0]!.set([NaN, -Infinity]);
  await saveCheckpoint(PATH, checkpoint, { fileSystem });
  const loaded = await loadCheckpoint(PATH, { fileSystem });
  assertEquals(loaded.meta, checkpoint.meta);
  assertEquals(loaded.model, checkpoint.model);
  const bits = (vector: Float32Array) => new Uint32Array(vector.slice().buffer);
  assertEquals(bits(loaded.weights), bits(checkpoint.weights));
  assertEquals(loaded.slots!.map(bits), checkpoint.slots.map(bits));
  assertEquals([loaded.folder, loaded.warning], [PATH, undefined]);
});

Deno.test("saveCheckpoint() leaves the optimizer out if told so", async () => {
  const fileSystem = await emptyDisk();
  await saveCheckpoint(PATH, sample(1), { fileSystem, weightsOnly: true });
  const loaded = await loadCheckpoint(PATH, { fileSystem });
  assertEquals(loaded.slots, undefined);
  assertEquals(await fileSystem.list(PATH), [
    "meta.json",
    "model.json",
    "weights.bin",
  ]);
});

Deno.test("loadCheckpoint() tells an optimizer without vectors from no optimizer", async () => {
  const fileSystem = await emptyDisk();
  const plain = sample(1, { ...TINY_CONFIG, momentum: 0 });
  await saveCheckpoint(PATH, { ...plain, slots: [] }, { fileSystem });
  assertEquals((await loadCheckpoint(PATH, { fileSystem })).slots, []);
});

Deno.test("saveCheckpoint() writes NaN and infinite metrics as null", async () => {
  const fileSystem = await emptyDisk();
  const checkpoint = sample(1);
  checkpoint.meta.metrics = { loss: NaN, val_mae: Infinity, mae: 2 };
  await saveCheckpoint(PATH, checkpoint, { fileSystem });
  const { meta } = await loadCheckpoint(PATH, { fileSystem });
  assertEquals(meta.metrics, { loss: null, val_mae: null, mae: 2 });
});

Deno.test("saveCheckpoint() keeps two generations, not more", async () => {
  const fileSystem = await emptyDisk();
  for (const n of [1, 2, 3]) {
    await saveCheckpoint(PATH, sample(n), { fileSystem });
  }
  assertEquals(await fileSystem.list("run"), ["best", "best.previous"]);
  const before = await loadCheckpoint(`${PATH}.previous`, { fileSystem });
  assertEquals(numberOf(before), 2);
});

Deno.test("saveCheckpoint() takes the longest history that a run can have", async () => {
  const fileSystem = await emptyDisk();
  const checkpoint = sample(1);
  const record = {
    epoch: 50_000,
    loss: 1 / 3,
    mae: 20 / 3,
    val_loss: 20 / 3,
    val_mae: 20 / 3,
    improved: false,
    seconds: 12.345678901234567,
  };
  checkpoint.meta.history = Array(50_000).fill(record);
  await saveCheckpoint(PATH, checkpoint, { fileSystem });
  const { meta } = await loadCheckpoint(PATH, { fileSystem });
  assertEquals(meta.history.length, 50_000);
  assertEquals(meta.history.at(-1), record);
});

Deno.test("saveCheckpoint() refuses parts that don't fit each other", async () => {
  const fileSystem = await emptyDisk();
  const good = sample(1);
  const [spec, ...specs] = good.model.weightSpecs;
  const { modelTopology } = good.model;
  const cases: [string, Partial<typeof good>][] = [
    ["weights, the configuration has", { weights: new Float32Array(3) }],
    ["optimizer vectors of [] elements", { slots: [] }],
    ["optimizer vectors of [3] elements", { slots: [new Float32Array(3)] }],
    ["the model lists 8 weights", {
      model: { modelTopology, weightSpecs: specs },
    }],
    ["the model lists weight 0 as float32 [9]", {
      model: {
        modelTopology,
        weightSpecs: [{ ...spec!, shape: [9] }, ...specs],
      },
    }],
  ];
  for (const [message, part] of cases) {
    await assertRejects(
      () => saveCheckpoint(PATH, { ...good, ...part }, { fileSystem }),
      TypeError,
      message,
    );
  }
  assertEquals(await checkpointExists(PATH, { fileSystem }), false);
});

Deno.test("saveCheckpoint() and recoverCheckpoint() never touch a folder with foreign files", async () => {
  for (const folder of [PATH, `${PATH}.previous`, `${PATH}.incoming`]) {
    const fileSystem = await emptyDisk();
    await saveCheckpoint(PATH, sample(1), { fileSystem });
    if (folder !== PATH) await fileSystem.makeFolder(folder);
    fileSystem.set(`${folder}/thesis.txt`, new Uint8Array(3));
    const before = fileSystem.fingerprint();
    for (
      const attempt of [
        () => saveCheckpoint(PATH, sample(2), { fileSystem }),
        () => recoverCheckpoint(PATH, { fileSystem }),
      ]
    ) {
      await assertRejects(
        attempt,
        CheckpointError,
        `Cannot replace ${folder}: it holds "thesis.txt"`,
      );
      assertEquals(fileSystem.fingerprint(), before);
    }
  }
});

Deno.test("saveCheckpoint() doesn't mind what desktops leave in folders", async () => {
  const fileSystem = await emptyDisk();
  for (const n of [1, 2, 3]) {
    await saveCheckpoint(PATH, sample(n), { fileSystem });
    fileSystem.set(`${PATH}/.DS_Store`, new Uint8Array(3));
  }
  assertEquals(numberOf(await loadCheckpoint(PATH, { fileSystem })), 3);
});

Deno.test("checkpointExists() also sees what only a crash leaves", async () => {
  const fileSystem = await emptyDisk();
  assertEquals(await checkpointExists(PATH, { fileSystem }), false);
  await saveCheckpoint(PATH, sample(1), { fileSystem });
  assertEquals(await checkpointExists(PATH, { fileSystem }), true);
  await fileSystem.rename(PATH, `${PATH}.incoming`);
  assertEquals(await checkpointExists(PATH, { fileSystem }), true);
  await fileSystem.removeFile(`${PATH}.incoming/weights.bin`);
  assertEquals(
    await checkpointExists(PATH, { fileSystem }),
    false,
    "a first save that was interrupted is no checkpoint",
  );
});

Deno.test("checkpointExists() takes a damaged checkpoint for one, so that nobody replaces it unasked", async () => {
  const fileSystem = await emptyDisk();
  await saveCheckpoint(PATH, sample(1), { fileSystem });
  await fileSystem.removeFile(`${PATH}/weights.bin`);
  assertEquals(await checkpointExists(PATH, { fileSystem }), true);
  await fileSystem.rename(PATH, `${PATH}.previous`);
  assertEquals(await checkpointExists(PATH, { fileSystem }), true);
});

Deno.test("recoverCheckpoint() says what it did", async () => {
  const fileSystem = await emptyDisk();
  const recover = () => recoverCheckpoint(PATH, { fileSystem });
  assertEquals(await recover(), []);
  await saveCheckpoint(PATH, sample(1), { fileSystem });
  assertEquals(await recover(), []);
  await fileSystem.makeFolder(`${PATH}.incoming`);
  assertEquals(await recover(), [
    "Removed run/best.incoming, left by an interrupted save",
  ]);
  await saveCheckpoint(PATH, sample(2), { fileSystem });
  fileSystem.set(`${PATH}/weights.bin`, new Uint8Array(1));
  const notes = await recover();
  assertEquals(notes.length, 1);
  assertMatch(
    notes[0]!,
    /^Restored run\/best from run\/best\.previous: weights\.bin has 1 bytes, meta\.json says \d+$/,
  );
  fileSystem.set(`${PATH}/weights.bin`, new Uint8Array(1));
  assertMatch(
    (await recover())[0]!,
    /^Found no complete checkpoint in run\/best: weights\.bin has 1 bytes/,
  );
});

/** A checkpoint whose `meta.json` says something else, sealed all the same. */
async function forged(
  change: (content: JsonObject) => void,
  files: Record<string, number> = {},
): Promise<MemoryDisk> {
  const fileSystem = await emptyDisk();
  const { meta, model, weights, slots } = sample(1);
  const content = JSON.parse(JSON.stringify({
    format: "sunspots-checkpoint",
    formatVersion: 1,
    weightsOnly: false,
    ...meta,
  }));
  change(content);
  const contents = new Map([
    ["model.json", encodeModel(model)],
    ["weights.bin", new Uint8Array(weights.buffer as ArrayBuffer)],
    ["optimizer.bin", new Uint8Array(slots[0]!.buffer as ArrayBuffer)],
  ]);
  for (const [name, bytes] of Object.entries(files)) {
    contents.set(name, new Uint8Array(bytes));
  }
  const limits = Object.fromEntries(
    [...contents.keys()].map((name) => [name, 2 ** 30]),
  );
  await saveGeneration(PATH, { content, files: contents }, {
    limits: { ...FOLDER_LIMITS, ...limits },
    fileSystem,
  });
  return fileSystem;
}

const config = (field: string, value: unknown) => (content: JsonObject) => {
  (content.config as JsonObject)[field] = value as never;
};
const field = (name: string, value: unknown) => (content: JsonObject) => {
  content[name] = value as never;
};

/** Well-sealed yet unusable metas, each with what the refusal must say. */
const HOSTILE: [
  name: string,
  change: (content: JsonObject) => void,
  message: RegExp,
  files?: Record<string, number>,
][] = [
  ["another format", field("format", "x"), /is of the format "x"/],
  ["a later version", field("formatVersion", 2), /is of format version 2/],
  ["a version of the wrong type", field("formatVersion", "1"), /version "1"/],
  ["no config", field("config", null), /no usable config/],
  ["a config of the wrong type", field("config", [1]), /no usable config/],
  ["an unknown option", config("shape", 1), /the unknown field "shape"/],
  ["an option of null", config("windowSize", null), /--window-size null/],
  ["huge filters", config("filters", 1e15), /--filters 1000000000000000/],
  [
    "huge units",
    config("lstmUnits", [4096, 4096, 4096]),
    /the configuration needs 1342537772/,
  ],
  ["very many layers", config("denseUnits", Array(1e5).fill(9)), /dense-units/],
  ["a nested list", config("lstmUnits", [[[2]]]), /lstm-units/],
  ["an object as number", config("epochs", { toString: 1 }), /unusable config/],
  ["an object as word", config("padding", { valueOf: 1 }), /unusable config/],
  ["control characters", config("padding", "\u001b[2J\n"), /--padding /],
  ["a very long word", config("padding", "x".repeat(1e6)), /--padding x/],
  ["no series", field("series", 3), /no usable series/],
  ["a nameless series", field("series", { name: 3 }), /no usable series/],
  ["a negative epoch", field("epoch", -1), /no usable epoch/],
  ["a fractional count", field("iterations", 0.5), /no usable iterations/],
  ["a seed of the wrong type", field("seed", "1"), /no usable seed/],
  ["a number as engine", field("engine", 1), /no usable engine/],
  ["metrics of the wrong type", field("metrics", { a: "b" }), /metrics/],
  ["a best without a value", field("best", { epoch: 1 }), /no usable best/],
  ["a history of numbers", field("history", [1]), /no usable history/],
  ["a history of the wrong type", field("history", {}), /no usable history/],
  ["versions of numbers", field("versions", { deno: 2 }), /versions/],
  ["no room for more", field("extra", undefined), /no usable extra/],
  ["no scale", field("scale", undefined), /no usable scale/],
  ["weightsOnly as a number", field("weightsOnly", 1), /weightsOnly/],
  ["too few weights", () => {}, /weights\.bin with 4 bytes/, {
    "weights.bin": 4,
  }],
  ["too many slots", () => {}, /optimizer\.bin with 4000 bytes/, {
    "optimizer.bin": 4000,
  }],
  ["an unknown file", () => {}, /lists the file "extra\.bin" of 3 bytes/, {
    "extra.bin": 3,
  }],
];

for (const [name, change, message, files] of HOSTILE) {
  Deno.test(`loadCheckpoint() refuses a meta.json with ${name}`, async () => {
    const fileSystem = await forged(change, files);
    const read = fileSystem.read;
    fileSystem.read = (path, limit) => {
      assertMatch(path, /meta\.json$/, "read more than the meta");
      return read.call(fileSystem, path, limit);
    };
    const error = await assertRejects(
      () => loadCheckpoint(PATH, { fileSystem }),
      CheckpointError,
    ) as CheckpointError;
    assertMatch(error.message, message);
    assertMatch(error.message, /^Cannot load checkpoint \P{Cc}{1,600}$/u);
  });
}

Deno.test("loadCheckpoint() reads no file that only the list in meta.json names", async () => {
  for (const name of ["../secret", "/etc/passwd", "weights.bin/../../x"]) {
    const fileSystem = await forged(() => {});
    const path = `${PATH}/meta.json`;
    const text = new TextDecoder().decode(fileSystem.get(path))
      .replace('"model.json":', `${JSON.stringify(name)}:`);
    fileSystem.set(path, await resealed(text));
    const error = await assertRejects(
      () => loadCheckpoint(PATH, { fileSystem }),
      CheckpointError,
    ) as CheckpointError;
    assertMatch(error.message, /lists no model\.json|lists the file/);
  }
});

Deno.test("loadCheckpoint() refuses a malformed list of files", async () => {
  const cases: [from: RegExp, to: string, message: string][] = [
    [/"bytes": \d+/, '"bytes": "7"', "malformed entry"],
    [/"bytes": \d+/, '"bytes": -1', "malformed entry"],
    [/"sha256": "\w+"\n {4}/, '"sha256": 7\n    ', "malformed entry"],
    [/"files": \{/, '"files": 7, "x": {', "no list of files"],
  ];
  for (const [from, to, message] of cases) {
    const fileSystem = await forged(() => {});
    const path = `${PATH}/meta.json`;
    const text = new TextDecoder().decode(fileSystem.get(path));
    fileSystem.set(path, await resealed(text.replace(from, to)));
    await assertRejects(
      () => loadCheckpoint(PATH, { fileSystem }),
      CheckpointError,
      message,
    );
  }
});

Deno.test("loadCheckpoint() gives options that are younger than the checkpoint their defaults", async () => {
  const fileSystem = await forged((content) => {
    delete (content.config as JsonObject).clipNorm;
  });
  const { meta } = await loadCheckpoint(PATH, { fileSystem });
  assertEquals(meta.config, TINY_CONFIG);
});

Deno.test({
  name: `saveCheckpoint() writes the exercise's model to a real disk${suffix}`,
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const path = `${folder}/new/folder/best`;
      await saveCheckpoint(path, sample(1, DEFAULT_CONFIG));
      await saveCheckpoint(path, sample(2, DEFAULT_CONFIG));
      const loaded = await loadCheckpoint(path);
      assertEquals(numberOf(loaded), 2);
      assertEquals(loaded.weights.length, 60_591);
      const { size } = await Deno.stat(`${path}/weights.bin`);
      assertEquals(size, 4 * 60_591);
      assertEquals(numberOf(await loadCheckpoint(`${path}.previous`)), 1);
    }),
});

Deno.test({
  name:
    `loadCheckpoint() follows no link out of its folder and opens no device${suffix}`,
  ignore: ignore || Deno.build.os === "windows",
  fn: () =>
    inFolder(async (folder) => {
      const path = `${folder}/best`;
      await saveCheckpoint(path, sample(1));
      for (const name of ["weights.bin", "model.json", "meta.json"]) {
        const aside = `${folder}/${name}`;
        await Deno.rename(`${path}/${name}`, aside);
        for (const target of [aside, "/dev/zero"]) {
          await Deno.symlink(target, `${path}/${name}`);
          await assertRejects(
            () => loadCheckpoint(path),
            CheckpointError,
            `${name} is not a regular file`,
          );
          await Deno.remove(`${path}/${name}`);
        }
        await Deno.mkdir(`${path}/${name}`);
        await assertRejects(() => loadCheckpoint(path), CheckpointError);
        await Deno.remove(`${path}/${name}`);
        await Deno.rename(aside, `${path}/${name}`);
      }
      assertEquals(numberOf(await loadCheckpoint(path)), 1);
    }),
});

Deno.test({
  name: `loadCheckpoint() reads no more of a huge file than it needs${suffix}`,
  ignore,
  fn: () =>
    inFolder(async (folder) => {
      const path = `${folder}/best`;
      for (const name of ["meta.json", "weights.bin"]) {
        await saveCheckpoint(path, sample(1));
        await Deno.remove(`${path}.previous`, { recursive: true })
          .catch((error) => assert(error instanceof Deno.errors.NotFound));
        await Deno.truncate(`${path}/${name}`, 2 ** 40).catch(() =>
          Deno.truncate(`${path}/${name}`, 2 ** 33)
        );
        await assertRejects(
          () => loadCheckpoint(path),
          CheckpointError,
          "bytes, expected at most",
        );
      }
    }),
});
