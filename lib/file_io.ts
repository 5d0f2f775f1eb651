/**
 * A `tf.io.IOHandler` on a folder: `model.json` and `weights.bin` in the format that tfjs loads
 * anywhere, and `meta.json`, which seals both. Saving is atomic, loading verifies.
 * @module
 */

import type * as tf from "@tensorflow/tfjs";
import { CheckpointError } from "./errors.ts";
import type { FileSystem } from "./file_system.ts";
import {
  type Files,
  type FolderOptions,
  openNewest,
  saveGeneration,
} from "./generations.ts";
import {
  isJsonObject,
  type Json,
  type JsonObject,
  parseJsonObject,
} from "./safe_json.ts";
import type { Seal } from "./seal.ts";

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

/** Keys of `ModelArtifacts` that go to `model.json` and back as they are. */
const PASSED_ON = [
  "format",
  "generatedBy",
  "convertedBy",
  "trainingConfig",
  "userDefinedMetadata",
] as const;

/** Number of bytes that the weights take; `Infinity` where a number can't hold it. */
export function weightBytes(specs: readonly WeightSpec[]): number {
  return specs.reduce(
    (sum, { shape, dtype }) =>
      sum + shape.reduce((a, b) => a * b, ITEM_BYTES[dtype]),
    0,
  );
}

/** A `tf.LayersModel`, spelled so that it can stand in documentation. */
export type Model = tf.LayersModel;
/** A `tf.io.IOHandler` that can do both. */
export interface FileHandler extends tf.io.IOHandler {
  /** Called by `model.save()`. */
  save: tf.io.SaveHandler;
  /** Called by `tf.loadLayersModel()`. */
  load: tf.io.LoadHandler;
}

/**
 * Describes a model as `model.json` does. It doesn't change while training, so once per run is enough.
 *
 * @param model All of its weights must be float32.
 */
export function describeModel(model: Model): ModelDescription {
  return {
    modelTopology: model.toJSON(null, false) as JsonObject,
    weightSpecs: model.weights.map(({ originalName, shape }) => ({
      name: originalName,
      shape: shape as number[],
      dtype: "float32",
    })),
  };
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
  return { modelTopology, weightSpecs, json };
}

/** Options of `fileHandler()`. */
export interface FileHandlerOptions {
  /** What else `meta.json` shall say. */
  meta?: JsonObject;
  /** Called with the reason if an older generation had to be loaded. */
  onWarning?: (warning: string) => void;
  /** File operations. @default {denoFileSystem} */
  fileSystem?: FileSystem;
}

/** All of the weights in one piece. */
function joinWeights(
  data: tf.io.WeightData | undefined,
): Uint8Array<ArrayBuffer> {
  const parts = data === undefined ? [] : Array.isArray(data) ? data : [data];
  const all = new Uint8Array(parts.reduce((n, part) => n + part.byteLength, 0));
  let offset = 0;
  for (const part of parts) {
    all.set(new Uint8Array(part), offset);
    offset += part.byteLength;
  }
  return all;
}

/**
 * Saves and loads a `tf.LayersModel`: `await model.save(fileHandler("checkpoints/mine"))` and
 * `await tf.loadLayersModel(fileHandler("checkpoints/mine"))`. Only one process may save to a folder at a time;
 * `lockRun()` sees to that.
 *
 * @throws {CheckpointError} from `save` and `load`, naming the file and the remedy.
 */
export function fileHandler(
  folder: string,
  options: FileHandlerOptions = {},
): FileHandler {
  const { fileSystem, meta, onWarning } = options;
  const folderOptions: FolderOptions = {
    limits: FOLDER_LIMITS,
    ...fileSystem && { fileSystem },
  };
  return {
    async save(artifacts) {
      const { modelTopology, weightSpecs = [], weightData } = artifacts;
      if (
        modelTopology === undefined || modelTopology instanceof ArrayBuffer
      ) {
        throw new TypeError(
          `Cannot save a model to ${folder}: it has no topology in JSON, expected a tf.LayersModel`,
        );
      }
      const weights = joinWeights(weightData);
      const further: JsonObject = {};
      for (const key of PASSED_ON) {
        if (artifacts[key] != null) further[key] = artifacts[key] as Json;
      }
      const model = encodeModel({
        modelTopology: modelTopology as JsonObject,
        weightSpecs: weightSpecs as WeightSpec[],
      }, further);
      requireFit(folder, decodeModel(model), weights.length);
      const dateSaved = new Date();
      const content = {
        format: "tfjs-layers-model",
        formatVersion: 1,
        created: dateSaved.toISOString(),
        ...meta,
      };
      const files: Files = new Map([[MODEL_FILE, model], [
        WEIGHTS_FILE,
        weights,
      ]]);
      await saveGeneration(folder, { content, files }, folderOptions);
      return {
        modelArtifactsInfo: {
          dateSaved,
          modelTopologyType: "JSON",
          modelTopologyBytes: model.length,
          weightSpecsBytes: JSON.stringify(weightSpecs).length,
          weightDataBytes: weights.length,
        },
      };
    },

    async load() {
      const newest = await openNewest(folder, {
        ...folderOptions,
        inspect: (seal) =>
          requireFiles(folder, seal, [MODEL_FILE, WEIGHTS_FILE]),
      });
      if (newest.warning) onWarning?.(newest.warning);
      const weights = newest.files.get(WEIGHTS_FILE)!;
      const model = readModel(newest.folder, newest.files);
      requireFit(newest.folder, model, weights.length);
      const artifacts: tf.io.ModelArtifacts = {
        modelTopology: model.modelTopology,
        weightSpecs: model.weightSpecs,
        weightData: weights.buffer,
      };
      for (const key of PASSED_ON) {
        if (model.json[key] != null) {
          Object.assign(artifacts, { [key]: model.json[key] });
        }
      }
      return artifacts;
    },
  };
}

/** Requires that a seal covers the files without which a model can't be. */
export function requireFiles(
  folder: string,
  { files }: Seal,
  names: readonly string[],
): void {
  for (const name of names) {
    if (!files.has(name)) {
      throw new CheckpointError(
        `Cannot load checkpoint ${folder}: meta.json lists no ${name}; it was not written by this version of the program`,
      );
    }
  }
}

/** Decodes a verified folder's `model.json`. */
export function readModel(
  folder: string,
  files: Files,
): ReturnType<typeof decodeModel> {
  try {
    return decodeModel(files.get(MODEL_FILE)!);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new CheckpointError(
      `Cannot load checkpoint ${folder}: ${MODEL_FILE} ${cause.message}; it was not written by this version of the program`,
      { cause },
    );
  }
}

/** Requires that the listed weights fill the weight file exactly. */
function requireFit(
  folder: string,
  { weightSpecs }: ModelDescription,
  bytes: number,
): void {
  const needed = weightBytes(weightSpecs);
  if (needed !== bytes) {
    throw new CheckpointError(
      `Cannot use the model in ${folder}: ${MODEL_FILE} lists weights of ${needed} bytes, ${WEIGHTS_FILE} has ${bytes}`,
    );
  }
}
