/**
 * An LSTM layer over all time steps, forward and backward; gates input, forget, cell, output as in
 * https://keras.io/api/layers/recurrent_layers/lstm/
 *
 * Forward keeps the activated gates, `c` and `tanh c`. Backward replaces the gates by the gradients of
 * their pre-activations, from which the weights' gradients are then one product over all rows
 * and steps.
 * @module
 */

import { one, sigmoid, tanh } from "./math";
import {
  BIAS,
  CELLS,
  DELTA,
  DELTA_C,
  DELTA_H,
  DELTA_WIDTH,
  GATES,
  INPUTS,
  KERNEL,
  KERNEL_T,
  OUTPUT,
  OUTPUT_WIDTH,
  RECURRENT,
  RECURRENT_T,
  STEPS,
  TANH_CELLS,
  UNITS,
  WEIGHTS,
} from "./plan";
import { product } from "./product";
import { field, word } from "./read";

/**
 * Runs rows `low … high`. `h` and `c` before the first step are the zeros that lie right before OUTPUT and CELLS.
 *
 * @param below The layer whose output comes in.
 * @param stride Rows from time step to time step.
 */
export function lstmForward(
  layer: usize,
  below: usize,
  stride: usize,
  low: usize,
  high: usize,
): void {
  const units = field(layer, UNITS) << 2;
  const weights = word(WEIGHTS), steps = word(STEPS);
  const inputStep = field(below, OUTPUT_WIDTH) << 2;
  const rows = high - low, before = stride * units;
  for (let t: usize = 0; t < steps; ++t) {
    const first = t * stride + low;
    const gates = field(layer, GATES) + first * 4 * units;
    const h = field(layer, OUTPUT) + first * units;
    product(
      rows,
      units >> 3,
      weights + (field(layer, BIAS) << 2),
      field(below, OUTPUT) + first * inputStep,
      inputStep,
      field(layer, INPUTS),
      weights + (field(layer, KERNEL) << 2),
      h - before,
      units,
      units >> 2,
      weights + (field(layer, RECURRENT) << 2),
      gates,
      4 * units,
    );
    const cells = field(layer, CELLS) + first * units;
    const tanhCells = field(layer, TANH_CELLS) + first * units;
    for (let row: usize = 0; row < rows; ++row) {
      let z = gates + row * 4 * units;
      const from = row * units;
      for (let at = from; at < from + units; at += 16, z += 16) {
        const i = sigmoid(v128.load(z));
        const f = sigmoid(v128.load(z + units));
        const g = tanh(v128.load(z + 2 * units));
        const o = sigmoid(v128.load(z + 3 * units));
        v128.store(z, i);
        v128.store(z + units, f);
        v128.store(z + 2 * units, g);
        v128.store(z + 3 * units, o);
        const c = f32x4.add(
          f32x4.mul(f, v128.load(cells + at - before)),
          f32x4.mul(i, g),
        );
        const tanhC = tanh(c);
        v128.store(cells + at, c);
        v128.store(tanhCells + at, tanhC);
        v128.store(h + at, f32x4.mul(o, tanhC));
      }
    }
  }
}

/** Turns DELTA from the gradient by this layer's output into the gradient by its input. */
export function lstmBackward(
  layer: usize,
  stride: usize,
  low: usize,
  high: usize,
): void {
  const units = field(layer, UNITS) << 2, steps = word(STEPS);
  const deltaStep = word(DELTA_WIDTH) << 2;
  const rows = high - low, before = stride * units;
  const inputPanels = (field(layer, INPUTS) + 7) >> 3;
  const unitPanels = (field(layer, UNITS) + 7) >> 3;
  const deltaH = word(DELTA_H) + low * deltaStep;
  const deltaC = word(DELTA_C) + low * deltaStep;
  memory.fill(deltaH, 0, rows * deltaStep);
  memory.fill(deltaC, 0, rows * deltaStep);
  for (let t = steps; t-- > 0;) {
    const first = t * stride + low;
    const gates = field(layer, GATES) + first * 4 * units;
    const cells = field(layer, CELLS) + first * units - before;
    const tanhCells = field(layer, TANH_CELLS) + first * units;
    const delta = word(DELTA) + first * deltaStep;
    for (let row: usize = 0; row < rows; ++row) {
      let z = gates + row * 4 * units;
      const from = row * units, shift = row * deltaStep;
      for (let at: usize = 0; at < units; at += 16, z += 16) {
        const i = v128.load(z), f = v128.load(z + units);
        const g = v128.load(z + 2 * units), o = v128.load(z + 3 * units);
        const tanhC = v128.load(tanhCells + from + at);
        const dh = f32x4.add(
          v128.load(deltaH + shift + at),
          v128.load(delta + shift + at),
        );
        const dc = f32x4.add(
          v128.load(deltaC + shift + at),
          f32x4.mul(
            f32x4.mul(dh, o),
            f32x4.sub(one(), f32x4.mul(tanhC, tanhC)),
          ),
        );
        const dci = f32x4.mul(dc, i);
        const dcf = f32x4.mul(dc, f);
        v128.store(deltaC + shift + at, dcf);
        v128.store(z, f32x4.mul(f32x4.mul(dci, g), f32x4.sub(one(), i)));
        v128.store(
          z + units,
          f32x4.mul(
            f32x4.mul(dcf, v128.load(cells + from + at)),
            f32x4.sub(one(), f),
          ),
        );
        v128.store(
          z + 2 * units,
          f32x4.mul(dci, f32x4.sub(one(), f32x4.mul(g, g))),
        );
        v128.store(
          z + 3 * units,
          f32x4.mul(
            f32x4.mul(f32x4.mul(dh, tanhC), o),
            f32x4.sub(one(), o),
          ),
        );
      }
    }
    product(
      rows,
      inputPanels,
      0,
      gates,
      4 * units,
      units,
      field(layer, KERNEL_T),
      0,
      0,
      0,
      0,
      delta,
      deltaStep,
    );
    if (!t) break;
    product(
      rows,
      unitPanels,
      0,
      gates,
      4 * units,
      units,
      field(layer, RECURRENT_T),
      0,
      0,
      0,
      0,
      deltaH,
      deltaStep,
    );
  }
}
