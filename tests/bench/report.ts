/**
 * The benchmark's result: as data for programs, as tables for people.
 * @module
 */

import { table } from "../../lib/cli/table.ts";
import type { AdapterDescription } from "../../lib/engine/device.ts";
import { FLOPS_FORMULA } from "./flops.ts";
import type { Machine } from "./machine.ts";
import type { Timing } from "./measure.ts";
import type { AxisName, ScalingPoint } from "./scaling.ts";

/** One row of the comparison. */
export interface ResultRow extends Timing {
  /** Arithmetic per second at the median. */
  gflops: number;
  /** Of the measured peak of what it runs on, 0 to 1; absent where no peak is measured. */
  ofPeak?: number;
  /** Median time, in units of the fastest one's. */
  timesFastest: number;
  /** How many times faster than stock TensorFlow.js on WebGPU, on the CPU. */
  fasterThanStock: { webgpu?: number; cpu?: number };
}

/** Something that the benchmark is meant to show. */
export interface Goal {
  /** In words. */
  goal: string;
  /** What was measured, with its unit. */
  measured: string;
  /** Whether it was reached. */
  met: boolean;
}

/** Everything that a run found. */
export interface BenchReport {
  /** When, in ISO 8601. */
  date: string;
  machine: Machine;
  /** The GPU adapter; `null` without one. */
  adapter: AdapterDescription | null;
  /** Versions of this program and TensorFlow.js. */
  versions: Record<string, string>;
  /** Floating-point operations of the step that is compared. */
  flops: number;
  /** Turns per contestant. */
  rounds: number;
  rows: ResultRow[];
  /** Measured peaks in GFLOPS: the largest of the rounds. */
  peaks: Record<string, number>;
  /** What could not be timed, and why. */
  absent: { key: string; reason: string }[];
  goals: Goal[];
  scaling: ScalingPoint[];
}

/** Puts timings in proportion to each other, to the arithmetic and to the peaks. */
export function makeRows(
  timings: readonly Timing[],
  { flops, peaks }: Pick<BenchReport, "flops" | "peaks">,
): ResultRow[] {
  const fastest = Math.min(...timings.map(({ ms }) => ms.median));
  const stock = (backend: string) =>
    timings.find(({ key }) => key === `stock-${backend}`)?.ms.median;
  const webgpu = stock("webgpu"), cpu = stock("cpu");
  return timings.map((timing) => {
    const { median } = timing.ms;
    const gflops = flops / median / 1e6;
    const peak = timing.peak === undefined ? undefined : peaks[timing.peak];
    return {
      ...timing,
      gflops,
      ...(peak !== undefined && { ofPeak: gflops / peak }),
      timesFastest: median / fastest,
      fasterThanStock: {
        ...(webgpu !== undefined && { webgpu: webgpu / median }),
        ...(cpu !== undefined && { cpu: cpu / median }),
      },
    };
  }).sort((a, b) => a.ms.median - b.ms.median);
}

/** Judges what was measured; a goal whose parts weren't all measured is left out. */
export function judge(
  rows: readonly ResultRow[],
  adapter: AdapterDescription | null,
): Goal[] {
  const ms = (key: string) => rows.find((row) => row.key === key)?.ms.median;
  const goals: Goal[] = [];
  const atLeast = (goal: string, factor: number, wanted: number) =>
    goals.push({
      goal,
      measured: `${factor.toFixed(2)} times`,
      met: factor >= wanted,
    });
  const key = `webgpu-${adapter?.software ? "software" : "hardware"}`;
  const fused = ms(key);
  const stock = ms("stock-webgpu");
  if (fused && stock) {
    atLeast(
      "fused WebGPU at least 30 times as fast as stock tf.layers on WebGPU",
      stock / fused,
      30,
    );
  }
  if (fused && adapter) {
    const limit = adapter.software ? 30 : 0.5;
    goals.push({
      goal: `fused WebGPU at most ${limit} ms a step on ${
        adapter.software ? "a software adapter" : "a graphics card"
      }`,
      measured: `${fused.toFixed(2)} ms`,
      met: fused <= limit,
    });
    const host = rows.find((row) => row.key === key)?.cost;
    if (host) {
      goals.push({
        goal: "fused WebGPU: at most 24 dispatches and 0.5 ms of host time",
        measured: `${host.dispatches} dispatches, ${host.hostMs.toFixed(2)} ms`,
        met: host.dispatches <= 24 && host.hostMs <= 0.5,
      });
    }
  }
  const one = ms("wasm-1"), two = ms("wasm-2");
  for (const peer of ["torch-1", "keras-1"]) {
    const time = ms(peer);
    if (one && time) {
      goals.push({
        goal: `WebAssembly on one thread at most ${
          rows.find((row) => row.key === peer)!.label
        }`,
        measured: `${one.toFixed(2)} ms against ${time.toFixed(2)} ms`,
        met: one <= time,
      });
    }
  }
  if (one && two) {
    atLeast(
      "WebAssembly on two threads at least 1.6 times as fast as on one",
      one / two,
      1.6,
    );
  }
  return goals;
}

const time = (ms: number) =>
  ms >= 100 ? ms.toFixed(0) : ms >= 10 ? ms.toFixed(1) : ms.toFixed(2);
const times = (factor: number | undefined) =>
  factor === undefined
    ? ""
    : factor >= 10
    ? factor.toFixed(0)
    : factor.toFixed(2);

/** What the horizontal direction of each scaling table is called. */
export const AXIS_LABELS: Readonly<Record<AxisName, string>> = {
  window: "window size",
  batch: "batch size",
  units: "units of both LSTM layers",
  windows: "training windows",
};

/** The report as people read it in a terminal. */
export function describeReport(report: BenchReport): string {
  const { machine, adapter, versions, rows, peaks, absent, goals, scaling } =
    report;
  const lines = [
    `${report.date}; ${machine.cpu}, ${machine.cores} cores, ${machine.system}; Deno ${machine.deno}, V8 ${machine.v8}, tfjs ${versions.tfjs}`,
    `GPU adapter: ${
      adapter
        ? `${adapter.vendor} ${adapter.description}${
          adapter.software ? ", software" : ""
        }${adapter.openGl ? ", OpenGL" : ""}`
        : "none"
    }`,
    `One train step: ${
      (report.flops / 1e6).toFixed(1)
    } MFLOP = ${FLOPS_FORMULA}`,
  ];
  if (Object.keys(peaks).length > 0) {
    lines.push(
      `Measured peaks, GFLOPS: ${
        Object.entries(peaks).map(([key, value]) =>
          `${key} ${value.toFixed(1)}`
        )
          .join(", ")
      }`,
    );
  }
  lines.push("");
  if (rows.length > 0) {
    lines.push(
      table([
        [
          `ms per step, ${report.rounds} rounds`,
          "min",
          "median",
          "max",
          "x fastest",
          "vs stock gpu",
          "vs stock cpu",
          "dispatches",
          "submits",
          "host ms",
          "GFLOPS",
          "of peak",
        ],
        ...rows.map((row) => [
          row.label,
          time(row.ms.min),
          time(row.ms.median),
          time(row.ms.max),
          times(row.timesFastest),
          times(row.fasterThanStock.webgpu),
          times(row.fasterThanStock.cpu),
          row.cost ? String(row.cost.dispatches) : "",
          row.cost ? String(+row.cost.submits.toFixed(3)) : "",
          row.cost ? time(row.cost.hostMs) : "",
          row.gflops.toFixed(1),
          row.ofPeak === undefined ? "" : `${(100 * row.ofPeak).toFixed(0)} %`,
        ]),
      ]),
      `First batch's loss, the same for all: ${rows[0]!.firstLoss.toFixed(4)}`,
    );
  }
  if (absent.length > 0) {
    lines.push(
      "",
      ...absent.map(({ key, reason }) => `Not timed: ${key}: ${reason}`),
    );
  }
  if (goals.length > 0) {
    lines.push(
      "",
      ...goals.map(({ goal, measured, met }) =>
        `${met ? "met   " : "missed"}  ${goal}: ${measured}`
      ),
    );
  }
  for (const axis of Object.keys(AXIS_LABELS) as AxisName[]) {
    const points = scaling.filter((point) => point.axis === axis);
    if (points.length === 0) continue;
    const keys = [...new Set(points.map((point) => point.key))];
    const values = [...new Set(points.map((point) => point.value))];
    const epoch = axis === "windows";
    lines.push(
      "",
      table([
        [
          AXIS_LABELS[axis],
          ...keys.flatMap((key) => [
            `${key} ms`,
            epoch ? "s an epoch" : "GFLOPS",
          ]),
        ],
        ...values.map((value) => [
          String(value),
          ...keys.flatMap((key) => {
            const point = points.find((p) =>
              p.key === key && p.value === value
            );
            return point
              ? [
                time(point.ms.median),
                epoch ? time(point.epochSeconds) : point.gflops.toFixed(1),
              ]
              : ["", ""];
          }),
        ]),
      ]),
    );
    if (epoch) {
      lines.push("An epoch's seconds are its steps times the measured median.");
    }
  }
  return lines.join("\n");
}
