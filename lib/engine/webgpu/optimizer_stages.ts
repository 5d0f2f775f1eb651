/**
 * From the partial gradients to new weights: the sum, its norm where gradients are clipped, the
 * update rule.
 * @module
 */

import type { EngineSpec } from "../engine.ts";
import type { Wanted } from "./memory.ts";
import { groups, type Stage, type StepContext, STRETCH } from "./stage.ts";
import type { WeightGradients } from "./weight_gradients.ts";

/** The number by which update.wgsl knows the rule. */
function ruleNumber(spec: EngineSpec): number {
  switch (spec.optimizer) {
    case "sgd":
      return spec.momentum === 0 ? 0 : spec.nesterov ? 2 : 1;
    case "adam":
      return 3;
    case "rmsprop":
      return spec.momentum === 0 ? 4 : 5;
  }
}

/** Workgroups of the optimizer for so many parameters, padding included. */
export function optimizerGroups(size: number): number {
  return groups(size / 4, 64);
}

/** Lays out the optimizer: the gradient as a whole by itself, and the update. */
export function optimizerStages(
  { spec, set, layout, memory }: StepContext,
  { partials, splits }: WeightGradients,
): { reduce: Stage; update: Stage[] } {
  const all = optimizerGroups(layout.size);
  const stage = (
    what: string,
    entryPoint: string,
    wanted: Wanted,
    workgroups = all,
  ): Stage => ({
    what,
    code: `const RATES4 = ${STRETCH / 4}u;\n` + set.update,
    entryPoint,
    facts: {
      COUNT: layout.size / 4,
      LINE: layout.stride / 4,
      SPLITS: splits,
      CLIP: spec.clipNorm,
      OPTIMIZER: ruleNumber(spec),
      MOMENTUM: spec.momentum,
      KEEP1: 1 - spec.beta1,
      KEEP2: 1 - (spec.optimizer === "adam" ? spec.beta2 : spec.rho),
      RHO: spec.rho,
      EPSILON: spec.epsilon,
      GROUPS: all,
    },
    ...memory.bind(wanted),
    grid: [workgroups, 1],
  });
  const reduce = stage("sum of the partial gradients", "reduce", {
    tensors: { 0: partials },
    buffers: { 1: "gradient", 2: "squares" },
  });
  const state = {
    3: "rates",
    4: "control",
    5: "weights",
    6: "slots",
  } as const;
  const update = spec.clipNorm > 0
    ? [
      reduce,
      stage("norm of the gradient", "norm", { buffers: { 2: "squares" } }, 1),
      stage("optimizer", "update_clipped", {
        shownWeights: 7,
        buffers: { 1: "gradient", 2: "squares", ...state },
      }),
    ]
    : [
      stage("optimizer", "update", {
        shownWeights: 7,
        tensors: { 0: partials },
        buffers: state,
      }),
    ];
  return { reduce, update };
}
