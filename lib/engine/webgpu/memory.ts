/**
 * Where everything lies on the device, as data: parts of buffers, or with the software kernels
 * columns of textures; and how a stage gets at it.
 * @module
 */

import { ceil64, type DeviceLayout, type Matrix } from "./device_layout.ts";

/** The engine's buffers that are no tensors, by what they hold. */
export type StateName =
  | "weights"
  | "slots"
  | "gradient"
  | "squares"
  | "series"
  | "inputs"
  | "order"
  | "rates"
  | "control"
  | "sums"
  | "metrics"
  | "tiles";

/**
 * What stages hand to each other. What one dispatch reads and what it writes lie in different
 * textures, so layers take turns between `activations` and `otherActivations`, and so do deltas.
 */
export type TensorName =
  | "activations"
  | "otherActivations"
  | "projections"
  | "states"
  | "deltas"
  | "otherDeltas"
  | "partials";

/** The engine's buffers. */
export type BufferName = StateName | TensorName;

/** The engine's textures: those that are tensors, and the copy of the weights. */
export type TextureName = TensorName | "weights";

/** A part of a buffer, in float32s. */
export interface View {
  buffer: BufferName;
  offset: number;
  size: number;
}

/** A matrix that stages hand on: a part of a buffer, row-major, or columns of a texture. */
export interface Tensor {
  buffer: TensorName;
  /** Float32s before it in the buffer, or before its first column in a line of the texture. */
  offset: number;
  rows: number;
  /** Numbers in a row, a multiple of 4. */
  columns: number;
}

/**
 * Lines of a texture, as many as every adapter takes (core `maxTextureDimension2D`). A tensor's further
 * rows continue beside the first, as texture.wgsl says.
 */
const LINES = 8192;

/** The parts of a tensor in its texture, beside each other: first texel of a line, first row, rows. */
export function stretches(
  { offset, rows, columns }: Tensor,
): { x: number; first: number; height: number }[] {
  return Array.from({ length: Math.ceil(rows / LINES) }, (_, i) => ({
    x: (offset + i * columns) / 4,
    first: i * LINES,
    height: Math.min(LINES, rows - i * LINES),
  }));
}

/** Size of a texture in texels. */
export interface TextureShape {
  width: number;
  height: number;
}

/** What a stage reads and writes, by binding. */
export interface Bindings {
  buffers: Record<number, View>;
  textures: Record<number, TextureName>;
}

/** What a stage wants bound, by binding; weights are always at 0. */
export interface Wanted {
  weights?: Matrix;
  /** Where the weights' texture goes, if there is one. */
  shownWeights?: number;
  tensors?: Record<number, Tensor>;
  /** All tensors of a name. */
  all?: Record<number, TensorName>;
  buffers?: Record<number, StateName>;
}

/** Hands out the device's memory; sizes are known when all has been reserved. */
export class Memory {
  /** Size of each buffer in float32s. */
  readonly sizes: Record<StateName, number> & { [N in TensorName]?: number };
  readonly textures: { [N in TextureName]?: TextureShape } = {};
  readonly #textured: boolean;

  /** @param textured Whether tensors are textures, and the weights are shown as one. */
  constructor(
    sizes: Record<StateName, number>,
    layout: DeviceLayout,
    textured: boolean,
  ) {
    this.sizes = { ...sizes };
    this.#textured = textured;
    if (textured) {
      const { lines, stride } = layout;
      this.textures.weights = { width: stride / 4, height: lines };
    }
  }

  /** Makes a tensor; it begins with zeros. */
  reserve(buffer: TensorName, rows: number, columns: number): Tensor {
    if (this.#textured) {
      const texture = this.textures[buffer] ??= { width: 0, height: 0 };
      const offset = 4 * texture.width;
      texture.width += columns / 4 * Math.ceil(rows / LINES);
      texture.height = Math.max(texture.height, Math.min(rows, LINES));
      return { buffer, offset, rows, columns };
    }
    const offset = this.sizes[buffer] ?? 0;
    this.sizes[buffer] = ceil64(offset + rows * columns);
    return { buffer, offset, rows, columns };
  }

  /** A stage's bindings. Of buffers it takes all that there is so far. */
  bind(
    { weights, shownWeights, tensors = {}, all = {}, buffers = {} }: Wanted,
  ): Bindings {
    const bound: Bindings = { buffers: {}, textures: {} };
    const whole = (buffer: BufferName): View => ({
      buffer,
      offset: 0,
      size: this.sizes[buffer]!,
    });
    if (weights && this.#textured) {
      bound.textures[0] = "weights";
    } else if (weights) {
      const { offset, rows, columns } = weights;
      bound.buffers[0] = { buffer: "weights", offset, size: rows * columns };
    }
    if (shownWeights !== undefined && this.#textured) {
      bound.textures[shownWeights] = "weights";
    }
    for (
      const [binding, { buffer, offset, rows, columns }] of Object.entries(
        tensors,
      )
    ) {
      if (this.#textured) {
        bound.textures[+binding] = buffer;
      } else {
        bound.buffers[+binding] = { buffer, offset, size: rows * columns };
      }
    }
    for (const [binding, name] of Object.entries(all)) {
      if (this.#textured) {
        bound.textures[+binding] = name;
      } else {
        bound.buffers[+binding] = whole(name);
      }
    }
    for (const [binding, name] of Object.entries(buffers)) {
      bound.buffers[+binding] = whole(name);
    }
    return bound;
  }
}
