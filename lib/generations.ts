/**
 * Sealed folders in two generations: a new one replaces the current one by two renames, the one
 * before is kept, and loading finds the newest that is complete. Under `checkpoint.ts` and
 * `file_io.ts`, which know what the files mean.
 *
 * Saving writes `P.incoming`, forces it to the disk, removes `P.previous`, then renames `P` to
 * `P.previous` and `P.incoming` to `P`. Nothing old is touched before the new generation is on the disk, and
 * whichever of the renames a power cut undoes, one complete generation has a name that `openNewest()` looks at.
 * The two renames follow each other at once, so that other programs miss `P` for microseconds only.
 * @module
 */

import { CheckpointError } from "./errors.ts";
import { denoFileSystem, errorCode, type FileSystem } from "./file_system.ts";
import { generationPaths } from "./run_paths.ts";
import type { JsonObject } from "./safe_json.ts";
import {
  makeSeal,
  MAX_META_BYTES,
  META_FILE,
  openSeal,
  type Seal,
  sha256,
} from "./seal.ts";

/** Contents of a folder's files by name, `meta.json` apart. */
export type Files = Map<string, Uint8Array<ArrayBuffer>>;

/** What may be in a folder, and where it lies. */
export interface FolderOptions {
  /** Names that the folder may hold beside `meta.json`, each with its largest size in bytes. */
  limits: Readonly<Record<string, number>>;
  /** File operations. @default {denoFileSystem} */
  fileSystem?: FileSystem;
}

/** How to look into a folder. */
export interface OpenOptions extends FolderOptions {
  /** Throws if the folder is undamaged yet unusable; called before the files are read. */
  inspect?: (seal: Seal) => void;
}

/** A complete, verified folder. */
export interface Generation {
  /** Where it was found. */
  folder: string;
  /** What `meta.json` says. */
  content: JsonObject;
  /** The other files. */
  files: Files;
}

/** The newest complete generation. */
export interface Newest extends Generation {
  /** Why it's not the one asked for. */
  warning?: string;
}

/** What a look into a folder found. */
type Look =
  | { state: "absent" }
  | { state: "damaged"; reason: string }
  | { state: "unreadable"; reason: string; error: unknown }
  | { state: "intact"; generation: Generation };

/** Files that desktops leave in folders; they don't make a folder somebody else's. */
const STRAY = [".DS_Store", "Thumbs.db", "desktop.ini"];

const REMEDY =
  "restore the folder from a copy, or train again with another --checkpoint";

/** Whether the process isn't allowed to do what it tried. */
function isDenied(error: unknown): boolean {
  return error instanceof Deno.errors.PermissionDenied ||
    error instanceof Deno.errors.NotCapable ||
    ["EROFS", "EPERM", "EACCES"].includes(errorCode(error) ?? "");
}

/** An operating system's error in words, on one line. */
function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** Turns whatever stopped a save into one line that says what still stands and what to do. */
function saveError(
  path: string,
  error: unknown,
  bytes: number,
): CheckpointError {
  if (error instanceof CheckpointError) return error;
  const full = ["ENOSPC", "EDQUOT"].includes(errorCode(error) ?? "");
  const remedy = full
    ? `free at least ${Math.ceil(bytes / 1024)} KiB on that disk`
    : isDenied(error)
    ? "expected a folder that this program may read and write; pass another --checkpoint"
    : "check the disk";
  return new CheckpointError(
    `Cannot save checkpoint ${path}: ${describe(error)}; ${remedy}. ${
      bytes > 0 ? "What was saved before still stands." : ""
    }`.trim(),
    { cause: error },
  );
}

/** Looks into one folder and verifies everything in it. */
async function look(folder: string, options: OpenOptions): Promise<Look> {
  const { limits, fileSystem = denoFileSystem, inspect } = options;
  const damaged = (reason: string): Look => ({ state: "damaged", reason });
  let file = META_FILE;
  try {
    const names = await fileSystem.list(folder);
    if (!names) return { state: "absent" };
    const seal = await openSeal(
      await fileSystem.read(`${folder}/${META_FILE}`, MAX_META_BYTES),
    );
    inspect?.(seal);
    for (const [name, { bytes }] of seal.files) {
      const limit = Object.hasOwn(limits, name) ? limits[name]! : -1;
      if (bytes > limit) {
        throw new CheckpointError(
          `Cannot load checkpoint ${folder}: ${META_FILE} lists the file ${
            JSON.stringify(name.slice(0, 80))
          } of ${bytes} bytes, expected ${
            limit < 0
              ? `only ${Object.keys(limits).join(", ")}`
              : `at most ${limit}`
          }; it was not written by this version of the program`,
        );
      }
    }
    const files: Files = new Map();
    for (const [name, expected] of seal.files) {
      file = name;
      const data = await fileSystem.read(`${folder}/${name}`, expected.bytes);
      if (data.length !== expected.bytes) {
        return damaged(
          `${name} has ${data.length} bytes, ${META_FILE} says ${expected.bytes}`,
        );
      }
      const hash = await sha256(data);
      if (hash !== expected.sha256) {
        return damaged(
          `${name} has the SHA-256 ${hash}, ${META_FILE} says ${expected.sha256}`,
        );
      }
      files.set(name, data);
    }
    return {
      state: "intact",
      generation: { folder, content: seal.content, files },
    };
  } catch (error) {
    if (error instanceof CheckpointError) throw error;
    if (isDenied(error)) {
      throw new CheckpointError(
        `Cannot load checkpoint ${folder}: ${
          describe(error)
        }; expected a folder that this program may read`,
        { cause: error },
      );
    }
    if (error instanceof SyntaxError) {
      return damaged(`${file} ${error.message}`);
    }
    if (error instanceof Deno.errors.NotFound) {
      return damaged(`it has no ${file}`);
    }
    if (error instanceof TypeError || error instanceof RangeError) {
      return damaged(error.message);
    }
    return { state: "unreadable", reason: describe(error), error };
  }
}

/** As `look()`, for whoever goes on to remove what's damaged: a disk that can't be read is no proof of that. */
async function lookClosely(
  folder: string,
  options: OpenOptions,
): Promise<Exclude<Look, { state: "unreadable" }>> {
  const found = await look(folder, options);
  if (found.state === "unreadable") throw found.error;
  return found;
}

/**
 * Opens the newest complete generation: `path`, else the staged one, else the one before.
 *
 * A look that fails is repeated as long as it fails differently, because a writer may have replaced the
 * folder between two reads.
 *
 * @throws {CheckpointError} if there is none, or if it's undamaged yet unusable.
 */
export async function openNewest(
  path: string,
  options: OpenOptions,
): Promise<Newest> {
  const { current, incoming, previous } = generationPaths(path);
  let found: Look = { state: "absent" };
  for (let attempt = 0, before = ""; attempt < 10; attempt++) {
    found = await look(current, options);
    if (found.state === "intact") return found.generation;
    const now = JSON.stringify(found);
    if (now === before) break;
    before = now;
  }
  const reason = found.state === "absent" ? "it is missing" : found.reason;
  const others: string[] = [];
  for (const folder of [incoming, previous]) {
    const other = await look(folder, options);
    if (other.state === "intact") {
      return {
        ...other.generation,
        warning: `Using ${folder} instead of ${current}: ${reason}`,
      };
    }
    if (other.state !== "absent") others.push(`${folder}: ${other.reason}`);
  }
  throw new CheckpointError(
    found.state === "absent" && others.length === 0
      ? `Cannot load checkpoint ${current}: there is no such folder; train first, or pass another --checkpoint`
      : `Cannot load checkpoint ${current}: ${
        [reason, ...others].join("; ")
      }; ${REMEDY}`,
  );
}

/**
 * Whether there's anything to load at `path`, damaged or not. A staged folder alone doesn't count if it's
 * incomplete: that's what an interrupted first save left, and nothing was ever saved.
 *
 * @throws {CheckpointError} if a staged folder may not be read.
 */
export async function anyGeneration(
  path: string,
  options: OpenOptions,
): Promise<boolean> {
  const { fileSystem = denoFileSystem } = options;
  const { current, incoming, previous } = generationPaths(path);
  // Replacing renames current to previous and then incoming to current: so a look at them in this order misses nothing.
  for (const folder of [current, previous]) {
    if (await fileSystem.list(folder)) return true;
  }
  const { state } = await look(incoming, options);
  return state === "intact" || state === "unreadable" ||
    await fileSystem.list(current) !== undefined;
}

/** Refuses to touch a folder that holds anything but a checkpoint's files. */
async function ownNames(
  folder: string,
  { limits, fileSystem = denoFileSystem }: FolderOptions,
): Promise<string[] | undefined> {
  const names = await fileSystem.list(folder);
  const foreign = names?.find((name) =>
    name !== META_FILE && !Object.hasOwn(limits, name) && !STRAY.includes(name)
  );
  if (foreign !== undefined) {
    throw new CheckpointError(
      `Cannot replace ${folder}: it holds ${
        JSON.stringify(foreign)
      }, which no checkpoint has; move that file away, or pass another --checkpoint`,
    );
  }
  return names;
}

/** Removes a checkpoint folder; the seal first, so that the rest can't be mistaken for a whole. */
async function removeOwn(
  folder: string,
  options: FolderOptions,
): Promise<void> {
  const { fileSystem = denoFileSystem } = options;
  const names = await ownNames(folder, options) ?? [];
  const order = [META_FILE, ...names.filter((name) => name !== META_FILE)];
  for (const name of order.filter((name) => names.includes(name))) {
    await fileSystem.removeFile(`${folder}/${name}`);
  }
  await fileSystem.removeFolder(folder);
}

/** Puts the newest complete generation at `path` and removes what an interrupted save left. */
async function settle(path: string, options: FolderOptions): Promise<string[]> {
  const { fileSystem = denoFileSystem } = options;
  const { parent, current, previous, incoming } = generationPaths(path);
  const notes: string[] = [];
  const currentNames = await ownNames(current, options);
  const incomingNames = await ownNames(incoming, options);
  await ownNames(previous, options);
  const now = await lookClosely(current, options);
  if (now.state !== "intact") {
    for (const folder of [incoming, previous]) {
      if ((await lookClosely(folder, options)).state !== "intact") continue;
      if (currentNames) await removeOwn(current, options);
      if (folder === previous && incomingNames) {
        await removeOwn(incoming, options);
      }
      await fileSystem.rename(folder, current);
      await fileSystem.syncFolder(parent);
      const reason = now.state === "damaged" ? now.reason : "it was missing";
      notes.push(`Restored ${current} from ${folder}: ${reason}`);
      return notes;
    }
  }
  if (incomingNames) {
    await removeOwn(incoming, options);
    notes.push(`Removed ${incoming}, left by an interrupted save`);
  }
  if (now.state === "damaged") {
    notes.push(
      `Found no complete checkpoint in ${current}: ${now.reason}; the next save replaces it`,
    );
  }
  return notes;
}

/**
 * Cleans up after a process that died while saving; to be called by a writer before its first
 * save, under its lock. The generation that `openNewest()` would have opened is then at `path`.
 *
 * @returns What was done, a sentence each; empty if nothing had to be.
 * @throws {CheckpointError} if one of the folders isn't a checkpoint's, or can't be read or written.
 */
export async function recoverGenerations(
  path: string,
  options: FolderOptions,
): Promise<string[]> {
  try {
    return await settle(path, options);
  } catch (error) {
    throw saveError(generationPaths(path).current, error, 0);
  }
}

/**
 * Makes the given files the newest generation at `path`. When it returns, they survive a power
 * cut; when it throws or never returns, the generation before does.
 *
 * @param content What `meta.json` shall say.
 * @throws {CheckpointError} saying why, what still stands and what to do.
 */
export async function saveGeneration(
  path: string,
  { content, files }: { content: JsonObject; files: Files },
  options: FolderOptions,
): Promise<void> {
  const { fileSystem = denoFileSystem } = options;
  const { parent, current, previous, incoming } = generationPaths(path);
  const seal = await makeSeal(content, files);
  const all = [...files, [META_FILE, seal] as const];
  try {
    await fileSystem.makeFolder(parent);
    const exists = {
      current: await ownNames(current, options),
      incoming: await ownNames(incoming, options),
      previous: await ownNames(previous, options),
    };
    if (!exists.current && (exists.incoming || exists.previous)) {
      await settle(path, options);
      for (const name of ["current", "incoming", "previous"] as const) {
        exists[name] = await ownNames(generationPaths(path)[name], options);
      }
    }
    if (exists.incoming) await removeOwn(incoming, options);
    await fileSystem.makeFolder(incoming);
    // All at once, so that a journaling file system can make them durable together; none is left running.
    const written = await Promise.allSettled(all.map(async ([name, data]) => {
      const file = await fileSystem.create(`${incoming}/${name}`);
      try {
        await file.write(data);
        await file.sync();
      } finally {
        file.close();
      }
    }));
    const failed = written.find((result) => result.status === "rejected");
    if (failed) throw failed.reason;
    await fileSystem.syncFolder(incoming);
    await fileSystem.syncFolder(parent);
    if (exists.previous) await removeOwn(previous, options);
    if (exists.current) await fileSystem.rename(current, previous);
    await fileSystem.rename(incoming, current);
    await fileSystem.syncFolder(parent);
  } catch (error) {
    const bytes = all.reduce((sum, [, data]) => sum + data.length, 0);
    throw saveError(current, error, bytes);
  }
}
