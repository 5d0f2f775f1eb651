/**
 * The threads that run the WebAssembly module on one shared memory: the calling thread alone, or one
 * Worker per thread while the caller stays free for timers and signals.
 * @module
 */

import * as plan from "./assembly/plan.ts";
import type { StepExports } from "./module.ts";

/** Some threads, ready to run. */
export interface Crew {
  /**
   * Has every thread run its part of the batches that the plan names.
   *
   * @param mode A `MODE_…` code of `assembly/plan.ts`.
   * @throws {Error} if a thread died; the crew can then only be disposed of.
   */
  run(mode: number): Promise<void>;
  /** Ends the threads; safe to call twice. */
  dispose(): void;
}

/** What the threads share. */
export interface CrewOptions {
  /** The compiled module. */
  module: WebAssembly.Module;
  /** The shared memory with the plan. */
  memory: WebAssembly.Memory;
  /** Number of threads. */
  threads: number;
}

/**
 * A Worker's whole program. It's passed as source text, which works in bundled and compiled
 * programs and needs no permission, so it may use nothing from outside.
 */
function workerProgram() {
  const scope = self as unknown as {
    onmessage: (event: MessageEvent) => void;
    postMessage(message: unknown): void;
  };
  let thread = -1;
  let run: (thread: number, mode: number) => number;
  const start = (data: CrewOptions & { thread: number }): boolean => {
    const instance = new WebAssembly.Instance(data.module, {
      env: { memory: data.memory },
    });
    run = instance.exports.run as typeof run;
    if (!run) throw new TypeError("the module has no run()");
    thread = data.thread;
    return true;
  };
  scope.onmessage = ({ data }) => {
    try {
      scope.postMessage(
        thread < 0 ? start(data) : run(thread, data.mode) !== 0,
      );
    } catch (error) {
      scope.postMessage(String(error));
    }
  };
}

/** Ends all waiting at the barrier. */
function callOff(memory: WebAssembly.Memory): void {
  const words = new Int32Array(memory.buffer);
  const barrier = words[plan.PLAN / 4 + plan.BARRIER]! / 4;
  Atomics.store(words, barrier + plan.BARRIER_STOP / 4, 1);
  Atomics.notify(words, barrier + plan.BARRIER_GENERATION / 4);
}

/** One thread: the caller's. */
export async function createLoneCrew(
  { module, memory }: Pick<CrewOptions, "module" | "memory">,
): Promise<Crew> {
  const { exports } = await WebAssembly.instantiate(module, {
    env: { memory },
  });
  const { run } = exports as unknown as StepExports;
  return {
    async run(mode) {
      run(0, mode);
      // Lets timers and signals have their turn.
      await new Promise((resolve) => setTimeout(resolve, 0));
    },
    dispose() {},
  };
}

/**
 * Starts one Worker per thread and waits until all are ready.
 *
 * @throws {Error} if a Worker can't start.
 */
export async function createWorkerCrew(options: CrewOptions): Promise<Crew> {
  const { module, memory, threads } = options;
  const url = URL.createObjectURL(
    new Blob([`(${workerProgram.toString()})()`], { type: "text/javascript" }),
  );
  let failure: Error | undefined;
  let pending = 0;
  let settle: { resolve: () => void; reject: (error: Error) => void } | null =
    null;
  const workers: Worker[] = [];
  /** Ends all Workers and, with an error, whoever waits for them. */
  const end = (error: Error) => {
    callOff(memory);
    for (const worker of workers.splice(0)) worker.terminate();
    failure ??= error;
    settle?.reject(failure);
    settle = null;
  };
  const fail = (thread: number, cause: unknown) =>
    end(
      new Error(
        `Cannot go on: WebAssembly thread ${thread + 1} of ${threads} died: ${
          cause instanceof Error ? cause.message : String(cause)
        }`,
        { cause },
      ),
    );
  /** Sends each Worker a message and waits for all answers. */
  const ask = (message: (thread: number) => unknown): Promise<void> => {
    if (failure) return Promise.reject(failure);
    return new Promise((resolve, reject) => {
      settle = { resolve, reject };
      pending = threads;
      workers.forEach((worker, thread) => worker.postMessage(message(thread)));
    });
  };
  for (let thread = 0; thread < threads; thread++) {
    const worker = new Worker(url, { type: "module", name: `wasm-${thread}` });
    worker.onmessage = ({ data }) => {
      if (data === false) return;
      if (data !== true) return fail(thread, data);
      if (--pending === 0) {
        settle?.resolve();
        settle = null;
      }
    };
    worker.onmessageerror = () => fail(thread, "its message can't be read");
    worker.onerror = (event) => {
      // Otherwise the runtime ends the whole program.
      event.preventDefault();
      fail(thread, event.error ?? event.message);
    };
    workers.push(worker);
  }
  try {
    await ask((thread) => ({ module, memory, thread }));
  } finally {
    URL.revokeObjectURL(url);
  }
  return {
    run: (mode) => ask(() => ({ mode })),
    dispose: () => end(new Error("Cannot go on: the threads have been ended")),
  };
}
