/**
 * The checkpoint that the program carries, so that it can judge and forecast in an empty folder.
 * @module
 */

import metaJson from "../checkpoints/pretrained/meta.json" with {
  type: "bytes",
};
import modelJson from "../checkpoints/pretrained/model.json" with {
  type: "bytes",
};
import weightsBin from "../checkpoints/pretrained/weights.bin" with {
  type: "bytes",
};
import { loadCheckpoint, type LoadedCheckpoint } from "./checkpoint.ts";
import { CheckpointError } from "./errors.ts";
import { denoFileSystem, type FileSystem } from "./file_system.ts";

/** Where the carried checkpoint lies in the source tree, and what it is called everywhere. */
export const PRETRAINED = "checkpoints/pretrained";

const FILES: Readonly<Record<string, Uint8Array>> = {
  "meta.json": metaJson,
  "model.json": modelJson,
  "weights.bin": weightsBin,
};

/** Reads the carried files as if they lay on a disk; nothing is ever written to it. */
const carried: FileSystem = {
  ...denoFileSystem,
  list: (folder) =>
    Promise.resolve(
      folder === PRETRAINED ? Object.keys(FILES).sort() : undefined,
    ),
  read(path, limit) {
    const data = FILES[path.slice(PRETRAINED.length + 1)];
    if (!path.startsWith(`${PRETRAINED}/`) || !data) {
      return Promise.reject(new Deno.errors.NotFound(`${path} is not carried`));
    }
    if (data.length > limit) {
      return Promise.reject(
        new RangeError(`${path} has more than ${limit} bytes`),
      );
    }
    return Promise.resolve(Uint8Array.from(data));
  },
};

/**
 * Loads and verifies the carried checkpoint, with no permission.
 *
 * @example
 * ```ts
 * import { loadPretrained } from "@sunspots/sunspots";
 * const { meta, weights } = await loadPretrained();
 * console.log(meta.metrics.val_mae, meta.config.windowSize, weights.length);
 * ```
 *
 * @throws {CheckpointError} if the program was built with a damaged one.
 */
export async function loadPretrained(): Promise<LoadedCheckpoint> {
  try {
    return await loadCheckpoint(PRETRAINED, { fileSystem: carried });
  } catch (cause) {
    if (!(cause instanceof CheckpointError)) throw cause;
    throw new CheckpointError(
      `Cannot use the checkpoint that the program carries: ${cause.message}`,
      { cause },
    );
  }
}
