/**
 * The whole train step as data: which buffers, which dispatches on which parts of them, in which
 * order. Knows the model and the kernel set, not the GPU.
 * @module
 */

import { alignment } from "../../alignment.ts";
import { type EngineSpec, slotCount } from "../engine.ts";
import activationsCode from "./activations.wgsl" with { type: "text" };
import {
  ceil4,
  ceil64,
  type DeviceLayout,
  deviceLayout,
  type Matrix,
} from "./device_layout.ts";
import type { KernelSet } from "./kernels.ts";
import { type Bindings, Memory, type Tensor, type Wanted } from "./memory.ts";

/** Most steps between two reads of the host: bounds memory and how long an abort waits. */
export const STRETCH = 512;

/** Most batches of `predict()` between two reads of the host. */
export const STRETCH_INPUTS = 16;

/** One dispatch. */
export interface Stage extends Bindings {
  /** What it does to what, in errors. */
  what: string;
  code: string;
  entryPoint: string;
  constants: Record<string, number>;
  /** Declared before the code as the uniform `sizes`, of u32s by these names. */
  sizes?: Record<string, number>;
  /** Whether the weights' texture is to be brought up to date first. */
  showsWeights?: boolean;
  /** Workgroups. */
  grid: readonly [x: number, y: number];
}

/** A train step and its parts. */
export interface Plan {
  layout: DeviceLayout;
  memory: Memory;
  /** Columns of the buffer `activations` that hold a constant 1, beside each layer's output. */
  ones: { offset: number; stride: number; rows: number }[];
  /** Contents of the buffer `tiles`. */
  tiles: Uint32Array<ArrayBuffer>;
  /** The first stage, from the series or from the inputs of `predict()`. */
  gather: { series: Stage; inputs: Stage };
  /** From there to the output. */
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
  output: Tensor & { width: number };
  /** Output positions per window. */
  steps: number;
}

/** A layer's output over a batch: `rows x width` with a 1 in column `width`. */
interface Layer {
  view: Tensor;
  /** Float32s from row to row. */
  stride: number;
  width: number;
  /** Float32s of the view before the first row. */
  skip: number;
}

/** One weight gradient: `left` transposed times `right`. */
interface Product {
  left: Layer;
  right: Tensor;
  result: Matrix;
}

/** Cuts the weight gradients into the tiles of `accumulate`, as its `struct Tile` has them. */
function cutTiles(
  products: Product[],
  { gradientTile: [high, wide], textures }: KernelSet,
): number[][] {
  const tiles: number[][] = [];
  for (const { left, right, result } of products) {
    const columns = result.columns / 4;
    const factors = textures
      ? [left.view.layer, left.skip / 4, right.layer]
      : [(left.view.offset + left.skip) / 4, right.offset / 4];
    for (let j = 0; j < columns; j += wide) {
      for (let i = 0; i < result.height; i += high) {
        tiles.push([
          left.stride / 4,
          columns,
          result.offset / 4,
          result.height,
          i,
          j,
          ...factors,
        ]);
      }
    }
  }
  return tiles;
}

/** Length of the software recurrence's private arrays: one compiled shader for many numbers of units. */
function room(units: number): number {
  return Math.max(16, 2 ** Math.ceil(Math.log2(units)));
}

/** What gemm_software.wgsl finds in `sizes`. */
const GEMM_SIZES = {
  ROWS: 0,
  FIRST: 0,
  WEIGHTS: 0,
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
  HIDDEN4: 0,
  WEIGHTS: 0,
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
  const groups = (n: number, each: number) => Math.ceil(n / each);
  const updateGroups = groups(layout.size / 4, 64);
  const memory = new Memory({
    weights: layout.size,
    slots: Math.max(slotCount(spec) * layout.size, 64),
    gradient: layout.size,
    series: spec.values.length,
    order: STRETCH * batchSize,
    rates: STRETCH,
    metrics: 2 * STRETCH,
    control: 64,
    inputs: STRETCH_INPUTS * batchSize * spec.windowSize,
    sums: 2 * rows,
    // Of each workgroup of the optimizer, and their sum.
    squares: ceil64(updateGroups + 1),
    tiles: 0,
  }, set.textures);
  const ones: Plan["ones"] = [];
  /** A layer's output with its column of ones; `before` rows of zeros come first. */
  const output = (width: number, before = 0): Layer => {
    const stride = ceil4(width + 1);
    const view = memory.reserve("activations", (rows + before) * stride);
    if (!set.textures) {
      ones.push({ offset: view.offset + width, stride, rows: rows + before });
    }
    return { view, stride, width, skip: 0 };
  };
  /** A stage's sizes, in the way the kernel set takes them; `absent` are those that it doesn't use. */
  const sized = (
    sizes: Record<string, number>,
    absent: Record<string, number>,
  ): Pick<Stage, "constants" | "sizes"> =>
    set.uniformSizes
      ? { constants: {}, sizes: { ...absent, ...sizes } }
      : { constants: sizes };
  /** Where in what `bind()` binds a matrix begins, for kernels that want to know. */
  const begins = (matrix: Matrix): Record<string, number> =>
    set.textures ? { WEIGHTS: matrix.offset / 4 } : {};

  const patches = output(spec.kernelSize);
  const conv = output(spec.filters);
  const gather = (buffer: "series" | "inputs"): Stage => {
    const sources = {
      1: buffer,
      2: "order",
      3: "control",
    } as const;
    const constants = {
      ROWS: rows,
      BATCH: batchSize,
      WINDOW: spec.windowSize,
      KERNEL: spec.kernelSize,
      STRIDE: spec.strides,
      PAD_LEFT: padLeft,
    };
    return set.textures
      ? {
        what: "gathering of windows",
        code: set.gather,
        entryPoint: "gather",
        constants: { ...constants, OUT4: patches.stride / 4 },
        ...memory.bind({ tensors: { 4: patches.view }, buffers: sources }),
        showsWeights: true,
        grid: [groups(rows, 8), 1],
      }
      : {
        what: "convolution",
        code: set.gather,
        entryPoint: "convolve",
        constants: {
          ...constants,
          PATCH_WIDTH: patches.stride,
          COLUMNS: layout.conv.columns / 4,
          OUT4: conv.stride / 4,
          WIDTH: spec.filters,
        },
        ...memory.bind({
          weights: layout.conv,
          tensors: { 4: patches.view, 5: conv.view },
          buffers: sources,
        }),
        grid: [groups(rows, 64), layout.conv.columns / 4],
      };
  };

  const forward: Stage[] = [], backward: Stage[] = [];
  const products: Product[] = [];
  const project = (
    what: string,
    input: Layer,
    matrix: Matrix,
    result: { view: Tensor; stride: number; width: number; relu: boolean },
  ): Stage => ({
    ...memory.bind({
      weights: matrix,
      tensors: { 1: input.view, 2: result.view },
    }),
    what,
    code: set.gemm,
    entryPoint: "project",
    ...sized({
      ROWS: rows,
      IN4: input.stride / 4,
      FIRST: input.skip / 4,
      OUT4: result.stride / 4,
      COLUMNS: matrix.columns / 4,
      WIDTH: result.width,
      RELU: Number(result.relu),
      ...begins(matrix),
    }, GEMM_SIZES),
    grid: [
      groups(rows, set.projectTile[0]),
      groups(
        (set.textures ? result.stride : matrix.columns) / 4,
        set.projectTile[1],
      ),
    ],
  });
  /** Gradient by a layer's input; `masked` by the relu that made the input. */
  const inputGradient = (
    what: string,
    deltas: Tensor,
    matrix: Matrix,
    input: Layer,
    masked: boolean,
  ): { stage: Stage; deltas: Tensor } => {
    const stride = ceil4(input.width);
    const result = memory.reserve("deltas", rows * stride);
    return {
      deltas: result,
      stage: {
        ...memory.bind({
          weights: matrix,
          tensors: { 1: deltas, 2: result, 3: input.view },
        }),
        what,
        code: set.gemm,
        entryPoint: "input_gradient",
        ...sized({
          ROWS: rows,
          COLUMNS: matrix.columns / 4,
          OUT4: stride / 4,
          ACT4: input.stride / 4,
          SKIP: input.skip / 4,
          WIDTH: input.width,
          MASKED: Number(masked),
          ...begins(matrix),
        }, GEMM_SIZES),
        grid: [
          groups(rows, set.inputGradientTile[0]),
          groups(stride / 4, set.inputGradientTile[1]),
        ],
      },
    };
  };

  if (set.textures) {
    forward.push(
      project("convolution", patches, layout.conv, { ...conv, relu: true }),
    );
  }
  let current: Layer = conv;
  const made = spec.lstmUnits.map((units, i) => {
    const { kernel, recurrent } = layout.lstm[i]!;
    const input = current;
    const gates = memory.reserve("gates", rows * 4 * units);
    // Cells; and the gates, too, where they can't take the projections' place: textures aren't read and written at once.
    const states = set.textures
      ? memory.reserve("gates", rows * 5 * ceil4(units))
      : memory.reserve("cells", (rows + batchSize) * units);
    const all = output(units, batchSize);
    // A time step later: h[t] for what comes next, h[t-1] for the recurrence.
    current = { ...all, skip: batchSize * all.stride };
    const lstmCode = `const ROOM = ${room(units)}u;\n` +
      activationsCode + set.lstm;
    const constants = {
      STEPS: steps,
      BATCH: batchSize,
      UNITS: units,
      ...set.textures
        ? { HIDDEN4: all.stride / 4 }
        : { HIDDEN: all.stride, DELTA: ceil4(units) },
      ...begins(recurrent),
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
        ...memory.bind({
          weights: recurrent,
          tensors: { 1: gates, 2: states, 3: all.view },
        }),
        grid: [set.lstmGroups(batchSize, units), 1],
      },
    );
    return {
      input,
      all,
      gates,
      states,
      kernel,
      recurrent,
      constants,
      lstmCode,
    };
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
  let deltas = memory.reserve("deltas", rows * deltaWidth);
  const lossConstants = {
    ROWS: rows,
    BATCH: batchSize,
    STEPS: steps,
    HORIZON: horizon,
    FROM: spec.lossStart,
  };
  const loss: Stage = {
    what: "loss",
    code: set.loss,
    entryPoint: "derive",
    constants: {
      ...lossConstants,
      STRIDE: spec.strides,
      ANCHOR: anchor[0]!,
      SCALE: spec.outputScale,
      LOSS: ["huber", "mse", "mae"].indexOf(spec.loss),
      DELTA: spec.huberDelta,
      OUT4: current.stride / 4,
      DELTA4: deltaWidth / 4,
    },
    ...memory.bind({
      tensors: { 3: current.view, 4: deltas },
      buffers: {
        0: "series",
        1: "order",
        2: "control",
        5: "sums",
      },
    }),
    grid: [groups(rows, 64), 1],
  };
  const finish: Stage = {
    what: "metrics",
    code: set.loss,
    entryPoint: "finish",
    constants: lossConstants,
    ...memory.bind({
      buffers: { 2: "control", 5: "sums", 6: "metrics" },
    }),
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
    const {
      input,
      all,
      gates,
      states,
      kernel,
      recurrent,
      constants,
      lstmCode,
    } = made[i]!;
    const dz = memory.reserve("deltas", gates.size);
    backward.push({
      what: `back-propagation through time of LSTM ${i}`,
      code: lstmCode,
      entryPoint: "backward",
      ...sized(constants, LSTM_SIZES),
      ...memory.bind({
        weights: recurrent,
        tensors: set.textures
          ? { 1: states, 2: deltas, 3: dz }
          : { 1: gates, 2: states, 4: deltas, 5: dz },
      }),
      grid: [set.lstmGroups(batchSize, constants.UNITS), 1],
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

  const tiles = cutTiles(products, set);
  const count = tiles.length;
  const splits = set.splits(rows, count);
  memory.sizes.tiles = count * tiles[0]!.length;
  const partials = memory.reserve("partials", splits * layout.size);
  backward.push({
    what: "weight gradients",
    code: set.gradient,
    entryPoint: "accumulate",
    constants: { ROWS: rows, SPLITS: splits, COUNT: layout.size / 4 },
    ...memory.bind({
      tensors: { 3: partials },
      all: { 1: "activations", 2: "deltas" },
      buffers: { 0: "tiles" },
    }),
    grid: [count, splits],
  });

  const updateStage = (
    what: string,
    entryPoint: string,
    wanted: Wanted,
    x: number,
  ): Stage => ({
    what,
    code: set.update,
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
      GROUPS: updateGroups,
    },
    ...memory.bind(wanted),
    grid: [x, 1],
  });
  const reduce = updateStage("sum of the partial gradients", "reduce", {
    tensors: { 0: partials },
    buffers: { 1: "gradient", 2: "squares" },
  }, updateGroups);
  const state = {
    3: "rates",
    4: "control",
    5: "weights",
    6: "slots",
  } as const;
  const update = spec.clipNorm > 0
    ? [
      reduce,
      updateStage("norm of the gradient", "norm", {
        buffers: { 2: "squares" },
      }, 1),
      updateStage("optimizer", "update_clipped", {
        shownWeights: 7,
        buffers: { 1: "gradient", 2: "squares", ...state },
      }, updateGroups),
    ]
    : [
      updateStage("optimizer", "update", {
        shownWeights: 7,
        tensors: { 0: partials },
        buffers: state,
      }, updateGroups),
    ];

  return {
    layout,
    memory,
    ones,
    tiles: Uint32Array.from(tiles.flat()),
    gather: { series: gather("series"), inputs: gather("inputs") },
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
