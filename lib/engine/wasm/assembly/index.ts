/**
 * What the module exports: a run over many batches, by all threads at once, and what JavaScript
 * needs besides.
 * @module
 */

import { meet } from "./barrier";
import { convolve, gather } from "./convolution";
import { headBackward, headForward, loss } from "./head";
import { lstmBackward, lstmForward } from "./lstm";
import { exp, sigmoid, tanh } from "./math";
import {
  BATCH,
  CLIP_NORM,
  DELTA,
  DELTA_WIDTH,
  ERRORS,
  HORIZON,
  LOSS_START,
  LOSSES,
  LSTM_LAYERS,
  MODE_GRADIENT,
  MODE_PREDICT,
  MODE_TRAIN,
  NEXT_TASK,
  OUTPUT,
  OUTPUT_WIDTH,
  RATES,
  SAMPLE_ERROR,
  SAMPLE_LOSS,
  STEPS,
  THREADS,
  WINDOWS,
} from "./plan";
import { field, layerAt, number, word } from "./read";
import { reluBackward } from "./relu";
import {
  applyUpdate,
  differentiate,
  keepSquares,
  norm,
  taskCount,
  transposeTask,
} from "./tasks";

/**
 * This thread's part of the batches that STARTS and WINDOWS name.
 *
 * @param thread 0 to THREADS - 1; all of them must run.
 * @param mode A `MODE_…` code.
 * @returns Whether the work was done, not called off.
 */
export function run(thread: usize, mode: i32): bool {
  const windows = word(WINDOWS), batch = word(BATCH);
  for (let step: usize = 0; step * batch < windows; ++step) {
    const first = step * batch;
    const count = min<usize>(batch, windows - first);
    const stride = (count + 3) & ~3;
    samples(thread, mode, first, count, stride);
    if (!thread) atomic.store<u32>(word(NEXT_TASK), 0);
    if (!meet()) return false;
    if (!thread && mode != MODE_PREDICT) average(step, count);
    if (mode == MODE_TRAIN || mode == MODE_GRADIENT) {
      if (!weights(thread, mode, stride, step)) return false;
    }
    if (!meet()) return false;
  }
  return true;
}

/** Forward and backward of this thread's share of the rows, in whole tiles of four. */
function samples(
  thread: usize,
  mode: i32,
  first: usize,
  count: usize,
  stride: usize,
): void {
  const tiles = stride >> 2, threads = word(THREADS);
  const low = tiles * thread / threads << 2;
  const high = tiles * (thread + 1) / threads << 2;
  if (low == high) return;
  gather(first, count, stride, low, high);
  convolve(stride, low, high);
  const layers = word(LSTM_LAYERS);
  for (let index: usize = 1; index <= layers; ++index) {
    lstmForward(layerAt(index), layerAt(index - 1), stride, low, high);
  }
  headForward(stride, low, high);
  if (mode == MODE_PREDICT) return;
  loss(first, count, stride, low, high);
  if (mode != MODE_TRAIN && mode != MODE_GRADIENT) return;
  headBackward(stride, low, high);
  for (let index = layers; index > 0; --index) {
    lstmBackward(layerAt(index), stride, low, high);
  }
  const convolution = layerAt(0), steps = word(STEPS);
  const width = field(convolution, OUTPUT_WIDTH) << 2;
  const deltaStep = word(DELTA_WIDTH) << 2;
  for (let t: usize = 0; t < steps; ++t) {
    const from = t * stride + low;
    reluBackward(
      high - low,
      width,
      word(DELTA) + from * deltaStep,
      deltaStep,
      field(convolution, OUTPUT) + from * width,
      width,
    );
  }
}

/** The samples' sums, added in order, become the batch's means. */
function average(step: usize, count: usize): void {
  let losses: f64 = 0, errors: f64 = 0;
  for (let row: usize = 0; row < count; ++row) {
    losses += load<f64>(word(SAMPLE_LOSS) + (row << 3));
    errors += load<f64>(word(SAMPLE_ERROR) + (row << 3));
  }
  const steps = word(STEPS), each = <f64> count * <f64> word(HORIZON);
  const counted = each * <f64> (steps - word(LOSS_START));
  store<f32>(word(LOSSES) + (step << 2), <f32> (losses / counted));
  store<f32>(
    word(ERRORS) + (step << 2),
    <f32> (errors / (each * <f64> steps)),
  );
}

/** Gradient and update, task by task; false if called off. */
function weights(
  thread: usize,
  mode: i32,
  stride: usize,
  step: usize,
): bool {
  const tasks = taskCount(), next = word(NEXT_TASK);
  const rate = load<f32>(word(RATES) + (step << 2));
  const clipNorm = <f64> number(CLIP_NORM);
  const clips = mode == MODE_TRAIN && clipNorm > 0;
  for (;;) {
    const task = <usize> atomic.add<u32>(next, 1);
    if (task >= tasks) break;
    differentiate(task, thread, stride);
    if (clips) keepSquares(task);
    else if (mode == MODE_TRAIN) applyUpdate(task, rate, 1);
  }
  if (!clips) return true;
  if (!meet()) return false;
  const size = norm();
  const clip: f32 = size > clipNorm ? <f32> (clipNorm / size) : 1;
  const threads = word(THREADS);
  for (let task = thread; task < tasks; task += threads) {
    applyUpdate(task, rate, clip);
  }
  return true;
}

/** Renews all transposed weights, after JavaScript has written WEIGHTS. */
export function prepare(): void {
  const tasks = taskCount();
  for (let task: usize = 0; task < tasks; ++task) transposeTask(task);
}

/** `exp` on `count` floats, a multiple of 4, in place; for tests, as are the next two. */
export function expAll(at: usize, count: usize): void {
  for (const end = at + (count << 2); at < end; at += 16) {
    v128.store(at, exp(v128.load(at)));
  }
}

/** `sigmoid` in place. */
export function sigmoidAll(at: usize, count: usize): void {
  for (const end = at + (count << 2); at < end; at += 16) {
    v128.store(at, sigmoid(v128.load(at)));
  }
}

/** `tanh` in place. */
export function tanhAll(at: usize, count: usize): void {
  for (const end = at + (count << 2); at < end; at += 16) {
    v128.store(at, tanh(v128.load(at)));
  }
}
