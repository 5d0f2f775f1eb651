/**
 * The whole train step as data: which buffers, which dispatches on which parts of them, in which
 * order. Knows the model and the kernel set, not the GPU.
 * @module
 */

import { alignment } from "../../alignment.ts";
import { type EngineSpec, slotCount } from "../engine.ts";
import {
  ceil4,
  ceil64,
  type DeviceLayout,
  deviceLayout,
  type Matrix,
} from "./device_layout.ts";
import type { KernelSet } from "./kernels.ts";
import { lossStages } from "./loss_stages.ts";
import { lstmStages } from "./lstm_stages.ts";
import { inputGradient, project } from "./matrix_products.ts";
import { Memory, type Tensor, type TensorName } from "./memory.ts";
import { optimizerGroups, optimizerStages } from "./optimizer_stages.ts";
import {
  groups,
  type Layer,
  type Stage,
  type StepContext,
  STRETCH,
  STRETCH_INPUTS,
} from "./stage.ts";
import { type Product, weightGradients } from "./weight_gradients.ts";

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

/** A layer that multiplies its input by a matrix: what goes in, and the gradient by what comes out. */
interface Link {
  what: string;
  input: Layer;
  matrix: Matrix;
  deltas: Tensor;
}

/** The memory that doesn't depend on the layers, in float32s. */
function makeMemory(
  spec: EngineSpec,
  layout: DeviceLayout,
  set: KernelSet,
  rows: number,
): Memory {
  const { batchSize, windowSize, values } = spec;
  return new Memory(
    {
      weights: layout.size,
      slots: Math.max(slotCount(spec) * layout.size, 64),
      gradient: layout.size,
      series: values.length,
      order: STRETCH * batchSize,
      rates: STRETCH,
      metrics: 2 * STRETCH,
      control: 64,
      inputs: STRETCH_INPUTS * batchSize * windowSize,
      sums: 2 * rows,
      // Of each workgroup of the optimizer, and their sum.
      squares: ceil64(optimizerGroups(layout.size) + 1),
      tiles: 0,
    },
    layout,
    set.textures,
  );
}

/** The stage that fetches a batch's windows; with buffers it convolves them, too. */
function gatherStage(
  { spec, set, layout, memory, positions, rows }: StepContext,
  source: "series" | "inputs",
  { patches, conv }: { patches: Tensor; conv: Tensor },
): Stage {
  return {
    what: set.textures ? "gathering of windows" : "convolution",
    code: set.gather,
    entryPoint: set.textures ? "gather" : "convolve",
    facts: {
      ROWS: rows,
      BATCH: spec.batchSize,
      WINDOW: spec.windowSize,
      KERNEL: spec.kernelSize,
      STRIDE: spec.strides,
      PAD_LEFT: positions.padLeft,
      PATCHES: patches.offset / 4,
      PATCH4: patches.columns / 4,
      COLUMNS: layout.conv.columns / 4,
      OUT4: conv.columns / 4,
      WIDTH: spec.filters,
    },
    ...memory.bind({
      tensors: set.textures ? { 4: patches } : { 4: patches, 5: conv },
      buffers: { 1: source, 2: "order", 3: "control" },
      ...!set.textures && { weights: layout.conv },
    }),
    showsWeights: set.textures,
    grid: set.textures
      ? [groups(rows, 8), 1]
      : [groups(rows, 64), layout.conv.columns / 4],
  };
}

/** Lays out the train step of a model. */
export function makePlan(spec: EngineSpec, set: KernelSet): Plan {
  const { batchSize } = spec;
  const positions = alignment(spec);
  const { steps } = positions;
  const rows = steps * batchSize;
  const layout = deviceLayout(spec, set.textures);
  const memory = makeMemory(spec, layout, set, rows);
  const context: StepContext = { spec, set, layout, memory, positions, rows };
  const ones: Plan["ones"] = [];
  // No dispatch may read the texture that it writes, so neighbours are on different sides. A layer's output and the
  // gradient by what is made of it are on the same one: they are a weight gradient's factors.
  const side = (
    number: number,
    [first, other]: [TensorName, TensorName],
  ): TensorName => set.textures && number % 2 === 1 ? other : first;
  /** A layer's output with its column of ones; `before` rows of zeros come first. */
  const reserveLayer = (number: number, width: number, before = 0): Layer => {
    const name = side(number, ["activations", "otherActivations"]);
    const tensor = memory.reserve(name, rows + before, ceil4(width + 1));
    if (!set.textures) ones.push({ tensor, column: width });
    return { tensor, width, before };
  };
  /** A gradient by a layer's output; the rows that pad them to a multiple of 4 stay 0. */
  const reserveDeltas = (number: number, width: number): Tensor =>
    memory.reserve(
      side(number, ["deltas", "otherDeltas"]),
      ceil4(rows),
      ceil4(width),
    );

  const patches = reserveLayer(1, spec.kernelSize);
  const conv = reserveLayer(0, spec.filters);
  const convDeltas = reserveDeltas(1, spec.filters);
  const forward: Stage[] = set.textures
    ? [project(context, {
      what: "convolution",
      input: patches,
      matrix: layout.conv,
      result: conv,
      relu: true,
    })]
    : [];
  let current = conv;
  const lstm = spec.lstmUnits.map((units, i) => {
    const { kernel, recurrent } = layout.lstm[i]!;
    const what = `LSTM ${i}`;
    const projections = memory.reserve("projections", rows, 4 * units);
    const dh = reserveDeltas(1, units);
    const dz = reserveDeltas(0, 4 * units);
    const output = reserveLayer(0, units, batchSize);
    if (set.textures && units % 4 === 0) {
      ones.push({ tensor: output.tensor, column: units });
    }
    const both = lstmStages(context, {
      name: what,
      recurrent,
      projections,
      output,
      dh,
      dz,
    });
    const link: Link = { what, input: current, matrix: kernel, deltas: dz };
    forward.push(
      project(context, {
        ...link,
        what: `input projection of ${what}`,
        result: { tensor: projections, width: 4 * units },
      }),
      both.forward,
    );
    current = output;
    return {
      link,
      dh,
      backward: both.backward,
      // h[t-1] is h[t] a time step earlier.
      recurrence: {
        left: { ...output, before: 0 },
        right: dz,
        result: recurrent,
      },
    };
  });
  const widths = [...spec.denseUnits, spec.horizon];
  const dense = layout.dense.map((matrix, i): Link => {
    const units = widths[i]!;
    const link = {
      what: `dense layer ${i}`,
      input: current,
      matrix,
      deltas: reserveDeltas(i, units),
    };
    current = reserveLayer(i + 1, units);
    forward.push(
      project(context, {
        ...link,
        result: current,
        relu: i < spec.denseUnits.length,
      }),
    );
    return link;
  });
  const { derive, finish } = lossStages(context, {
    output: current.tensor,
    derivative: dense.at(-1)!.deltas,
  });

  const backward: Stage[] = [];
  const products: Product[] = [];
  /** The way back through a layer: its weights' gradient, and the gradient by its input. */
  const goBack = (link: Link, result: Tensor, masked: boolean) => {
    const { input, deltas, matrix } = link;
    products.push({ left: input, right: deltas, result: matrix });
    backward.push(inputGradient(context, { ...link, result, masked }));
  };
  for (const [i, link] of [...dense.entries()].reverse()) {
    goBack(link, dense[i - 1]?.deltas ?? lstm.at(-1)!.dh, i > 0);
  }
  for (const [i, layer] of [...lstm.entries()].reverse()) {
    backward.push(layer.backward);
    goBack(layer.link, lstm[i - 1]?.dh ?? convDeltas, i === 0);
    products.push(layer.recurrence);
  }
  products.push({ left: patches, right: convDeltas, result: layout.conv });
  const gradients = weightGradients(context, products);
  backward.push(...gradients.stages);

  const gather = (source: "series" | "inputs") =>
    gatherStage(context, source, {
      patches: patches.tensor,
      conv: conv.tensor,
    });
  return {
    layout,
    memory,
    ones,
    tiles: gradients.tiles,
    gather: { series: gather("series"), inputs: gather("inputs") },
    forward,
    loss: derive,
    backward,
    ...optimizerStages(context, gradients),
    finish,
    output: current.tensor,
    steps,
  };
}
