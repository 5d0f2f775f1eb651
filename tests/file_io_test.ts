import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { saveCheckpoint } from "../lib/checkpoint.ts";
import { DEFAULT_CONFIG } from "../lib/config.ts";
import { CheckpointError } from "../lib/errors.ts";
import { fileHandler } from "../lib/file_io.ts";
import { saveGeneration } from "../lib/generations.ts";
import { buildModel, readWeights } from "../lib/model.ts";
import { emptyDisk } from "./faults/crashes.ts";
import type { MemoryDisk } from "./faults/memory_disk.ts";
import { sample, TINY_CONFIG } from "./faults/sample.ts";

const PATH = "run/model";
const decode = (bytes: Uint8Array) =>
  JSON.parse(new TextDecoder().decode(bytes));

/** A small stock model whose weights are all different. */
async function stockModel(): Promise<tf.Sequential> {
  await tf.setBackend("cpu");
  const model = tf.sequential({
    layers: [
      tf.layers.dense({ units: 3, inputShape: [2], activation: "relu" }),
      tf.layers.dense({ units: 1 }),
    ],
  });
  let next = 0;
  replaceWeights(model, () => ++next);
  return model;
}

/** Changes every weight. */
function replaceWeights(
  model: tf.LayersModel,
  change: (value: number) => number,
): void {
  const weights = model.getWeights().map((weight) =>
    tf.tensor(Array.from(weight.dataSync(), change), weight.shape)
  );
  model.setWeights(weights);
  tf.dispose(weights);
}

/** Runs `body` and requires that it leaves no tensor behind. */
async function counted(body: () => Promise<void>): Promise<void> {
  const before = tf.memory().numTensors;
  await body();
  assertEquals(tf.memory().numTensors, before);
}

const weightsOf = (model: tf.LayersModel) =>
  model.getWeights().map((weight) => Array.from(weight.dataSync()));

Deno.test("fileHandler() gives back the model that it saved", async () => {
  const fileSystem = await emptyDisk();
  await counted(async () => {
    const model = await stockModel();
    model.setUserDefinedMetadata({ note: "kept" });
    const saved = await model.save(fileHandler(PATH, { fileSystem }));
    const info = saved.modelArtifactsInfo;
    assertEquals(info.modelTopologyType, "JSON");
    assertEquals(info.weightDataBytes, 4 * 13);
    const loaded = await tf.loadLayersModel(fileHandler(PATH, { fileSystem }));
    assertEquals(weightsOf(loaded), weightsOf(model));
    assertEquals(loaded.getUserDefinedMetadata(), { note: "kept" });
    const [input, a, b] = tf.tidy(() => {
      const input = tf.ones([1, 2]);
      return [
        input,
        model.predict(input),
        loaded.predict(input),
      ] as tf.Tensor[];
    });
    assertEquals(Array.from(a!.dataSync()), Array.from(b!.dataSync()));
    tf.dispose([input!, a!, b!]);
    model.dispose();
    loaded.dispose();
  });
});

Deno.test("fileHandler() writes files that plain tfjs loads", async () => {
  const fileSystem = await emptyDisk();
  const model = await stockModel();
  await model.save(fileHandler(PATH, { fileSystem }));
  const json = decode(fileSystem.get(`${PATH}/model.json`));
  assertEquals(json.format, "layers-model");
  assertEquals(json.weightsManifest.length, 1);
  assertEquals(json.weightsManifest[0].paths, ["weights.bin"]);
  const plain = await tf.loadLayersModel(tf.io.fromMemory({
    modelTopology: json.modelTopology,
    weightSpecs: json.weightsManifest[0].weights,
    weightData: fileSystem.get(`${PATH}/weights.bin`).buffer,
  }));
  assertEquals(weightsOf(plain), weightsOf(model));
  model.dispose();
  plain.dispose();
});

Deno.test("fileHandler() loads a checkpoint, custom layers and all", async () => {
  await tf.setBackend("cpu");
  const fileSystem = await emptyDisk();
  const checkpoint = sample(3);
  const model = buildModel(TINY_CONFIG, checkpoint.weights);
  await model.save({
    async save({ modelTopology, weightSpecs }) {
      checkpoint.model = { modelTopology, weightSpecs } as never;
      await saveCheckpoint(PATH, checkpoint, { fileSystem });
      return {
        modelArtifactsInfo: {
          dateSaved: new Date(),
          modelTopologyType: "JSON",
        },
      };
    },
  });
  const loaded = await tf.loadLayersModel(fileHandler(PATH, { fileSystem }));
  assertEquals(await readWeights(loaded), checkpoint.weights);
  model.dispose();
  loaded.dispose();
});

Deno.test("fileHandler() replaces a model and keeps the one before", async () => {
  const fileSystem = await emptyDisk();
  const model = await stockModel();
  const handler = fileHandler(PATH, { fileSystem });
  await model.save(handler);
  const first = weightsOf(model);
  replaceWeights(model, (value) => 2 * value);
  await model.save(handler);
  const newest = await tf.loadLayersModel(handler);
  assertEquals(weightsOf(newest), weightsOf(model));
  const before = await tf.loadLayersModel(
    fileHandler(`${PATH}.previous`, { fileSystem }),
  );
  assertEquals(weightsOf(before), first);
  [model, newest, before].forEach((each) => each.dispose());
});

Deno.test("fileHandler() says so when it loads an older generation", async () => {
  const fileSystem = await emptyDisk();
  const model = await stockModel();
  await model.save(fileHandler(PATH, { fileSystem }));
  await model.save(fileHandler(PATH, { fileSystem }));
  fileSystem.set(`${PATH}/weights.bin`, new Uint8Array(52));
  const warnings: string[] = [];
  const loaded = await tf.loadLayersModel(fileHandler(PATH, {
    fileSystem,
    onWarning: (warning) => warnings.push(warning),
  }));
  assertEquals(weightsOf(loaded), weightsOf(model));
  assertEquals(warnings.length, 1);
  assertMatch(
    warnings[0]!,
    /^Using run\/model\.previous instead of run\/model: weights\.bin has the SHA-256 /,
  );
  [model, loaded].forEach((each) => each.dispose());
});

Deno.test("fileHandler() joins weights that come in several pieces", async () => {
  const fileSystem = await emptyDisk();
  await fileHandler(PATH, { fileSystem }).save({
    modelTopology: {},
    weightSpecs: [{ name: "a", shape: [3], dtype: "float32" }],
    weightData: [new Float32Array([1, 2]).buffer, new Float32Array([3]).buffer],
  });
  const { weightData } = await fileHandler(PATH, { fileSystem }).load();
  assertEquals(
    new Float32Array(weightData as ArrayBuffer),
    new Float32Array([1, 2, 3]),
  );
});

Deno.test("fileHandler() saves and loads a model without weights", async () => {
  const fileSystem = await emptyDisk();
  await fileHandler(PATH, { fileSystem }).save({ modelTopology: { a: 1 } });
  const { modelTopology, weightSpecs } = await fileHandler(PATH, { fileSystem })
    .load();
  assertEquals([modelTopology, weightSpecs], [{ a: 1 }, []]);
});

Deno.test("fileHandler() refuses to save what it couldn't load", async () => {
  const fileSystem = await emptyDisk();
  const handler = fileHandler(PATH, { fileSystem });
  const weightData = new Float32Array(3).buffer;
  const refusals: [Parameters<typeof handler.save>[0], RegExp][] = [
    [{ weightData }, /no topology in JSON/],
    [{ modelTopology: new ArrayBuffer(3) }, /no topology in JSON/],
    [{ modelTopology: {}, weightData }, /lists weights of 0 bytes/],
    [{
      modelTopology: {},
      weightData,
      weightSpecs: [{ name: "a", shape: [3], dtype: "string" }],
    }, /unusable dtype/],
  ];
  for (const [artifacts, message] of refusals) {
    const error = await assertRejects(() => handler.save(artifacts));
    assertInstanceOf(error, Error);
    assertMatch(error.message, message);
  }
  assertEquals(await fileSystem.list(PATH), undefined);
});

Deno.test("fileHandler() refuses a folder that isn't there, or has no seal", async () => {
  const fileSystem = await emptyDisk();
  const load = () => fileHandler(PATH, { fileSystem }).load();
  await assertRejects(load, CheckpointError, "there is no such folder");
  await fileSystem.makeFolder(PATH);
  fileSystem.set(`${PATH}/model.json`, new TextEncoder().encode("{}"));
  await assertRejects(load, CheckpointError, "it has no meta.json");
  fileSystem.set("run/file", new Uint8Array(1));
  await assertRejects(
    () => fileHandler("run/file", { fileSystem }).load(),
    CheckpointError,
    "Not a directory",
  );
});

/** Saves `modelJson` as if this program had, seal and all. */
async function sealed(modelJson: string, weights = 0): Promise<MemoryDisk> {
  const disk = await emptyDisk();
  await saveGeneration(PATH, {
    content: { format: "tfjs-layers-model", formatVersion: 1 },
    files: new Map([
      ["model.json", new TextEncoder().encode(modelJson)],
      ["weights.bin", new Uint8Array(weights)],
    ]),
  }, {
    limits: { "model.json": 2 ** 22, "weights.bin": 2 ** 22 },
    fileSystem: disk,
  });
  return disk;
}

const manifest = (paths: unknown, weights: unknown = []) =>
  JSON.stringify({
    modelTopology: {},
    weightsManifest: [{ paths, weights }],
  });
const shaped = (shape: unknown, dtype: unknown = "float32") =>
  manifest(["weights.bin"], [{ name: "a", shape, dtype }]);
const layered = (...layers: Record<string, unknown>[]) =>
  JSON.stringify({
    modelTopology: {
      class_name: "Sequential",
      config: {
        layers: layers.map((config) => ({
          class_name: config.cell ?? "Dense",
          config,
        })),
      },
    },
    weightsManifest: [{ paths: ["weights.bin"], weights: [] }],
  });

/** Hostile `model.json`s, sealed properly, each with what the refusal must say. */
const HOSTILE: Record<string, [json: string, message: RegExp]> = {
  "a path upwards": [manifest(["../secret"]), /names other weight files/],
  "an absolute path": [manifest(["/etc/passwd"]), /names other weight files/],
  "a drive": [manifest(["C:\\secret"]), /names other weight files/],
  "a URL": [manifest(["https://example.com/w"]), /names other weight files/],
  "two files": [manifest(["weights.bin", "x"]), /names other weight files/],
  "a number as path": [manifest(7), /names other weight files/],
  "no manifest": [`{"modelTopology":{}}`, /names other weight files/],
  "two groups": [
    `{"modelTopology":{},"weightsManifest":[{"paths":["weights.bin"],"weights":[]},{"paths":["../x"],"weights":[]}]}`,
    /names other weight files/,
  ],
  "no topology": [`{"weightsManifest":[]}`, /has no topology/],
  "a topology of the wrong type": [
    `{"modelTopology":[1],"weightsManifest":[]}`,
    /has no topology/,
  ],
  "weights of the wrong type": [
    manifest(["weights.bin"], 3),
    /has no list of weights/,
  ],
  "a huge shape": [shaped([1e9, 1e9]), /lists weights of 4000000000000000000/],
  "an overflowing shape": [
    shaped([2 ** 52, 2 ** 52, 2 ** 52, 2 ** 52]),
    /lists weights of \S+ bytes, expected at most/,
  ],
  "a negative shape": [shaped([-1, -4]), /unusable shape/],
  "a fractional shape": [shaped([0.5]), /unusable shape/],
  "a shape of strings": [shaped(["3"]), /unusable shape/],
  "a shape of very many axes": [shaped(Array(1000).fill(1)), /unusable shape/],
  "no shape": [shaped(undefined), /unusable shape/],
  "an unknown dtype": [shaped([1], "float8"), /unusable dtype/],
  "a prototype as dtype": [shaped([1], "__proto__"), /unusable dtype/],
  "a quantized weight": [
    manifest(["weights.bin"], [{
      name: "a",
      shape: [1],
      dtype: "float32",
      quantization: { dtype: "uint8", scale: 1, min: 0 },
    }]),
    /as quantized/,
  ],
  "a weight without a name": [
    manifest(["weights.bin"], [{ shape: [1], dtype: "float32" }]),
    /without a name/,
  ],
  "a missing weight": [shaped([1]), /lists weights of 4 bytes/],
  "deep nesting": ["[".repeat(1e6), /nests more than 64 levels/],
  "deep nesting in an object": [
    `{"modelTopology":${`{"a":`.repeat(1e5)}1${"}".repeat(1e5)}}`,
    /nests more than 64 levels/,
  ],
  "a prototype key": [
    `{"modelTopology":{"__proto__":{"polluted":true}},"weightsManifest":[]}`,
    /forbidden key __proto__/,
  ],
  "a constructor key": [
    `{"modelTopology":{"constructor":{"prototype":{"polluted":true}}}}`,
    /forbidden key constructor/,
  ],
  "a gigantic dense layer": [
    layered({ units: 1e12 }),
    /declares layers with about/,
  ],
  "two wide dense layers": [
    layered({ units: 60_000 }, { units: 60_000 }),
    /declares layers with about/,
  ],
  "a wide LSTM": [
    layered({ units: 30_000, cell: "LSTM" }),
    /declares layers with about/,
  ],
  "a huge embedding": [
    layered({ input_dim: 1e6, output_dim: 1e6 }),
    /declares layers with about/,
  ],
  "very many layers": [
    layered(...Array(3000).fill({ units: 300 })),
    /declares layers with about/,
  ],
  "a huge kernel": [
    layered({ filters: 1e4, kernel_size: [1e3, 1e3] }),
    /declares layers with about/,
  ],
  "no JSON": ["hello", /is not JSON/],
  "an array": ["[]", /is not a JSON object/],
  "null": ["null", /is not a JSON object/],
  "nothing": ["", /is not JSON/],
};

for (const [name, [json, message]] of Object.entries(HOSTILE)) {
  Deno.test(`fileHandler() refuses a model.json with ${name}`, async () => {
    const fileSystem = await sealed(json);
    const read = fileSystem.read;
    const paths: string[] = [];
    fileSystem.read = (path, limit) => {
      paths.push(path);
      return read.call(fileSystem, path, limit);
    };
    const error = await assertRejects(
      () => fileHandler(PATH, { fileSystem }).load(),
      CheckpointError,
    ) as CheckpointError;
    assertMatch(error.message, message);
    assertMatch(error.message, /^Cannot [^\n]{1,600}$/);
    assert(paths.every((path) => /^run\/model\/[a-z]+\.[a-z]+$/.test(path)));
    assertEquals(({} as Record<string, unknown>).polluted, undefined);
  });
}

Deno.test("fileHandler() doesn't mistake the exercise's model for a hostile one", async () => {
  await tf.setBackend("cpu");
  const fileSystem = await emptyDisk();
  const { weights } = sample(1, DEFAULT_CONFIG);
  const model = buildModel(DEFAULT_CONFIG, weights);
  await model.save(fileHandler(PATH, { fileSystem }));
  const { weightSpecs } = await fileHandler(PATH, { fileSystem }).load();
  assertEquals(weightSpecs.length, 14);
  model.dispose();
});
