/**
 * Lets a save, or the cleaning up after one, die at every single operation on a disk in memory, by a
 * kill, a power cut or an error, and looks at what can be loaded then.
 * @module
 */

import { assert, assertEquals, assertInstanceOf } from "@std/assert";
import {
  loadCheckpoint,
  recoverCheckpoint,
  saveCheckpoint,
} from "../../lib/checkpoint.ts";
import { CheckpointError } from "../../lib/errors.ts";
import { Killed, MemoryDisk, osError } from "./memory_disk.ts";
import { numberOf, sample } from "./sample.ts";

/** The checkpoint that the explorations save to. */
export const PATH = "run/best";

/** A disk to begin with, and the number of the checkpoint that loads from it; `undefined`: none does. */
export interface Start {
  name: string;
  disk: MemoryDisk;
  number: number | undefined;
}

/** How much was tried. */
export interface Counts {
  /** Operations at which something went wrong. */
  faults: number;
  /** States of the disk that could follow. */
  states: number;
  /** Those of them that differ, each loaded, cleaned up and saved to again. */
  distinct: number;
}

/** Number of the checkpoint that loads, or `undefined` if there is none. */
export async function numberOn(disk: MemoryDisk): Promise<number | undefined> {
  try {
    return numberOf(await loadCheckpoint(PATH, { fileSystem: disk }));
  } catch (error) {
    assertInstanceOf(error, CheckpointError);
    return undefined;
  }
}

const save = (disk: MemoryDisk, n: number) =>
  saveCheckpoint(PATH, sample(n), { fileSystem: disk });
const recover = (disk: MemoryDisk) =>
  recoverCheckpoint(PATH, { fileSystem: disk });

/** A disk with an empty folder for runs on it. */
export async function emptyDisk(): Promise<MemoryDisk> {
  const disk = new MemoryDisk();
  await disk.makeFolder("run");
  await disk.syncFolder(".");
  return disk;
}

/** Disks as the program may find them, tidy or left behind by something that died or broke. */
export async function starts(): Promise<Start[]> {
  const empty = await emptyDisk();
  const one = empty.clone();
  await save(one, 1);
  const two = one.clone();
  await save(two, 2);
  const staged = two.clone();
  await staged.makeFolder(`${PATH}.incoming`);
  staged.set(`${PATH}.incoming/weights.bin`, new Uint8Array(5));
  const between = two.clone();
  between.arm();
  await save(between, 3);
  await between.rename(PATH, `${PATH}.incoming`);
  await between.syncFolder("run");
  const lost = one.clone();
  await lost.rename(PATH, `${PATH}.previous`);
  await lost.syncFolder("run");
  const damaged = two.clone();
  const weights = damaged.get(`${PATH}/weights.bin`).slice();
  weights[7]! ^= 4;
  damaged.set(`${PATH}/weights.bin`, weights);
  return [
    { name: "nothing yet", disk: empty, number: undefined },
    { name: "one generation", disk: one, number: 1 },
    { name: "two generations", disk: two, number: 2 },
    { name: "an unfinished third", disk: staged, number: 2 },
    { name: "death between the two renames", disk: between, number: 3 },
    { name: "only the generation before", disk: lost, number: 1 },
    { name: "a damaged newest generation", disk: damaged, number: 1 },
  ];
}

/** Runs `action` with a fault at each of its operations, and hands over the disk after each. */
async function* interrupted(
  disk: MemoryDisk,
  action: (disk: MemoryDisk) => Promise<unknown>,
  error?: Error,
): AsyncGenerator<MemoryDisk> {
  const whole = disk.clone();
  whole.arm();
  await action(whole);
  assert(whole.operations > 0);
  for (let at = 1; at <= whole.operations; at++) {
    const broken = disk.clone();
    broken.arm(error ? { at, kind: "error", error } : { at, kind: "kill" });
    try {
      await action(broken);
    } catch (thrown) {
      assertInstanceOf(thrown, CheckpointError);
      if (!error) assertInstanceOf(thrown.cause, Killed);
      yield broken;
      continue;
    }
    // Only a read may fail without failing the whole: another generation is then taken.
    assert(error, "a killed process reported success");
    yield broken;
  }
  yield whole;
}

/** Adds what a kill and a power cut leave of a disk to the collection of distinct states. */
function collect(
  disk: MemoryDisk,
  states: Map<string, MemoryDisk>,
  counts: Counts,
): void {
  for (const state of [disk.clone(), ...disk.afterPowerCut()]) {
    counts.states++;
    const key = state.fingerprint();
    if (states.has(key)) continue;
    states.set(key, state);
    counts.distinct++;
  }
}

/**
 * Saves number 5 onto the given disk with a kill or a power cut at every operation. After each, the old number
 * or 5 must load in full, cleaning up must not change which, and saving must work again.
 */
export async function exploreKills(start: Start): Promise<Counts> {
  const counts: Counts = { faults: 0, states: 0, distinct: 0 };
  const states = new Map<string, MemoryDisk>();
  let last: MemoryDisk | undefined;
  for await (const disk of interrupted(start.disk, (d) => save(d, 5))) {
    counts.faults++;
    collect(disk, states, counts);
    last = disk;
  }
  for (const announced of last!.afterPowerCut()) {
    assertEquals(await numberOn(announced), 5, "an announced save was lost");
  }
  for (const state of states.values()) {
    const before = await numberOn(state);
    assert(
      before === 5 || before === start.number,
      `loaded ${before}, expected 5 or ${start.number}`,
    );
    const next = state.clone();
    await recover(next);
    assertEquals(await numberOn(next), before);
    await save(next, 6);
    const loaded = await loadCheckpoint(PATH, { fileSystem: next });
    assertEquals([numberOf(loaded), loaded.folder], [6, PATH]);
    const unclean = state.clone();
    await save(unclean, 6);
    assertEquals(await numberOn(unclean), 6);
  }
  return counts;
}

/** Cleans up the given disk with a kill or a power cut at every operation; what loads must stay the same. */
export async function exploreRecovery(start: Start): Promise<Counts> {
  const counts: Counts = { faults: 0, states: 0, distinct: 0 };
  const states = new Map<string, MemoryDisk>();
  for await (const disk of interrupted(start.disk, recover)) {
    counts.faults++;
    collect(disk, states, counts);
  }
  for (const state of states.values()) {
    assertEquals(await numberOn(state), start.number);
    await recover(state);
    assertEquals(await numberOn(state), start.number);
  }
  return counts;
}

/**
 * Saves number 5, or cleans up, with each kind of error at every operation; the old number must load in full
 * or, after a save, 5; the process lives on and saves again.
 */
export async function exploreErrors(start: Start): Promise<Counts> {
  const counts: Counts = { faults: 0, states: 0, distinct: 0 };
  for (const code of ["ENOSPC", "EDQUOT", "EACCES", "EROFS", "EIO"] as const) {
    for await (
      const disk of interrupted(start.disk, recover, osError(code))
    ) {
      counts.faults++;
      counts.states++;
      counts.distinct++;
      disk.arm();
      assertEquals(await numberOn(disk), start.number);
    }
    for await (
      const disk of interrupted(start.disk, (d) => save(d, 5), osError(code))
    ) {
      counts.faults++;
      counts.states++;
      counts.distinct++;
      disk.arm();
      const number = await numberOn(disk);
      assert(
        number === 5 || number === start.number,
        `loaded ${number}, expected 5 or ${start.number}`,
      );
      await save(disk, 6);
      assertEquals(await numberOn(disk), 6);
    }
  }
  return counts;
}
