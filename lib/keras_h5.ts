/**
 * Weights from and to Keras 3's `.weights.h5`, which `model.load_weights()` reads and
 * `model.save_weights()` writes for the model as the exercise's script builds it. Beside checkpoint.
 *
 * Keras finds a layer's weights by the layer's class and number: `layers/lstm_1/cell/vars/0`:
 * https://github.com/keras-team/keras/blob/v3.10.0/keras/src/saving/saving_lib.py
 * @module
 */

import { CheckpointError } from "./errors.ts";
import type { LayoutOptions, Parameter } from "./layout.ts";
import { parameterLayout } from "./layout.ts";

/** The library is four megabytes, so it is loaded only when it is used. */
async function loadHdf5() {
  const { default: hdf5 } = await import("h5wasm");
  const { FS, activate_throwing_error_handler } = await hdf5.ready;
  // Without it HDF5 prints its errors to stderr and goes on.
  activate_throwing_error_handler();
  return { hdf5, memory: FS };
}

/** A file of the library's in-memory file system that no other call uses. */
let files = 0;
const temporaryName = () => `weights_${files++}.h5`;

/** Each parameter with its data set's path in the file. */
function paths(config: LayoutOptions): (Parameter & { path: string })[] {
  let layer = "", place = 0;
  return parameterLayout(config).map((parameter) => {
    const owner = parameter.name.split("/")[0]!;
    place = owner === layer ? place + 1 : 0;
    layer = owner;
    return { ...parameter, path: `${variables(owner)}/${place}` };
  });
}

/** The group that holds a layer's weights; an LSTM's belong to its cell. */
function variables(layer: string): string {
  return `layers/${layer}${layer.startsWith("lstm") ? "/cell" : ""}/vars`;
}

/** The last reason in HDF5's error stack, its own words; the first lines are only where it noticed. */
function reason(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const details = [...message.matchAll(/^ *#\d+: .*?\(\): (.*)$/gm)];
  return details.at(-1)?.[1] ?? message.split("\n")[0]!;
}

/**
 * Packs weights into the bytes of a Keras 3 `.weights.h5` file.
 *
 * @example
 * ```ts
 * import { loadPretrained, readKerasWeights, writeKerasWeights } from "@sunspots/sunspots";
 * const { meta, weights } = await loadPretrained();
 * const bytes = await writeKerasWeights(meta.config, weights); // sunspots.weights.h5
 * console.log(bytes.length, (await readKerasWeights(meta.config, bytes)).length); // 60591 weights
 * ```
 *
 * @param weights `[parameters]`, laid out by `parameterLayout(config)`.
 * @throws {RangeError} if there are more or fewer weights than the model has.
 */
export async function writeKerasWeights(
  config: LayoutOptions,
  weights: Float32Array,
): Promise<Uint8Array> {
  const parameters = paths(config);
  const last = parameters.at(-1)!;
  if (weights.length !== last.offset + last.size) {
    throw new RangeError(
      `Cannot write Keras weights: got ${weights.length} numbers, expected the model's ${
        last.offset + last.size
      }`,
    );
  }
  const { hdf5, memory } = await loadHdf5();
  const name = temporaryName();
  try {
    const file = new hdf5.File(name, "w");
    try {
      // Groups by Keras's layers, the weightless ones too, each named as Keras names it.
      const layers = parameters.map((p) => p.name.split("/")[0]!);
      file.create_group("layers");
      for (const layer of new Set([...layers, "lambda"])) {
        file.create_group(`layers/${layer}`);
        file.create_group(`layers/${layer}/vars`)
          .create_attribute("name", layer);
        if (layer.startsWith("lstm")) {
          file.create_group(`layers/${layer}/cell`);
          file.create_group(variables(layer))
            .create_attribute("name", "lstm_cell");
        }
      }
      file.create_group("vars").create_attribute("name", "sequential");
      for (const { path, offset, size, shape } of parameters) {
        file.create_dataset({
          name: path,
          data: weights.slice(offset, offset + size),
          shape: [...shape],
          dtype: "<f",
        });
      }
      file.flush();
    } finally {
      file.close();
    }
    return memory.readFile(name);
  } finally {
    if (memory.analyzePath(name).exists) memory.unlink(name);
  }
}

/**
 * Reads the bytes of a Keras 3 `.weights.h5` file. What else the file holds beside the layers, such
 * as the optimizer's state, is left alone.
 *
 * @returns `[parameters]`, laid out by `parameterLayout(config)`.
 * @throws {CheckpointError} if the file is damaged, isn't Keras 3's, or is of another model: says
 *   which weight differs and what was expected.
 */
export async function readKerasWeights(
  config: LayoutOptions,
  bytes: Uint8Array,
): Promise<Float32Array> {
  const { hdf5, memory } = await loadHdf5();
  const name = temporaryName();
  memory.writeFile(name, bytes);
  try {
    const file = new hdf5.File(name, "r");
    try {
      return readWeights(file, config);
    } finally {
      file.close();
    }
  } catch (cause) {
    if (cause instanceof CheckpointError) throw cause;
    throw new CheckpointError(
      `Cannot read Keras weights: no intact HDF5 file (${
        reason(cause)
      }), expected a .weights.h5 file of Keras 3`,
      { cause },
    );
  } finally {
    memory.unlink(name);
  }
}

/** What of the library's types is needed, so that the library itself stays a dynamic import. */
type File = InstanceType<typeof import("h5wasm").default.File>;

function readWeights(file: File, config: LayoutOptions): Float32Array {
  const root = file.keys();
  if (!root.includes("layers")) {
    const keras2 = "layer_names" in file.attrs ||
      root.includes("model_weights") ||
      root.includes("top_level_model_weights");
    throw new CheckpointError(
      `Cannot read Keras weights: the file ${
        keras2
          ? "is of Keras 2's format"
          : `holds ${root.join(", ") || "nothing"}, no "layers"`
      }, expected what Keras 3's model.save_weights("….weights.h5") writes`,
    );
  }
  const parameters = paths(config);
  const known = new Set(parameters.map((p) => p.name.split("/")[0]!));
  const group = file.get("layers");
  const layers = group && "keys" in group ? group.keys() : [];
  const foreign = layers.find((layer) =>
    !known.has(layer) && hasWeights(file, `layers/${layer}`)
  );
  if (foreign !== undefined) {
    throw new CheckpointError(
      `Cannot read Keras weights: the file has a layer ${foreign}, expected only ${
        [...known].join(", ")
      }`,
    );
  }
  const last = parameters.at(-1)!;
  const weights = new Float32Array(last.offset + last.size);
  for (const { path, offset, size, shape } of parameters) {
    const found = file.get(path);
    if (!found || !("shape" in found)) {
      throw new CheckpointError(
        `Cannot read Keras weights: the file has no ${path}, expected shape [${shape}]`,
      );
    }
    // Compared before anything is read, so that a lying header can't ask for all the memory.
    if (String(found.shape) !== String(shape)) {
      throw new CheckpointError(
        `Cannot read Keras weights: ${path} has shape [${found.shape}], expected [${shape}]`,
      );
    }
    const values = found.dtype === "<f" ? found.value : null;
    if (!(values instanceof Float32Array) || values.length !== size) {
      throw new CheckpointError(
        `Cannot read Keras weights: ${path} has numbers of type ${
          JSON.stringify(found.dtype)
        }, expected little-endian float32`,
      );
    }
    weights.set(values, offset);
  }
  return weights;
}

/** Whether any data set lies under a layer's group. */
function hasWeights(file: File, path: string): boolean {
  const group = file.get(path);
  if (!group || !("keys" in group)) return group !== null;
  return group.keys().some((key) => hasWeights(file, `${path}/${key}`));
}
