/**
 * The second half of a step: the weights' gradients and their update, cut into tasks of up to two
 * panels of one layer. A task sums over all rows and time steps by itself, so that it doesn't matter
 * which thread takes it.
 * @module
 */

import { update } from "./optimizer";
import {
  BIAS,
  DELTA,
  DELTA_WIDTH,
  DENSE_LAYERS,
  FIRST_TASK,
  GATES,
  GRADIENT,
  INPUT,
  INPUTS,
  KERNEL,
  KERNEL_SIZE,
  KERNEL_T,
  LSTM_LAYERS,
  OUTPUT,
  OUTPUT_WIDTH,
  PACK,
  PACK_ROWS,
  PANELS,
  RECURRENT,
  RECURRENT_T,
  SQUARES,
  STEPS,
  STRIDES,
  UNITS,
  WEIGHTS,
} from "./plan";
import { outerProducts } from "./product";
import { field, layerAt, word } from "./read";

/** Number of tasks. */
export function taskCount(): usize {
  const layer = layerAt(word(LSTM_LAYERS) + word(DENSE_LAYERS));
  return field(layer, FIRST_TASK) + ((field(layer, PANELS) + 1) >> 1);
}

/** Index of the layer that a task belongs to. */
function layerOf(task: usize): usize {
  let index = word(LSTM_LAYERS) + word(DENSE_LAYERS);
  while (field(layerAt(index), FIRST_TASK) > task) --index;
  return index;
}

/** The kernel's inputs are neighbours in a row, except the convolution's. */
function rowProducts(
  rows: usize,
  x: usize,
  step: usize,
  inputs: usize,
  strip: usize,
  gradient: usize,
  panels: usize,
): void {
  outerProducts(rows, x, step, 4, inputs, strip, gradient, panels);
}

/** The convolution's: rows are neighbours, positions are not. */
function positionProducts(
  rows: usize,
  x: usize,
  inputStep: usize,
  inputs: usize,
  strip: usize,
  gradient: usize,
  panels: usize,
): void {
  outerProducts(rows, x, 4, inputStep, inputs, strip, gradient, panels);
}

/** Computes the gradient of a task's panels. */
export function differentiate(
  task: usize,
  thread: usize,
  stride: usize,
): void {
  const index = layerOf(task), layer = layerAt(index);
  const panel = (task - field(layer, FIRST_TASK)) << 1;
  const panels = min<usize>(2, field(layer, PANELS) - panel);
  const gradient = word(GRADIENT), steps = word(STEPS);
  const inputs = field(layer, INPUTS), units = field(layer, UNITS);
  const kernel = gradient + (field(layer, KERNEL) << 2) +
    panel * inputs * 32;
  const recurrent = gradient + (field(layer, RECURRENT) << 2) +
    panel * units * 32;
  const bias = gradient + (field(layer, BIAS) << 2) + panel * 32;
  memory.fill(kernel, 0, panels * inputs * 32);
  memory.fill(recurrent, 0, panels * units * 32);
  const strip = word(PACK) + thread * PACK_ROWS * 64;
  const deltas = index ? field(layer, GATES) : word(DELTA);
  const deltaStep = (index ? field(layer, PANELS) << 3 : word(DELTA_WIDTH)) <<
    2;
  const below = index ? layerAt(index - 1) : 0;
  const inputStep = index ? field(below, OUTPUT_WIDTH) << 2 : 0;
  let sum0 = f32x4.splat(0), sum1 = sum0, sum2 = sum0, sum3 = sum0;
  // The convolution's rows are evenly spaced within a time step only.
  const all = steps * stride, block = index ? all : stride;
  for (let start: usize = 0; start < all;) {
    const rows = min<usize>(PACK_ROWS, block - start % block);
    let from = deltas + start * deltaStep + panel * 32;
    for (let to = strip; to < strip + rows * 64; to += 64) {
      const d0 = v128.load(from), d1 = v128.load(from, 16);
      v128.store(to, d0);
      v128.store(to, d1, 16);
      sum0 = f32x4.add(sum0, d0);
      sum1 = f32x4.add(sum1, d1);
      if (panels > 1) {
        const d2 = v128.load(from, 32), d3 = v128.load(from, 48);
        v128.store(to, d2, 32);
        v128.store(to, d3, 48);
        sum2 = f32x4.add(sum2, d2);
        sum3 = f32x4.add(sum3, d3);
      }
      from += deltaStep;
    }
    if (index) {
      const x = field(below, OUTPUT) + start * inputStep;
      rowProducts(rows, x, inputStep, inputs, strip, kernel, panels);
      if (units) {
        const h = field(layer, OUTPUT) + (start - stride) * units * 4;
        rowProducts(rows, h, units * 4, units, strip, recurrent, panels);
      }
    } else {
      const t = start / stride;
      const x = word(INPUT) +
        ((t * word(STRIDES) * stride + start % stride) << 2);
      positionProducts(
        rows,
        x,
        stride * 4,
        inputs,
        strip,
        kernel,
        panels,
      );
    }
    start += rows;
  }
  if (!index) {
    // The inputs that the padded end of the kernel meets aren't zeros.
    const size = word(KERNEL_SIZE);
    for (let p: usize = 0; p < panels; ++p) {
      memory.fill(kernel + (p * inputs + size) * 32, 0, (inputs - size) * 32);
    }
  }
  v128.store(bias, sum0);
  v128.store(bias, sum1, 16);
  if (panels > 1) {
    v128.store(bias, sum2, 32);
    v128.store(bias, sum3, 48);
  }
}

/** Sum of the squares of `count` elements of the gradient. */
function squares(first: usize, count: usize): f64 {
  let sum: f64 = 0;
  const from = word(GRADIENT) + (first << 2);
  for (let at = from; at < from + (count << 2); at += 4) {
    const g = <f64> load<f32>(at);
    sum += g * g;
  }
  return sum;
}

/** Keeps the sum of squares of a task's gradient, for the norm. */
export function keepSquares(task: usize): void {
  const layer = layerAt(layerOf(task));
  const panel = (task - field(layer, FIRST_TASK)) << 1;
  const columns = min<usize>(2, field(layer, PANELS) - panel) << 3;
  const inputs = field(layer, INPUTS), units = field(layer, UNITS);
  store<f64>(
    word(SQUARES) + (task << 3),
    squares(field(layer, KERNEL) + panel * inputs * 8, columns * inputs) +
      squares(field(layer, RECURRENT) + panel * units * 8, columns * units) +
      squares(field(layer, BIAS) + panel * 8, columns),
  );
}

/** The gradient's Euclidean norm; the same on every thread. */
export function norm(): f64 {
  let sum: f64 = 0;
  const tasks = taskCount();
  for (let task: usize = 0; task < tasks; ++task) {
    sum += load<f64>(word(SQUARES) + (task << 3));
  }
  return sqrt<f64>(sum);
}

/** Updates a task's panels and their transposed copies. */
export function applyUpdate(task: usize, rate: f32, clip: f32): void {
  const layer = layerAt(layerOf(task));
  const panel = (task - field(layer, FIRST_TASK)) << 1;
  const columns = min<usize>(2, field(layer, PANELS) - panel) << 3;
  const inputs = field(layer, INPUTS), units = field(layer, UNITS);
  update(
    field(layer, KERNEL) + panel * inputs * 8,
    columns * inputs,
    rate,
    clip,
  );
  if (units) {
    update(
      field(layer, RECURRENT) + panel * units * 8,
      columns * units,
      rate,
      clip,
    );
  }
  update(field(layer, BIAS) + panel * 8, columns, rate, clip);
  transposeTask(task);
}

/** Renews the transposed copies of a task's panels. */
export function transposeTask(task: usize): void {
  const layer = layerAt(layerOf(task));
  const panel = (task - field(layer, FIRST_TASK)) << 1;
  const end = min<usize>(panel + 2, field(layer, PANELS));
  for (let p = panel; p < end; ++p) {
    if (field(layer, KERNEL_T)) {
      transpose(
        field(layer, INPUTS),
        field(layer, KERNEL),
        p,
        field(layer, PANELS),
        field(layer, KERNEL_T),
      );
    }
    if (field(layer, UNITS)) {
      transpose(
        field(layer, UNITS),
        field(layer, RECURRENT),
        p,
        field(layer, PANELS),
        field(layer, RECURRENT_T),
      );
    }
  }
}

/** Panel `[inputs][8]` into panels of 8 inputs, `[inputs / 8][columns][8]`. */
function transpose(
  inputs: usize,
  kernel: usize,
  panel: usize,
  panels: usize,
  to: usize,
): void {
  let from = word(WEIGHTS) + ((kernel + panel * inputs * 8) << 2);
  for (let input: usize = 0; input < inputs; input += 4, from += 128) {
    const at = to + ((input >> 3) * panels * 8 + panel * 8) * 32 +
      ((input & 7) << 2);
    transpose4(from, at);
    transpose4(from + 16, at + 128);
  }
}

/** A 4 x 4 square, both sides 32 bytes from row to row. */
// @ts-ignore: decorator

function transpose4(from: usize, to: usize): void {
  const r0 = v128.load(from), r1 = v128.load(from, 32);
  const r2 = v128.load(from, 64), r3 = v128.load(from, 96);
  const low01 = v128.shuffle<f32>(r0, r1, 0, 4, 1, 5);
  const high01 = v128.shuffle<f32>(r0, r1, 2, 6, 3, 7);
  const low23 = v128.shuffle<f32>(r2, r3, 0, 4, 1, 5);
  const high23 = v128.shuffle<f32>(r2, r3, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(low01, low23, 0, 1, 4, 5));
  v128.store(to, v128.shuffle<f32>(low01, low23, 2, 3, 6, 7), 32);
  v128.store(to, v128.shuffle<f32>(high01, high23, 0, 1, 4, 5), 64);
  v128.store(to, v128.shuffle<f32>(high01, high23, 2, 3, 6, 7), 96);
}
