/**
 * An ensemble on disk: a folder of members, each a checkpoint of its own, and the list of those
 * that count. A plain checkpoint is an ensemble of one.
 * @module
 */

import {
  type CheckpointMeta,
  loadCheckpoint,
  type LoadedCheckpoint,
} from "./checkpoint.ts";
import { CheckpointError } from "./errors.ts";
import { replaceFile } from "./replace_file.ts";

const FORMAT = "sunspots-ensemble";
const LIST_FILE = "ensemble.json";
const MEMBER = /^member-\d{1,6}$/;
/** More members than that are a mistake. */
const MAX_MEMBERS = 1000;

/** The folder of a member. */
export function memberPath(ensemble: string, member: number): string {
  return `${ensemble}/member-${member}`;
}

/** The list's text, or nothing if the folder holds no ensemble. */
async function readList(ensemble: string): Promise<string | undefined> {
  try {
    return await Deno.readTextFile(`${ensemble}/${LIST_FILE}`);
  } catch (error) {
    if (
      error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory
    ) {
      return undefined;
    }
    throw new CheckpointError(
      `Cannot read ${ensemble}/${LIST_FILE}: ${
        error instanceof Error ? error.message : error
      }`,
      { cause: error },
    );
  }
}

/** Reads the list, of which nothing is believed. */
function parseList(ensemble: string, text: string): string[] {
  const fail = (expected: string, cause?: unknown) =>
    new CheckpointError(
      `Cannot use ${ensemble}/${LIST_FILE}: ${expected}; write it anew with: ensemble merge --checkpoint ${ensemble}`,
      { cause },
    );
  let json: unknown;
  try {
    json = JSON.parse(text.slice(0, 1 << 20));
  } catch (cause) {
    throw fail("it isn't JSON", cause);
  }
  const { format, members } = (json ?? {}) as Record<string, unknown>;
  if (
    format !== FORMAT || !Array.isArray(members) || members.length === 0 ||
    members.length > MAX_MEMBERS ||
    !members.every((name) => typeof name === "string" && MEMBER.test(name)) ||
    new Set(members).size !== members.length
  ) {
    throw fail(
      `expected the format ${FORMAT} and a list of members such as member-0`,
    );
  }
  return members;
}

/**
 * Loads a checkpoint, or all members of an ensemble.
 *
 * @returns At least one; all of the same configuration but for the seed.
 * @throws {CheckpointError} if one is missing, damaged or doesn't fit the first.
 */
export async function loadMembers(path: string): Promise<LoadedCheckpoint[]> {
  const text = await readList(path);
  if (text === undefined) return [await loadCheckpoint(path)];
  const members: LoadedCheckpoint[] = [];
  for (const name of parseList(path, text)) {
    members.push(await loadCheckpoint(`${path}/${name}`));
  }
  refuseStrangers(members);
  return members;
}

/** Whether the folder holds an ensemble. */
export async function isEnsemble(path: string): Promise<boolean> {
  return await readList(path) !== undefined;
}

/** What has to be the same in all members. */
function common({ config, series }: CheckpointMeta): string {
  return JSON.stringify([{ ...config, seed: 0, epochs: 0 }, series.sha256]);
}

function refuseStrangers(members: readonly LoadedCheckpoint[]): void {
  const first = members[0]!;
  const stranger = members.find(({ meta }) =>
    common(meta) !== common(first.meta)
  );
  if (stranger) {
    throw new CheckpointError(
      `Cannot average ${first.folder} and ${stranger.folder}: they differ in more than the seed, expected the same options and series`,
    );
  }
}

/**
 * Lists the members that lie in a folder, wherever they were trained, so that the folder is one
 * ensemble.
 *
 * @returns The members' names.
 * @throws {CheckpointError} if there is none, one is damaged, or they don't fit each other.
 */
export async function mergeEnsemble(ensemble: string): Promise<string[]> {
  const names: string[] = [];
  try {
    for await (const { name, isDirectory } of Deno.readDir(ensemble)) {
      if (isDirectory && MEMBER.test(name)) names.push(name);
    }
  } catch (cause) {
    throw new CheckpointError(
      `Cannot read the ensemble ${ensemble}: ${
        cause instanceof Error ? cause.message : cause
      }`,
      { cause },
    );
  }
  names.sort((a, b) => Number(a.slice(7)) - Number(b.slice(7)));
  if (names.length === 0) {
    throw new CheckpointError(
      `Cannot merge ${ensemble}: it has no members, expected folders such as ${
        memberPath(ensemble, 0)
      }; train them with --ensemble-member`,
    );
  }
  const members: LoadedCheckpoint[] = [];
  for (const name of names) {
    members.push(await loadCheckpoint(`${ensemble}/${name}`));
  }
  refuseStrangers(members);
  await replaceFile(
    `${ensemble}/${LIST_FILE}`,
    `${JSON.stringify({ format: FORMAT, members: names }, null, 2)}\n`,
  );
  return names;
}
