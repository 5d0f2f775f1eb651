/**
 * Examines machine, GPU, engines and checkpoints: which engine would train here, whether it
 * computes rightly, how fast, and what to do about everything that isn't as it could be.
 * @module
 */

import { type AutoChoice, examineAuto } from "./doctor/auto_check.ts";
import {
  type CheckpointFacts,
  gatherCheckpoint,
} from "./doctor/checkpoint_facts.ts";
import {
  checkEngine,
  type CheckOptions,
  type EngineCheck,
} from "./doctor/engine_check.ts";
import { type Facts, type Finding, readFindings } from "./doctor/findings.ts";
import { gatherGpu } from "./doctor/gpu_facts.ts";
import { knownSpec, knownWeights } from "./doctor/known_steps.ts";
import { gatherSystem } from "./doctor/system_facts.ts";
import { useCpuBackend } from "./engine/backend.ts";
import type { GpuHandle } from "./engine/device.ts";
import type { TrainEngine } from "./engine/engine.ts";
import { createTfjsEngine } from "./engine/tfjs.ts";
import { createWasmEngine } from "./engine/wasm/engine.ts";
import { createWebgpuEngine } from "./engine/webgpu/engine.ts";

/** Everything that the doctor finds. */
export interface Diagnosis extends Facts {
  /** What the facts mean. */
  findings: Finding[];
}

/** What to examine, and whom to tell. */
export interface DiagnoseOptions {
  /** Checkpoint folders to look at. */
  checkpoints: readonly string[];
  /** How long each engine is timed, in ms. @default {700} */
  budgetMs?: number;
  /** Called before each check with its number, from 0, how many there are, and its name. */
  onCheck?: (index: number, count: number, name: string) => void;
  /** Calls the examination off. */
  signal?: AbortSignal;
}

/** One engine to try. */
interface Trial {
  name: string;
  make: () => Promise<TrainEngine>;
  /** Known steps; fewer for the slow. */
  steps?: number;
}

/** Every engine and variant that this machine might run. */
function trials(
  handle: GpuHandle | undefined,
  relaxed: boolean,
): Trial[] {
  const spec = knownSpec(), weights = knownWeights();
  const wasm = (name: string, relaxed: boolean): Trial => ({
    name: `wasm, ${name} SIMD, 1 thread`,
    make: () => createWasmEngine(spec, weights, { threads: 1, relaxed }),
  });
  return [
    ...(handle
      ? (["software", "hardware"] as const).map((kernels): Trial => ({
        name: `webgpu, ${kernels} kernels`,
        make: () => createWebgpuEngine(spec, weights, { handle, kernels }),
      }))
      : []),
    ...(relaxed ? [wasm("relaxed", true)] : []),
    wasm("plain", false),
    {
      name: "tfjs, processor",
      make: async () => createTfjsEngine(spec, weights, await useCpuBackend()),
      // About a second each.
      steps: 1,
    },
  ];
}

/**
 * Examines this machine; takes about ten seconds, and longer where a driver compiles the kernels
 * for the first time.
 *
 * @throws The signal's reason, if aborted.
 */
export async function diagnose(options: DiagnoseOptions): Promise<Diagnosis> {
  const { signal, budgetMs, onCheck } = options;
  const settings = (name: string): CheckOptions => ({
    name,
    ...(budgetMs !== undefined && { budgetMs }),
    ...(signal && { signal }),
  });
  const system = gatherSystem();
  const { facts: gpu, handle } = await gatherGpu();
  const engines: EngineCheck[] = [];
  let auto: AutoChoice;
  try {
    const all = trials(handle, system.relaxed_simd);
    for (const [i, { name, make, steps }] of all.entries()) {
      signal?.throwIfAborted();
      onCheck?.(i, all.length + 1, name);
      engines.push(
        await checkEngine(make, {
          ...settings(name),
          ...(steps !== undefined && { steps }),
        }),
      );
    }
    signal?.throwIfAborted();
    onCheck?.(all.length, all.length + 1, "auto");
    auto = await examineAuto(settings("auto"));
  } finally {
    handle?.close();
  }
  const checkpoints: CheckpointFacts[] = [];
  for (const path of options.checkpoints) {
    checkpoints.push(await gatherCheckpoint(path));
  }
  const facts = {
    system,
    gpu,
    engines,
    auto,
    checkpoints,
    can_train: auto.works || engines.some(({ works }) => works),
  };
  return { ...facts, findings: readFindings(facts) };
}
