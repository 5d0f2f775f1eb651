/**
 * What there is to say about machine, runtime, environment and permissions. Nothing private: only the
 * named variables, and nothing that the process isn't permitted to know.
 * @module
 */

import os from "node:os";
import { hasRelaxedSimd } from "../engine/wasm/module.ts";
import { versions } from "../versions.ts";

/** Variables that decide which driver is used. */
export const VARIABLES = [
  "DENO_WEBGPU_BACKEND",
  "VK_DRIVER_FILES",
  "VK_ICD_FILENAMES",
  "XDG_RUNTIME_DIR",
] as const;

/** Machine and runtime. */
export interface SystemFacts {
  /** Versions of program, runtime and libraries. */
  versions: Record<string, string>;
  /** Whether this is the compiled program. */
  compiled: boolean;
  /** Operating system and architecture. */
  os: string;
  arch: string;
  /** The system's release, if permitted. */
  release?: string;
  /** The processor's name, if permitted. */
  cpu?: string;
  /** Logical cores. */
  cores: number;
  /** WebAssembly: relaxed SIMD, or only plain. */
  relaxed_simd: boolean;
  /** Values of the variables that matter; `null` if not set, absent if not permitted. */
  environment: Record<string, string | null>;
  /** What the process may do: `granted`, `denied` or `prompt`. */
  permissions: Record<string, Deno.PermissionState>;
}

const state = (descriptor: Deno.PermissionDescriptor) =>
  Deno.permissions.querySync(descriptor).state;

/** Gathers all; to be called before a GPU is opened, which sets variables. */
export function gatherSystem(): SystemFacts {
  const { deno: _, ...others } = versions();
  const facts: SystemFacts = {
    versions: { ...Deno.version, ...others },
    compiled: Deno.build.standalone,
    os: Deno.build.os,
    arch: Deno.build.arch,
    cores: navigator.hardwareConcurrency,
    relaxed_simd: hasRelaxedSimd(),
    environment: {},
    permissions: {
      "read data": state({ name: "read", path: "data" }),
      "read checkpoints": state({ name: "read", path: "checkpoints" }),
      "write checkpoints": state({ name: "write", path: "checkpoints" }),
    },
  };
  if (state({ name: "sys", kind: "osRelease" }) === "granted") {
    facts.release = Deno.osRelease();
  }
  if (state({ name: "sys", kind: "cpus" }) === "granted") {
    const cpu = os.cpus()[0]?.model.trim();
    if (cpu) facts.cpu = cpu;
  }
  for (const variable of VARIABLES) {
    const permission = state({ name: "env", variable });
    facts.permissions[`env ${variable}`] = permission;
    if (permission === "granted") {
      facts.environment[variable] = Deno.env.get(variable) ?? null;
    }
  }
  return facts;
}
