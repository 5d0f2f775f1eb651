/**
 * Bytes of a text file -> text in pieces: UTF-8, or UTF-16 with a byte order mark, and nothing else.
 * Between dataset and series in the flow.
 * @module
 */

import { DataError } from "./errors.ts";
import { oneLine } from "./quote.ts";

/** How many bytes from the first on are right, or begin a character that is. */
function decodable(bytes: Uint8Array, encoding: string): number {
  let good = 0, bad = bytes.length;
  while (bad - good > 1) {
    const middle = (good + bad) >> 1;
    try {
      new TextDecoder(encoding, { fatal: true })
        .decode(bytes.subarray(0, middle), { stream: true });
      good = middle;
    } catch {
      bad = middle;
    }
  }
  return good;
}

/**
 * Decodes bytes as they arrive; the byte order mark is taken off.
 *
 * @param source Where they come from, for messages.
 * @throws {DataError} for bytes that aren't text, naming the position.
 */
export async function* decodeText(
  chunks: AsyncIterable<Uint8Array>,
  source: string,
): AsyncGenerator<string> {
  let decoder: TextDecoder | undefined;
  let head = new Uint8Array(0);
  let position = 0;
  const fail = (fact: string, cause?: unknown) =>
    new DataError(
      `Cannot read ${oneLine(source)}: ${fact}, expected CSV text in UTF-8`,
      { cause },
    );
  const decode = (bytes: Uint8Array, stream: boolean): string => {
    decoder ??= new TextDecoder(encodingOf(bytes), { fatal: true });
    let text: string;
    try {
      text = decoder.decode(bytes, { stream });
    } catch (cause) {
      const near = (position + decodable(bytes, decoder.encoding))
        .toLocaleString("en");
      throw fail(
        `its bytes are not ${decoder.encoding.toUpperCase()} (after byte ${near})`,
        cause,
      );
    }
    const zero = text.indexOf("\0");
    if (zero >= 0) {
      throw fail("it has NUL characters, so it is binary or damaged");
    }
    position += bytes.length;
    return text;
  };
  for await (let bytes of chunks) {
    if (decoder === undefined) {
      // A byte order mark may come in pieces.
      bytes = concat([head, bytes]);
      if (bytes.length < 3) {
        head = bytes.slice();
        continue;
      }
      head = new Uint8Array(0);
    }
    const text = decode(bytes, true);
    if (text !== "") yield text;
  }
  const text = decode(head, false);
  if (text !== "") yield text;
}

/** The encoding that a byte order mark tells; UTF-8 without one. */
function encodingOf(bytes: Uint8Array): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) return "utf-16le";
  if (bytes[0] === 0xfe && bytes[1] === 0xff) return "utf-16be";
  return "utf-8";
}

/** Joins byte arrays. */
export function concat(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
