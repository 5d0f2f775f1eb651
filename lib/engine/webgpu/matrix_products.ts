/**
 * The stages that multiply a batch's rows by a weight matrix: forward, and back to the gradient by
 * the input.
 * @module
 */

import type { Matrix } from "./device_layout.ts";
import type { Tensor } from "./memory.ts";
import { groups, type Layer, type Stage, type StepContext } from "./stage.ts";

/** What both ways take. */
export interface ProductOptions {
  /** What is multiplied, in errors. */
  what: string;
  input: Layer;
  matrix: Matrix;
}

/** What both ways have in common: `left` times the matrix or its transpose. */
function productStage(
  { set, memory, rows }: StepContext,
  { what, input, matrix }: ProductOptions,
  { entryPoint, left, result, width, columns, activation, tile, flags }: {
    entryPoint: "project" | "input_gradient";
    left: Tensor;
    result: Tensor;
    /** Numbers that a row of the result really has. */
    width: number;
    /** Numbers of it that the stage writes. */
    columns: number;
    /** By which the result is masked, if at all. */
    activation?: Tensor;
    tile: readonly [rows: number, columns4: number];
    flags: Record<string, number>;
  },
): Stage {
  return {
    ...memory.bind({
      weights: matrix,
      tensors: { 1: left, 2: result, ...activation && { 3: activation } },
    }),
    what,
    code: set.gemm,
    entryPoint,
    facts: {
      ROWS: rows,
      LEFT: left.offset / 4,
      LEFT4: left.columns / 4,
      BEFORE: input.before,
      WEIGHTS: matrix.offset / 4,
      COLUMNS: matrix.columns / 4,
      RESULT: result.offset / 4,
      OUT4: result.columns / 4,
      WIDTH: width,
      ...flags,
    },
    grid: [groups(rows, tile[0]), groups(columns / 4, tile[1])],
  };
}

/** `result = input matrix`, then relu where that's on. */
export function project(
  context: StepContext,
  { result, relu = false, ...options }: ProductOptions & {
    result: { tensor: Tensor; width: number };
    relu?: boolean;
  },
): Stage {
  return productStage(context, options, {
    entryPoint: "project",
    left: options.input.tensor,
    result: result.tensor,
    width: result.width,
    // In buffers the column of ones is there already.
    columns: context.set.textures
      ? result.tensor.columns
      : options.matrix.columns,
    tile: context.set.projectTile,
    flags: { RELU: Number(relu) },
  });
}

/** `result = deltas matrix^T`, the gradient by the input; 0 where `masked` and the relu that made the input was off. */
export function inputGradient(
  context: StepContext,
  { deltas, result, masked, ...options }: ProductOptions & {
    deltas: Tensor;
    result: Tensor;
    masked: boolean;
  },
): Stage {
  const { what, input } = options;
  return productStage(context, {
    ...options,
    what: `gradient by the input of ${what}`,
  }, {
    entryPoint: "input_gradient",
    left: deltas,
    result,
    width: input.width,
    columns: result.columns,
    activation: input.tensor,
    tile: context.set.inputGradientTile,
    flags: {
      ACTIVATION: input.tensor.offset / 4,
      ACT4: input.tensor.columns / 4,
      MASKED: Number(masked),
    },
  });
}
