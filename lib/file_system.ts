/**
 * The few file operations that checkpoints are made of, behind an interface so that tests can make
 * any one of them fail. Below everything that saves or loads.
 * @module
 */

/** A file being written; nothing of it counts as saved before `sync()` has returned. */
export interface NewFile {
  /** Appends all bytes. */
  write(data: Uint8Array): Promise<void>;
  /** Forces content and length to the disk. */
  sync(): Promise<void>;
  /** Frees the handle. */
  close(): void;
}

/** File operations on plain paths. Failures are the operating system's errors as `Deno.errors`. */
export interface FileSystem {
  /** Names in a folder, sorted; `undefined` if there is no such folder. */
  list(folder: string): Promise<string[] | undefined>;
  /**
   * A whole regular file.
   *
   * @param limit Most bytes that are allocated and read.
   * @throws {TypeError} if it's a link, a pipe, a device or a folder.
   * @throws {RangeError} if it's larger than `limit`.
   */
  read(path: string, limit: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Makes a file that doesn't exist yet. */
  create(path: string): Promise<NewFile>;
  /** Makes a folder and those above it, where they do not exist yet. */
  makeFolder(path: string): Promise<void>;
  /** Forces a folder's entries (files made, renamed, removed in it) to the disk. */
  syncFolder(path: string): Promise<void>;
  /** Renames a file, replacing another, or a folder that nothing is in the way of. */
  rename(from: string, to: string): Promise<void>;
  /** Removes a file. */
  removeFile(path: string): Promise<void>;
  /** Removes an empty folder. */
  removeFolder(path: string): Promise<void>;
}

/** Codes with which a file system says that it has no such thing as syncing a folder. */
const NO_FOLDER_SYNC = ["EINVAL", "ENOTSUP", "EOPNOTSUPP", "ENOSYS"];

/** The operating system's code in an error, such as `ENOSPC`, if it has one. */
export function errorCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error &&
      typeof error.code === "string"
    ? error.code
    : undefined;
}

/** The real file system. */
export const denoFileSystem: FileSystem = {
  async list(folder) {
    try {
      const names: string[] = [];
      for await (const { name } of Deno.readDir(folder)) names.push(name);
      return names.sort();
    } catch (error) {
      if (error instanceof Deno.errors.NotFound) return undefined;
      throw error;
    }
  },

  async read(path, limit) {
    const { isFile, size } = await Deno.lstat(path);
    if (!isFile) throw new TypeError(`${path} is not a regular file`);
    if (size > limit) {
      throw new RangeError(
        `${path} has ${size} bytes, expected at most ${limit}`,
      );
    }
    const data = new Uint8Array(size);
    using file = await Deno.open(path, { read: true });
    let filled = 0;
    while (filled < size) {
      const count = await file.read(data.subarray(filled));
      if (count === null) break;
      filled += count;
    }
    return data.subarray(0, filled);
  },

  async create(path) {
    const file = await Deno.open(path, { write: true, createNew: true });
    return {
      async write(data) {
        for (let written = 0; written < data.length;) {
          written += await file.write(data.subarray(written));
        }
      },
      sync: () => file.sync(),
      close: () => file.close(),
    };
  },

  makeFolder: (path) => Deno.mkdir(path, { recursive: true }),

  async syncFolder(path) {
    // Windows opens no folders; NTFS logs its entries in order by itself.
    if (Deno.build.os === "windows") return;
    using folder = await Deno.open(path, { read: true });
    try {
      await folder.sync();
    } catch (error) {
      if (!NO_FOLDER_SYNC.includes(errorCode(error) ?? "")) throw error;
    }
  },

  async rename(from, to) {
    for (let attempt = 1;; attempt++) {
      try {
        return await Deno.rename(from, to);
      } catch (error) {
        // On Windows whoever has one of the files open, a reader or a virus scanner, is in the way for a moment.
        const inTheWay = Deno.build.os === "windows" &&
          error instanceof Deno.errors.PermissionDenied;
        if (!inTheWay || attempt === 40) throw error;
        await new Promise((resolve) => setTimeout(resolve, 25));
      }
    }
  },
  removeFile: (path) => Deno.remove(path),
  removeFolder: (path) => Deno.remove(path),
};
