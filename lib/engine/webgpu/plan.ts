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
import {
  type Bindings,
  Memory,
  type Tensor,
  type TensorName,
  type Wanted,
} from "./memory.ts";

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
  /** Of these the code takes what it declares by `override NAME` or names as `sizes.NAME`. */
  facts: Record<string, number>;
  /** Whether the weights' texture is to be brought up to date first. */
  showsWeights?: boolean;
  /** Workgroups. */
  grid: readonly [x: number, y: number];
}

/** A train step and its parts. */
export interface Plan {
  layout: DeviceLayout;
  memory: Memory;
  /** Columns of tensors that hold a constant 1 and that no stage writes: of a tensor, the number of the column. */
  ones: { tensor: Tensor; column: number }[];
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
  /** The network's unscaled output, `[steps, batch, horizon]` and padding. */
  output: Tensor;
  /** Output positions per window. */
  steps: number;
}

/** A layer's output over a batch: in each row `width` numbers and a 1. */
interface Layer {
  tensor: Tensor;
  width: number;
  /** Rows of the tensor before the layer's first. */
  before: number;
}

/** One weight gradient: `left` transposed times `right`. */
interface Product {
  left: Layer;
  right: Tensor;
  result: Matrix;
}

/** A product cut into the tiles of `accumulate`, as its `struct Tile` has them. */
function cutTiles(
  { left, right, result }: Product,
  [high, wide]: KernelSet["gradientTile"],
): number[][] {
  const tiles: number[][] = [];
  const columns = result.columns / 4;
  for (let j = 0; j < columns; j += wide) {
    for (let i = 0; i < result.height; i += high) {
      tiles.push([
        left.tensor.offset / 4,
        left.tensor.columns / 4,
        left.before,
        right.offset / 4,
        columns,
        result.offset / 4,
        result.height,
        i,
        j,
      ]);
    }
  }
  return tiles;
}

/** Length of the software recurrence's private arrays: one compiled shader for many numbers of units. */
function room(units: number): number {
  return Math.max(16, 2 ** Math.ceil(Math.log2(units)));
}

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
  const layout = deviceLayout(spec, set.textures);
  const groups = (n: number, each: number) => Math.ceil(n / each);
  const updateGroups = groups(layout.size / 4, 64);
  const memory = new Memory(
    {
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
    },
    layout,
    set.textures,
  );
  // Layer i's output and its delta lie in textures of the same number, so that a product's factors do, too.
  const activations: readonly TensorName[] = set.textures
    ? ["activations", "otherActivations"]
    : ["activations", "activations"];
  const deltaNames: readonly TensorName[] = set.textures
    ? ["deltas", "otherDeltas"]
    : ["deltas", "deltas"];
  const ones: Plan["ones"] = [];
  /** A layer's output with its column of ones; `before` rows of zeros come first. */
  const output = (side: number, width: number, before = 0): Layer => {
    const tensor = memory.reserve(
      activations[side]!,
      rows + before,
      ceil4(width + 1),
    );
    if (!set.textures) ones.push({ tensor, column: width });
    return { tensor, width, before };
  };
  const reserveDeltas = (side: number, width: number): Tensor =>
    memory.reserve(deltaNames[side]!, rows, ceil4(width));

  const patches = output(1, spec.kernelSize);
  const conv = output(0, spec.filters);
  const gather = (buffer: "series" | "inputs"): Stage => ({
    what: set.textures ? "gathering of windows" : "convolution",
    code: set.gather,
    entryPoint: set.textures ? "gather" : "convolve",
    facts: {
      ROWS: rows,
      BATCH: batchSize,
      WINDOW: spec.windowSize,
      KERNEL: spec.kernelSize,
      STRIDE: spec.strides,
      PAD_LEFT: padLeft,
      PATCHES: patches.tensor.offset / 4,
      PATCH4: patches.tensor.columns / 4,
      COLUMNS: layout.conv.columns / 4,
      OUT4: conv.tensor.columns / 4,
      WIDTH: spec.filters,
    },
    ...memory.bind({
      tensors: set.textures
        ? { 4: patches.tensor }
        : { 4: patches.tensor, 5: conv.tensor },
      buffers: { 1: buffer, 2: "order", 3: "control" },
      ...!set.textures && { weights: layout.conv },
    }),
    showsWeights: set.textures,
    grid: set.textures
      ? [groups(rows, 8), 1]
      : [groups(rows, 64), layout.conv.columns / 4],
  });

  const forward: Stage[] = [], backward: Stage[] = [];
  const products: Product[] = [];
  const project = (
    what: string,
    input: Layer,
    matrix: Matrix,
    result: { tensor: Tensor; width: number },
    relu: boolean,
  ): Stage => ({
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
  });
  /** Gradient by a layer's input; `masked` by the relu that made the input. */
  const inputGradient = (
    what: string,
    { input, matrix, deltas }: {
      input: Layer;
      matrix: Matrix;
      deltas: Tensor;
    },
    result: Tensor,
    masked: boolean,
  ): Stage => ({
    ...memory.bind({
      weights: matrix,
      tensors: { 1: deltas, 2: result, 3: input.tensor },
    }),
    what,
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
  });

  if (set.textures) {
    forward.push(project("convolution", patches, layout.conv, conv, true));
  }
  let current = conv;
  const made = spec.lstmUnits.map((units, i) => {
    const { kernel, recurrent } = layout.lstm[i]!;
    const input = current;
    const gates = memory.reserve("projections", rows, 4 * units);
    // Cells; and the gates, too, where they can't take the projections' place: textures aren't read and written at once.
    const states = set.textures
      ? memory.reserve("states", rows, 5 * ceil4(units))
      : memory.reserve("states", rows + batchSize, units);
    // A time step later: h[t] for what comes next, h[t-1] for the recurrence.
    current = output(0, units, batchSize);
    const hidden = { ...current, before: 0 };
    if (set.textures && units % 4 === 0) {
      ones.push({ tensor: hidden.tensor, column: units });
    }
    const dh = reserveDeltas(1, units);
    const dz = reserveDeltas(0, 4 * units);
    const common = {
      code: `const ROOM = ${room(units)}u;\n` + activationsCode + set.lstm,
      facts: {
        STEPS: steps,
        BATCH: batchSize,
        UNITS: units,
        WEIGHTS: recurrent.offset / 4,
        PROJECTIONS: gates.offset / 4,
        STATES: states.offset / 4,
        HIDDEN: hidden.tensor.offset / 4,
        HIDDEN4: hidden.tensor.columns / 4,
        DH: dh.offset / 4,
        DH4: dh.columns / 4,
        DZ: dz.offset / 4,
      },
      grid: [set.lstmGroups(batchSize, units), 1],
    } as const;
    forward.push(
      project(`input projection of LSTM ${i}`, input, kernel, {
        tensor: gates,
        width: 4 * units,
      }, false),
      {
        what: `recurrence of LSTM ${i}`,
        entryPoint: "forward",
        ...common,
        ...memory.bind({
          weights: recurrent,
          tensors: { 1: gates, 2: states, 3: hidden.tensor },
        }),
      },
    );
    const back: Stage = {
      what: `back-propagation through time of LSTM ${i}`,
      entryPoint: "backward",
      ...common,
      ...memory.bind({
        weights: recurrent,
        tensors: set.textures
          ? { 1: states, 2: dh, 3: dz }
          : { 1: gates, 2: states, 4: dh, 5: dz },
      }),
    };
    return { input, hidden, dh, dz, kernel, recurrent, back };
  });
  const widths = [...spec.denseUnits, horizon];
  const dense = layout.dense.map((matrix, i) => {
    const input = current;
    const units = widths[i]!;
    current = output(1 - i % 2, units);
    forward.push(
      project(
        `dense layer ${i}`,
        input,
        matrix,
        current,
        i < spec.denseUnits.length,
      ),
    );
    return { input, matrix, deltas: reserveDeltas(i % 2, units) };
  });

  const lossFacts = {
    ROWS: rows,
    BATCH: batchSize,
    STEPS: steps,
    HORIZON: horizon,
    FROM: spec.lossStart,
  };
  const derivative = dense.at(-1)!.deltas;
  const loss: Stage = {
    what: "loss",
    code: set.loss,
    entryPoint: "derive",
    facts: {
      ...lossFacts,
      STRIDE: spec.strides,
      ANCHOR: anchor[0]!,
      SCALE: spec.outputScale,
      LOSS: ["huber", "mse", "mae"].indexOf(spec.loss),
      DELTA: spec.huberDelta,
      OUTPUT: current.tensor.offset / 4,
      OUT4: current.tensor.columns / 4,
      DERIVATIVE: derivative.offset / 4,
      DELTA4: derivative.columns / 4,
    },
    ...memory.bind({
      tensors: { 3: current.tensor, 4: derivative },
      buffers: { 0: "series", 1: "order", 2: "control", 5: "sums" },
    }),
    grid: [groups(rows, 64), 1],
  };
  const finish: Stage = {
    what: "metrics",
    code: set.loss,
    entryPoint: "finish",
    facts: lossFacts,
    ...memory.bind({
      buffers: { 2: "control", 5: "sums", 6: "metrics" },
    }),
    grid: [1, 1],
  };

  for (let i = dense.length - 1; i >= 0; i--) {
    const layer = dense[i]!;
    products.push({
      left: layer.input,
      right: layer.deltas,
      result: layer.matrix,
    });
    backward.push(
      inputGradient(
        `gradient by the input of dense layer ${i}`,
        layer,
        i > 0 ? dense[i - 1]!.deltas : made.at(-1)!.dh,
        i > 0,
      ),
    );
  }
  const convDeltas = reserveDeltas(1, spec.filters);
  for (let i = made.length - 1; i >= 0; i--) {
    const { input, hidden, dz, kernel, recurrent, back } = made[i]!;
    products.push(
      { left: input, right: dz, result: kernel },
      { left: hidden, right: dz, result: recurrent },
    );
    backward.push(
      back,
      inputGradient(
        `gradient by the input of LSTM ${i}`,
        { input, matrix: kernel, deltas: dz },
        i > 0 ? made[i - 1]!.dh : convDeltas,
        i === 0,
      ),
    );
  }
  products.push({ left: patches, right: convDeltas, result: layout.conv });

  // One dispatch for the products whose factors lie in the same textures or buffers.
  const tiles = Map.groupBy(products, ({ right }) => right.buffer)
    .entries().map(([right, group]) => ({
      left: group[0]!.left.tensor.buffer,
      right,
      tiles: group.flatMap((product) => cutTiles(product, set.gradientTile)),
    })).toArray();
  const allTiles = tiles.flatMap(({ tiles }) => tiles);
  const splits = set.splits(rows, allTiles.length);
  memory.sizes.tiles = allTiles.flat().length;
  const lines = layout.stride && layout.size / layout.stride;
  const partials = set.textures
    ? memory.reserve("partials", splits * lines, layout.stride)
    : memory.reserve("partials", splits, layout.size);
  let firstTile = 0;
  for (const { left, right, tiles: { length } } of tiles) {
    backward.push({
      what: "weight gradients",
      code: set.gradient,
      entryPoint: "accumulate",
      facts: {
        ROWS: rows,
        SPLITS: splits,
        FIRST: firstTile,
        COUNT: layout.size / 4,
        LINES: lines,
        LINE: layout.stride / 4,
      },
      ...memory.bind({
        tensors: { 3: partials },
        all: { 1: left, 2: right },
        buffers: { 0: "tiles" },
      }),
      grid: [length, splits],
    });
    firstTile += length;
  }

  const updateStage = (
    what: string,
    entryPoint: string,
    wanted: Wanted,
    x: number,
  ): Stage => ({
    what,
    code: set.update,
    entryPoint,
    facts: {
      COUNT: layout.size / 4,
      LINE: layout.stride / 4,
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
    tiles: Uint32Array.from(allTiles.flat()),
    gather: { series: gather("series"), inputs: gather("inputs") },
    forward,
    loss,
    backward,
    reduce,
    update,
    finish,
    output: current.tensor,
    steps,
  };
}
