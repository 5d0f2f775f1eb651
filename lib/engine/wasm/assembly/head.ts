/**
 * The dense head, relu but for the last layer, and the loss; forward and backward.
 * @module
 */

import {
  ANCHORS,
  BIAS,
  DELTA,
  DELTA_WIDTH,
  DENSE_LAYERS,
  GATES,
  HORIZON,
  HUBER_DELTA,
  INPUTS,
  KERNEL,
  KERNEL_T,
  LOSS,
  LOSS_HUBER,
  LOSS_MSE,
  LOSS_START,
  LSTM_LAYERS,
  OUTPUT,
  OUTPUT_SCALE,
  OUTPUT_WIDTH,
  PANELS,
  SAMPLE_ERROR,
  SAMPLE_LOSS,
  SOURCE,
  STARTS,
  STEPS,
  WEIGHTS,
} from "./plan";
import { product } from "./product";
import { field, layerAt, number, word } from "./read";
import { relu, reluBackward } from "./relu";

/** The dense layers on rows `low … high`. */
export function headForward(stride: usize, low: usize, high: usize): void {
  const steps = word(STEPS), weights = word(WEIGHTS), rows = high - low;
  const first: usize = 1 + word(LSTM_LAYERS), last = first + word(DENSE_LAYERS) - 1;
  for (let index = first; index <= last; ++index) {
    const layer = layerAt(index), below = layerAt(index - 1);
    const inputStep = field(below, OUTPUT_WIDTH) << 2;
    const outputStep = field(layer, OUTPUT_WIDTH) << 2;
    for (let t: usize = 0; t < steps; ++t) {
      const from = t * stride + low;
      const output = field(layer, OUTPUT) + from * outputStep;
      product(
        rows,
        field(layer, PANELS),
        weights + (field(layer, BIAS) << 2),
        field(below, OUTPUT) + from * inputStep,
        inputStep,
        field(layer, INPUTS),
        weights + (field(layer, KERNEL) << 2),
        0,
        0,
        0,
        0,
        output,
        outputStep,
      );
      if (index < last) relu(output, rows * outputStep);
    }
  }
}

/**
 * Sums each sample's losses and absolute errors and writes the gradient by the last layer's output.
 *
 * Huber's loss as in https://keras.io/api/losses/regression_losses/#huber-class
 *
 * @param first First window of the batch.
 * @param count Windows in the batch; rows from there on count nothing.
 */
export function loss(
  first: usize,
  count: usize,
  stride: usize,
  low: usize,
  high: usize,
): void {
  const steps = word(STEPS), horizon = word(HORIZON);
  const lossStart = word(LOSS_START), kind = word(LOSS);
  const huberDelta = number(HUBER_DELTA), scale = number(OUTPUT_SCALE);
  const layer = layerAt(word(LSTM_LAYERS) + word(DENSE_LAYERS));
  const width = field(layer, OUTPUT_WIDTH);
  const share = <f32> (
    <f64> scale / (<f64> count * <f64> (steps - lossStart) * <f64> horizon)
  );
  for (let row = low; row < high; ++row) {
    let losses: f64 = 0, errors: f64 = 0;
    const start = row < count
      ? load<u32>(word(STARTS) + ((first + row) << 2))
      : 0;
    for (let t: usize = 0; t < steps; ++t) {
      const at = (t * stride + row) * width << 2;
      const anchor = load<u32>(word(ANCHORS) + (t << 2));
      const targets = word(SOURCE) + ((start + anchor + 1) << 2);
      for (let h: usize = 0; h < horizon; ++h) {
        const to = field(layer, GATES) + at + (h << 2);
        if (row >= count) {
          store<f32>(to, 0);
          continue;
        }
        const output = load<f32>(field(layer, OUTPUT) + at + (h << 2));
        const error = output * scale - load<f32>(targets + (h << 2));
        const size = abs<f32>(error);
        errors += <f64> size;
        if (t < lossStart) {
          store<f32>(to, 0);
          continue;
        }
        // Zero, not a sign, where the error is 0.
        let slope: f32 = error > 0 ? 1 : error < 0 ? -1 : error;
        if (kind == LOSS_MSE) {
          losses += <f64> error * <f64> error;
          slope = 2 * error;
        } else if (kind == LOSS_HUBER) {
          if (size > huberDelta) {
            losses += <f64> huberDelta * (<f64> size - 0.5 * <f64> huberDelta);
            slope *= huberDelta;
          } else {
            losses += 0.5 * <f64> error * <f64> error;
            slope = error;
          }
        } else {
          losses += <f64> size;
        }
        store<f32>(to, slope * share);
      }
    }
    store<f64>(word(SAMPLE_LOSS) + (row << 3), losses);
    store<f64>(word(SAMPLE_ERROR) + (row << 3), errors);
  }
}

/** From the gradient by the last layer's output to DELTA, the gradient by the head's input. */
export function headBackward(stride: usize, low: usize, high: usize): void {
  const steps = word(STEPS), rows = high - low;
  const head: usize = 1 + word(LSTM_LAYERS);
  for (let index = head + word(DENSE_LAYERS) - 1; index >= head; --index) {
    const layer = layerAt(index), below = layerAt(index - 1);
    const isFirst = index == head;
    const width = field(layer, OUTPUT_WIDTH);
    const belowWidth = field(below, OUTPUT_WIDTH) << 2;
    const to = isFirst ? word(DELTA) : field(below, GATES);
    const toStep = isFirst ? word(DELTA_WIDTH) << 2 : belowWidth;
    for (let t: usize = 0; t < steps; ++t) {
      const first = t * stride + low;
      product(
        rows,
        (field(layer, INPUTS) + 7) >> 3,
        0,
        field(layer, GATES) + first * (width << 2),
        width << 2,
        width,
        field(layer, KERNEL_T),
        0,
        0,
        0,
        0,
        to + first * toStep,
        toStep,
      );
      if (!isFirst) {
        reluBackward(
          rows,
          belowWidth,
          to + first * toStep,
          toStep,
          field(below, OUTPUT) + first * belowWidth,
          belowWidth,
        );
      }
    }
  }
}
