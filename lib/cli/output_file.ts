/**
 * `--output`: writes a result to a file, whole or not at all.
 * @module
 */

import { replaceFile } from "../replace_file.ts";

/**
 * Writes a file.
 *
 * @throws {Error} naming the file, if it can't be written; an old one then stands.
 */
export async function writeOutput(
  path: string,
  content: string | Uint8Array,
): Promise<void> {
  try {
    await replaceFile(path, content);
  } catch (cause) {
    throw new Error(
      `Cannot write ${path}: ${
        cause instanceof Error ? cause.message : cause
      }; expected a file in a folder that is there and may be written`,
      { cause },
    );
  }
}
