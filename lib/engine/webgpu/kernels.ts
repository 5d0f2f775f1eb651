/**
 * The two kernel sets and the choice between them: a processor that runs shaders is best fed from
 * textures, a sample or two a lane; a graphics card from buffers and workgroup memory.
 * @module
 */

import { UnsupportedModelError } from "../../errors.ts";
import type { AdapterDescription } from "../device.ts";
import convHardware from "./conv_hardware.wgsl" with { type: "text" };
import gatherSoftware from "./gather_software.wgsl" with { type: "text" };
import gemmSoftware from "./gemm_software.wgsl" with { type: "text" };
import gemmHardware from "./gemm_hardware.wgsl" with { type: "text" };
import gradientTiles from "./gradient_tiles.wgsl" with { type: "text" };
import gradientHardware from "./gradient_hardware.wgsl" with { type: "text" };
import lossBuffers from "./loss_buffers.wgsl" with { type: "text" };
import lossCode from "./loss.wgsl" with { type: "text" };
import lossTextures from "./loss_textures.wgsl" with { type: "text" };
import lstmHardware from "./lstm_hardware.wgsl" with { type: "text" };
import patches from "./patches.wgsl" with { type: "text" };
import texture from "./texture.wgsl" with { type: "text" };
import tile from "./tile.wgsl" with { type: "text" };
import gradientSoftware from "./gradient_software.wgsl" with { type: "text" };
import lstmSoftware from "./lstm_software.wgsl" with { type: "text" };
import updateBuffers from "./update_buffers.wgsl" with { type: "text" };
import updateCode from "./update.wgsl" with { type: "text" };
import updateTextures from "./update_textures.wgsl" with { type: "text" };
import weightsBuffer from "./weights_buffer.wgsl" with { type: "text" };
import weightsTexture from "./weights_texture.wgsl" with { type: "text" };

/** For what kind of adapter the kernels are written. */
export type KernelSetName = "software" | "hardware";

/** The shaders that depend on the kind of adapter, and how their work is cut. */
export interface KernelSet {
  name: KernelSetName;
  /** Whether stages hand each other textures, and read the weights as one; else buffers. */
  textures: boolean;
  /** Entry point `convolve`; with textures `gather`, and the convolution is a matrix product. */
  gather: string;
  /** Entry points `project` and `input_gradient`. */
  gemm: string;
  /** Rows and vec4 columns of a workgroup's tile in `project`. */
  projectTile: readonly [rows: number, columns4: number];
  /** Rows and vec4 columns of a workgroup's tile in `input_gradient`. */
  inputGradientTile: readonly [rows: number, columns4: number];
  /** Entry points `forward` and `backward`. */
  lstm: string;
  /** Workgroups of the recurrence for a batch. */
  lstmGroups: (batch: number, units: number) => number;
  /** Entry points `derive` and `finish`. */
  loss: string;
  /** Entry point `accumulate`. */
  gradient: string;
  /** Rows (a multiple of 4) and vec4 columns of a workgroup's tile in `accumulate`. */
  gradientTile: readonly [rows: number, columns4: number];
  /** Entry points `reduce`, `norm`, `update` and `update_clipped`. */
  update: string;
  /** Into how many parts the weight gradient's sum over the rows is split, for enough workgroups. */
  splits: (rows: number, tiles: number) => number;
}

/**
 * Mesa's llvmpipe silently ends a shader's loops after so many rounds, all its loops together
 * (`LP_MAX_TGSI_LOOP_ITERATIONS`, https://gitlab.freedesktop.org/mesa/mesa/-/blob/main/src/gallium/auxiliary/gallivm/lp_bld_limits.h).
 */
const LOOP_ROUNDS = 65_535;

/** Most units of an LSTM for which a lane of lstm_software.wgsl takes a pair of samples, as `PAIRED` there says. */
const PAIRED_UNITS = 64;

const SOFTWARE: KernelSet = {
  name: "software",
  textures: true,
  gather: patches + texture + gatherSoftware,
  gemm: texture + weightsTexture + gemmSoftware,
  projectTile: [64, 4],
  inputGradientTile: [64, 4],
  lstm: texture + weightsTexture + lstmSoftware,
  lstmGroups: (batch, units) =>
    Math.ceil((units <= PAIRED_UNITS ? Math.ceil(batch / 2) : batch) / 8),
  loss: texture + lossTextures + lossCode,
  gradient: texture + gradientTiles + gradientSoftware,
  gradientTile: [16, 16],
  update: texture + updateTextures + updateCode,
  splits: (rows) => Math.ceil(rows / LOOP_ROUNDS),
};

/** Workgroups that keep the largest graphics cards busy (an H100 runs 132 x 16 of 64 lanes at once). */
const ENOUGH_GROUPS = 1024;

const HARDWARE: KernelSet = {
  name: "hardware",
  textures: false,
  gather: patches + weightsBuffer + convHardware,
  gemm: tile + weightsBuffer + gemmHardware,
  projectTile: [32, 8],
  inputGradientTile: [32, 8],
  lstm: weightsBuffer + lstmHardware,
  lstmGroups: (batch) => batch,
  loss: lossBuffers + lossCode,
  gradient: tile + gradientTiles + gradientHardware,
  gradientTile: [32, 8],
  update: updateBuffers + updateCode,
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

/** What decides over the kernels beside the adapter. */
export interface KernelOptions {
  /** Takes this set instead of the adapter's. */
  wanted?: KernelSetName | undefined;
  /** Output positions of the convolution and units of each LSTM. */
  model?: { steps: number; lstmUnits: readonly number[] };
}

/** Rounds that a lane's loops make in the longest recurrence, by the loops in lstm_software.wgsl and lstm_hardware.wgsl. */
function recurrenceRounds(
  name: KernelSetName,
  { steps, lstmUnits }: NonNullable<KernelOptions["model"]>,
): number {
  const units = Math.max(...lstmUnits);
  const quads = Math.ceil(units / 4);
  return name === "software"
    ? steps *
        Math.max(
          quads * (quads + 1),
          Math.ceil(units / 16) * (units + 1) + quads,
        ) + steps
    : steps * (2 * units + 16);
}

/**
 * Picks the kernel set for an adapter. A model whose recurrence would outlast a software adapter's loops gets the
 * other set, whose lanes share a sample's work.
 *
 * @throws {UnsupportedModelError} if neither set's loops are short enough there.
 */
export function chooseKernels(
  adapter: AdapterDescription,
  { wanted, model }: KernelOptions = {},
): KernelChoice {
  const fits = (name: KernelSetName) =>
    !adapter.software || !model ||
    recurrenceRounds(name, model) <= LOOP_ROUNDS;
  const name = wanted ?? (adapter.software ? "software" : "hardware");
  if (fits(name)) {
    return {
      set: SETS[name],
      reason: wanted
        ? "asked for"
        : adapter.software
        ? "the adapter runs shaders on the processor"
        : "the adapter is a graphics card",
    };
  }
  if (!fits("hardware")) {
    throw new UnsupportedModelError(
      `Cannot train on a software adapter: its loops end after ${LOOP_ROUNDS} rounds, which ${
        model!.steps
      } time steps of an LSTM of ${
        Math.max(...model!.lstmUnits)
      } units outlast; use --engine wasm`,
    );
  }
  return {
    set: SETS.hardware,
    reason: `a software adapter ends loops after ${LOOP_ROUNDS} rounds`,
  };
}
