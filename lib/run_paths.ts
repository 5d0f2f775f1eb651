/**
 * The names of everything that a run keeps beside its best checkpoint. Pure.
 * @module
 */

import { UsageError } from "./errors.ts";

/** Where one run keeps its things; all lie in `parent`. */
export interface RunPaths {
  /** The folder that holds all the others. */
  parent: string;
  /** Weights and description of the best epoch, the folder of `--checkpoint`. */
  best: string;
  /** Weights, optimizer state and history of the last finished epoch, for `--resume`. */
  last: string;
  /** One line per epoch for spreadsheets. */
  historyCsv: string;
  /** One line per epoch for programs. */
  historyJsonl: string;
  /** The file that the one writer locks. */
  lock: string;
}

/** Where the generations of one checkpoint folder lie, all in the same parent. */
export interface GenerationPaths {
  /** The folder that holds the other three. */
  parent: string;
  /** The checkpoint that counts. */
  current: string;
  /** The generation before. */
  previous: string;
  /** The next generation while it's being written. */
  incoming: string;
}

const RESERVED_NAME = /^(last|lock|history\.csv|history\.jsonl)$/i;
const RESERVED_END =
  /\.(previous|incoming|last|lock|history\.csv|history\.jsonl)$/i;

/** Splits off a path's last part; both slashes separate on Windows only. */
function split(
  path: string,
  windows: boolean,
): { parent: string; start: string; name: string } | undefined {
  const pattern = windows
    ? /^((?:.*[\\/])?)([^\\/:]+)[\\/]*$/s
    : /^((?:.*\/)?)([^/]+)\/*$/s;
  const match = pattern.exec(path);
  if (!match) return undefined;
  const [, start = "", name = ""] = match;
  if (name === "." || name === ".." || /\p{Cc}/u.test(path)) return undefined;
  const parent = start === "" ? "." : start.replace(/(?<=.)[\\/]+$/, "");
  return {
    parent: windows && /^[a-z]:$/i.test(parent) ? start : parent,
    start,
    name,
  };
}

/**
 * Names the generations of a checkpoint folder.
 *
 * @throws {UsageError} if the path doesn't end in a folder's name.
 */
export function generationPaths(
  path: string,
  windows: boolean = Deno.build.os === "windows",
): GenerationPaths {
  const parts = split(path, windows);
  if (!parts) {
    throw new UsageError(
      `Cannot use ${
        JSON.stringify(path)
      } as a checkpoint: expected a folder's path such as checkpoints/best`,
    );
  }
  const current = parts.start + parts.name;
  return {
    parent: parts.parent,
    current,
    previous: `${current}.previous`,
    incoming: `${current}.incoming`,
  };
}

/**
 * Names a run's files by its checkpoint folder: beside `best` simply `last`, `history.csv` and
 * so on, beside any other name with that name in front, so that runs can share a parent.
 *
 * @param path The folder of `--checkpoint`.
 * @throws {UsageError} if the name is one that a run gives to something else.
 */
export function runPaths(
  path: string,
  windows: boolean = Deno.build.os === "windows",
): RunPaths {
  const { parent, current } = generationPaths(path, windows);
  const { start, name } = split(path, windows)!;
  if (
    RESERVED_NAME.test(name) || RESERVED_END.test(name) ||
    // Where case doesn't count, `Best` would be `best` with another lock.
    (name !== "best" && name.toLowerCase() === "best")
  ) {
    throw new UsageError(
      `Cannot save the best checkpoint to ${current}: training gives names like ${name} to other files, expected another name such as ${start}best`,
    );
  }
  const prefix = name === "best" ? start : `${current}.`;
  return {
    parent,
    best: current,
    last: `${prefix}last`,
    historyCsv: `${prefix}history.csv`,
    historyJsonl: `${prefix}history.jsonl`,
    lock: `${prefix}lock`,
  };
}
