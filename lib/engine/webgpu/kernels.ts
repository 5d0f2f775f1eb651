/**
 * The two kernel sets and the choice between them: what differs between a processor that runs
 * shaders and a graphics card is only the matrix products and the recurrence.
 * @module
 */

import type { AdapterDescription } from "../device.ts";
import gemmSoftware from "./gemm_software.wgsl" with { type: "text" };
import gemmHardware from "./gemm_hardware.wgsl" with { type: "text" };
import gradientHardware from "./gradient_hardware.wgsl" with { type: "text" };
import lstmHardware from "./lstm_hardware.wgsl" with { type: "text" };
import tile from "./tile.wgsl" with { type: "text" };
import gradientSoftware from "./gradient_software.wgsl" with { type: "text" };
import lstmSoftware from "./lstm_software.wgsl" with { type: "text" };

/** For what kind of adapter the kernels are written. */
export type KernelSetName = "software" | "hardware";

/** The shaders that depend on the kind of adapter, and how their work is cut. */
export interface KernelSet {
  name: KernelSetName;
  /** Whether weights are read through uniform buffers where they fit. */
  uniformWeights: boolean;
  /** Entry points `project` and `input_gradient`. */
  gemm: string;
  /** Rows and vec4 columns of a workgroup's tile in `project`. */
  projectTile: readonly [rows: number, columns4: number];
  /** Rows and vec4 columns of a workgroup's tile in `input_gradient`. */
  inputGradientTile: readonly [rows: number, columns4: number];
  /** Entry points `forward` and `backward`. */
  lstm: string;
  /** Whether `backward` keeps the cell's gradient in the buffer `carry`. */
  lstmCarries: boolean;
  /** Workgroups of the recurrence for a batch. */
  lstmGroups: (batch: number) => number;
  /** Entry point `accumulate`. */
  gradient: string;
  /** Whether `accumulate` reads activations and deltas as textures. */
  gradientTextures: boolean;
  /** Rows (a multiple of 4) and vec4 columns of a workgroup's tile in `accumulate`. */
  gradientTile: readonly [rows: number, columns4: number];
  /** Into how many parts the weight gradient's sum over the rows is split, for enough workgroups. */
  splits: (rows: number, tiles: number) => number;
}

const SOFTWARE: KernelSet = {
  name: "software",
  uniformWeights: true,
  gemm: gemmSoftware,
  projectTile: [32, 4],
  inputGradientTile: [32, 4],
  lstm: lstmSoftware,
  lstmCarries: true,
  lstmGroups: (batch) => Math.ceil(Math.ceil(batch / 2) / 8),
  gradient: gradientSoftware,
  gradientTextures: true,
  gradientTile: [16, 16],
  splits: () => 1,
};

/** Workgroups that keep the largest graphics cards busy (an H100 runs 132 x 16 of 64 lanes at once). */
const ENOUGH_GROUPS = 1024;

const HARDWARE: KernelSet = {
  name: "hardware",
  uniformWeights: false,
  gemm: tile + gemmHardware,
  projectTile: [32, 8],
  inputGradientTile: [32, 8],
  lstm: lstmHardware,
  lstmCarries: false,
  lstmGroups: (batch) => batch,
  gradient: tile + gradientHardware,
  gradientTextures: false,
  gradientTile: [32, 8],
  // Below some 64 rows a part is more overhead than work.
  splits: (rows, tiles) =>
    Math.max(1, Math.min(Math.ceil(ENOUGH_GROUPS / tiles), rows >> 6)),
};

const SETS: Record<KernelSetName, KernelSet> = {
  software: SOFTWARE,
  hardware: HARDWARE,
};

/** A kernel set and why it was taken. */
export interface KernelChoice {
  set: KernelSet;
  /** For people, in one clause. */
  reason: string;
}

/** Picks the kernel set for an adapter; `wanted` overrides. */
export function chooseKernels(
  adapter: AdapterDescription,
  wanted?: KernelSetName,
): KernelChoice {
  if (wanted) return { set: SETS[wanted], reason: "asked for" };
  return adapter.software
    ? {
      set: SETS.software,
      reason: "the adapter runs shaders on the processor",
    }
    : { set: SETS.hardware, reason: "the adapter is a graphics card" };
}
