/**
 * Writes a fresh model's weights as `export` does, with this project's own predictions beside
 * them, for `load_in_keras.py` to compare:
 *
 *     deno run --allow-write=FOLDER tests/golden/export_for_keras.ts FOLDER
 *     .venv/bin/python tests/golden/load_in_keras.py FOLDER/here.weights.h5 FOLDER/here.json
 *
 * @module
 */

import { DEFAULT_CONFIG } from "../../lib/config.ts";
import { createWasmEngine } from "../../lib/engine/wasm/engine.ts";
import { initialWeights } from "../../lib/initializers.ts";
import { writeKerasWeights } from "../../lib/keras_h5.ts";
import { sunspots } from "../sunspots.ts";

const [folder] = Deno.args;
if (folder === undefined) throw new TypeError("Cannot export: expected a folder");
const spec = { ...DEFAULT_CONFIG, values: Float32Array.from(sunspots) };
const windows = 100;
const inputs = new Float32Array(windows * spec.windowSize);
for (let i = 0; i < windows; i++) {
  inputs.set(spec.values.subarray(i, i + spec.windowSize), i * spec.windowSize);
}
const engine = await createWasmEngine(spec, initialWeights(spec, spec.seed));
try {
  // Trained for an epoch, so that no weight is still at its initial value.
  await engine.trainEpoch(Int32Array.from({ length: 2970 }, (_, i) => i));
  const { weights } = await engine.readState();
  await Deno.writeFile(
    `${folder}/here.weights.h5`,
    await writeKerasWeights(spec, weights),
  );
  await Deno.writeTextFile(
    `${folder}/here.json`,
    JSON.stringify({
      windows,
      predictions: [...await engine.predict(inputs)],
      weights: [...weights],
    }),
  );
} finally {
  engine.dispose();
}
