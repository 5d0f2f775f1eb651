/**
 * The fused WebGPU engine: every train step runs on the device from the gathering of windows to
 * the optimizer, some twenty dispatches replayed; the host reads a result once an epoch.
 * @module
 */

import { alignment } from "../../alignment.ts";
import { UnsupportedModelError } from "../../errors.ts";
import { describe, type GpuHandle, openDevice } from "../device.ts";
import {
  type BatchMetrics,
  type EngineSpec,
  type EngineState,
  type EpochOptions,
  type Gradient,
  slotCount,
  type TrainEngine,
} from "../engine.ts";
import { checkStarts, unsupportedReason } from "../limits.ts";
import { fromDevice, toDevice } from "./device_layout.ts";
import { chooseKernels, type KernelSetName } from "./kernels.ts";
import type { BufferName } from "./memory.ts";
import { makePlan, type Plan } from "./plan.ts";
import { type Dispatch, Program, record } from "./program.ts";
import { STRETCH, STRETCH_INPUTS } from "./stage.ts";

/** Steps in one submit: long enough to cost nothing, short enough for a display's watchdog. */
const STEPS_PER_SUBMIT = 32;

/** Most float32s of outputs between two reads of `predict()`, unless a single batch has more. */
const MOST_OUTPUTS = 2 ** 20;

/** Settings of {@linkcode createWebgpuEngine}. */
export interface WebgpuEngineOptions {
  /** A device to use; the engine opens and closes its own if absent. */
  handle?: GpuHandle;
  /** Kernel set; by the kind of adapter if absent. */
  kernels?: KernelSetName;
}

/** What the engine has done and takes, for benchmarks. */
export interface EngineStats {
  /** Dispatches of one train step. */
  dispatchesPerStep: number;
  /** Train steps so far. */
  steps: number;
  /** Submits of train steps so far. */
  submits: number;
  /** Host time spent on encoding and submitting train steps, ms. */
  hostMs: number;
  /** GPU memory in buffers, bytes. */
  gpuBytes: number;
  /** Kernel set and why it was chosen, for people. */
  kernels: string;
}

/** A {@linkcode TrainEngine} that also tells what it did. */
export interface WebgpuEngine extends TrainEngine {
  readonly name: "webgpu";
  /** Counters since the engine was made. */
  stats(): EngineStats;
}

/** The stages' dispatches by what they are replayed for. */
interface Sequences {
  train: Dispatch[];
  evaluate: Dispatch[];
  predict: Dispatch[];
  gradient: Dispatch[];
}

async function prepare(program: Program, plan: Plan): Promise<Sequences> {
  const all = (stages: Plan["forward"]) =>
    Promise.all(stages.map((stage) => program.prepare(stage)));
  const [series, inputs, loss, reduce, finish] = await all([
    plan.gather.series,
    plan.gather.inputs,
    plan.loss,
    plan.reduce,
    plan.finish,
  ]) as [Dispatch, Dispatch, Dispatch, Dispatch, Dispatch];
  const forward = await all(plan.forward);
  const backward = await all(plan.backward);
  const update = await all(plan.update);
  return {
    train: [series, ...forward, loss, ...backward, ...update, finish],
    evaluate: [series, ...forward, loss, finish],
    predict: [inputs, ...forward, finish],
    gradient: [series, ...forward, loss, ...backward, reduce, finish],
  };
}

class Engine implements WebgpuEngine {
  readonly name = "webgpu";
  readonly adapter: string;
  readonly #spec: EngineSpec;
  readonly #plan: Plan;
  readonly #program: Program;
  readonly #sequences: Sequences;
  readonly #handle: GpuHandle;
  readonly #ownsHandle: boolean;
  readonly #kernels: string;
  /** For reads; as large as the largest of them. */
  readonly #staging: GPUBuffer;
  /** Batches of `predict()` between two reads. */
  readonly #batchesPerRead: number;
  #iterations = 0;
  #steps = 0;
  #submits = 0;
  #hostMs = 0;
  #disposed = false;

  constructor(
    spec: EngineSpec,
    weights: Float32Array,
    parts: {
      plan: Plan;
      program: Program;
      sequences: Sequences;
      handle: GpuHandle;
      ownsHandle: boolean;
      kernels: string;
    },
  ) {
    this.#spec = spec;
    this.#plan = parts.plan;
    this.#program = parts.program;
    this.#sequences = parts.sequences;
    this.#handle = parts.handle;
    this.#ownsHandle = parts.ownsHandle;
    this.#kernels = parts.kernels;
    this.adapter = `${describe(parts.handle.adapter)}, ${parts.kernels}`;
    const { memory: { sizes } } = this.#plan;
    const { outputSize } = this.#program;
    this.#batchesPerRead = Math.max(
      1,
      Math.min(STRETCH_INPUTS, Math.floor(MOST_OUTPUTS / outputSize)),
    );
    this.#staging = this.#handle.device.createBuffer({
      label: "staging",
      size: 4 * Math.max(
        sizes.weights + sizes.slots,
        sizes.metrics,
        this.#batchesPerRead * outputSize,
      ),
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    this.#write("series", spec.values);
    this.#write("tiles", this.#plan.tiles);
    this.#write("weights", toDevice(this.#plan.layout, weights));
  }

  /** Puts data into a buffer, `at` float32s from its start. */
  #write(
    buffer: BufferName,
    data: Float32Array | Int32Array | Uint32Array,
    at = 0,
  ): void {
    this.#handle.device.queue.writeBuffer(
      this.#program.buffer(buffer),
      4 * at,
      data as Float32Array<ArrayBuffer>,
    );
  }

  /** Copies the first float32s of some buffers to the host, in one wait. */
  async #read(
    parts: readonly (readonly [buffer: BufferName, size: number])[],
  ): Promise<Float32Array<ArrayBuffer>[]> {
    const { device } = this.#handle;
    const encoder = device.createCommandEncoder();
    let at = 0;
    for (const [name, size] of parts) {
      encoder.copyBufferToBuffer(
        this.#program.buffer(name),
        0,
        this.#staging,
        4 * at,
        4 * size,
      );
      at += size;
    }
    device.queue.submit([encoder.finish()]);
    const all = await this.#map(at);
    at = 0;
    return parts.map(([, size]) => all.slice(at, at += size));
  }

  /** Waits for the staging buffer and copies its first float32s. */
  async #map(size: number): Promise<Float32Array<ArrayBuffer>> {
    await this.#handle.guard(
      this.#staging.mapAsync(GPUMapMode.READ, 0, 4 * size),
    );
    try {
      return new Float32Array(this.#staging.getMappedRange(0, 4 * size))
        .slice();
    } finally {
      this.#staging.unmap();
    }
  }

  /** Uploads the order of some batches and sets the counter to the first. */
  #begin(starts: Int32Array): number {
    this.#handle.check();
    this.#write("order", starts);
    this.#write("control", Uint32Array.of(0, starts.length));
    return Math.ceil(starts.length / this.#spec.batchSize);
  }

  /** Replays a sequence for each batch of a stretch. */
  #replay(dispatches: readonly Dispatch[], batches: number): void {
    const { device } = this.#handle;
    const began = performance.now();
    for (let done = 0; done < batches; done += STEPS_PER_SUBMIT) {
      const encoder = device.createCommandEncoder();
      record(encoder, dispatches, Math.min(STEPS_PER_SUBMIT, batches - done));
      device.queue.submit([encoder.finish()]);
    }
    if (dispatches === this.#sequences.train) {
      this.#submits += Math.ceil(batches / STEPS_PER_SUBMIT);
      this.#hostMs += performance.now() - began;
    }
  }

  /** Runs batches in stretches; `before` and `after` are told each stretch's number of batches. */
  async #run(
    starts: Int32Array,
    dispatches: readonly Dispatch[],
    { before, after }: {
      before?: (batches: number) => void;
      after?: (batches: number) => void;
    } = {},
  ): Promise<BatchMetrics> {
    checkStarts(this.#spec, starts);
    const { batchSize } = this.#spec;
    const count = Math.ceil(starts.length / batchSize);
    const loss = new Float32Array(count), mae = new Float32Array(count);
    for (let done = 0; done < count; done += STRETCH) {
      const batches = Math.min(STRETCH, count - done);
      before?.(batches);
      this.#begin(
        starts.subarray(done * batchSize, (done + batches) * batchSize),
      );
      this.#replay(dispatches, batches);
      const [metrics] = await this.#read([["metrics", 2 * batches]]);
      for (let i = 0; i < batches; i++) {
        loss[done + i] = metrics![2 * i]!;
        mae[done + i] = metrics![2 * i + 1]!;
      }
      after?.(batches);
    }
    return { loss, mae };
  }

  /** The factor of each step: the learning rate, for Adam with its bias correction. */
  #rates(learningRate: number, batches: number): Float32Array {
    const { optimizer, beta1, beta2 } = this.#spec;
    return Float32Array.from({ length: batches }, (_, i) => {
      const t = this.#iterations + i + 1;
      return optimizer === "adam"
        ? learningRate * Math.sqrt(1 - beta2 ** t) / (1 - beta1 ** t)
        : learningRate;
    });
  }

  async trainEpoch(
    starts: Int32Array,
    options: EpochOptions = {},
  ): Promise<BatchMetrics> {
    const { learningRate = this.#spec.learningRate, signal, onProgress } =
      options;
    let steps = 0;
    return await this.#run(starts, this.#sequences.train, {
      before: (batches) => {
        signal?.throwIfAborted();
        this.#write("rates", this.#rates(learningRate, batches));
      },
      after: (batches) => {
        this.#iterations += batches;
        this.#steps += batches;
        onProgress?.(steps += batches);
      },
    });
  }

  evaluate(starts: Int32Array): Promise<BatchMetrics> {
    return this.#run(starts, this.#sequences.evaluate);
  }

  async gradient(starts: Int32Array): Promise<Gradient> {
    const { batchSize } = this.#spec;
    if (starts.length < 1 || starts.length > batchSize) {
      throw new RangeError(
        `Cannot take the gradient over ${starts.length} windows: expected 1 to ${batchSize}`,
      );
    }
    checkStarts(this.#spec, starts);
    this.#replay(this.#sequences.gradient, this.#begin(starts));
    const { layout } = this.#plan;
    const [metrics, gradient] = await this.#read([
      ["metrics", 2],
      ["gradient", layout.size],
    ]) as [Float32Array, Float32Array];
    return {
      loss: metrics[0]!,
      mae: metrics[1]!,
      gradient: fromDevice(layout, gradient),
    };
  }

  async predict(inputs: Float32Array): Promise<Float32Array> {
    const { windowSize, batchSize, horizon, outputScale } = this.#spec;
    const { steps } = this.#plan;
    const { outputSize, outputStride } = this.#program;
    const count = inputs.length / windowSize;
    if (!Number.isInteger(count)) {
      throw new RangeError(
        `Cannot predict from ${inputs.length} values: expected a multiple of the window size, ${windowSize}`,
      );
    }
    const result = new Float32Array(count * steps * horizon);
    const { device } = this.#handle;
    const stretch = this.#batchesPerRead * batchSize;
    for (let done = 0; done < count; done += stretch) {
      const windows = Math.min(stretch, count - done);
      this.#write(
        "inputs",
        inputs.subarray(done * windowSize, (done + windows) * windowSize),
      );
      const batches = this.#begin(
        Int32Array.from({ length: windows }, (_, i) => i * windowSize),
      );
      const encoder = device.createCommandEncoder();
      for (let batch = 0; batch < batches; batch++) {
        record(encoder, this.#sequences.predict);
        this.#program.copyOutput(encoder, this.#staging, batch * outputSize);
      }
      device.queue.submit([encoder.finish()]);
      const values = await this.#map(batches * outputSize);
      for (let window = 0; window < windows; window++) {
        const batch = Math.floor(window / batchSize);
        const sample = window % batchSize;
        for (let t = 0; t < steps; t++) {
          const from = batch * outputSize +
            (t * batchSize + sample) * outputStride;
          const to = ((done + window) * steps + t) * horizon;
          for (let h = 0; h < horizon; h++) {
            result[to + h] = outputScale * values[from + h]!;
          }
        }
      }
    }
    return result;
  }

  async readState(): Promise<EngineState> {
    const { layout } = this.#plan;
    const [weights, ...slots] = await this.#read([
      ["weights", layout.size],
      ["slots", slotCount(this.#spec) * layout.size],
    ]).then(([weights, slots]) => [
      weights!,
      ...Array.from(
        { length: slotCount(this.#spec) },
        (_, i) => slots!.subarray(i * layout.size, (i + 1) * layout.size),
      ),
    ]);
    return {
      weights: fromDevice(layout, weights!),
      slots: slots.map((slot) => fromDevice(layout, slot)),
      iterations: this.#iterations,
    };
  }

  async writeState(state: EngineState): Promise<void> {
    const { layout } = this.#plan;
    const vectors = [state.weights, ...state.slots];
    if (
      state.slots.length !== slotCount(this.#spec) ||
      vectors.some((v) => v.length !== layout.index.length)
    ) {
      throw new RangeError(
        `Cannot restore a state of ${vectors.length} vectors of ${
          vectors.map((v) => v.length).join(", ")
        } numbers: expected ${
          1 + slotCount(this.#spec)
        } of ${layout.index.length}`,
      );
    }
    this.#write("weights", toDevice(layout, state.weights));
    state.slots.forEach((slot, i) =>
      this.#write("slots", toDevice(layout, slot), i * layout.size)
    );
    this.#iterations = state.iterations;
    await this.#handle.guard(Promise.resolve());
  }

  stats(): EngineStats {
    return {
      dispatchesPerStep: this.#sequences.train.length,
      steps: this.#steps,
      submits: this.#submits,
      hostMs: this.#hostMs,
      gpuBytes: this.#program.bytes + this.#staging.size,
      kernels: this.#kernels,
    };
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#program.dispose();
    this.#staging.destroy();
    if (this.#ownsHandle) this.#handle.close();
  }
}

/**
 * Makes the fused engine on a GPU, or on a processor that plays one.
 *
 * @param spec The model, its loss and optimizer, and the series.
 * @param weights Initial weights, flat.
 * @throws {UnsupportedModelError} if the model is larger than the kernels or the adapter take.
 * @throws {GpuError} without a working adapter.
 */
export async function createWebgpuEngine(
  spec: EngineSpec,
  weights: Float32Array,
  options: WebgpuEngineOptions = {},
): Promise<WebgpuEngine> {
  const reason = unsupportedReason(spec);
  if (reason) {
    throw new UnsupportedModelError(
      `Cannot train this model on the fused WebGPU engine: ${reason}`,
    );
  }
  const handle = options.handle ?? await openDevice();
  const ownsHandle = options.handle === undefined;
  let program: Program | undefined;
  try {
    const choice = chooseKernels(handle.adapter, {
      wanted: options.kernels,
      model: { steps: alignment(spec).steps, lstmUnits: spec.lstmUnits },
    });
    const plan = makePlan(spec, choice.set);
    program = new Program(handle, plan);
    const sequences = await prepare(program, plan);
    const engine = new Engine(spec, weights, {
      plan,
      program,
      sequences,
      handle,
      ownsHandle,
      kernels: `${choice.set.name} kernels: ${choice.reason}`,
    });
    await handle.guard(Promise.resolve());
    return engine;
  } catch (error) {
    // A buffer that there was no memory for is refused wherever it's used, and that is told first.
    const cause = await handle.guard(Promise.resolve()).then(
      () => error,
      (failure) => failure,
    );
    program?.dispose();
    if (ownsHandle) handle.close();
    throw cause;
  }
}
