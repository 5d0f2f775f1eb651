/**
 * A disk in memory that can fail, die or lose power at any single operation, for the tests of
 * everything that saves. It knows what a real one promises: a file's content is safe after its
 * `sync()`, a folder's entries after `syncFolder()`, and before that anything may be left.
 * @module
 */

import type { FileSystem, NewFile } from "../../lib/file_system.ts";

/** A file's bytes as programs see them and as the disk holds them. */
interface FileNode {
  data: Uint8Array<ArrayBuffer>;
  durable: Uint8Array<ArrayBuffer>;
}

/** A change of entries that a power cut undoes as a whole or not at all. */
type Change = Map<string, Node | undefined>;

/** A folder's entries as programs see them, as the disk holds them, and what lies between. */
interface FolderNode {
  entries: Map<string, Node>;
  durable: Map<string, Node>;
  pending: Change[];
}

type Node = FileNode | FolderNode;

/** Thrown by every operation once the process counts as killed. */
export class Killed extends Error {
  override name = "Killed";
}

/** What happens at operation `at` (counted from 1). */
export type Fault =
  | { at: number; kind: "kill" }
  | { at: number; kind: "error"; error: Error };

/** What a power cut makes of a file whose last bytes weren't synced. */
const LOSSES: ((file: FileNode) => Uint8Array<ArrayBuffer>)[] = [
  (file) => file.data,
  (file) => file.durable,
  (file) => new Uint8Array(file.data.length),
  (file) => file.data.slice(0, file.data.length >> 1),
];

const isFolder = (node: Node | undefined): node is FolderNode =>
  node !== undefined && "entries" in node;
const emptyFolder = (): FolderNode => ({
  entries: new Map(),
  durable: new Map(),
  pending: [],
});

/** An error as Deno makes them from the operating system's codes. */
export function osError(
  code: "ENOSPC" | "EACCES" | "EIO" | "EROFS" | "EDQUOT",
): Error {
  const error = code === "EACCES"
    ? new Deno.errors.PermissionDenied("Permission denied (os error 13)")
    : new Error(
      {
        ENOSPC: "No space left on device (os error 28)",
        EIO: "Input/output error (os error 5)",
        EROFS: "Read-only file system (os error 30)",
        EDQUOT: "Disk quota exceeded (os error 122)",
      }[code],
    );
  return Object.assign(error, { code });
}

/** A file system in memory. Paths are relative, parts separated by `/`. */
export class MemoryDisk implements FileSystem {
  /** Operations so far. */
  operations = 0;
  #root: FolderNode;
  #fault: Fault | undefined;
  #dead = false;

  constructor(root: FolderNode = emptyFolder()) {
    this.#root = root;
  }

  /** Counts operations from here on and lets the given one fail. */
  arm(fault?: Fault): void {
    this.operations = 0;
    this.#fault = fault;
    this.#dead = false;
  }

  /** What a new process finds after this one was killed: all that was done, synced or not. */
  clone(): MemoryDisk {
    const copies = new Map<Node, Node>();
    const copy = (node: Node): Node => {
      const known = copies.get(node);
      if (known) return known;
      if (!isFolder(node)) {
        const file = { data: node.data, durable: node.durable };
        copies.set(node, file);
        return file;
      }
      const folder = emptyFolder();
      copies.set(node, folder);
      for (const [name, child] of node.entries) {
        folder.entries.set(name, copy(child));
      }
      for (const [name, child] of node.durable) {
        folder.durable.set(name, copy(child));
      }
      folder.pending = node.pending.map((change) =>
        new Map([...change].map(([k, v]) => [k, v && copy(v)]))
      );
      return folder;
    };
    return new MemoryDisk(copy(this.#root) as FolderNode);
  }

  /**
   * What the next boot may find after a power cut: each subset of the unsynced entry changes, and for each
   * kind of loss all unsynced files lost that way, or one alone.
   */
  *afterPowerCut(): Generator<MemoryDisk> {
    const folders: FolderNode[] = [];
    const dirty: FileNode[] = [];
    const seen = new Set<Node>();
    const visit = (node: Node) => {
      if (seen.has(node)) return;
      seen.add(node);
      if (isFolder(node)) {
        if (node.pending.length > 0) folders.push(node);
        for (const child of node.entries.values()) visit(child);
        for (const child of node.durable.values()) visit(child);
        for (const change of node.pending) {
          for (const child of change.values()) if (child) visit(child);
        }
      } else if (node.data !== node.durable) dirty.push(node);
    };
    visit(this.#root);
    const losses: Map<FileNode, number>[] = [new Map()];
    for (let kind = 1; kind < LOSSES.length && dirty.length > 0; kind++) {
      losses.push(new Map(dirty.map((file) => [file, kind])));
      if (dirty.length > 1) {
        for (const file of dirty) losses.push(new Map([[file, kind]]));
      }
    }
    const bits = folders.reduce((n, folder) => n + folder.pending.length, 0);
    for (let subset = 0; subset < 2 ** bits; subset++) {
      const kept = new Map<FolderNode, Map<string, Node>>();
      let bit = 0;
      for (const folder of folders) {
        const entries = new Map(folder.durable);
        for (const change of folder.pending) {
          if (!((subset >> bit++) & 1)) continue;
          for (const [name, node] of change) {
            if (node) entries.set(name, node);
            else entries.delete(name);
          }
        }
        kept.set(folder, entries);
      }
      for (const loss of losses) {
        const copy = (node: Node): Node => {
          if (!isFolder(node)) {
            const data = LOSSES[loss.get(node) ?? 0]!(node);
            return { data, durable: data };
          }
          const entries = new Map(
            [...kept.get(node) ?? node.durable].map((
              [k, v],
            ) => [k, copy(v)]),
          );
          return { entries, durable: new Map(entries), pending: [] };
        };
        yield new MemoryDisk(copy(this.#root) as FolderNode);
      }
    }
  }

  /** All paths and contents as one string: equal for equal disks. */
  fingerprint(): string {
    const lines: string[] = [];
    const visit = (path: string, node: Node) => {
      if (!isFolder(node)) {
        let hash = 0x811c9dc5;
        for (const byte of node.data) {
          hash = Math.imul(hash ^ byte, 0x01000193);
        }
        lines.push(`${path} ${node.data.length} ${hash}`);
        return;
      }
      lines.push(`${path}/`);
      for (const name of [...node.entries.keys()].sort()) {
        visit(`${path}/${name}`, node.entries.get(name)!);
      }
    };
    visit("", this.#root);
    return lines.join("\n");
  }

  /** A file's bytes, for tests that damage them. */
  get(path: string): Uint8Array<ArrayBuffer> {
    const node = this.#find(path);
    if (!node || isFolder(node)) throw new Deno.errors.NotFound(path);
    return node.data;
  }

  /** Puts a file in place, for tests. */
  set(path: string, data: Uint8Array<ArrayBuffer>): void {
    const [folder, name] = this.#place(path);
    const node = { data, durable: data };
    folder.entries.set(name, node);
    folder.durable.set(name, node);
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root;
    for (const part of path.split("/")) {
      if (part === ".") continue;
      node = isFolder(node) ? node.entries.get(part) : undefined;
    }
    return node;
  }

  #place(path: string): [folder: FolderNode, name: string] {
    const at = path.lastIndexOf("/");
    const folder = at < 0 ? this.#root : this.#find(path.slice(0, at));
    if (!isFolder(folder)) {
      throw new Deno.errors.NotFound(
        `No such file or directory (os error 2): ${path}`,
      );
    }
    return [folder, path.slice(at + 1)];
  }

  #change(folder: FolderNode, change: Change): void {
    for (const [name, node] of change) {
      if (node) folder.entries.set(name, node);
      else folder.entries.delete(name);
    }
    folder.pending.push(change);
  }

  /** One operation begins: `atFault` runs first if this is the one that fails. */
  async #step(atFault?: () => void): Promise<void> {
    await Promise.resolve();
    if (this.#dead) throw new Killed();
    this.operations++;
    if (this.#fault?.at !== this.operations) return;
    atFault?.();
    if (this.#fault.kind === "error") throw this.#fault.error;
    this.#dead = true;
    throw new Killed();
  }

  async list(folder: string): Promise<string[] | undefined> {
    await this.#step();
    const node = this.#find(folder);
    if (node && !isFolder(node)) {
      throw new Deno.errors.NotADirectory("Not a directory (os error 20)");
    }
    return node && [...node.entries.keys()].sort();
  }

  async read(path: string, limit: number): Promise<Uint8Array<ArrayBuffer>> {
    await this.#step();
    const data = this.get(path);
    if (data.length > limit) {
      throw new RangeError(
        `${path} has ${data.length} bytes, expected at most ${limit}`,
      );
    }
    return data.slice();
  }

  async create(path: string): Promise<NewFile> {
    await this.#step();
    const [folder, name] = this.#place(path);
    if (folder.entries.has(name)) throw new Deno.errors.AlreadyExists(path);
    const empty = new Uint8Array();
    const file: FileNode = { data: empty, durable: empty };
    this.#change(folder, new Map([[name, file]]));
    const append = (data: Uint8Array) => {
      const longer = new Uint8Array(file.data.length + data.length);
      longer.set(file.data);
      longer.set(data, file.data.length);
      file.data = longer;
    };
    return {
      write: async (data) => {
        await this.#step(() => append(data.subarray(0, data.length >> 1)));
        append(data);
      },
      sync: async () => {
        await this.#step();
        file.durable = file.data;
      },
      close: () => {},
    };
  }

  async makeFolder(path: string): Promise<void> {
    await this.#step();
    if (isFolder(this.#find(path))) return;
    const [folder, name] = this.#place(path);
    this.#change(folder, new Map([[name, emptyFolder()]]));
  }

  async syncFolder(path: string): Promise<void> {
    await this.#step();
    const folder = this.#find(path);
    if (!isFolder(folder)) throw new Deno.errors.NotFound(path);
    folder.durable = new Map(folder.entries);
    folder.pending = [];
  }

  async rename(from: string, to: string): Promise<void> {
    await this.#step();
    const [folder, name] = this.#place(from);
    const [target, newName] = this.#place(to);
    const node = folder.entries.get(name);
    if (!node) throw new Deno.errors.NotFound(from);
    if (folder !== target) throw new Error("only within one folder");
    if (isFolder(target.entries.get(newName))) {
      throw new Error(`Directory not empty (os error 39): ${to}`);
    }
    this.#change(folder, new Map([[name, undefined], [newName, node]]));
  }

  async removeFile(path: string): Promise<void> {
    await this.#step();
    const [folder, name] = this.#place(path);
    if (!folder.entries.has(name)) throw new Deno.errors.NotFound(path);
    this.#change(folder, new Map([[name, undefined]]));
  }

  async removeFolder(path: string): Promise<void> {
    await this.#step();
    const [folder, name] = this.#place(path);
    const node = folder.entries.get(name);
    if (!isFolder(node)) throw new Deno.errors.NotFound(path);
    if (node.entries.size > 0) {
      throw new Error(`Directory not empty (os error 39): ${path}`);
    }
    this.#change(folder, new Map([[name, undefined]]));
  }
}
