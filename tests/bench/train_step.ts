/**
 * `deno task bench`: one train step of the exercise's model by everyone who can do it, in one
 * process, in turns; then how the fast engines' cost grows. Prints a table or JSON and exits.
 *
 * `deno task bench:peers` times PyTorch and Keras too, if the `python3` on the PATH has them. Other interpreters:
 * `deno run … --allow-run=/path/to/python tests/bench/train_step.ts --python=/path/to/python`.
 * @module
 */

import { describeOptions, parseOptions } from "../../lib/cli/options.ts";
import { useCpuBackend, useWebgpuBackend } from "../../lib/engine/backend.ts";
import {
  describe,
  type GpuHandle,
  openDevice,
} from "../../lib/engine/device.ts";
import { GpuError, UsageError } from "../../lib/errors.ts";
import { versions } from "../../lib/versions.ts";
import { drawReport } from "./chart.ts";
import type { Contestant, Entry } from "./contestant.ts";
import { createFused, createTfjs, createWasm } from "./engines.ts";
import { createGpuPeakMeter } from "./gpu_peak.ts";
import { describeMachine } from "./machine.ts";
import { requireSameLoss, takeTurns, type Timing } from "./measure.ts";
import { createPeer, type PeerName } from "./peers.ts";
import { type BenchReport, describeReport, judge, makeRows } from "./report.ts";
import { measureScaling } from "./scaling.ts";
import { createStock } from "./stock.ts";
import { measureWasmPeak } from "./wasm_peak.ts";
import { makeWorkload, type Workload } from "./workload.ts";

const OPTIONS = [
  {
    name: "only",
    kind: "text",
    value: "KEY,KEY",
    help:
      "contestants whose key begins so: stock, tfjs, webgpu, wasm, torch, keras, wasm-plain-1 …; and scaling",
    default: "all",
  },
  {
    name: "python",
    kind: "text",
    value: "PATH,PATH",
    help: "interpreters to look for PyTorch and Keras in; needs --allow-run",
    default: "none",
  },
  { name: "rounds", kind: "number", help: "turns of each", default: "5" },
  {
    name: "steps",
    kind: "number",
    help: "steps of a turn",
    default: "what 2 s hold, 1 to 93",
  },
  {
    name: "quick",
    kind: "flag",
    help: "two short rounds, only the ends of the scaling tables",
  },
  {
    name: "scaling",
    kind: "flag",
    help: "how the cost grows; --no-scaling leaves it out",
    default: "on",
  },
  {
    name: "save",
    kind: "text",
    value: "PATH",
    help: "writes PATH.json and PATH.svg; needs --allow-write",
  },
  { name: "json", kind: "flag", help: "JSON on stdout" },
] as const;

/** Progress goes where results don't. */
const say = (line: string) => console.error(line);

/** A whole number above 0. @throws {UsageError} for another one. */
function count(name: string, value: number): number {
  if (Number.isInteger(value) && value >= 1) return value;
  throw new UsageError(
    `Cannot use --${name} ${value}: expected a whole number above 0`,
  );
}

/** Everyone who might take part. */
function entries(
  workload: Workload,
  { handle, pythons }: { handle: GpuHandle | undefined; pythons: string[] },
): Entry[] {
  const gpu = (key: string, make: (handle: GpuHandle) => Promise<Contestant>) =>
    handle ? [{ key, make: () => make(handle) }] : [];
  const wasm = (threads: number, plain = false): Entry => ({
    key: plain ? `wasm-plain-${threads}` : `wasm-${threads}`,
    make: () => createWasm(workload, { threads, plain }),
  });
  const peer = (name: PeerName, threads: number): Entry => ({
    key: `${name}-${threads}`,
    make: () => createPeer(workload, { name, pythons, threads }),
  });
  return [
    ...gpu("stock-webgpu", (handle) =>
      createStock(workload, {
        backend: "webgpu",
        device: describe(handle.adapter),
        peak: "gpu",
      })),
    {
      key: "stock-cpu",
      make: () => createStock(workload, { backend: "cpu", device: "CPU" }),
    },
    ...gpu("tfjs-webgpu", (handle) =>
      createTfjs(workload, {
        backend: "webgpu",
        device: describe(handle.adapter),
        guard: (work) => handle.guard(work),
      })),
    {
      key: "tfjs-cpu",
      make: () => createTfjs(workload, { backend: "cpu", device: "CPU" }),
    },
    ...(["software", "hardware"] as const).flatMap((kernels) =>
      gpu(
        `webgpu-${kernels}`,
        (handle) => createFused(workload, { handle, kernels }),
      )
    ),
    wasm(1),
    wasm(2),
    wasm(1, true),
    wasm(2, true),
    ...(pythons.length > 0
      ? (["torch", "keras"] as const).flatMap((name) => [
        peer(name, 1),
        peer(name, 2),
      ])
      : []),
  ];
}

/** The meters of all peaks, by key. */
async function peakMeters(
  handle: GpuHandle | undefined,
  ms: number,
): Promise<{ key: string; measure: () => Promise<number> }[]> {
  const gpu = handle && await createGpuPeakMeter(handle);
  const cpu = [1, 2].flatMap((threads) => [
    {
      key: `wasm-${threads}`,
      measure: () => measureWasmPeak({ threads, relaxed: true, ms }),
    },
    {
      key: `wasm-plain-${threads}`,
      measure: () => measureWasmPeak({ threads, relaxed: false, ms }),
    },
  ]);
  return gpu ? [{ key: "gpu", measure: () => gpu.measure(ms) }, ...cpu] : cpu;
}

/** Opens the GPU; the reason goes to the report if there is none. */
async function open(
  absent: BenchReport["absent"],
): Promise<GpuHandle | undefined> {
  try {
    return await openDevice();
  } catch (error) {
    if (!(error instanceof GpuError)) throw error;
    absent.push({ key: "everything on WebGPU", reason: error.message });
    return undefined;
  }
}

/** Runs the benchmark. */
async function bench(
  values: ReturnType<typeof parseOptions>,
): Promise<BenchReport> {
  const list = (name: string) =>
    (values.get(name) as string | undefined)?.split(",").filter(Boolean);
  const quick = values.get("quick") === true;
  const only = list("only");
  const wanted = (key: string) =>
    !only || only.some((prefix) => key.startsWith(prefix));
  const rounds = count(
    "rounds",
    (values.get("rounds") as number | undefined) ?? (quick ? 2 : 5),
  );
  const steps = values.get("steps") as number | undefined;
  // An engine on the GPU waits some 10 to 20 ms for the result, once a turn.
  const budgetMs = quick ? 200 : 2000;
  const pythons = list("python") ?? [];
  const absent: BenchReport["absent"] = pythons.length > 0 ? [] : [
    { key: "PyTorch and Keras", reason: "no --python was given" },
  ];
  const workload = await makeWorkload();
  const handle = await open(absent);
  const contestants: Contestant[] = [];
  const peaks: Record<string, number> = {};
  let timings: Timing[];
  let scaling: BenchReport["scaling"] = [];
  try {
    await useCpuBackend();
    if (handle) await useWebgpuBackend(handle);
    for (const { key, make } of entries(workload, { handle, pythons })) {
      if (!wanted(key)) continue;
      say(`Making ${key}`);
      try {
        contestants.push(await make());
      } catch (error) {
        // One that can't be made is a result, not the end of the others.
        absent.push({
          key,
          reason: error instanceof Error ? error.message : String(error),
        });
      }
    }
    requireSameLoss(contestants);
    const meters = (await peakMeters(handle, budgetMs / 4))
      .filter(({ key }) => contestants.some(({ peak }) => peak === key));
    timings = await takeTurns(contestants, {
      rounds,
      budgetMs,
      ...(steps !== undefined && { steps: count("steps", steps) }),
      onWarm: (key, ms) => say(`Warmed up ${key}: ${ms.toFixed(1)} ms a step`),
      onRound: async (round) => {
        say(`Round ${round} of ${rounds}`);
        for (const { key, measure } of meters) {
          peaks[key] = Math.max(peaks[key] ?? 0, await measure());
        }
      },
    });
    for (const contestant of contestants.splice(0)) await contestant.dispose();
    if (values.get("scaling") !== false && (!only || wanted("scaling"))) {
      scaling = await measureScaling({
        handle,
        wanted: (key) =>
          !only || only.every((k) => k === "scaling") || wanted(key),
        quick,
        rounds: quick ? 1 : 3,
        budgetMs: budgetMs / 3,
        onPoint: (axis, value) => say(`Scaling: ${axis} ${value}`),
      });
    }
  } finally {
    for (const contestant of contestants) await contestant.dispose();
    handle?.close();
  }
  const rows = makeRows(timings, { flops: workload.flops, peaks });
  const adapter = handle?.adapter ?? null;
  return {
    date: new Date().toISOString(),
    machine: describeMachine(),
    adapter,
    versions: versions(),
    flops: workload.flops,
    rounds,
    rows,
    peaks,
    absent,
    goals: judge(rows, adapter),
    scaling,
  };
}

if (import.meta.main) {
  try {
    if (Deno.args.includes("--help")) {
      console.log(`deno task bench [options]\n\n${describeOptions(OPTIONS)}`);
      Deno.exit(0);
    }
    const values = parseOptions(Deno.args, OPTIONS);
    const report = await bench(values);
    const json = JSON.stringify(report, null, 2);
    console.log(values.get("json") === true ? json : describeReport(report));
    const path = values.get("save") as string | undefined;
    if (path !== undefined) {
      await Deno.writeTextFile(`${path}.json`, `${json}\n`);
      await Deno.writeTextFile(`${path}.svg`, drawReport(report));
    }
    Deno.exit(0);
  } catch (error) {
    console.error(
      `error: ${error instanceof Error ? error.message : String(error)}`,
    );
    Deno.exit(error instanceof UsageError ? 2 : 1);
  }
}
