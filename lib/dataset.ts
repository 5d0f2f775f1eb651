/**
 * The bundled series, a file or a URL -> `Series`, with the SHA-256 of its bytes. First in the flow.
 * @module
 */

import { createHash } from "node:crypto";
import bundledCsv from "../data/sunspots.csv" with { type: "text" };
import { DataError, UsageError } from "./errors.ts";
import { oneLine } from "./quote.ts";
import {
  parseSeriesStream,
  type Series,
  type SeriesOptions,
} from "./series.ts";
import { decodeText } from "./text_decode.ts";
import { download, type DownloadOptions } from "./download.ts";

/** Names the series that the program carries. */
export const BUNDLED = "bundled";

/** How to read a data set, and from where it may be downloaded. */
export interface DatasetOptions extends SeriesOptions, DownloadOptions {
  /** Called now and then with the rows read so far. */
  onRows?: (rows: number) => void;
}

/** Bytes in pieces that are counted into a hash on their way. */
async function* hashed(
  chunks: AsyncIterable<Uint8Array>,
  hash: { update(bytes: Uint8Array): unknown },
): AsyncGenerator<Uint8Array> {
  for await (const bytes of chunks) {
    hash.update(bytes);
    yield bytes;
  }
}

/** Reads a series from bytes as they arrive. */
export async function readSeries(
  chunks: AsyncIterable<Uint8Array>,
  options: SeriesOptions & {
    source: string;
    onRows?: (rows: number) => void;
  },
): Promise<Series> {
  const { onRows, ...rest } = options;
  const hash = createHash("sha256");
  const text = decodeText(hashed(chunks, hash), rest.source);
  // Not the download's own onProgress, which counts bytes.
  const onProgress = onRows ?? (() => {});
  const series = await parseSeriesStream(text, { ...rest, onProgress });
  return { ...series, sha256: hash.digest("hex") };
}

/**
 * Loads a series.
 *
 * The bundled series needs no permission; a file needs read permission, streamed so that its size doesn't matter;
 * a URL needs net permission for its host and is read with the guards of {@link download}.
 *
 * @param source `bundled`, a path, or a URL that begins with http:// or https://.
 * @throws {DataError} if there is no such file or it holds no series.
 * @throws {UsageError} if the options don't fit it, or for a URL of another kind.
 */
export async function loadDataset(
  source: string,
  options: DatasetOptions = {},
): Promise<Series> {
  if (source === BUNDLED) {
    const bytes = new TextEncoder().encode(bundledCsv);
    return await readSeries(ReadableStream.from([bytes]), {
      ...options,
      source,
    });
  }
  if (/^https?:\/\//i.test(source)) {
    const { bytes } = await download(source, options);
    return await readSeries(ReadableStream.from([bytes]), {
      ...options,
      source,
    });
  }
  if (/^[a-z][a-z0-9+.-]+:\/\//i.test(source)) {
    throw new UsageError(
      `Cannot load ${
        oneLine(source)
      }: expected a path, or a URL that begins with http:// or https://`,
    );
  }
  let file: Deno.FsFile;
  try {
    file = await Deno.open(source);
  } catch (cause) {
    throw fileError(source, cause);
  }
  if ((await file.stat()).isDirectory) {
    file.close();
    throw new DataError(
      `Cannot read ${oneLine(source)}: it is a folder, expected a CSV file`,
    );
  }
  // The stream closes the file, read to its end or not.
  return await readSeries(file.readable, { ...options, source });
}

/** Says why a file can't be read; permission errors stay as they are: their hint is right. */
function fileError(source: string, cause: unknown): unknown {
  if (cause instanceof Deno.errors.NotFound) {
    return new DataError(
      `Cannot read ${
        oneLine(source)
      }: there is no such file, expected a CSV file`,
      { cause },
    );
  }
  return cause;
}
