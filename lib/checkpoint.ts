/**
 * What a checkpoint holds, and how it's saved and loaded: a folder with `model.json` and
 * `weights.bin` for tfjs, `meta.json` that rebuilds everything, and `optimizer.bin` to go on training.
 * Between training, which writes it, and evaluation and forecast, which start from it alone.
 * @module
 */

import { type Config, DEFAULT_CONFIG, validateConfig } from "./config.ts";
import { slotCount } from "./engine/engine.ts";
import { CheckpointError } from "./errors.ts";
import { readModel, requireFiles } from "./file_io.ts";
import type { FileSystem } from "./file_system.ts";
import {
  anyGeneration,
  type Files,
  type FolderOptions,
  openNewest,
  recoverGenerations,
  saveGeneration,
} from "./generations.ts";
import {
  type LayoutOptions,
  parameterCount,
  parameterLayout,
} from "./layout.ts";
import {
  encodeModel,
  FOLDER_LIMITS,
  MAX_WEIGHT_BYTES,
  MODEL_FILE,
  type ModelDescription,
  OPTIMIZER_FILE,
  WEIGHTS_FILE,
} from "./model_json.ts";
import { isJsonObject, type Json, type JsonObject } from "./safe_json.ts";
import type { Seal } from "./seal.ts";

/** What a checkpoint of this program says in `meta.json` as its format. */
export const CHECKPOINT_FORMAT = "sunspots-checkpoint";
/** Version of that format; others are refused. */
export const CHECKPOINT_VERSION = 1;

/** A metric's value; `null` stands for NaN and infinities, which JSON can't hold. */
export type MetricValue = number | null;

/** Where the series came from. Further fields are kept as they are. */
export interface SeriesRecord extends JsonObject {
  /** Its name for people. */
  name: string;
  /** File, URL or `bundled`. */
  source: string;
  /** SHA-256 of the CSV text. */
  sha256: string;
  /** Number of values. */
  length: number;
}

/** The best epoch so far. */
export interface BestEpoch {
  /** 1-based. */
  epoch: number;
  /** The monitored metric in that epoch. */
  value: number;
}

/** Everything that a checkpoint says in words and numbers, weights apart. */
export interface CheckpointMeta {
  /** The whole configuration; model, windows and engine are rebuilt from it. */
  config: Config;
  /** The series that was trained on. */
  series: SeriesRecord;
  /** How the series' values were scaled before the network; 1 if they weren't. */
  scale: Json;
  /** Finished epochs. */
  epoch: number;
  /** Gradient steps taken; Adam's bias correction depends on it. */
  iterations: number;
  /** The metrics of that epoch by Keras's names. */
  metrics: Record<string, MetricValue>;
  /** The metric that decided. */
  monitor: string;
  /** The best epoch so far; `null` if there was none. */
  best: BestEpoch | null;
  /** Seed of initial weights and shuffling. */
  seed: number;
  /** Which engine trained. */
  engine: string;
  /** What the engine ran on. */
  adapter: string;
  /** Versions of program and libraries. */
  versions: Record<string, string>;
  /** When, in ISO 8601. */
  created: string;
  /** One record per finished epoch; empty where it's not wanted. */
  history: JsonObject[];
  /** Whatever else the caller wants to find again. */
  extra: JsonObject;
}

/** What is saved. */
export interface Checkpoint {
  /** Words and numbers. */
  meta: CheckpointMeta;
  /** Topology and weight list for tfjs; the weights in the order of `parameterLayout()`. */
  model: ModelDescription;
  /** `[parameters]` */
  weights: Float32Array;
  /** Optimizer vectors, each `[parameters]`, as in `EngineState`; with `averageEpochs` then the mean weights. */
  slots?: readonly Float32Array[];
}

/** What is loaded. */
export interface LoadedCheckpoint {
  /** Words and numbers, checked. */
  meta: CheckpointMeta;
  /** Topology and weight list as found; build the model from `meta.config` instead. */
  model: ModelDescription;
  /** `[parameters]` */
  weights: Float32Array<ArrayBuffer>;
  /** Optimizer vectors; absent if only the weights were saved. */
  slots?: Float32Array<ArrayBuffer>[];
  /** The folder it was found in. */
  folder: string;
  /** Why an older generation was used, in one line. */
  warning?: string;
}

/** Options of `saveCheckpoint()`. */
export interface SaveOptions {
  /** Leave the optimizer's vectors out: enough to predict, not to go on. @default {false} */
  weightsOnly?: boolean;
  /** File operations. @default {denoFileSystem} */
  fileSystem?: FileSystem;
}

/** Options of `loadCheckpoint()` and `recoverCheckpoint()`. */
export interface LoadOptions {
  /** File operations. @default {denoFileSystem} */
  fileSystem?: FileSystem;
}

const folderOptions = (fileSystem: FileSystem | undefined): FolderOptions => ({
  limits: FOLDER_LIMITS,
  ...fileSystem && { fileSystem },
});

/** Vectors in `optimizer.bin`: the optimizer's, and the mean weights of a run that averages. */
function vectorCount(config: Config): number {
  return slotCount(config) + (config.averageEpochs > 0 ? 1 : 0);
}

/** Most characters of untrusted text that a message repeats. */
const SHOWN = 300;
const oneLine = (text: string) =>
  text.slice(0, SHOWN).replace(/\p{Cc}/gu, "\u{fffd}");

/** Requires that the weight list is the configuration's, tensor by tensor. */
function modelMismatch(
  config: LayoutOptions,
  { weightSpecs }: ModelDescription,
): string | undefined {
  const layout = parameterLayout(config);
  if (weightSpecs.length !== layout.length) {
    return `lists ${weightSpecs.length} weights, the configuration has ${layout.length}`;
  }
  for (const [i, { name, shape }] of layout.entries()) {
    const spec = weightSpecs[i]!;
    if (spec.dtype !== "float32" || String(spec.shape) !== String(shape)) {
      return `lists weight ${i} as ${spec.dtype} [${spec.shape}], the configuration has ${name} as float32 [${shape}]`;
    }
  }
  return undefined;
}

/** The bytes of float vectors, one after the other. */
function floatBytes(
  vectors: readonly Float32Array[],
): Uint8Array<ArrayBuffer> {
  const all = new Float32Array(vectors.reduce((n, v) => n + v.length, 0));
  let offset = 0;
  for (const vector of vectors) {
    all.set(vector, offset);
    offset += vector.length;
  }
  return new Uint8Array(all.buffer);
}

/**
 * Saves a checkpoint. When it returns, the checkpoint survives a power cut; when it throws, or the
 * process dies on the way, the one before is still there. The caller holds the run's lock (`lockRun()`).
 *
 * @param path The checkpoint's folder; its parent is made if it isn't there.
 * @param checkpoint What to save; nothing of it is kept or changed.
 * @throws {CheckpointError} if it can't be written, saying why and what still stands.
 * @throws {TypeError} if the parts don't fit each other: a mistake in the program.
 */
export async function saveCheckpoint(
  path: string,
  checkpoint: Checkpoint,
  options: SaveOptions = {},
): Promise<void> {
  const { meta, model, weights, slots } = checkpoint;
  const { weightsOnly = false, fileSystem } = options;
  const { config } = meta;
  const count = parameterCount(config);
  const expected = weightsOnly ? [] : Array(vectorCount(config)).fill(count);
  const vectors = weightsOnly ? [] : slots ?? [];
  const modelFault = modelMismatch(config, model);
  const mismatch = weights.length !== count
    ? `${weights.length} weights, the configuration has ${count}`
    : String(vectors.map((v) => v.length)) !== String(expected)
    ? `optimizer vectors of [${
      vectors.map((v) => v.length)
    }] elements, the configuration has [${expected}]`
    : modelFault && `the model ${modelFault}`;
  if (mismatch) {
    throw new TypeError(`Cannot save checkpoint ${path}: ${mismatch}`);
  }
  if (4 * count > MAX_WEIGHT_BYTES) {
    throw new CheckpointError(
      `Cannot save checkpoint ${path}: ${count} weights, expected at most ${
        MAX_WEIGHT_BYTES / 4
      }; choose a smaller model`,
    );
  }
  const files: Files = new Map([
    [MODEL_FILE, encodeModel(model, { generatedBy: "sunspots" })],
    [WEIGHTS_FILE, floatBytes([weights])],
  ]);
  if (vectors.length > 0) files.set(OPTIMIZER_FILE, floatBytes(vectors));
  const metrics = Object.entries(meta.metrics).map(([name, value]) => [
    name,
    Number.isFinite(value) ? value : null,
  ]);
  const content = {
    format: CHECKPOINT_FORMAT,
    formatVersion: CHECKPOINT_VERSION,
    weightsOnly,
    ...meta,
    metrics: Object.fromEntries(metrics),
  } as unknown as JsonObject;
  await saveGeneration(path, { content, files }, folderOptions(fileSystem));
}

/** Checks what `meta.json` says, field by field. */
function parseMeta(
  content: JsonObject,
): { meta: CheckpointMeta; weightsOnly: boolean } {
  const { format, formatVersion, weightsOnly, ...rest } = content;
  if (format !== CHECKPOINT_FORMAT) {
    throw new SyntaxError(
      `is of the format ${
        JSON.stringify(format)
      }, expected "${CHECKPOINT_FORMAT}": this folder holds another kind of model`,
    );
  }
  if (formatVersion !== CHECKPOINT_VERSION) {
    throw new SyntaxError(
      `is of format version ${
        JSON.stringify(formatVersion)
      }, expected ${CHECKPOINT_VERSION}: use the version of the program that wrote it`,
    );
  }
  const insist = (ok: boolean, what: string, expected: string) => {
    if (!ok) {
      throw new SyntaxError(`has no usable ${what}, expected ${expected}`);
    }
  };
  const whole = (value: Json | undefined) =>
    Number.isSafeInteger(value) && (value as number) >= 0;
  const text = (value: Json | undefined) => typeof value === "string";
  const metric = (value: Json) => value === null || Number.isFinite(value);
  const { config, series, metrics, best, versions, history, extra } = rest;
  insist(isJsonObject(config), "config", "an object");
  insist(
    isJsonObject(series) && text(series.name) && text(series.source) &&
      text(series.sha256) && whole(series.length),
    "series",
    "name, source, sha256 and length",
  );
  insist(rest.scale !== undefined, "scale", "a value");
  for (const key of ["epoch", "iterations", "seed"]) {
    insist(whole(rest[key]), key, "a whole number");
  }
  for (const key of ["monitor", "engine", "adapter", "created"]) {
    insist(text(rest[key]), key, "a string");
  }
  insist(
    isJsonObject(metrics) && Object.values(metrics).every(metric),
    "metrics",
    "numbers",
  );
  insist(
    best === null ||
      isJsonObject(best) && whole(best.epoch) && Number.isFinite(best.value),
    "best",
    "an epoch and a value, or null",
  );
  insist(
    isJsonObject(versions) && Object.values(versions).every(text),
    "versions",
    "strings",
  );
  insist(
    Array.isArray(history) && history.every(isJsonObject),
    "history",
    "a list of objects",
  );
  insist(isJsonObject(extra), "extra", "an object");
  insist(typeof weightsOnly === "boolean", "weightsOnly", "true or false");
  const meta = rest as unknown as CheckpointMeta;
  // Options that came after the checkpoint was written: their defaults keep what the program did before.
  meta.config = { ...DEFAULT_CONFIG, ...meta.config };
  const unknown = Object.keys(meta.config)
    .find((key) => !Object.hasOwn(DEFAULT_CONFIG, key));
  insist(
    unknown === undefined,
    `config: it has the unknown field ${JSON.stringify(unknown)}`,
    "only what this version of the program knows",
  );
  try {
    validateConfig(meta.config);
  } catch (cause) {
    throw new SyntaxError(
      `holds an unusable configuration: ${(cause as Error).message}`,
      { cause },
    );
  }
  return { meta, weightsOnly: weightsOnly as boolean };
}

/** Checks, before anything large is read, that the files are as large as the configuration says. */
function checkSizes(
  config: Config,
  { files }: Seal,
  weightsOnly: boolean,
): void {
  const bytes = 4 * parameterCount(config);
  const slots = weightsOnly ? 0 : vectorCount(config);
  const sizes: [name: string, expected: number][] = [[WEIGHTS_FILE, bytes]];
  if (slots > 0) sizes.push([OPTIMIZER_FILE, bytes * slots]);
  for (const [name, expected] of sizes) {
    const actual = files.get(name)?.bytes;
    if (actual !== expected) {
      throw new SyntaxError(
        `lists ${name} with ${
          actual ?? 0
        } bytes, the configuration needs ${expected}`,
      );
    }
  }
}

/** Says of a verified file that its content can't be used. */
function unusable(folder: string, file: string, cause: Error): CheckpointError {
  return new CheckpointError(
    `Cannot load checkpoint ${folder}: ${file} ${
      oneLine(cause.message)
    }; restore the folder from a copy, or pass another --checkpoint`,
    { cause },
  );
}

/**
 * Loads and verifies a checkpoint: hashes, format version, configuration, sizes and weight list. If the folder is
 * damaged or missing and an older generation is complete, that one is returned, with a warning.
 *
 * @throws {CheckpointError} naming file and remedy if there is nothing to load.
 */
export async function loadCheckpoint(
  path: string,
  { fileSystem }: LoadOptions = {},
): Promise<LoadedCheckpoint> {
  const inspect = (seal: Seal) => {
    try {
      const { meta, weightsOnly } = parseMeta(seal.content);
      requireFiles(path, seal, [MODEL_FILE, WEIGHTS_FILE]);
      checkSizes(meta.config, seal, weightsOnly);
    } catch (cause) {
      if (!(cause instanceof SyntaxError)) throw cause;
      throw unusable(path, "meta.json", cause);
    }
  };
  const { content, files, folder, warning } = await openNewest(path, {
    ...folderOptions(fileSystem),
    inspect,
  });
  const { meta, weightsOnly } = parseMeta(content);
  const { modelTopology, weightSpecs } = readModel(folder, files);
  const model = { modelTopology, weightSpecs };
  const mismatch = modelMismatch(meta.config, model);
  if (mismatch) {
    throw unusable(folder, MODEL_FILE, new SyntaxError(mismatch));
  }
  const loaded: LoadedCheckpoint = {
    meta,
    model,
    weights: new Float32Array(files.get(WEIGHTS_FILE)!.buffer),
    folder,
  };
  if (!weightsOnly) {
    const count = loaded.weights.length;
    const all = files.get(OPTIMIZER_FILE)?.buffer;
    loaded.slots = Array.from(
      { length: vectorCount(meta.config) },
      (_, i) => new Float32Array(all!, 4 * i * count, count),
    );
  }
  if (warning) loaded.warning = warning;
  return loaded;
}

/** Whether there's a checkpoint at `path`, sound or damaged; what an interrupted first save left is none. */
export function checkpointExists(
  path: string,
  { fileSystem }: LoadOptions = {},
): Promise<boolean> {
  return anyGeneration(path, folderOptions(fileSystem));
}

/**
 * Cleans up after a writer that died; to be called under the run's lock before the first save, for the best and for
 * the last checkpoint.
 *
 * @returns What was done, a sentence each; empty if nothing had to be.
 * @throws {CheckpointError} if the folder is somebody else's, or can't be read or written.
 */
export function recoverCheckpoint(
  path: string,
  { fileSystem }: LoadOptions = {},
): Promise<string[]> {
  return recoverGenerations(path, folderOptions(fileSystem));
}
