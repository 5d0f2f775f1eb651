import {
  assert,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { DEFAULT_CONFIG } from "../lib/config.ts";
import { CheckpointError } from "../lib/errors.ts";
import { initialWeights } from "../lib/initializers.ts";
import { readKerasWeights, writeKerasWeights } from "../lib/keras_h5.ts";
import { parameterLayout } from "../lib/layout.ts";
import { assertClose } from "./engine_conformance.ts";
import kerasFile from "./golden/keras.weights.h5" with { type: "bytes" };
import golden from "./golden/keras_weights.json" with { type: "json" };
import { sunspots } from "./sunspots.ts";
import { twinPredict } from "./twin.ts";

const bits = (values: Float32Array) => new Uint32Array(values.slice().buffer);

Deno.test("readKerasWeights() reads what Keras wrote, and predicts what Keras predicts", async () => {
  const weights = await readKerasWeights(DEFAULT_CONFIG, kerasFile);
  assertEquals(
    parameterLayout(DEFAULT_CONFIG).map(({ offset, size }) => [
      weights[offset],
      weights[offset + size - 1],
    ]),
    golden.ends.map((ends) => ends.map(Math.fround)),
  );
  const spec = { ...DEFAULT_CONFIG, values: sunspots };
  assertClose(
    twinPredict(spec, weights, sunspots.slice(0, 60)),
    golden.predictions,
    { tolerance: 1e-5, label: "prediction" },
  );
});

Deno.test("writeKerasWeights() round trips bit by bit, for any model", async () => {
  const configs = [
    DEFAULT_CONFIG,
    { ...DEFAULT_CONFIG, lstmUnits: [3, 5, 2, 1], denseUnits: [], horizon: 4 },
    { ...DEFAULT_CONFIG, filters: 1, kernelSize: 1, lstmUnits: [1] },
  ];
  for (const [i, config] of configs.entries()) {
    const weights = initialWeights(config, i);
    weights.set([-0, 1e-45, -3.4028234663852886e38, Infinity, NaN]);
    const file = await writeKerasWeights(config, weights);
    assertEquals(bits(await readKerasWeights(config, file)), bits(weights));
  }
});

Deno.test("writeKerasWeights() does not mix up calls that overlap", async () => {
  const all = [1, 2, 3].map((seed) => initialWeights(DEFAULT_CONFIG, seed));
  const files = await Promise.all(
    all.map((weights) => writeKerasWeights(DEFAULT_CONFIG, weights)),
  );
  const read = await Promise.all(
    files.map((file) => readKerasWeights(DEFAULT_CONFIG, file)),
  );
  read.forEach((weights, i) => assertEquals(bits(weights), bits(all[i]!)));
});

Deno.test("writeKerasWeights() refuses weights of another model", async () => {
  const error = await assertRejects(
    () => writeKerasWeights(DEFAULT_CONFIG, new Float32Array(7)),
    RangeError,
  );
  assertEquals(
    error.message,
    "Cannot write Keras weights: got 7 numbers, expected the model's 60591",
  );
});

Deno.test("readKerasWeights() says how another model's file differs", async () => {
  for (
    const [changes, message] of [
      [
        { filters: 32 },
        "layers/conv1d/vars/0 has shape [5,1,60], expected [5,1,32]",
      ],
      [
        { lstmUnits: [60, 50] },
        "layers/lstm_1/cell/vars/0 has shape [60,240], expected [60,200]",
      ],
      [
        { lstmUnits: [60] },
        "the file has a layer lstm_1, expected only conv1d, lstm, dense",
      ],
      [
        { lstmUnits: [60, 60, 60] },
        "the file has no layers/lstm_2/cell/vars/0, expected shape [60,240]",
      ],
      [{ denseUnits: [30] }, "the file has a layer dense_2"],
      [
        { horizon: 2 },
        "layers/dense_2/vars/0 has shape [10,1], expected [10,2]",
      ],
    ] as const
  ) {
    const error = await assertRejects(
      () => readKerasWeights({ ...DEFAULT_CONFIG, ...changes }, kerasFile),
      CheckpointError,
    );
    assertStringIncludes(
      error.message,
      `Cannot read Keras weights: ${message}`,
    );
  }
});

Deno.test("readKerasWeights() refuses what is no intact file of Keras 3", async () => {
  const text = (content: string) => new TextEncoder().encode(content);
  for (
    const [file, message] of [
      [new Uint8Array(), "no intact HDF5 file (file signature not found)"],
      [text("<!doctype html>"), "file signature not found"],
      [kerasFile.slice(0, 1000), "truncated file"],
      [kerasFile.slice(0, -1), "truncated file"],
      [await foreignFile({ group: "model_weights" }), "is of Keras 2's format"],
      [await foreignFile({ group: "data" }), 'holds data, no "layers"'],
      [await foreignFile({ group: "layers" }), "no layers/conv1d/vars/0"],
      [await foreignFile({ group: "layers", dtype: "<d" }), 'type "<d"'],
    ] as const
  ) {
    const error = await assertRejects(
      () => readKerasWeights(DEFAULT_CONFIG, file),
      CheckpointError,
    );
    assertStringIncludes(error.message, "Cannot read Keras weights: ");
    assertStringIncludes(error.message, message);
  }
  // The library is still good for the next file.
  await readKerasWeights(DEFAULT_CONFIG, kerasFile);
});

Deno.test("readKerasWeights() survives flipped bytes: an error or weights, never a crash", async () => {
  let state = 12345;
  const next = () => state = (Math.imul(state, 1103515245) + 12345) >>> 0;
  const outcomes = { read: 0, refused: 0 };
  for (let trial = 0; trial < 150; trial++) {
    const file = kerasFile.slice();
    // The first kilobytes are structure, where a flip does the most.
    for (let flip = 0; flip <= trial % 20; flip++) {
      file[(next() >>> 8) % 12_000] = next() >>> 24;
    }
    try {
      const weights = await readKerasWeights(DEFAULT_CONFIG, file);
      assertEquals(weights.length, 60_591);
      outcomes.read++;
    } catch (error) {
      assert(error instanceof CheckpointError, String(error));
      outcomes.refused++;
    }
  }
  assertNotEquals(outcomes.refused, 0);
  assertNotEquals(outcomes.read, 0);
});

/** An HDF5 file with one group, and with a first weight of another number type if asked. */
async function foreignFile(
  { group, dtype }: { group: string; dtype?: string },
): Promise<Uint8Array> {
  const { default: hdf5 } = await import("h5wasm");
  const { FS } = await hdf5.ready;
  const file = new hdf5.File("foreign.h5", "w");
  file.create_group(group);
  if (dtype) {
    file.create_group(`${group}/conv1d`);
    file.create_group(`${group}/conv1d/vars`);
    file.create_dataset({
      name: `${group}/conv1d/vars/0`,
      data: new Float64Array(300),
      shape: [5, 1, 60],
      dtype,
    });
  }
  file.close();
  const bytes = FS.readFile("foreign.h5");
  FS.unlink("foreign.h5");
  return bytes;
}
