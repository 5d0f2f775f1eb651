/**
 * What the facts mean: a finding and its remedy, a line each. Pure.
 * @module
 */

import type { AutoChoice } from "./auto_check.ts";
import type { CheckpointFacts } from "./checkpoint_facts.ts";
import type { EngineCheck } from "./engine_check.ts";
import type { GpuFacts } from "./gpu_facts.ts";
import type { SystemFacts } from "./system_facts.ts";

/** One finding. */
export interface Finding {
  /** `problem`: something is wrong; `warning`: it works, not as it could; `ok`: as it should be. */
  level: "ok" | "warning" | "problem";
  /** What was found. */
  finding: string;
  /** What to do; empty for nothing. */
  remedy: string;
}

/** What was seen. */
export interface Facts {
  /** Machine, runtime, environment, permissions. */
  system: SystemFacts;
  /** The GPU. */
  gpu: GpuFacts;
  /** Every engine and variant that could be tried. */
  engines: EngineCheck[];
  /** What would train. */
  auto: AutoChoice;
  /** The checkpoint folders. */
  checkpoints: CheckpointFacts[];
  /** Whether anything here can train. */
  can_train: boolean;
}

/** Reads the facts. */
export function readFindings(facts: Facts): Finding[] {
  return [
    training(facts),
    ...gpu(facts),
    ...engines(facts),
    ...runtime(facts),
    ...checkpoints(facts),
  ];
}

function training({ auto, can_train }: Facts): Finding {
  if (auto.works) {
    return {
      level: "ok",
      finding: `training runs on the ${auto.engine} engine`,
      remedy: "",
    };
  }
  return can_train
    ? {
      level: "problem",
      finding: `the engine of --engine auto doesn't work: ${auto.problem}`,
      remedy: "name a working one of the above with --engine",
    }
    : {
      level: "problem",
      finding: "nothing on this machine can train",
      remedy: "send this report to the project's issues",
    };
}

function gpu({ gpu, system }: Facts): Finding[] {
  if (!gpu.works) {
    return [{
      level: "warning",
      finding: gpu.problem,
      remedy: system.environment.DENO_WEBGPU_BACKEND
        ? `unset DENO_WEBGPU_BACKEND (${system.environment.DENO_WEBGPU_BACKEND}) if that isn't wanted`
        : "none needed: WebAssembly trains without a GPU",
    }];
  }
  const { adapter } = gpu;
  if (adapter.openGl) {
    return [{
      level: "warning",
      finding:
        "WebGPU runs on OpenGL, tens of times slower than Vulkan on the same machine",
      remedy:
        "install the card's Vulkan driver and set DENO_WEBGPU_BACKEND=vulkan, or use --engine wasm",
    }];
  }
  return adapter.software
    ? [{
      level: "warning",
      finding:
        "the only WebGPU adapter is software: the processor does a graphics card's work",
      remedy:
        "if the machine has a graphics card, install its driver; else none needed, WebAssembly is faster here",
    }]
    : [];
}

function engines({ engines }: Facts): Finding[] {
  return engines.filter(({ works }) => !works).map(({ name, problem }) => ({
    level: "problem",
    finding: `${name} doesn't work: ${problem}`,
    remedy: name.startsWith("webgpu")
      ? "update the graphics driver; until then use --engine wasm, and send this report to the project's issues"
      : "update Deno; until then use another --engine, and send this report to the project's issues",
  }));
}

function runtime({ system }: Facts): Finding[] {
  const findings: Finding[] = [];
  if (!system.relaxed_simd) {
    findings.push({
      level: "warning",
      finding: "the runtime has no relaxed SIMD: WebAssembly is slower",
      remedy: "update Deno",
    });
  }
  if (
    system.os === "linux" &&
    system.permissions["env DENO_WEBGPU_BACKEND"] !== "granted"
  ) {
    findings.push({
      level: "warning",
      finding: "the program may not choose Vulkan over OpenGL",
      remedy:
        "run with --allow-env=DENO_WEBGPU_BACKEND, as the tasks do, or set DENO_WEBGPU_BACKEND=vulkan",
    });
  }
  return findings;
}

function checkpoints({ checkpoints }: Facts): Finding[] {
  const findings: Finding[] = [];
  for (const { path, state, problem } of checkpoints) {
    if (state === "damaged" || state === "old") {
      findings.push({
        level: state === "damaged" ? "problem" : "warning",
        finding: problem!,
        remedy: state === "damaged"
          ? "restore it from a copy, or train again"
          : "none needed; the next training replaces it",
      });
    } else if (state === "not permitted") {
      findings.push({
        level: "warning",
        finding: `${path} could not be looked at`,
        remedy: `run with --allow-read=${path}, as the task does`,
      });
    }
  }
  if (checkpoints.every(({ state }) => state === "absent")) {
    findings.push({
      level: "warning",
      finding: "there is no checkpoint to evaluate or forecast with",
      remedy: "train first: deno task train",
    });
  }
  return findings;
}
