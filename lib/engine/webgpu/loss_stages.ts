/**
 * The loss with its derivative by the network's output, and the step's metrics.
 * @module
 */

import type { Tensor } from "./memory.ts";
import { groups, type Stage, type StepContext } from "./stage.ts";

/** Lays out the loss: `derive` before the way back, `finish` at the step's end, which also counts it. */
export function lossStages(
  { spec, set, memory, positions, rows }: StepContext,
  { output, derivative }: { output: Tensor; derivative: Tensor },
): { derive: Stage; finish: Stage } {
  const { steps, anchor } = positions;
  const facts = {
    ROWS: rows,
    BATCH: spec.batchSize,
    STEPS: steps,
    HORIZON: spec.horizon,
    FROM: spec.lossStart,
  };
  return {
    derive: {
      what: "loss",
      code: set.loss,
      entryPoint: "derive",
      facts: {
        ...facts,
        STRIDE: spec.strides,
        ANCHOR: anchor[0]!,
        SCALE: spec.outputScale,
        LOSS: ["huber", "mse", "mae"].indexOf(spec.loss),
        DELTA: spec.huberDelta,
        OUTPUT: output.offset / 4,
        OUT4: output.columns / 4,
        DERIVATIVE: derivative.offset / 4,
        DELTA4: derivative.columns / 4,
      },
      ...memory.bind({
        tensors: { 3: output, 4: derivative },
        buffers: { 0: "series", 1: "order", 2: "control", 5: "sums" },
      }),
      grid: [groups(rows, 64), 1],
    },
    finish: {
      what: "metrics",
      code: set.loss,
      entryPoint: "finish",
      facts,
      ...memory.bind({
        buffers: { 2: "control", 5: "sums", 6: "metrics" },
      }),
      grid: [1, 1],
    },
  };
}
