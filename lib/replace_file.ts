/**
 * Replaces one file so that a crash leaves the old content or the new, never half of one.
 * @module
 */

import { denoFileSystem, type FileSystem } from "./file_system.ts";
import { generationPaths } from "./run_paths.ts";

/**
 * Writes `path` by way of `path.incoming`. When it returns, the new content survives a power cut.
 *
 * @param content Text is written as UTF-8.
 * @throws The operating system's error; the old content then still stands.
 */
export async function replaceFile(
  path: string,
  content: string | Uint8Array,
  fileSystem: FileSystem = denoFileSystem,
): Promise<void> {
  const { parent, current, incoming } = generationPaths(path);
  try {
    await fileSystem.removeFile(incoming);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
  const file = await fileSystem.create(incoming);
  try {
    await file.write(
      typeof content === "string" ? new TextEncoder().encode(content) : content,
    );
    await file.sync();
  } finally {
    file.close();
  }
  await fileSystem.rename(incoming, current);
  await fileSystem.syncFolder(parent);
}
