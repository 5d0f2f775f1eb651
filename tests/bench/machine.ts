/**
 * On what a benchmark ran.
 * @module
 */

import os from "node:os";

/** The machine in words. */
export interface Machine {
  /** Processor's own name, or `unknown` without the permission. */
  cpu: string;
  /** Logical cores. */
  cores: number;
  /** Operating system and architecture. */
  system: string;
  /** Versions of the runtime. */
  deno: string;
  v8: string;
}

/** Describes this machine; the processor's name needs `--allow-sys=cpus`. */
export function describeMachine(): Machine {
  const { state } = Deno.permissions.querySync({ name: "sys", kind: "cpus" });
  const cpu = state === "granted" ? os.cpus()[0]?.model : undefined;
  return {
    cpu: cpu?.trim() ?? "unknown (needs --allow-sys=cpus)",
    cores: navigator.hardwareConcurrency,
    system: `${Deno.build.os} ${Deno.build.arch}`,
    deno: Deno.version.deno,
    v8: Deno.version.v8,
  };
}
