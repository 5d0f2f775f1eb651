/**
 * The whole train step as data: which buffers, which dispatches on which parts of them, in which
 * order. Knows the model and the kernel set, not the GPU.
 * @module
 */

import { alignment } from "../../alignment.ts";
import { type EngineSpec, slotCount } from "../engine.ts";
import activationsCode from "./activations.wgsl" with { type: "text" };
import convCode from "./conv.wgsl" with { type: "text" };
import {
  ceil4,
  ceil64,
  type DeviceLayout,
  deviceLayout,
  type Matrix,
} from "./device_layout.ts";
import type { KernelSet } from "./kernels.ts";
import lossCode from "./loss.wgsl" with { type: "text" };
import updateCode from "./update.wgsl" with { type: "text" };

/** Most steps between two reads of the host: bounds memory and how long an abort waits. */
export const STRETCH = 512;

/** Most batches of `predict()` between two reads of the host. */
export const STRETCH_INPUTS = 16;

/** The engine's buffers by what they hold. */
export type BufferName =
  | "weights"
  | "slots"
  | "gradient"
  | "partials"
  | "squares"
  | "series"
  | "inputs"
  | "order"
  | "rates"
  | "control"
  | "activations"
  | "gates"
  | "cells"
  | "deltas"
  | "sums"
  | "metrics"
  | "tiles";

/** A part of a buffer, in float32s. */
export interface View<Name = BufferName> {
  buffer: Name;
  offset: number;
  size: number;
}

/** Texels of a row of a texture that shows a buffer. */
export const TEXTURE_WIDTH = 1024;

/** The buffers that also exist as textures, where the kernel set wants it. */
export type TextureName = "activations" | "deltas" | "gates" | "cells";

/** One dispatch, after bringing parts of some textures up to date with their buffers. */
export interface Stage {
  /** By binding: textures that show whole buffers. */
  textures?: Record<number, TextureName>;
  /** What to copy from buffers to their textures before the dispatch. */
  shown?: View<TextureName>[];
  /** What it does to what, in errors. */
  what: string;
  code: string;
  entryPoint: string;
  constants: Record<string, number>;
  /** Declared before the code as the uniform `sizes`, of u32s by these names. */
  sizes?: Record<string, number>;
  /** Weights at binding 0: declared before the code, as uniform or storage. */
  weights?: View;
  bindings: Record<number, View>;
  /** Workgroups. */
  grid: readonly [x: number, y: number];
}

/** A train step and its parts. */
export interface Plan {
  layout: DeviceLayout;
  /** Size of each buffer in float32s. */
  sizes: Record<BufferName, number>;
  /** Columns of `activations` that hold a constant 1, beside each layer's output. */
  ones: { offset: number; stride: number; rows: number }[];
  /** Contents of the buffer `tiles`. */
  tiles: Uint32Array<ArrayBuffer>;
  /** Gather and convolution from the series, or from the inputs of `predict()`. */
  convolve: { series: Stage; inputs: Stage };
  /** From the convolution to the output. */
  forward: Stage[];
  /** Loss and its derivative. */
  loss: Stage;
  /** From the derivative to the partial weight gradients. */
  backward: Stage[];
  /** The gradient as a whole and its squares. */
  reduce: Stage;
  /** The optimizer, with clipping where it is on. */
  update: Stage[];
  /** Metrics of the step; counts it. */
  finish: Stage;
  /** The network's unscaled output, `[steps, batch, width]`. */
  output: View & { width: number };
  /** Output positions per window. */
  steps: number;
}

/** A layer's output over a batch: `rows x width` with a 1 in column `width`. */
interface Layer {
  view: View<TextureName>;
  /** Float32s from row to row. */
  stride: number;
  width: number;
  /** Float32s of the view before the first row. */
  skip: number;
}

/** One weight gradient: `left` transposed times `right`. */
interface Product {
  left: Layer;
  right: View<TextureName>;
  result: Matrix;
}

/** Cuts the weight gradients into the tiles of `accumulate`. */
function cutTiles(
  products: Product[],
  [high, wide]: KernelSet["gradientTile"],
): Uint32Array<ArrayBuffer> {
  const numbers: number[] = [];
  for (const { left, right, result } of products) {
    const columns = result.columns / 4;
    for (let i = 0; i < result.height; i += high) {
      for (let j = 0; j < columns; j += wide) {
        numbers.push(
          (left.view.offset + left.skip) / 4,
          left.stride / 4,
          right.offset / 4,
          columns,
          result.offset / 4,
          result.height,
          i,
          j,
        );
      }
    }
  }
  return Uint32Array.from(numbers);
}

/** Length of the software recurrence's private arrays: one compiled shader for many numbers of units. */
function room(units: number): number {
  return Math.max(16, 2 ** Math.ceil(Math.log2(units)));
}

/** What gemm_software.wgsl finds in `sizes`. */
const GEMM_SIZES = {
  ROWS: 0,
  FIRST: 0,
  SKIP: 0,
  ACT4: 0,
  OUT4: 0,
  COLUMNS: 0,
  IN4: 0,
  WIDTH: 0,
  RELU: 0,
  MASKED: 0,
};

/** What lstm_software.wgsl finds in `sizes`. */
const LSTM_SIZES = {
  STEPS: 0,
  BATCH: 0,
  UNITS: 0,
  HIDDEN: 0,
  DELTA: 0,
  GATES: 0,
  CELLS: 0,
  DH: 0,
};

/** The number by which update.wgsl knows the rule. */
function optimizerNumber(spec: EngineSpec): number {
  switch (spec.optimizer) {
    case "sgd":
      return spec.momentum === 0 ? 0 : spec.nesterov ? 2 : 1;
    case "adam":
      return 3;
    case "rmsprop":
      return spec.momentum === 0 ? 4 : 5;
  }
}

/** Lays out the train step of a model. */
export function makePlan(spec: EngineSpec, set: KernelSet): Plan {
  const { batchSize, horizon } = spec;
  const { steps, anchor, padLeft } = alignment(spec);
  const rows = steps * batchSize;
  const layout = deviceLayout(spec);
  const sizes = {
    weights: layout.size,
    slots: Math.max(slotCount(spec) * layout.size, 64),
    gradient: layout.size,
    series: spec.values.length,
    order: STRETCH * batchSize,
    rates: STRETCH,
    metrics: 2 * STRETCH,
    control: 64,
    inputs: STRETCH_INPUTS * batchSize * spec.windowSize,
    activations: 0,
    gates: 0,
    cells: 0,
    deltas: 0,
    sums: 2 * rows,
    squares: 64,
    partials: 0,
    tiles: 0,
  } satisfies Record<BufferName, number>;
  const whole = (buffer: BufferName): View => ({
    buffer,
    offset: 0,
    size: sizes[buffer],
  });
  const reserve = (
    buffer: TextureName,
    size: number,
  ): View<TextureName> => {
    const view = { buffer, offset: sizes[buffer], size };
    sizes[buffer] = ceil64(sizes[buffer] + size);
    return view;
  };
  const ones: Plan["ones"] = [];
  /** A layer's output with its column of ones; `before` rows of zeros come first. */
  const output = (width: number, before = 0): Layer => {
    const stride = ceil4(width + 1);
    const view = reserve("activations", (rows + before) * stride);
    ones.push({ offset: view.offset + width, stride, rows: rows + before });
    return { view, stride, width, skip: 0 };
  };
  const weightsOf = (matrix: Matrix): View => ({
    buffer: "weights",
    offset: matrix.offset,
    size: matrix.rows * matrix.columns,
  });
  const groups = (n: number, each: number) => Math.ceil(n / each);
  /** A stage's bindings: `views` as textures, where the kernel set wants it, and others. */
  const reads = (
    views: Record<number, View<TextureName>>,
    others: Record<number, View>,
  ): Pick<Stage, "bindings" | "textures" | "shown"> =>
    set.textures
      ? {
        bindings: others,
        textures: Object.fromEntries(
          Object.entries(views).map(([binding, { buffer }]) => [
            binding,
            buffer,
          ]),
        ),
        shown: Object.values(views),
      }
      : { bindings: { ...views, ...others } };
  /** A stage's sizes, in the way the kernel set takes them; `absent` are those that it doesn't use. */
  const sized = (
    sizes: Record<string, number>,
    absent: Record<string, number>,
  ): Pick<Stage, "constants" | "sizes"> =>
    set.uniformSizes
      ? { constants: {}, sizes: { ...absent, ...sizes } }
      : { constants: sizes };
  /** Where a view begins in what `reads()` binds, in vec4s. */
  const first = (view: View) => set.textures ? view.offset / 4 : 0;

  const patches = output(spec.kernelSize);
  const conv = output(spec.filters);
  const convolve = (buffer: "series" | "inputs"): Stage => ({
    what: "convolution",
    code: convCode,
    entryPoint: "convolve",
    constants: {
      ROWS: rows,
      BATCH: batchSize,
      WINDOW: spec.windowSize,
      KERNEL: spec.kernelSize,
      STRIDE: spec.strides,
      PAD_LEFT: padLeft,
      PATCH_WIDTH: patches.stride,
      COLUMNS: layout.conv.columns / 4,
      OUT4: conv.stride / 4,
      WIDTH: spec.filters,
    },
    weights: weightsOf(layout.conv),
    bindings: {
      1: whole(buffer),
      2: whole("order"),
      3: whole("control"),
      4: patches.view,
      5: conv.view,
    },
    grid: [groups(rows, 64), layout.conv.columns / 4],
  });

  const forward: Stage[] = [], backward: Stage[] = [];
  const products: Product[] = [];
  const project = (
    what: string,
    input: Layer,
    matrix: Matrix,
    result: { view: View; stride: number; width: number; relu: boolean },
  ): Stage => ({
    ...reads({ 1: input.view }, { 2: result.view }),
    what,
    code: set.gemm,
    entryPoint: "project",
    ...sized({
      ROWS: rows,
      IN4: input.stride / 4,
      FIRST: first(input.view) + input.skip / 4,
      OUT4: result.stride / 4,
      COLUMNS: matrix.columns / 4,
      WIDTH: result.width,
      RELU: Number(result.relu),
    }, GEMM_SIZES),
    weights: weightsOf(matrix),
    grid: [
      groups(rows, set.projectTile[0]),
      groups(matrix.columns / 4, set.projectTile[1]),
    ],
  });
  /** Gradient by a layer's input; `masked` by the relu that made the input. */
  const inputGradient = (
    what: string,
    deltas: View<TextureName>,
    matrix: Matrix,
    input: Layer,
    masked: boolean,
  ): { stage: Stage; deltas: View<TextureName> } => {
    const stride = ceil4(input.width);
    const result = reserve("deltas", rows * stride);
    return {
      deltas: result,
      stage: {
        ...reads({ 1: deltas }, { 2: result, 3: input.view }),
        what,
        code: set.gemm,
        entryPoint: "input_gradient",
        ...sized({
          ROWS: rows,
          FIRST: first(deltas),
          COLUMNS: matrix.columns / 4,
          OUT4: stride / 4,
          ACT4: input.stride / 4,
          SKIP: input.skip / 4,
          WIDTH: input.width,
          MASKED: Number(masked),
        }, GEMM_SIZES),
        weights: weightsOf(matrix),
        grid: [
          groups(rows, set.inputGradientTile[0]),
          groups(stride / 4, set.inputGradientTile[1]),
        ],
      },
    };
  };

  let current: Layer = conv;
  const made = spec.lstmUnits.map((units, i) => {
    const { kernel, recurrent } = layout.lstm[i]!;
    const input = current;
    const gates = reserve("gates", rows * 4 * units);
    const cells = reserve("cells", (rows + batchSize) * units);
    const all = output(units, batchSize);
    // A time step later: h[t] for what comes next, h[t-1] for the recurrence.
    current = { ...all, skip: batchSize * all.stride };
    const lstmCode = `const ROOM = ${room(units)}u;\n` +
      activationsCode + set.lstm;
    const constants = {
      STEPS: steps,
      BATCH: batchSize,
      UNITS: units,
      HIDDEN: all.stride,
      ...set.textures ? { GATES: first(gates) } : {},
    };
    forward.push(
      project(`input projection of LSTM ${i}`, input, kernel, {
        view: gates,
        stride: 4 * units,
        width: 4 * units,
        relu: false,
      }),
      {
        what: `recurrence of LSTM ${i}`,
        code: lstmCode,
        entryPoint: "forward",
        ...sized(constants, LSTM_SIZES),
        weights: weightsOf(recurrent),
        ...reads(set.textures ? { 7: gates } : {}, {
          1: gates,
          2: cells,
          3: all.view,
        }),
        grid: [set.lstmGroups(batchSize), 1],
      },
    );
    return { input, all, gates, cells, kernel, recurrent, constants, lstmCode };
  });
  const dense = layout.dense.map((matrix, i) => {
    const input = current;
    const units = [...spec.denseUnits, horizon][i]!;
    current = output(units);
    forward.push(
      project(`dense layer ${i}`, input, matrix, {
        ...current,
        relu: i < spec.denseUnits.length,
      }),
    );
    return { input, matrix };
  });

  const deltaWidth = ceil4(horizon);
  let deltas = reserve("deltas", rows * deltaWidth);
  const lossConstants = {
    ROWS: rows,
    BATCH: batchSize,
    STEPS: steps,
    HORIZON: horizon,
    FROM: spec.lossStart,
  };
  const loss: Stage = {
    what: "loss",
    code: lossCode,
    entryPoint: "derive",
    constants: {
      ...lossConstants,
      STRIDE: spec.strides,
      ANCHOR: anchor[0]!,
      SCALE: spec.outputScale,
      LOSS: ["huber", "mse", "mae"].indexOf(spec.loss),
      DELTA: spec.huberDelta,
      OUT_WIDTH: current.stride,
      DELTA_WIDTH: deltaWidth,
    },
    bindings: {
      0: whole("series"),
      1: whole("order"),
      2: whole("control"),
      3: current.view,
      4: deltas,
      5: whole("sums"),
    },
    grid: [groups(rows, 64), 1],
  };
  const finish: Stage = {
    what: "metrics",
    code: lossCode,
    entryPoint: "finish",
    constants: lossConstants,
    bindings: { 2: whole("control"), 5: whole("sums"), 6: whole("metrics") },
    grid: [1, 1],
  };

  for (let i = dense.length - 1; i >= 0; i--) {
    const { input, matrix } = dense[i]!;
    products.push({ left: input, right: deltas, result: matrix });
    const next = inputGradient(
      `gradient by the input of dense layer ${i}`,
      deltas,
      matrix,
      input,
      i > 0,
    );
    backward.push(next.stage);
    deltas = next.deltas;
  }
  for (let i = made.length - 1; i >= 0; i--) {
    const { input, all, gates, cells, kernel, recurrent, constants, lstmCode } =
      made[i]!;
    const dz = reserve("deltas", gates.size);
    backward.push({
      what: `back-propagation through time of LSTM ${i}`,
      code: lstmCode,
      entryPoint: "backward",
      ...sized({
        ...constants,
        DELTA: ceil4(constants.UNITS),
        ...set.textures
          ? { CELLS: 4 * first(cells), DH: 4 * first(deltas) }
          : {},
      }, LSTM_SIZES),
      weights: weightsOf(recurrent),
      ...reads({ 1: gates, 2: cells, 4: deltas }, { 5: dz }),
      grid: [set.lstmGroups(batchSize), 1],
    });
    products.push(
      { left: input, right: dz, result: kernel },
      { left: all, right: dz, result: recurrent },
    );
    const next = inputGradient(
      `gradient by the input of LSTM ${i}`,
      dz,
      kernel,
      input,
      i === 0,
    );
    backward.push(next.stage);
    deltas = next.deltas;
  }
  products.push({ left: patches, right: deltas, result: layout.conv });

  if (set.textures) {
    const row = 4 * TEXTURE_WIDTH;
    for (const name of ["activations", "gates", "cells", "deltas"] as const) {
      sizes[name] = Math.ceil(sizes[name] / row) * row;
    }
  }
  const tiles = cutTiles(products, set.gradientTile);
  const count = tiles.length / 8;
  const splits = set.splits(rows, count);
  sizes.tiles = tiles.length;
  sizes.partials = splits * layout.size;
  backward.push({
    what: "weight gradients",
    code: set.gradient,
    entryPoint: "accumulate",
    constants: { ROWS: rows, SPLITS: splits, COUNT: layout.size / 4 },
    ...reads(
      {
        1: { ...patches.view, offset: 0, size: sizes.activations },
        2: { ...deltas, offset: 0, size: sizes.deltas },
      },
      { 0: whole("tiles"), 3: whole("partials") },
    ),
    // The stages before have read the rest.
    ...set.textures ? { shown: [patches.view, deltas] } : {},
    grid: [count, splits],
  });

  const reduceGroups = groups(layout.size / 4, 64);
  sizes.squares = ceil64(reduceGroups + 1);
  const updateStage = (
    what: string,
    entryPoint: string,
    buffers: (readonly [number, BufferName])[],
    x: number,
  ): Stage => ({
    what,
    code: updateCode,
    entryPoint,
    constants: {
      COUNT: layout.size / 4,
      SPLITS: splits,
      CLIP: spec.clipNorm,
      OPTIMIZER: optimizerNumber(spec),
      MOMENTUM: spec.momentum,
      KEEP1: 1 - spec.beta1,
      KEEP2: 1 - (spec.optimizer === "adam" ? spec.beta2 : spec.rho),
      RHO: spec.rho,
      EPSILON: spec.epsilon,
      GROUPS: reduceGroups,
    },
    bindings: Object.fromEntries(
      buffers.map(([binding, buffer]) => [binding, whole(buffer)]),
    ),
    grid: [x, 1],
  });
  const reduce = updateStage("sum of the partial gradients", "reduce", [
    [0, "partials"],
    [1, "gradient"],
    [2, "squares"],
  ], reduceGroups);
  const state = [
    [3, "rates"],
    [4, "control"],
    [5, "weights"],
    [6, "slots"],
  ] as const;
  const update = spec.clipNorm > 0
    ? [
      reduce,
      updateStage("norm of the gradient", "norm", [[2, "squares"]], 1),
      updateStage("optimizer", "update_clipped", [
        [1, "gradient"],
        [2, "squares"],
        ...state,
      ], reduceGroups),
    ]
    : [
      updateStage(
        "optimizer",
        "update",
        [[0, "partials"], ...state],
        reduceGroups,
      ),
    ];

  return {
    layout,
    sizes,
    ones,
    tiles,
    convolve: { series: convolve("series"), inputs: convolve("inputs") },
    forward,
    loss,
    backward,
    reduce,
    update,
    finish,
    output: { ...current.view, width: current.stride },
    steps,
  };
}
