/**
 * The engine for machines without a GPU: the whole train step in WebAssembly SIMD on one linear
 * memory, on one thread or several. JavaScript names the windows of many steps, calls once, and
 * reads the metrics.
 *
 * A step has two phases with a barrier after each. First every thread takes some of the batch's
 * rows through the network and back; then the threads take turns at tasks, each the gradient and
 * update of some columns of one kernel. Every number comes from one chain of operations in a
 * fixed order, so that weights are bit-identical for any number of threads.
 * @module
 */

import { alignment } from "../../alignment.ts";
import { UnsupportedModelError } from "../../errors.ts";
import type {
  BatchMetrics,
  EngineSpec,
  EngineState,
  EpochOptions,
  Gradient,
  TrainEngine,
} from "../engine.ts";
import { unsupportedReason } from "../limits.ts";
import * as plan from "./assembly/plan.ts";
import type { Crew } from "./crew.ts";
import { createLoneCrew, createWorkerCrew } from "./crew.ts";
import type { MemoryPlan } from "./memory_plan.ts";
import { planMemory } from "./memory_plan.ts";
import type { StepExports } from "./module.ts";
import { compileStep, hasRelaxedSimd } from "./module.ts";

/** Most threads: a batch of 32 has eight tiles of four rows. */
export const MAX_THREADS = 8;
/** How long one call into WebAssembly should take, so that progress and Ctrl-C come through. */
const CALL_MS = 100;

/** How to run. */
export interface WasmOptions {
  /** Threads, 1 to 8; with 1 no Worker is started. @default {Math.min(navigator.hardwareConcurrency, 8)} */
  threads?: number;
  /** Use the relaxed SIMD build. @default {whether the runtime has relaxed SIMD} */
  relaxed?: boolean;
}

class WasmEngine implements TrainEngine {
  readonly name = "wasm";
  #iterations = 0;
  /** Steps per call that took about CALL_MS, for training and for evaluation. */
  #pace = { train: 1, evaluate: 1 };
  #disposed = false;

  constructor(
    readonly adapter: string,
    private readonly spec: EngineSpec,
    private readonly memory: WebAssembly.Memory,
    private readonly plan: MemoryPlan,
    private readonly crew: Crew,
    private readonly exports: StepExports,
  ) {}

  async trainEpoch(
    starts: Int32Array,
    options: EpochOptions = {},
  ): Promise<BatchMetrics> {
    return await this.#batches(starts, "train", options);
  }

  async evaluate(starts: Int32Array): Promise<BatchMetrics> {
    return await this.#batches(starts, "evaluate", {});
  }

  async predict(inputs: Float32Array): Promise<Float32Array> {
    this.#checkAlive();
    const { windowSize, batchSize, horizon, outputScale } = this.spec;
    const count = inputs.length / windowSize;
    if (!Number.isInteger(count)) {
      throw new RangeError(
        `Cannot predict from ${inputs.length} values: expected windows of ${windowSize}`,
      );
    }
    const { steps } = alignment(this.spec);
    const { outputWidth } = this.plan;
    const result = new Float32Array(count * steps * horizon);
    for (let first = 0; first < count; first += batchSize) {
      const rows = Math.min(batchSize, count - first);
      const stride = Math.ceil(rows / 4) * 4;
      this.#floats(this.plan.inputs, rows * windowSize).set(
        inputs.subarray(first * windowSize, (first + rows) * windowSize),
      );
      this.#setStarts(
        Int32Array.from({ length: rows }, (_, row) => row * windowSize),
        this.plan.inputs,
      );
      await this.crew.run(plan.MODE_PREDICT);
      const output = this.#floats(
        this.plan.output,
        steps * stride * outputWidth,
      );
      for (let row = 0; row < rows; row++) {
        for (let j = 0; j < steps; j++) {
          const from = (j * stride + row) * outputWidth;
          const to = ((first + row) * steps + j) * horizon;
          for (let h = 0; h < horizon; h++) {
            result[to + h] = output[from + h]! * outputScale;
          }
        }
      }
    }
    return result;
  }

  async gradient(starts: Int32Array): Promise<Gradient> {
    this.#checkAlive();
    this.#checkStarts(starts);
    if (starts.length < 1 || starts.length > this.spec.batchSize) {
      throw new RangeError(
        `Cannot take the gradient over ${starts.length} windows: expected 1 to ${this.spec.batchSize}`,
      );
    }
    this.#setStarts(starts, this.plan.series);
    await this.crew.run(plan.MODE_GRADIENT);
    return {
      loss: this.#floats(this.#word(plan.LOSSES), 1)[0]!,
      mae: this.#floats(this.#word(plan.ERRORS), 1)[0]!,
      gradient: this.#unpack(this.#word(plan.GRADIENT)),
    };
  }

  readState(): Promise<EngineState> {
    this.#checkAlive();
    return Promise.resolve({
      weights: this.#unpack(this.#word(plan.WEIGHTS)),
      slots: this.plan.slots.map((at) => this.#unpack(at)),
      iterations: this.#iterations,
    });
  }

  writeState(state: EngineState): Promise<void> {
    this.#checkAlive();
    const { slots, places } = this.plan;
    if (state.slots.length !== slots.length) {
      throw new RangeError(
        `Cannot write ${state.slots.length} optimizer vectors: ${this.spec.optimizer} has ${slots.length}`,
      );
    }
    for (const vector of [state.weights, ...state.slots]) {
      if (vector.length !== places.length) {
        throw new RangeError(
          `Cannot write ${vector.length} numbers: the model has ${places.length} parameters`,
        );
      }
    }
    this.#pack(state.weights, this.#word(plan.WEIGHTS));
    state.slots.forEach((slot, i) => this.#pack(slot, slots[i]!));
    this.#iterations = state.iterations;
    this.exports.prepare();
    return Promise.resolve();
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.crew.dispose();
  }

  /** Runs all batches, in calls of about CALL_MS. */
  async #batches(
    starts: Int32Array,
    kind: "train" | "evaluate",
    options: EpochOptions,
  ): Promise<BatchMetrics> {
    this.#checkAlive();
    this.#checkStarts(starts);
    const { batchSize } = this.spec;
    const { signal, onProgress, learningRate = this.spec.learningRate } =
      options;
    const mode = kind === "train" ? plan.MODE_TRAIN : plan.MODE_EVALUATE;
    const batches = Math.ceil(starts.length / batchSize);
    const metrics = {
      loss: new Float32Array(batches),
      mae: new Float32Array(batches),
    };
    for (let done = 0; done < batches;) {
      signal?.throwIfAborted();
      const count = Math.min(this.#pace[kind], batches - done);
      this.#setStarts(
        starts.subarray(done * batchSize, (done + count) * batchSize),
        this.plan.series,
      );
      if (kind === "train") this.#setRates(count, learningRate);
      const began = performance.now();
      await this.crew.run(mode);
      const took = performance.now() - began;
      if (kind === "train") this.#iterations += count;
      metrics.loss.set(this.#floats(this.#word(plan.LOSSES), count), done);
      metrics.mae.set(this.#floats(this.#word(plan.ERRORS), count), done);
      done += count;
      const pace = Math.floor(count * CALL_MS / Math.max(took, 0.1));
      this.#pace[kind] = Math.min(
        Math.max(1, Math.min(pace, 2 * count)),
        this.plan.maxSteps,
      );
      if (kind === "train") onProgress?.(done);
    }
    signal?.throwIfAborted();
    return metrics;
  }

  /** Each step's size, with Adam's bias correction (https://arxiv.org/abs/1412.6980, end of section 2). */
  #setRates(count: number, learningRate: number): void {
    const { optimizer, beta1, beta2 } = this.spec;
    const rates = this.#floats(this.#word(plan.RATES), count);
    for (let i = 0; i < count; i++) {
      const t = this.#iterations + i + 1;
      rates[i] = optimizer === "adam"
        ? learningRate * Math.sqrt(1 - beta2 ** t) / (1 - beta1 ** t)
        : learningRate;
    }
  }

  #setStarts(starts: Int32Array, source: number): void {
    new Int32Array(this.memory.buffer, this.#word(plan.STARTS), starts.length)
      .set(starts);
    const words = new Uint32Array(this.memory.buffer, plan.PLAN);
    words[plan.WINDOWS] = starts.length;
    words[plan.SOURCE] = source;
  }

  #checkStarts(starts: Int32Array): void {
    const { windowSize, horizon, values } = this.spec;
    const { anchor } = alignment(this.spec);
    const span = Math.max(windowSize, anchor.at(-1)! + 1 + horizon);
    const bad = starts.find((s) => s < 0 || s + span > values.length);
    if (bad !== undefined) {
      throw new RangeError(
        `Cannot use a window at ${bad}: it and its targets take ${span} of the series' ${values.length} values`,
      );
    }
  }

  #checkAlive(): void {
    if (this.#disposed) {
      throw new Error(
        "Cannot use the WebAssembly engine: it has been disposed of",
      );
    }
  }

  #word(index: number): number {
    return this.plan.words[index]!;
  }

  #floats(at: number, length: number): Float32Array {
    return new Float32Array(this.memory.buffer, at, length);
  }

  #pack(vector: Float32Array, at: number): void {
    const panels = this.#floats(at, this.plan.elements);
    this.plan.places.forEach((place, i) => panels[place] = vector[i]!);
  }

  #unpack(at: number): Float32Array {
    const panels = this.#floats(at, this.plan.elements);
    return Float32Array.from(this.plan.places, (place) => panels[place]!);
  }
}

/**
 * Makes the WebAssembly engine, ready to train from the given weights with fresh optimizer state.
 *
 * @param weights `[parameters]`, laid out by `parameterLayout()`.
 * @throws {UnsupportedModelError} if it can't take the model.
 * @throws {RangeError} if the number of threads or weights is wrong.
 */
export async function createWasmEngine(
  spec: EngineSpec,
  weights: Float32Array,
  options: WasmOptions = {},
): Promise<TrainEngine> {
  const reason = unsupportedReason(spec);
  if (reason) throw new UnsupportedModelError(reason);
  const threads = options.threads ??
    Math.min(navigator.hardwareConcurrency, MAX_THREADS);
  if (!Number.isInteger(threads) || threads < 1 || threads > MAX_THREADS) {
    throw new RangeError(
      `Cannot run on ${threads} threads: expected 1 to ${MAX_THREADS}`,
    );
  }
  const relaxed = options.relaxed ?? hasRelaxedSimd();
  const memoryPlan = planMemory(spec, threads);
  const memory = new WebAssembly.Memory({
    initial: memoryPlan.pages,
    maximum: memoryPlan.pages,
    shared: true,
  });
  const { words, series } = memoryPlan;
  new Uint32Array(memory.buffer, plan.PLAN, words.length).set(words);
  const { anchor } = alignment(spec);
  new Int32Array(memory.buffer, words[plan.ANCHORS]!, anchor.length)
    .set(anchor);
  new Float32Array(memory.buffer, series, spec.values.length).set(spec.values);
  const module = await compileStep(relaxed);
  const instance = await WebAssembly.instantiate(module, { env: { memory } });
  const crew = threads === 1
    ? await createLoneCrew({ module, memory })
    : await createWorkerCrew({ module, memory, threads });
  const engine = new WasmEngine(
    `WebAssembly ${relaxed ? "relaxed SIMD" : "SIMD"}, ${threads} ${
      threads === 1 ? "thread" : "threads"
    }`,
    spec,
    memory,
    memoryPlan,
    crew,
    instance.exports as unknown as StepExports,
  );
  try {
    await engine.writeState({
      weights,
      slots: memoryPlan.slots.map(() => new Float32Array(weights.length)),
      iterations: 0,
    });
  } catch (error) {
    engine.dispose();
    throw error;
  }
  return engine;
}
