/**
 * `model.json` in tfjs's format: the layers, and the list of weights in `weights.bin`. Written for anybody's
 * tfjs, read without believing any of it.
 * @module
 */

import {
  isJsonObject,
  type Json,
  type JsonObject,
  parseJsonObject,
} from "./safe_json.ts";

/** Name of the file with topology and weight list. */
export const MODEL_FILE = "model.json";
/** Name of the file with the weights. */
export const WEIGHTS_FILE = "weights.bin";
/** Largest `model.json`, in bytes. */
export const MAX_MODEL_BYTES = 4 * 2 ** 20;
/** Largest `weights.bin`, in bytes. */
export const MAX_WEIGHT_BYTES = 256 * 2 ** 20;

/** Name of the file with the optimizer's vectors, which tfjs doesn't know. */
export const OPTIMIZER_FILE = "optimizer.bin";
/** The files of a checkpoint folder beside `meta.json`, each with its largest size in bytes. */
export const FOLDER_LIMITS: Readonly<Record<string, number>> = Object.freeze({
  [MODEL_FILE]: MAX_MODEL_BYTES,
  [WEIGHTS_FILE]: MAX_WEIGHT_BYTES,
  [OPTIMIZER_FILE]: 2 * MAX_WEIGHT_BYTES,
});

/** Name, shape and type of one weight tensor; `weights.bin` holds their values one after the other. */
export interface WeightSpec {
  /** The name tfjs gives the weight, such as `conv1d/kernel`. */
  name: string;
  /** Shape, row-major. */
  shape: number[];
  /** Type of the elements. */
  dtype: "float32" | "int32" | "bool";
}

/** What `model.json` says of a model. */
export interface ModelDescription {
  /** The layers, as `model.toJSON(null, false)` gives them. */
  modelTopology: JsonObject;
  /** The weights in their order in `weights.bin`. */
  weightSpecs: WeightSpec[];
}

/** Bytes of one element. */
const ITEM_BYTES: Record<WeightSpec["dtype"], number> = {
  float32: 4,
  int32: 4,
  bool: 1,
};

/** Number of bytes that the weights take; `Infinity` where a number can't hold it. */
export function weightBytes(specs: readonly WeightSpec[]): number {
  return specs.reduce(
    (sum, { shape, dtype }) =>
      sum + shape.reduce((a, b) => a * b, ITEM_BYTES[dtype]),
    0,
  );
}

/** Writes `model.json`. */
export function encodeModel(
  model: ModelDescription,
  further: JsonObject = {},
): Uint8Array<ArrayBuffer> {
  const { modelTopology, weightSpecs } = model;
  const json = {
    format: "layers-model",
    ...further,
    modelTopology,
    weightsManifest: [{ paths: [WEIGHTS_FILE], weights: weightSpecs }],
  };
  return new TextEncoder().encode(JSON.stringify(json));
}

/** Reads a list of weights that anybody may have written. */
function parseWeightSpecs(list: Json | undefined): WeightSpec[] {
  if (!Array.isArray(list)) throw new SyntaxError("has no list of weights");
  return list.map((spec) => {
    if (!isJsonObject(spec) || typeof spec.name !== "string") {
      throw new SyntaxError("lists a weight without a name");
    }
    const { name, shape, dtype } = spec;
    const shown = JSON.stringify(name.slice(0, 80));
    if (
      !Array.isArray(shape) || shape.length > 8 ||
      !shape.every((n) => Number.isSafeInteger(n) && (n as number) >= 0)
    ) {
      throw new SyntaxError(`lists the weight ${shown} with an unusable shape`);
    }
    if (dtype !== "float32" && dtype !== "int32" && dtype !== "bool") {
      throw new SyntaxError(`lists the weight ${shown} with an unusable dtype`);
    }
    if ("quantization" in spec) {
      throw new SyntaxError(
        `lists the weight ${shown} as quantized, expected plain values`,
      );
    }
    return { name, shape: shape as number[], dtype };
  });
}

/**
 * Reads `model.json`, of which nothing is believed: exactly one weight file, `weights.bin`, and shapes that a
 * weight file within the limits can hold.
 *
 * @throws {SyntaxError} with the reason.
 */
export function decodeModel(
  bytes: Uint8Array,
): ModelDescription & { json: JsonObject } {
  const json = parseJsonObject(bytes);
  const { modelTopology, weightsManifest } = json;
  if (!isJsonObject(modelTopology)) throw new SyntaxError("has no topology");
  const group = Array.isArray(weightsManifest) ? weightsManifest[0] : undefined;
  if (
    !Array.isArray(weightsManifest) || weightsManifest.length !== 1 ||
    !isJsonObject(group) || JSON.stringify(group.paths) !==
      JSON.stringify([WEIGHTS_FILE])
  ) {
    throw new SyntaxError(
      `names other weight files than its own, expected only ${WEIGHTS_FILE}`,
    );
  }
  const weightSpecs = parseWeightSpecs(group.weights);
  const needed = weightBytes(weightSpecs);
  if (!(needed <= MAX_WEIGHT_BYTES)) {
    throw new SyntaxError(
      `lists weights of ${needed} bytes, expected at most ${MAX_WEIGHT_BYTES}`,
    );
  }
  const declared = 4 * declaredWeights(modelTopology);
  if (!(declared <= 2 * MAX_WEIGHT_BYTES)) {
    throw new SyntaxError(
      `declares layers with about ${declared} bytes of weights, expected at most ${MAX_WEIGHT_BYTES}`,
    );
  }
  return { modelTopology, weightSpecs, json };
}

/** Words by which tfjs's recurrent layers, with their four or fewer gates, are known. */
const RECURRENT = /LSTM|GRU|RNN/;

/**
 * Number of weights that a chain of the topology's layers would have, at least roughly: tfjs allocates them
 * before it looks at those it was given, so that a few characters could ask for all of the memory.
 */
function declaredWeights(topology: JsonObject): number {
  const open: Json[] = [topology];
  let total = 0, inputs = 1;
  const size = (value: Json | undefined): number =>
    Array.isArray(value)
      ? value.reduce<number>((a, b) => a * size(b), 1)
      : typeof value === "number"
      ? value
      : 1;
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (typeof node !== "object" || node === null) continue;
    if (isJsonObject(node) && isJsonObject(node.config)) {
      const { units, filters, kernel_size, input_dim, output_dim } =
        node.config;
      const width = size(units ?? filters ?? output_dim);
      total += RECURRENT.test(String(node.class_name))
        ? 4 * width * (inputs + width + 1)
        : size(kernel_size) * width * (Math.max(inputs, size(input_dim)) + 1);
      if (width > 1) inputs = width;
    }
    // Last in, first out: reversed, so that layers come in their order.
    for (const child of Object.values(node).reverse()) open.push(child);
  }
  return total;
}
