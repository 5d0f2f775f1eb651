/**
 * The weight gradients: products of activations and deltas over a batch's rows, cut into tiles of
 * equal work.
 * @module
 */

import type { Matrix } from "./device_layout.ts";
import type { KernelSet } from "./kernels.ts";
import type { Tensor } from "./memory.ts";
import type { Layer, Stage, StepContext } from "./stage.ts";

/** One weight gradient: `left` transposed times `right`. */
export interface Product {
  left: Layer;
  right: Tensor;
  result: Matrix;
}

/** All weight gradients of a step. */
export interface WeightGradients {
  stages: Stage[];
  /** Contents of the buffer `tiles`. */
  tiles: Uint32Array<ArrayBuffer>;
  /** Where the partial gradients go, `splits` parameter vectors whose sum is the gradient. */
  partials: Tensor;
  splits: number;
}

/** A product cut into the tiles of `accumulate`, as its `struct Tile` has them. */
function cutTiles(
  { left, right, result }: Product,
  [high, wide]: KernelSet["gradientTile"],
): number[][] {
  const tiles: number[][] = [];
  const columns = result.columns / 4;
  for (let j = 0; j < columns; j += wide) {
    for (let i = 0; i < result.height; i += high) {
      tiles.push([
        left.tensor.offset / 4,
        left.tensor.columns / 4,
        left.before,
        right.offset / 4,
        columns,
        result.offset / 4,
        result.height,
        i,
        j,
      ]);
    }
  }
  return tiles;
}

/** Lays out the weight gradients: a dispatch for all products whose factors share their buffers or textures. */
export function weightGradients(
  { set, layout, memory, rows }: StepContext,
  products: Product[],
): WeightGradients {
  const dispatches = Map.groupBy(products, ({ right }) => right.buffer)
    .values().map((group) => ({
      left: group[0]!.left.tensor.buffer,
      right: group[0]!.right.buffer,
      tiles: group.flatMap((product) => cutTiles(product, set.gradientTile)),
    })).toArray();
  const tiles = dispatches.flatMap(({ tiles }) => tiles);
  memory.sizes.tiles = tiles.flat().length;
  const splits = set.splits(rows, tiles.length);
  const { lines, stride, size } = layout;
  const partials = memory.reserve("partials", splits * lines, stride);
  let first = 0;
  const stages = dispatches.map(({ left, right, tiles }): Stage => {
    const stage: Stage = {
      what: "weight gradients",
      code: set.gradient,
      entryPoint: "accumulate",
      facts: {
        ROWS: rows,
        SPLITS: splits,
        FIRST: first,
        COUNT: size / 4,
        LINES: lines,
        LINE: stride / 4,
      },
      ...memory.bind({
        tensors: { 3: partials },
        all: { 1: left, 2: right },
        buffers: { 0: "tiles" },
      }),
      grid: [tiles.length, splits],
    };
    first += tiles.length;
    return stage;
  });
  return { stages, tiles: Uint32Array.from(tiles.flat()), partials, splits };
}
