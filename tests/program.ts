/**
 * Runs the program as a user does: a process of its own, with the permissions of a task.
 * @module
 */

const ROOT = new URL("..", import.meta.url);

/** Why tests that start processes are ignored, or nothing if they aren't. */
export const cannotRun = [
    { name: "run" },
    { name: "read" },
    { name: "write" },
  ].every((permission) =>
    Deno.permissions.querySync(permission as Deno.PermissionDescriptor)
      .state === "granted"
  )
  ? ""
  : " (ignored: needs --allow-run, --allow-read and --allow-write)";

/** A small network on the bundled series: some milliseconds an epoch. */
export const SMALL = [
  "--filters=4",
  "--lstm-units=4",
  "--dense-units=none",
  "--shift=10",
  "--learning-rate=1e-5",
  "--engine=wasm",
  "--threads=1",
];

/** How the program ended. */
export interface Ended {
  code: number;
  out: string;
  err: string;
}

/** Permissions that every run needs, and a folder to work in. */
export function permissions(folder: string): string[] {
  return [
    "--no-prompt",
    `--allow-read=data,checkpoints,${folder}`,
    `--allow-write=${folder}`,
    "--allow-env=DENO_WEBGPU_BACKEND,NO_COLOR,XDG_RUNTIME_DIR",
  ];
}

/** A running program. */
export function start(
  folder: string,
  args: readonly string[],
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", ...permissions(folder), "main.ts", ...args],
    cwd: ROOT,
    env: { NO_COLOR: "1" },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Waits for its end. */
export async function ended(child: Deno.ChildProcess): Promise<Ended> {
  const { code, stdout, stderr } = await child.output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

/** Runs it to its end. */
export async function sunspots(
  folder: string,
  ...args: string[]
): Promise<Ended> {
  return await ended(start(folder, args));
}

/** Calls `use` with a folder that is removed afterwards. */
export async function withFolder(
  use: (folder: string) => Promise<void>,
): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "sunspots-" });
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}
