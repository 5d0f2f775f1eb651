/**
 * How a step's cost grows with window, batch, units and data.
 * @module
 */

import type { GpuHandle } from "../../lib/engine/device.ts";
import type { Contestant } from "./contestant.ts";
import { createFused, createWasm } from "./engines.ts";
import { takeTurns } from "./measure.ts";
import type { Spread } from "./statistics.ts";
import { makeWorkload, type WorkloadOptions } from "./workload.ts";

/** One direction in which the exercise is made larger. */
interface Axis {
  name: AxisName;
  values: readonly number[];
  change(value: number): WorkloadOptions;
}

/** What grows. */
export type AxisName = "window" | "batch" | "units" | "windows";

/** A small step size: what is timed is arithmetic, and it must stay finite for every shape. */
const learningRate = 1e-6;

const AXES: readonly Axis[] = [
  {
    name: "window",
    values: [15, 30, 60, 120, 240],
    change: (windowSize) => ({ windowSize, learningRate }),
  },
  {
    name: "batch",
    values: [1, 8, 32, 128, 512],
    change: (batchSize) => ({ batchSize, learningRate }),
  },
  {
    name: "units",
    values: [16, 32, 64, 128],
    change: (units) => ({ lstmUnits: [units, units], learningRate }),
  },
  {
    name: "windows",
    values: [1, 3, 10, 30, 100],
    change: (copies) => ({ copies, learningRate }),
  },
];

/** One engine at one size. */
export interface ScalingPoint {
  /** What was changed of the exercise. */
  axis: AxisName;
  /** To what; for `windows` the number of training windows. */
  value: number;
  /** Which engine. */
  key: string;
  /** Milliseconds per step. */
  ms: Spread;
  /** Arithmetic per second at the median. */
  gflops: number;
  /** Steps of an epoch. */
  stepsPerEpoch: number;
  /** An epoch's seconds: its steps at the median. */
  epochSeconds: number;
}

/** How to measure. */
export interface ScalingOptions {
  /** The GPU, if there is one. */
  handle?: GpuHandle | undefined;
  /** Whether a contestant is wanted. */
  wanted: (key: string) => boolean;
  /** Only the ends of each axis. */
  quick: boolean;
  /** Turns at each size. */
  rounds: number;
  /** Milliseconds of one turn. */
  budgetMs: number;
  /** Called with each size before it's measured. */
  onPoint: (axis: AxisName, value: number) => void;
}

/** Times the fast engines at every size. */
export async function measureScaling(
  options: ScalingOptions,
): Promise<ScalingPoint[]> {
  const { handle, wanted, quick, rounds, budgetMs, onPoint } = options;
  const points: ScalingPoint[] = [];
  const threads = Math.min(2, navigator.hardwareConcurrency);
  for (const { name, values, change } of AXES) {
    for (const value of quick ? [values[0]!, values.at(-1)!] : values) {
      const workload = await makeWorkload(change(value));
      const size = name === "windows" ? workload.order.length : value;
      onPoint(name, size);
      const contestants: Contestant[] = [];
      try {
        for (const n of new Set([1, threads])) {
          if (wanted(`wasm-${n}`)) {
            contestants.push(await createWasm(workload, { threads: n }));
          }
        }
        if (handle && wanted("webgpu")) {
          contestants.push(await createFused(workload, { handle }));
        }
        const timings = await takeTurns(contestants, { rounds, budgetMs });
        const stepsPerEpoch = Math.ceil(
          workload.order.length / workload.spec.batchSize,
        );
        for (const { key, ms } of timings) {
          points.push({
            axis: name,
            value: size,
            key,
            ms,
            gflops: workload.flops / ms.median / 1e6,
            stepsPerEpoch,
            epochSeconds: stepsPerEpoch * ms.median / 1000,
          });
        }
      } finally {
        for (const contestant of contestants) await contestant.dispose();
      }
    }
  }
  return points;
}
