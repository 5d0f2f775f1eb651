/**
 * Seals the files of a checkpoint: `meta.json` holds the SHA-256 of every other file, and in its
 * last line its own, so that no changed byte goes unnoticed. Bytes in, bytes out.
 * @module
 */

import {
  formatJson,
  isJsonObject,
  type JsonObject,
  parseJsonObject,
} from "./safe_json.ts";

/** Name of the sealing file. */
export const META_FILE = "meta.json";
/** Largest `meta.json`, in bytes. */
export const MAX_META_BYTES = 16 * 2 ** 20;

/** What the seal says about one file. */
export interface SealedFile {
  /** Its size. */
  bytes: number;
  /** Its SHA-256 in lower-case hexadecimal. */
  sha256: string;
}

/** An opened seal. */
export interface Seal {
  /** The sealed content of `meta.json`, without `files` and `sha256`. */
  content: JsonObject;
  /** Size and hash of each other file. */
  files: Map<string, SealedFile>;
}

const BLANK = "0".repeat(64);
const BEFORE = `,\n  "sha256": "`;
const AFTER = `"\n}\n`;

/** SHA-256 in lower-case hexadecimal. */
export async function sha256(data: Uint8Array<ArrayBuffer>): Promise<string> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", data)).toHex();
}

/**
 * Makes `meta.json`. Its own hash is taken with the hash's place filled by 64 zeros.
 *
 * @param content Whatever else it shall say; keys `files` and `sha256` are the seal's.
 * @param files The other files' contents.
 * @throws {RangeError} if it would be larger than `openSeal()` accepts.
 */
export async function makeSeal(
  content: JsonObject,
  files: ReadonlyMap<string, Uint8Array<ArrayBuffer>>,
): Promise<Uint8Array<ArrayBuffer>> {
  const list: JsonObject = {};
  for (const [name, data] of files) {
    list[name] = { bytes: data.length, sha256: await sha256(data) };
  }
  const text = formatJson({ ...content, files: list, sha256: BLANK });
  const bytes = new TextEncoder().encode(`${text}\n`);
  if (bytes.length > MAX_META_BYTES) {
    throw new RangeError(
      `Cannot write ${META_FILE}: it would have ${bytes.length} bytes, expected at most ${MAX_META_BYTES}`,
    );
  }
  const own = new TextEncoder().encode(await sha256(bytes));
  bytes.set(own, bytes.length - AFTER.length - BLANK.length);
  return bytes;
}

/**
 * Checks `meta.json` against its own hash and reads it.
 *
 * @throws {SyntaxError} with the reason if anything in it was changed, or if its list of files is malformed.
 */
export async function openSeal(bytes: Uint8Array<ArrayBuffer>): Promise<Seal> {
  const at = bytes.length - AFTER.length - BLANK.length;
  const decoder = new TextDecoder();
  const own = decoder.decode(bytes.subarray(Math.max(at, 0), at + 64));
  if (
    at < BEFORE.length || !/^[0-9a-f]{64}$/.test(own) ||
    decoder.decode(bytes.subarray(at - BEFORE.length, at)) !== BEFORE ||
    decoder.decode(bytes.subarray(at + 64)) !== AFTER
  ) {
    throw new SyntaxError(
      "does not end with its own SHA-256: it is cut short or was edited",
    );
  }
  const blank = bytes.slice();
  blank.fill(0x30, at, at + 64);
  if (await sha256(blank) !== own) {
    throw new SyntaxError(
      "does not match the SHA-256 in its last line: it is damaged or was edited",
    );
  }
  const { files: list, sha256: _, ...content } = parseJsonObject(bytes);
  const files = new Map<string, SealedFile>();
  if (!isJsonObject(list)) throw new SyntaxError("has no list of files");
  for (const [name, entry] of Object.entries(list)) {
    if (
      !isJsonObject(entry) || !Number.isSafeInteger(entry.bytes) ||
      (entry.bytes as number) < 0 || typeof entry.sha256 !== "string"
    ) {
      throw new SyntaxError(
        `has a malformed entry for the file ${JSON.stringify(name)}`,
      );
    }
    files.set(name, { bytes: entry.bytes as number, sha256: entry.sha256 });
  }
  return { content, files };
}
