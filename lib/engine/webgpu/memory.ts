/**
 * Where everything lies on the device, as data: parts of buffers, or with the software kernels
 * layers of textures; and how a stage gets at it.
 * @module
 */

import { ceil64, type Matrix } from "./device_layout.ts";

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

/** What stages hand to each other. */
export type TensorName =
  | "activations"
  | "gates"
  | "cells"
  | "deltas"
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

/** A part of a tensors' buffer, or a layer of their texture from its start. */
export interface Tensor {
  buffer: TensorName;
  offset: number;
  size: number;
  layer: number;
}

/** vec4s in a row of a texture. */
export const TEXTURE_WIDTH = 1024;

/** Float32s in a row of a texture. */
export const TEXTURE_ROW = 4 * TEXTURE_WIDTH;

/** Rows of a texture that hold so many float32s. */
export function textureRows(size: number): number {
  return Math.ceil(size / TEXTURE_ROW);
}

/** Rows and layers of a texture. */
export interface TextureShape {
  rows: number;
  layers: number;
}

/** A texture in a stage: one layer, or the array of all. */
export interface TextureView {
  texture: TextureName;
  layer: number | "all";
}

/** What a stage reads and writes, by binding. */
export interface Bindings {
  buffers: Record<number, View>;
  textures: Record<number, TextureView>;
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
  constructor(sizes: Record<StateName, number>, textured: boolean) {
    this.sizes = { ...sizes };
    this.#textured = textured;
    if (textured) {
      const rows = textureRows(sizes.weights);
      this.textures.weights = { rows, layers: 1 };
      // Whole rows are copied.
      this.sizes.weights = rows * TEXTURE_ROW;
    }
  }

  /** Makes a tensor of so many float32s; it begins with zeros. */
  reserve(buffer: TensorName, size: number): Tensor {
    if (this.#textured) {
      const texture = this.textures[buffer] ??= { rows: 0, layers: 0 };
      texture.rows = Math.max(texture.rows, textureRows(size));
      return { buffer, offset: 0, size, layer: texture.layers++ };
    }
    const offset = this.sizes[buffer] ?? 0;
    this.sizes[buffer] = ceil64(offset + size);
    return { buffer, offset, size, layer: 0 };
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
      bound.textures[0] = { texture: "weights", layer: 0 };
    } else if (weights) {
      const { offset, rows, columns } = weights;
      bound.buffers[0] = { buffer: "weights", offset, size: rows * columns };
    }
    if (shownWeights !== undefined && this.#textured) {
      bound.textures[shownWeights] = { texture: "weights", layer: 0 };
    }
    for (const [binding, tensor] of Object.entries(tensors)) {
      if (this.#textured) {
        const { buffer: texture, layer } = tensor;
        bound.textures[+binding] = { texture, layer };
      } else {
        bound.buffers[+binding] = tensor;
      }
    }
    for (const [binding, name] of Object.entries(all)) {
      if (this.#textured) {
        bound.textures[+binding] = { texture: name, layer: "all" };
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
