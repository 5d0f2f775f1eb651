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

/** `result = input matrix`, then relu where that's on. */
export function project(
  { set, memory, rows }: StepContext,
  { what, input, matrix, result, relu = false }: ProductOptions & {
    result: { tensor: Tensor; width: number };
    relu?: boolean;
  },
): Stage {
  return {
    ...memory.bind({
      weights: matrix,
      tensors: { 1: input.tensor, 2: result.tensor },
    }),
    what,
    code: set.gemm,
    entryPoint: "project",
    facts: {
      ROWS: rows,
      LEFT: input.tensor.offset / 4,
      LEFT4: input.tensor.columns / 4,
      BEFORE: input.before,
      WEIGHTS: matrix.offset / 4,
      COLUMNS: matrix.columns / 4,
      RESULT: result.tensor.offset / 4,
      OUT4: result.tensor.columns / 4,
      WIDTH: result.width,
      RELU: Number(relu),
    },
    grid: [
      groups(rows, set.projectTile[0]),
      groups(result.tensor.columns / 4, set.projectTile[1]),
    ],
  };
}

/** `result = deltas matrix^T`, the gradient by the input; 0 where `masked` and the relu that made the input was off. */
export function inputGradient(
  { set, memory, rows }: StepContext,
  { what, input, matrix, deltas, result, masked }: ProductOptions & {
    deltas: Tensor;
    result: Tensor;
    masked: boolean;
  },
): Stage {
  return {
    ...memory.bind({
      weights: matrix,
      tensors: { 1: deltas, 2: result, 3: input.tensor },
    }),
    what: `gradient by the input of ${what}`,
    code: set.gemm,
    entryPoint: "input_gradient",
    facts: {
      ROWS: rows,
      LEFT: deltas.offset / 4,
      LEFT4: deltas.columns / 4,
      BEFORE: input.before,
      WEIGHTS: matrix.offset / 4,
      COLUMNS: matrix.columns / 4,
      RESULT: result.offset / 4,
      OUT4: result.columns / 4,
      ACTIVATION: input.tensor.offset / 4,
      ACT4: input.tensor.columns / 4,
      WIDTH: input.width,
      MASKED: Number(masked),
    },
    grid: [
      groups(rows, set.inputGradientTile[0]),
      groups(result.columns / 4, set.inputGradientTile[1]),
    ],
  };
}
