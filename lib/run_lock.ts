/**
 * One writer at a time: a lock of the operating system on a file beside the checkpoint, which ends
 * with the process however that ends.
 * @module
 */

import { CheckpointError } from "./errors.ts";
import { errorCode } from "./file_system.ts";
import { runPaths } from "./run_paths.ts";

/** A held lock; `using lock = await lockRun(path)` gives it back at the end of the block. */
export interface RunLock extends Disposable {
  /** Gives the lock back; safe to call twice. */
  release(): void;
}

/**
 * Becomes the only writer of a run. Makes the folder above the checkpoint if it isn't there. The lock file stays:
 * removing it could hand the same name to two lockers.
 *
 * @param path The run's checkpoint folder.
 * @throws {CheckpointError} if another process is the writer, or the folder can't be written.
 * @throws {UsageError} if the path can't name a run.
 */
export async function lockRun(path: string): Promise<RunLock> {
  const { parent, best, lock } = runPaths(path);
  let file: Deno.FsFile | undefined;
  try {
    await Deno.mkdir(parent, { recursive: true });
    file = await Deno.open(lock, { read: true, write: true, create: true });
    if (await file.tryLock(true)) return held(file);
  } catch (cause) {
    file?.close();
    throw new CheckpointError(
      `Cannot lock ${best}: ${
        cause instanceof Error ? cause.message : cause
      }; ${
        errorCode(cause) === "ENOSPC"
          ? "free some space on that disk"
          : "expected a folder that this program may read and write, on a disk that knows locks; pass another --checkpoint"
      }`,
      { cause },
    );
  }
  file.close();
  throw new CheckpointError(
    `Cannot train into ${best}: another process is writing there; wait for it to end, or pass another --checkpoint`,
  );
}

/** Wraps the locked file; closing it unlocks. */
function held(file: Deno.FsFile): RunLock {
  let open = true;
  const release = () => {
    if (open) file.close();
    open = false;
  };
  return { release, [Symbol.dispose]: release };
}
