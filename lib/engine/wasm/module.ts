/**
 * The compiled WebAssembly module: the relaxed SIMD build where the runtime has it, else the plain one.
 * Both are built from `assembly/` by `deno task build:wasm`.
 * @module
 */

import plain from "./plain.wasm" with { type: "bytes" };
import relaxed from "./relaxed.wasm" with { type: "bytes" };

/** What the module exports; see `assembly/index.ts`. */
export interface StepExports {
  /** Runs one thread's part of a call's batches; 1 if done, 0 if called off. */
  run(thread: number, mode: number): number;
  /** Renews the transposed weights. */
  prepare(): void;
  /** `exp` on `count` floats at an address, in place. */
  expAll(at: number, count: number): void;
  /** `sigmoid`, likewise. */
  sigmoidAll(at: number, count: number): void;
  /** `tanh`, likewise. */
  tanhAll(at: number, count: number): void;
}

/**
 * Whether the runtime has relaxed SIMD (https://github.com/WebAssembly/relaxed-simd): whether it takes the
 * build that uses it.
 */
export function hasRelaxedSimd(): boolean {
  return WebAssembly.validate(relaxed);
}

/** Compiles one of the two builds. */
export function compileStep(useRelaxed: boolean): Promise<WebAssembly.Module> {
  return WebAssembly.compile(useRelaxed ? relaxed : plain);
}
