/**
 * Gathers the windows and convolves them: `relu(bias + sum over k of x[t s - pad + k] kernel[k])`.
 *
 * The inputs lie `[position][row]`, so that the four rows of a tile are neighbours and the padding
 * is rows of zeros.
 * @module
 */

import { madd } from "./math";
import {
  BIAS,
  INPUT,
  INPUTS,
  KERNEL,
  OUTPUT,
  OUTPUT_WIDTH,
  PAD_LEFT,
  PANELS,
  SOURCE,
  STARTS,
  STEPS,
  STRIDES,
  WEIGHTS,
  WINDOW,
} from "./plan";
import { field, layerAt, word } from "./read";

/** Copies rows `low … high` of the batch; rows from `count` on are zeros. */
export function gather(
  first: usize,
  count: usize,
  stride: usize,
  low: usize,
  high: usize,
): void {
  const pad = word(PAD_LEFT), window = word(WINDOW);
  const positions = (word(STEPS) - 1) * word(STRIDES) +
    field(layerAt(0), INPUTS);
  const starts = word(STARTS) + (first << 2), source = word(SOURCE);
  for (let row = low; row < high; ++row) {
    const from = row < count
      ? source + (<usize> load<u32>(starts + (row << 2)) << 2)
      : 0;
    let to = word(INPUT) + (row << 2);
    for (let position: usize = 0; position < positions; ++position) {
      // Before the window the difference wraps around and is large too.
      const at = position - pad;
      store<f32>(
        to,
        from && at < window ? load<f32>(from + (at << 2)) : 0,
      );
      to += stride << 2;
    }
  }
}

/** Convolves rows `low … high`, all time steps. */
export function convolve(stride: usize, low: usize, high: usize): void {
  const layer = layerAt(0);
  const inputs = field(layer, INPUTS), panels = field(layer, PANELS);
  const width = field(layer, OUTPUT_WIDTH) << 2;
  const weights = word(WEIGHTS), steps = word(STEPS);
  const step = word(STRIDES) * stride << 2;
  const zero = f32x4.splat(0);
  for (let t: usize = 0; t < steps; ++t) {
    for (let panel: usize = 0; panel < panels; ++panel) {
      const bias = weights + (field(layer, BIAS) << 2) + panel * 32;
      const kernel = weights + (field(layer, KERNEL) << 2) +
        panel * inputs * 32;
      const bias0 = v128.load(bias), bias1 = v128.load(bias, 16);
      for (let row = low; row < high; row += 4) {
        let c00 = bias0, c01 = bias1, c10 = bias0, c11 = bias1;
        let c20 = bias0, c21 = bias1, c30 = bias0, c31 = bias1;
        let x = word(INPUT) + t * step + (row << 2);
        for (let k = kernel; k < kernel + inputs * 32; k += 32) {
          const b0 = v128.load(k), b1 = v128.load(k, 16);
          let a = v128.load32_splat(x);
          c00 = madd(a, b0, c00);
          c01 = madd(a, b1, c01);
          a = v128.load32_splat(x, 4);
          c10 = madd(a, b0, c10);
          c11 = madd(a, b1, c11);
          a = v128.load32_splat(x, 8);
          c20 = madd(a, b0, c20);
          c21 = madd(a, b1, c21);
          a = v128.load32_splat(x, 12);
          c30 = madd(a, b0, c30);
          c31 = madd(a, b1, c31);
          x += stride << 2;
        }
        let at = field(layer, OUTPUT) + (t * stride + row) * width +
          panel * 32;
        v128.store(at, f32x4.max(c00, zero));
        v128.store(at, f32x4.max(c01, zero), 16);
        at += width;
        v128.store(at, f32x4.max(c10, zero));
        v128.store(at, f32x4.max(c11, zero), 16);
        at += width;
        v128.store(at, f32x4.max(c20, zero));
        v128.store(at, f32x4.max(c21, zero), 16);
        at += width;
        v128.store(at, f32x4.max(c30, zero));
        v128.store(at, f32x4.max(c31, zero), 16);
      }
    }
  }
}
