/**
 * Lays out the WebAssembly engine's one linear memory: where every array lies, how long it is, and
 * where each weight goes among the padded panels.
 * @module
 */

import { alignment } from "../../alignment.ts";
import { UnsupportedModelError } from "../../errors.ts";
import { parameterLayout } from "../../layout.ts";
import type { EngineSpec } from "../engine.ts";
import { slotCount } from "../engine.ts";
import * as plan from "./assembly/plan.ts";

/** The layout of one engine's memory. All addresses are in bytes. */
export interface MemoryPlan {
  /** Size of the memory, whole pages of 64 KiB. */
  pages: number;
  /** The plan's words, as they go to `plan.PLAN`. */
  words: Uint32Array;
  /** Most batches of one call. */
  maxSteps: number;
  /** `[parameters]`: each parameter's element in a vector that is laid out in panels. */
  places: Uint32Array;
  /** Elements of a vector that is laid out in panels. */
  elements: number;
  /** Address of the series. */
  series: number;
  /** Address of predict's inputs, `[batchSize, windowSize]`. */
  inputs: number;
  /** Addresses of the optimizer's vectors. */
  slots: number[];
  /** Address of the last layer's output, `[steps][rows][outputWidth]`. */
  output: number;
  /** Elements from row to row of the output. */
  outputWidth: number;
}

/** The most that 32-bit addresses reach. */
const MAX_BYTES = 2 ** 32;
/** Room for one call's window indices, unless a single batch needs more. */
const MAX_STARTS = 65_536;

const up = (n: number, multiple: number) => Math.ceil(n / multiple) * multiple;

/** Which rule of `assembly/optimizer.ts` the options mean. */
function updateRule(spec: EngineSpec): number {
  switch (spec.optimizer) {
    case "sgd":
      return spec.momentum === 0
        ? plan.UPDATE_SGD
        : spec.nesterov
        ? plan.UPDATE_NESTEROV
        : plan.UPDATE_MOMENTUM;
    case "adam":
      return plan.UPDATE_ADAM;
    case "rmsprop":
      return spec.momentum === 0
        ? plan.UPDATE_RMSPROP
        : plan.UPDATE_RMSPROP_MOMENTUM;
  }
}

const LOSS_CODES = {
  huber: plan.LOSS_HUBER,
  mse: plan.LOSS_MSE,
  mae: plan.LOSS_MAE,
};

/**
 * Plans the memory for a model, a series and a number of threads.
 *
 * Rows are padded to 4, LSTM units and the inputs of every kernel to 4, columns to panels of 8; the
 * padding holds zeros and keeps them through every step.
 *
 * @throws {UnsupportedModelError} if it takes more than 4 GiB.
 */
export function planMemory(spec: EngineSpec, threads: number): MemoryPlan {
  const { steps, padLeft, anchor } = alignment(spec);
  const rows = up(spec.batchSize, 4);
  const maxSteps = Math.max(1, Math.floor(MAX_STARTS / spec.batchSize));
  const words = new Uint32Array(plan.PLAN_BYTES / 4);
  const floats = new Float32Array(words.buffer);
  let bytes = plan.PLAN + plan.PLAN_BYTES;
  /** Takes `size` bytes on a new cache line. */
  const take = (size: number): number => {
    const at = up(bytes, 64);
    bytes = at + size;
    return at;
  };

  const widths = [...spec.denseUnits, spec.horizon];
  const lstms = spec.lstmUnits.length;
  const deltaWidth = up(Math.max(spec.filters, ...spec.lstmUnits), 8);
  const maps: { columns: number; at: (k: number, column: number) => number }[] =
    [];
  let elements = 0, task = 0;
  let inputs = spec.kernelSize;
  const addLayer = (index: number, units: number, recurrent: boolean) => {
    const base = plan.LAYERS + index * plan.LAYER_WORDS;
    const padded = up(inputs, 4), padUnits = up(units, 4);
    const columns = recurrent ? 4 * padUnits : up(units, 8);
    const panel = (first: number, depth: number) => {
      const column = (c: number) =>
        recurrent ? Math.floor(c / units) * padUnits + c % units : c;
      maps.push({
        columns: recurrent ? 4 * units : units,
        at: (k, c) =>
          first + ((column(c) >> 3) * depth + k) * 8 + (column(c) & 7),
      });
    };
    const addElements = (count: number) => {
      const first = elements;
      elements += count;
      return first;
    };
    words[base + plan.INPUTS] = padded;
    words[base + plan.UNITS] = recurrent ? padUnits : 0;
    words[base + plan.PANELS] = columns / 8;
    words[base + plan.FIRST_TASK] = task;
    task += Math.ceil(columns / 16);
    const kernel = words[base + plan.KERNEL] = addElements(padded * columns);
    panel(kernel, padded);
    words[base + plan.RECURRENT] = elements;
    if (recurrent) panel(addElements(padUnits * columns), padUnits);
    const bias = words[base + plan.BIAS] = addElements(columns);
    panel(bias, 1);
    if (index > 0) {
      words[base + plan.KERNEL_T] = take(4 * up(padded, 8) * columns);
    }
    const width = recurrent ? padUnits : columns;
    words[base + plan.OUTPUT_WIDTH] = width;
    const state = 4 * rows * width;
    if (recurrent) {
      words[base + plan.RECURRENT_T] = take(4 * up(padUnits, 8) * columns);
      words[base + plan.OUTPUT] = take((steps + 1) * state) + state;
      words[base + plan.CELLS] = take((steps + 1) * state) + state;
      words[base + plan.TANH_CELLS] = take(steps * state);
      words[base + plan.GATES] = take(4 * steps * state);
    } else {
      words[base + plan.OUTPUT] = take(steps * state);
      if (index > 0) words[base + plan.GATES] = take(steps * state);
    }
    inputs = units;
  };
  addLayer(0, spec.filters, false);
  spec.lstmUnits.forEach((units, i) => addLayer(1 + i, units, true));
  widths.forEach((units, i) => addLayer(1 + lstms + i, units, false));
  const last = plan.LAYERS + (lstms + widths.length) * plan.LAYER_WORDS;

  const layout = parameterLayout(spec);
  const places = new Uint32Array(layout.at(-1)!.offset + layout.at(-1)!.size);
  layout.forEach(({ offset, size }, i) => {
    const { columns, at } = maps[i]!;
    for (let e = 0; e < size; e++) {
      places[offset + e] = at(Math.floor(e / columns), e % columns);
    }
  });

  words[plan.STEPS] = steps;
  words[plan.STRIDES] = spec.strides;
  words[plan.PAD_LEFT] = padLeft;
  words[plan.WINDOW] = spec.windowSize;
  words[plan.BATCH] = spec.batchSize;
  words[plan.HORIZON] = spec.horizon;
  words[plan.LOSS_START] = spec.lossStart;
  words[plan.LOSS] = LOSS_CODES[spec.loss];
  floats[plan.HUBER_DELTA] = spec.huberDelta;
  floats[plan.OUTPUT_SCALE] = spec.outputScale;
  words[plan.OPTIMIZER] = updateRule(spec);
  floats[plan.MOMENTUM] = spec.momentum;
  floats[plan.BETA1_REST] = 1 - spec.beta1;
  floats[plan.BETA2_REST] = 1 - spec.beta2;
  floats[plan.RHO] = spec.rho;
  floats[plan.RHO_REST] = 1 - spec.rho;
  floats[plan.EPSILON] = spec.epsilon;
  floats[plan.CLIP_NORM] = spec.clipNorm;
  words[plan.THREADS] = threads;
  words[plan.LSTM_LAYERS] = lstms;
  words[plan.DENSE_LAYERS] = widths.length;
  words[plan.KERNEL_SIZE] = spec.kernelSize;
  words[plan.ANCHORS] = take(4 * anchor.length);
  words[plan.STARTS] = take(4 * maxSteps * spec.batchSize);
  words[plan.RATES] = take(4 * maxSteps);
  words[plan.LOSSES] = take(4 * maxSteps);
  words[plan.ERRORS] = take(4 * maxSteps);
  words[plan.SAMPLE_LOSS] = take(8 * rows);
  words[plan.SAMPLE_ERROR] = take(8 * rows);
  words[plan.INPUT] = take(
    4 * rows * ((steps - 1) * spec.strides + up(spec.kernelSize, 4)),
  );
  words[plan.DELTA] = take(4 * steps * rows * deltaWidth);
  words[plan.DELTA_WIDTH] = deltaWidth;
  words[plan.DELTA_H] = take(4 * rows * deltaWidth);
  words[plan.DELTA_C] = take(4 * rows * deltaWidth);
  words[plan.PACK] = take(64 * plan.PACK_ROWS * threads);
  words[plan.WEIGHTS] = take(4 * elements);
  words[plan.GRADIENT] = take(4 * elements);
  const slots = Array.from(
    { length: slotCount(spec) },
    () => take(4 * elements),
  );
  words[plan.SLOT0] = slots[0] ?? 0;
  words[plan.SLOT1] = slots[1] ?? 0;
  words[plan.SQUARES] = take(8 * task);
  words[plan.NEXT_TASK] = take(64);
  words[plan.BARRIER] = take(3 * 64);
  const series = take(4 * spec.values.length);
  words[plan.SOURCE] = series;
  const staging = take(4 * spec.batchSize * spec.windowSize);
  if (bytes > MAX_BYTES - 65_536) {
    throw new UnsupportedModelError(
      `batches of ${spec.batchSize} windows of ${spec.windowSize} take ${
        (bytes / 2 ** 30).toFixed(1)
      } GiB, WebAssembly has 4`,
    );
  }
  return {
    pages: Math.ceil(bytes / 65_536),
    words,
    maxSteps,
    places,
    elements,
    series,
    inputs: staging,
    slots,
    output: words[last + plan.OUTPUT]!,
    outputWidth: words[last + plan.OUTPUT_WIDTH]!,
  };
}
