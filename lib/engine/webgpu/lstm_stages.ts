/**
 * The recurrence of an LSTM layer and its back-propagation through time, with what they keep for
 * each other.
 * @module
 */

import activationsCode from "./activations.wgsl" with { type: "text" };
import { ceil4, type Matrix } from "./device_layout.ts";
import type { Tensor } from "./memory.ts";
import type { Layer, Stage, StepContext } from "./stage.ts";

/** Length of the software recurrence's private arrays: one compiled shader for many numbers of units. */
function room(units: number): number {
  return Math.max(16, 2 ** Math.ceil(Math.log2(units)));
}

/** What goes into the recurrence and comes back from it. */
export interface LstmOptions {
  /** Which layer, in errors. */
  name: string;
  recurrent: Matrix;
  /** The input's projections, `[rows, 4 units]`. */
  projections: Tensor;
  /** The output, after as many rows of zeros as there are samples. */
  output: Layer;
  /** Gradient by the output and by the projections. */
  dh: Tensor;
  dz: Tensor;
}

/** Lays out both ways. */
export function lstmStages(
  { spec, set, memory, positions, rows }: StepContext,
  { name, recurrent, projections, output, dh, dz }: LstmOptions,
): { forward: Stage; backward: Stage } {
  const { batchSize } = spec;
  const { tensor: hidden, width: units } = output;
  // Cells; and the gates, too, where they can't take the projections' place: textures aren't read and written at once.
  const states = set.textures
    ? memory.reserve("states", rows, 5 * ceil4(units))
    : memory.reserve("states", rows + batchSize, units);
  const common = {
    code: `const ROOM = ${room(units)}u;\n` + activationsCode + set.lstm,
    facts: {
      STEPS: positions.steps,
      BATCH: batchSize,
      UNITS: units,
      WEIGHTS: recurrent.offset / 4,
      PROJECTIONS: projections.offset / 4,
      STATES: states.offset / 4,
      HIDDEN: hidden.offset / 4,
      HIDDEN4: hidden.columns / 4,
      DH: dh.offset / 4,
      DH4: dh.columns / 4,
      DZ: dz.offset / 4,
    },
    grid: [set.lstmGroups(batchSize, units), 1],
  } as const;
  return {
    forward: {
      what: `recurrence of ${name}`,
      entryPoint: "forward",
      ...common,
      ...memory.bind({
        weights: recurrent,
        tensors: { 1: projections, 2: states, 3: hidden },
      }),
    },
    backward: {
      what: `back-propagation through time of ${name}`,
      entryPoint: "backward",
      ...common,
      ...memory.bind({
        weights: recurrent,
        tensors: set.textures
          ? { 1: states, 2: dh, 3: dz }
          : { 1: projections, 2: states, 4: dh, 5: dz },
      }),
    },
  };
}
