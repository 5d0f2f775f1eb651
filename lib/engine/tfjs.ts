/**
 * The engine of stock TensorFlow.js ops and automatic differentiation, on any of its backends:
 * the oracle of the fused engines and the fall-back for models that they don't take.
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import { alignment } from "../alignment.ts";
import { buildModel, type Model, readWeights, writeWeights } from "../model.ts";
import {
  type BatchMetrics,
  type EngineSpec,
  type EngineState,
  type EpochOptions,
  type Gradient,
  slotCount,
  type TrainEngine,
} from "./engine.ts";
import { checkStarts } from "./limits.ts";

/** Longest stretch of unread GPU work, in ms: bounds memory and how long Ctrl-C waits. */
const READ_EVERY_MS = 250;

/** Settings of {@linkcode createTfjsEngine}. */
export interface TfjsEngineOptions {
  /** What the current TensorFlow.js backend runs on, for people. */
  adapter: string;
  /** Awaits work on the device behind the backend and turns its failures into clear errors. */
  guard?: <T>(work: Promise<T>) => Promise<T>;
}

// TensorFlow.js's own gradient fails for a single output, that is for an LSTM over one time step.
tf.registerGradient({
  kernelName: "Unpack",
  gradFunc: (dy, _saved, attributes) => ({
    value: () =>
      tf.stack(Array.isArray(dy) ? dy : [dy], attributes.axis as number),
  }),
});

/** Loss and MAE of a batch; a type alias because `tf.tidy()` wants an index signature. */
type Step = { loss: tf.Scalar; mae: tf.Scalar };

/**
 * Makes the engine on TensorFlow.js's current backend.
 *
 * @param weights Initial weights, flat.
 */
export function createTfjsEngine(
  spec: EngineSpec,
  weights: Float32Array,
  options: TfjsEngineOptions,
): TrainEngine {
  return new TfjsEngine(spec, weights, options);
}

class TfjsEngine implements TrainEngine {
  readonly name = "tfjs";
  readonly adapter: string;
  #spec: EngineSpec;
  #guard: <T>(work: Promise<T>) => Promise<T>;
  #model: Model;
  #variables: tf.Variable[];
  #slots: tf.Tensor[][];
  #iterations = 0;

  constructor(
    spec: EngineSpec,
    weights: Float32Array,
    options: TfjsEngineOptions,
  ) {
    this.#spec = spec;
    this.adapter = options.adapter;
    this.#guard = options.guard ?? ((work) => work);
    this.#model = buildModel(spec, weights);
    this.#variables = this.#model.trainableWeights.map((w) =>
      // LayerVariable keeps its tf.Variable to itself, but autodiff has to know it.
      (w as unknown as { val: tf.Variable }).val
    );
    this.#slots = Array.from(
      { length: slotCount(spec) },
      () => this.#variables.map((v) => tf.zeros(v.shape)),
    );
  }

  async trainEpoch(
    starts: Int32Array,
    options: EpochOptions = {},
  ): Promise<BatchMetrics> {
    checkStarts(this.#spec, starts);
    const rate = options.learningRate ?? this.#spec.learningRate;
    const metrics = this.#batches(starts, options, (batch) => {
      const { value, grads } = this.#differentiate(batch);
      this.#update(grads, rate);
      tf.dispose(grads);
      return value;
    });
    const finished = await this.#guard(metrics);
    options.signal?.throwIfAborted();
    return finished;
  }

  async evaluate(starts: Int32Array): Promise<BatchMetrics> {
    checkStarts(this.#spec, starts);
    const metrics = this.#batches(starts, {}, (batch) =>
      tf.tidy(() => {
        const { inputs, targets } = this.#tensors(batch);
        return this.#measure(this.#model.apply(inputs) as tf.Tensor3D, targets);
      }));
    return await this.#guard(metrics);
  }

  async predict(inputs: Float32Array): Promise<Float32Array> {
    const { windowSize, batchSize, horizon } = this.#spec;
    const width = alignment(this.#spec).steps * horizon;
    const count = inputs.length / windowSize;
    const result = new Float32Array(count * width);
    for (let at = 0; at < count; at += batchSize) {
      const rows = Math.min(batchSize, count - at);
      const output = tf.tidy(() => {
        const x = inputs.slice(at * windowSize, (at + rows) * windowSize);
        return this.#model.apply(
          tf.tensor3d(x, [rows, windowSize, 1]),
        ) as tf.Tensor;
      });
      result.set(await this.#guard(output.data<"float32">()), at * width);
      output.dispose();
    }
    return result;
  }

  async gradient(starts: Int32Array): Promise<Gradient> {
    checkStarts(this.#spec, starts);
    const { value, grads } = this.#differentiate(starts);
    const flat = tf.tidy(() => tf.concat(grads.map((g) => g.flatten())));
    const [loss, mae, gradient] = await this.#guard(Promise.all([
      value.loss.data<"float32">(),
      value.mae.data<"float32">(),
      flat.data<"float32">(),
    ]));
    tf.dispose([value.loss, value.mae, flat, ...grads]);
    return { loss: loss[0]!, mae: mae[0]!, gradient: gradient.slice() };
  }

  async readState(): Promise<EngineState> {
    const slots = await Promise.all(this.#slots.map(async (tensors) => {
      const flat = tf.tidy(() => tf.concat(tensors.map((t) => t.flatten())));
      const data = (await this.#guard(flat.data<"float32">())).slice();
      flat.dispose();
      return data;
    }));
    const weights = await this.#guard(readWeights(this.#model));
    return { weights, slots, iterations: this.#iterations };
  }

  writeState(state: EngineState): Promise<void> {
    writeWeights(this.#model, this.#spec, state.weights);
    let offset = 0;
    this.#variables.forEach((v, i) => {
      this.#slots.forEach((tensors, slot) => {
        const part = state.slots[slot]!.slice(offset, offset + v.size);
        tensors[i]!.dispose();
        tensors[i] = tf.tensor(part, v.shape);
      });
      offset += v.size;
    });
    this.#iterations = state.iterations;
    return Promise.resolve();
  }

  dispose(): void {
    if (this.#variables.length === 0) return;
    this.#model.dispose();
    tf.dispose(this.#slots);
    this.#variables = [];
    this.#slots = [];
  }

  /** Runs `step` on one batch after another until aborted; reads the metrics now and then. */
  async #batches(
    starts: Int32Array,
    { signal, onProgress }: EpochOptions,
    step: (batch: Int32Array) => Step,
  ): Promise<BatchMetrics> {
    const { batchSize } = this.#spec;
    const count = Math.ceil(starts.length / batchSize);
    const metrics = {
      loss: new Float32Array(count),
      mae: new Float32Array(count),
    };
    const unread: Step[] = [];
    let done = 0;
    let last = performance.now();
    try {
      for (let b = 0; b < count; b++) {
        if (signal?.aborted) break;
        unread.push(step(starts.subarray(b * batchSize, (b + 1) * batchSize)));
        if (b < count - 1 && performance.now() - last < READ_EVERY_MS) continue;
        const stacked = tf.tidy(() =>
          tf.stack(unread.flatMap(({ loss, mae }) => [loss, mae]))
        );
        const values = await stacked.data<"float32">();
        stacked.dispose();
        for (let i = 0; i < unread.length; i++) {
          metrics.loss[done + i] = values[2 * i]!;
          metrics.mae[done + i] = values[2 * i + 1]!;
        }
        done += unread.length;
        tf.dispose(unread.splice(0).flatMap(({ loss, mae }) => [loss, mae]));
        onProgress?.(done);
        // Reads on the cpu backend resolve without a turn of the event loop, which signals need.
        await new Promise((resolve) => setTimeout(resolve));
        last = performance.now();
      }
    } finally {
      tf.dispose(unread.flatMap(({ loss, mae }) => [loss, mae]));
    }
    return metrics;
  }

  /** Inputs `[batch, windowSize, 1]` and targets `[batch, steps, horizon]`. */
  #tensors(starts: Int32Array): { inputs: tf.Tensor3D; targets: tf.Tensor3D } {
    const { values, windowSize, horizon } = this.#spec;
    const { steps, anchor } = alignment(this.#spec);
    const inputs = new Float32Array(starts.length * windowSize);
    const targets = new Float32Array(starts.length * steps * horizon);
    starts.forEach((start, n) => {
      inputs.set(values.subarray(start, start + windowSize), n * windowSize);
      anchor.forEach((at, j) => {
        const from = start + at + 1;
        targets.set(
          values.subarray(from, from + horizon),
          (n * steps + j) * horizon,
        );
      });
    });
    return {
      inputs: tf.tensor3d(inputs, [starts.length, windowSize, 1]),
      targets: tf.tensor3d(targets, [starts.length, steps, horizon]),
    };
  }

  /** Means over the batch; formulas as in https://keras.io/api/losses/regression_losses/ */
  #measure(outputs: tf.Tensor3D, targets: tf.Tensor3D): Step {
    const { loss, huberDelta, lossStart } = this.#spec;
    const size = outputs.sub(targets).abs();
    const counted = size.slice([0, lossStart, 0]);
    const elements = loss === "mae"
      ? counted
      : loss === "mse"
      ? counted.square()
      // Written without a branch: below delta the second term is 0, above it the first is constant.
      : tf.minimum(counted, huberDelta).square().mul(0.5)
        .add(counted.sub(huberDelta).relu().mul(huberDelta));
    return { loss: elements.mean(), mae: size.mean() };
  }

  #differentiate(starts: Int32Array): { value: Step; grads: tf.Tensor[] } {
    return tf.tidy(() => {
      const { inputs, targets } = this.#tensors(starts);
      let mae!: tf.Scalar;
      const { value, grads } = tf.variableGrads(() => {
        const measured = this.#measure(
          this.#model.apply(inputs) as tf.Tensor3D,
          targets,
        );
        mae = tf.keep(measured.mae);
        return measured.loss;
      }, this.#variables);
      return {
        value: { loss: value, mae },
        grads: this.#variables.map((v) => grads[v.name]!),
      };
    });
  }

  /** Keras 3's update rules (keras/src/optimizers: sgd.py, adam.py, rmsprop.py). */
  #update(grads: tf.Tensor[], rate: number): void {
    const {
      optimizer,
      momentum,
      nesterov,
      beta1,
      beta2,
      rho,
      epsilon,
      clipNorm,
    } = this.#spec;
    const t = ++this.#iterations;
    const adamRate = rate * Math.sqrt(1 - beta2 ** t) / (1 - beta1 ** t);
    tf.tidy(() => {
      const clip = clipNorm > 0
        ? tf.div(
          clipNorm,
          tf.maximum(
            tf.addN(grads.map((g) => g.square().sum())).sqrt(),
            clipNorm,
          ),
        )
        : undefined;
      this.#variables.forEach((v, i) => {
        const g = clip ? grads[i]!.mul(clip) : grads[i]!;
        const [a, b] = this.#slots.map((tensors) => tensors[i]!);
        const keep = (slot: number, tensor: tf.Tensor) => {
          this.#slots[slot]![i]!.dispose();
          return this.#slots[slot]![i] = tf.keep(tensor);
        };
        if (optimizer === "adam") {
          const first = keep(0, a!.add(g.sub(a!).mul(1 - beta1)));
          const second = keep(1, b!.add(g.square().sub(b!).mul(1 - beta2)));
          v.assign(v.sub(first.mul(adamRate).div(second.sqrt().add(epsilon))));
        } else if (optimizer === "rmsprop") {
          const mean = keep(0, a!.mul(rho).add(g.square().mul(1 - rho)));
          const step = g.mul(rate).div(mean.add(epsilon).sqrt());
          v.assign(v.sub(b ? keep(1, b.mul(momentum).add(step)) : step));
        } else if (a) {
          const velocity = keep(0, a.mul(momentum).sub(g.mul(rate)));
          v.assign(
            v.add(
              nesterov ? velocity.mul(momentum).sub(g.mul(rate)) : velocity,
            ),
          );
        } else {
          v.assign(v.sub(g.mul(rate)));
        }
      });
    });
  }
}
