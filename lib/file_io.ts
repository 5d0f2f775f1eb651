/**
 * A `tf.io.IOHandler` on a folder: `model.json` and `weights.bin` in the format that tfjs loads
 * anywhere, and `meta.json`, which seals both. Saving is atomic, loading verifies.
 * @module
 */

import { CheckpointError } from "./errors.ts";
import type { FileSystem } from "./file_system.ts";
import {
  type Files,
  type FolderOptions,
  openNewest,
  saveGeneration,
} from "./generations.ts";
import {
  decodeModel,
  encodeModel,
  FOLDER_LIMITS,
  MODEL_FILE,
  type ModelDescription,
  weightBytes,
  WEIGHTS_FILE,
  type WeightSpec,
} from "./model_json.ts";
import { isJsonObject, type Json, type JsonObject } from "./safe_json.ts";
import type { Seal } from "./seal.ts";

/** Keys of `ModelArtifacts` that go to `model.json` and back as they are. */
const PASSED_ON = [
  "format",
  "generatedBy",
  "convertedBy",
  "userDefinedMetadata",
] as const;

/** What `model.save()` hands over and `tf.loadLayersModel()` takes: tfjs's `tf.io.ModelArtifacts`. */
export interface Artifacts {
  /** The layers. */
  modelTopology?: object | ArrayBuffer;
  /** Names, shapes and types of the weights; more types than `WeightSpec` has are refused. */
  weightSpecs?: { name: string; shape: number[]; dtype: string }[];
  /** The weights, in one piece or several. */
  weightData?: ArrayBuffer | ArrayBuffer[];
  /** `layers-model`. */
  format?: string;
  /** What made the model. */
  generatedBy?: string;
  /** What converted it, if anything. */
  convertedBy?: string | null;
  /** What `model.setUserDefinedMetadata()` was given. */
  userDefinedMetadata?: Record<string, NonNullable<unknown>>;
}

/** Artifacts as loaded, checked. */
export interface LoadedArtifacts extends Artifacts {
  /** The layers. */
  modelTopology: object;
  /** Names, shapes and types of the weights. */
  weightSpecs: WeightSpec[];
}

/** A `tf.io.IOHandler` that saves and loads. */
export interface FileHandler {
  /** Called by `model.save()`. */
  save(artifacts: Artifacts): Promise<SaveResult>;
  /** Called by `tf.loadLayersModel()`. */
  load(): Promise<LoadedArtifacts>;
}

/** What tfjs wants to know of a save: its `tf.io.SaveResult`. */
export interface SaveResult {
  /** When, and how many bytes of each kind. */
  modelArtifactsInfo: {
    dateSaved: Date;
    modelTopologyType: "JSON";
    modelTopologyBytes: number;
    weightSpecsBytes: number;
    weightDataBytes: number;
  };
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
  data: Artifacts["weightData"],
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
      requireFit(folder, checkOwn(folder, model), weights.length);
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
      const artifacts: LoadedArtifacts = {
        modelTopology: model.modelTopology,
        weightSpecs: model.weightSpecs,
        weightData: weights.buffer,
      };
      for (const key of PASSED_ON) {
        const value = model.json[key];
        if (typeof value === "string" || isJsonObject(value)) {
          Object.assign(artifacts, { [key]: value });
        }
      }
      return artifacts;
    },
  };
}

/** Requires that what was just written could be read again. */
function checkOwn(
  folder: string,
  model: Uint8Array,
): ReturnType<typeof decodeModel> {
  try {
    return decodeModel(model);
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw new TypeError(
      `Cannot save a model to ${folder}: its ${MODEL_FILE} ${cause.message}`,
      { cause },
    );
  }
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
