/**
 * URL -> a checked CSV file on disk, in the place of the old one only if it is a series. Beside dataset in the flow.
 * @module
 */

import { basename, dirname, join } from "node:path";
import { type DatasetOptions, readSeries } from "./dataset.ts";
import { download } from "./download.ts";
import { DataError, UsageError } from "./errors.ts";
import { denoFileSystem, type FileSystem } from "./file_system.ts";
import type { Series } from "./series.ts";
import { decodeText } from "./text_decode.ts";

/** The file of the TensorFlow exercise. */
export const TUTORIAL_URL =
  "https://storage.googleapis.com/download.tensorflow.org/data/Sunspots.csv";

/** Age in milliseconds at which an unfinished file must be a killed process's. */
const LEFTOVER_AGE = 600_000;

/** What to fetch, and where to. */
export interface FetchOptions extends DatasetOptions {
  /** Path of the file to write; its folder is made. */
  output: string;
  /** SHA-256 that the bytes must have, in hexadecimal. */
  sha256?: string;
  /** How many of the first lines to hand back. @default {10} */
  head?: number;
  /** Where files are written. */
  fileSystem?: FileSystem;
}

/** What was fetched. */
export interface Fetched {
  /** The series in the file. */
  series: Series;
  /** The file. */
  output: string;
  /** Where it came from after redirects. */
  url: string;
  /** Its size in bytes. */
  size: number;
  /** Its first lines, as they are. */
  head: string[];
}

/**
 * Downloads a series to a file.
 *
 * The download is held in memory (`maxBytes` bounds it) until its hash is right and it parses; only then a new file is
 * written, synced and renamed over `output`. Whatever fails, the old file stays as it was.
 *
 * Needs net permission for the host, and read and write permission for the output's folder.
 *
 * @throws {DataError} if the download fails or isn't the series it should be.
 * @throws {UsageError} for options that can't be meant.
 */
export async function fetchDataset(
  url: string,
  options: FetchOptions,
): Promise<Fetched> {
  const { output, sha256, head = 10, fileSystem = denoFileSystem } = options;
  if (sha256 !== undefined && !/^[0-9a-f]{64}$/i.test(sha256)) {
    throw new UsageError(
      `Cannot use --sha256 ${sha256}: expected 64 hexadecimal digits`,
    );
  }
  if (!Number.isSafeInteger(head) || head < 0) {
    throw new UsageError(
      `Cannot use --head ${head}: expected a whole number from 0`,
    );
  }
  await refuseFolder(output);
  const { bytes, url: from } = await download(url, options);
  const series = await readSeries(ReadableStream.from([bytes]), {
    ...options,
    source: from,
  });
  if (sha256 !== undefined && series.sha256 !== sha256.toLowerCase()) {
    throw new DataError(
      `Cannot use ${from}: its SHA-256 is ${series.sha256}, expected ${sha256.toLowerCase()}`,
    );
  }
  await replace(output, bytes, fileSystem);
  const lines = await firstLines(bytes, { source: from, count: head });
  return { series, output, url: from, size: bytes.length, head: lines };
}

/** Says so before anything is downloaded. */
async function refuseFolder(output: string): Promise<void> {
  try {
    if (!(await Deno.stat(output)).isDirectory) return;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return;
    throw error;
  }
  throw new UsageError(
    `Cannot use --output ${output}: it is a folder, expected the path of a file`,
  );
}

/** Writes a new file beside the old one, forces it to the disk and renames it over the old one. */
async function replace(
  output: string,
  bytes: Uint8Array,
  fileSystem: FileSystem,
): Promise<void> {
  const folder = dirname(output);
  await fileSystem.makeFolder(folder);
  await removeLeftovers(output, fileSystem);
  // Two processes may fetch the same file: each needs a new file of its own.
  const part = `${output}.${crypto.randomUUID()}.part`;
  const file = await fileSystem.create(part);
  try {
    try {
      await file.write(bytes);
      await file.sync();
    } finally {
      file.close();
    }
    await fileSystem.rename(part, output);
  } catch (error) {
    await fileSystem.removeFile(part);
    throw error;
  }
  await fileSystem.syncFolder(folder);
}

/** Removes unfinished files that a killed process left. */
async function removeLeftovers(
  output: string,
  fileSystem: FileSystem,
): Promise<void> {
  const folder = dirname(output);
  const start = `${basename(output)}.`;
  for (const name of await fileSystem.list(folder) ?? []) {
    if (!name.startsWith(start) || !/\.[0-9a-f-]{36}\.part$/.test(name)) {
      continue;
    }
    const path = join(folder, name);
    const { mtime } = await Deno.stat(path);
    if (mtime !== null && Date.now() - mtime.getTime() > LEFTOVER_AGE) {
      await fileSystem.removeFile(path);
    }
  }
}

/** The first lines of a text file. */
async function firstLines(
  bytes: Uint8Array,
  options: { source: string; count: number },
): Promise<string[]> {
  let text = "";
  const chunks = ReadableStream.from([bytes]);
  for await (const part of decodeText(chunks, options.source)) text += part;
  const lines: string[] = [];
  for (let at = 0; at < text.length && lines.length < options.count;) {
    const end = text.indexOf("\n", at);
    const line = text.slice(at, end < 0 ? undefined : end);
    lines.push(line.replace(/\r$/, ""));
    at = end < 0 ? text.length : end + 1;
  }
  return lines;
}
