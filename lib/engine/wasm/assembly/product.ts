/**
 * The matrix products that nearly all of a step's time goes into, in register tiles of 4 rows by 8
 * columns.
 *
 * A kernel `[inputs, columns]` is kept as panels of 8 columns, `[columns / 8][inputs][8]`, so that a
 * tile reads it front to back. Every element of a result is one chain of additions in a fixed order
 * that doesn't depend on how rows and panels are shared out among threads.
 *
 * Eight accumulators are as many as it takes to keep two fused multiply-adds in flight per cycle. V8 in Deno
 * checks the bounds of every load, so what limits a tile is its loads per product, not the arithmetic:
 * taller, wider or longer unrolled tiles and shuffles in place of loads were all slower.
 * @module
 */

import { madd } from "./math";

/** Bytes of 8 floats. */
const ROW: usize = 32;

/**
 * `out = bias + x1 k1 + x2 k2`. Steps, from row to row, are in bytes.
 *
 * @param rows A multiple of 4.
 * @param bias Address of `[columns]`; 0: none.
 * @param inputs1 A multiple of 4, as is inputs2; 0: no second product.
 * @param k1 Address of the first panel, as is k2.
 */
export function product(
  rows: usize,
  panels: usize,
  bias: usize,
  x1: usize,
  step1: usize,
  inputs1: usize,
  k1: usize,
  x2: usize,
  step2: usize,
  inputs2: usize,
  k2: usize,
  out: usize,
  outStep: usize,
): void {
  const parts = inputs2 ? 2 : 1;
  for (let panel: usize = 0; panel < panels; ++panel) {
    let bias0 = f32x4.splat(0), bias1 = bias0;
    if (bias) {
      bias0 = v128.load(bias + panel * ROW);
      bias1 = v128.load(bias + panel * ROW, 16);
    }
    const panel1 = k1 + panel * inputs1 * ROW;
    const panel2 = k2 + panel * inputs2 * ROW;
    for (let row: usize = 0; row < rows; row += 4) {
      let c00 = bias0, c01 = bias1, c10 = bias0, c11 = bias1;
      let c20 = bias0, c21 = bias1, c30 = bias0, c31 = bias1;
      let a0 = x1 + row * step1, step = step1;
      let k = panel1, end = panel1 + inputs1 * ROW;
      for (let part = 0; part < parts; ++part) {
        if (part) {
          a0 = x2 + row * step2;
          step = step2;
          k = panel2;
          end = panel2 + inputs2 * ROW;
        }
        let a1 = a0 + step, a2 = a1 + step, a3 = a2 + step;
        while (k < end) {
          let b0 = v128.load(k), b1 = v128.load(k, 16);
          let a = v128.load32_splat(a0);
          c00 = madd(a, b0, c00);
          c01 = madd(a, b1, c01);
          a = v128.load32_splat(a1);
          c10 = madd(a, b0, c10);
          c11 = madd(a, b1, c11);
          a = v128.load32_splat(a2);
          c20 = madd(a, b0, c20);
          c21 = madd(a, b1, c21);
          a = v128.load32_splat(a3);
          c30 = madd(a, b0, c30);
          c31 = madd(a, b1, c31);
          b0 = v128.load(k, 32);
          b1 = v128.load(k, 48);
          a = v128.load32_splat(a0, 4);
          c00 = madd(a, b0, c00);
          c01 = madd(a, b1, c01);
          a = v128.load32_splat(a1, 4);
          c10 = madd(a, b0, c10);
          c11 = madd(a, b1, c11);
          a = v128.load32_splat(a2, 4);
          c20 = madd(a, b0, c20);
          c21 = madd(a, b1, c21);
          a = v128.load32_splat(a3, 4);
          c30 = madd(a, b0, c30);
          c31 = madd(a, b1, c31);
          k += 2 * ROW;
          a0 += 8;
          a1 += 8;
          a2 += 8;
          a3 += 8;
        }
      }
      let at = out + row * outStep + panel * ROW;
      v128.store(at, c00);
      v128.store(at, c01, 16);
      at += outStep;
      v128.store(at, c10);
      v128.store(at, c11, 16);
      at += outStep;
      v128.store(at, c20);
      v128.store(at, c21, 16);
      at += outStep;
      v128.store(at, c30);
      v128.store(at, c31, 16);
    }
  }
}

/**
 * `gradient += x^T strip`: adds the outer products of some rows to panels of a kernel's gradient.
 *
 * @param rows A multiple of 2, at most PACK_ROWS.
 * @param x Address of `[row][inputs]`, `step` bytes from row to row, `inputStep` from input to input.
 * @param inputs A multiple of 4.
 * @param strip Address of `[row][16]`: the output's gradient at up to two panels.
 * @param gradient Address of the first panel.
 */
// @ts-ignore: decorator

export function outerProducts(
  rows: usize,
  x: usize,
  step: usize,
  inputStep: usize,
  inputs: usize,
  strip: usize,
  gradient: usize,
  panels: usize,
): void {
  for (let panel: usize = 0; panel < panels; ++panel) {
    const first = strip + panel * ROW, end = first + rows * 64;
    let at = gradient + panel * inputs * ROW;
    for (let input: usize = 0; input < inputs; input += 4) {
      let c00 = v128.load(at), c01 = v128.load(at, 16);
      let c10 = v128.load(at, 32), c11 = v128.load(at, 48);
      let c20 = v128.load(at, 64), c21 = v128.load(at, 80);
      let c30 = v128.load(at, 96), c31 = v128.load(at, 112);
      let a0 = x + input * inputStep;
      for (let row = first; row < end; row += 64) {
        const b0 = v128.load(row), b1 = v128.load(row, 16);
        let a = v128.load32_splat(a0);
        c00 = madd(a, b0, c00);
        c01 = madd(a, b1, c01);
        a = v128.load32_splat(a0 + inputStep);
        c10 = madd(a, b0, c10);
        c11 = madd(a, b1, c11);
        a = v128.load32_splat(a0 + 2 * inputStep);
        c20 = madd(a, b0, c20);
        c21 = madd(a, b1, c21);
        a = v128.load32_splat(a0 + 3 * inputStep);
        c30 = madd(a, b0, c30);
        c31 = madd(a, b1, c31);
        a0 += step;
      }
      v128.store(at, c00);
      v128.store(at, c01, 16);
      v128.store(at, c10, 32);
      v128.store(at, c11, 48);
      v128.store(at, c20, 64);
      v128.store(at, c21, 80);
      v128.store(at, c30, 96);
      v128.store(at, c31, 112);
      at += 4 * ROW;
    }
  }
}
