/**
 * One dispatch as data, and what all who make one know: the model, the kernel set, the memory.
 * @module
 */

import type { Alignment } from "../../alignment.ts";
import type { EngineSpec } from "../engine.ts";
import type { DeviceLayout } from "./device_layout.ts";
import type { KernelSet } from "./kernels.ts";
import type { Bindings, Memory, Tensor } from "./memory.ts";

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

/** What stages are made from. */
export interface StepContext {
  spec: EngineSpec;
  set: KernelSet;
  layout: DeviceLayout;
  memory: Memory;
  /** Where the output positions are. */
  positions: Alignment;
  /** Output positions of a batch, time-major: `row = position * batchSize + sample`. */
  rows: number;
}

/** A layer's output over a batch: in each row `width` numbers and a 1. */
export interface Layer {
  tensor: Tensor;
  width: number;
  /** Rows of the tensor before the layer's first. */
  before: number;
}

/** Workgroups for `n` things, `each` a workgroup. */
export function groups(n: number, each: number): number {
  return Math.ceil(n / each);
}
