/**
 * The two layers of the exercise that TensorFlow.js lacks, registered for (de)serialization.
 * Loading a checkpoint in other TensorFlow.js programs needs this file alone.
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import type { Padding } from "./alignment.ts";

/** Arguments of {@linkcode CausalConv1D}. */
export interface CausalConv1DArgs {
  /** Layer name. */
  name?: string;
  /** Output channels. */
  filters: number;
  /** Kernel size in time steps. */
  kernelSize: number;
  /** Stride in time steps. @default {1} */
  strides?: number;
  /** Zeros before the window (causal), around it (same) or none (valid). @default {"causal"} */
  padding?: Padding;
}

/** The layers get one tensor, but TensorFlow.js may hand it over in a list. */
function single(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
  return Array.isArray(inputs) ? inputs[0]! : inputs;
}

/**
 * One-dimensional convolution with relu: `[batch, time, channel] -> [batch, time', filters]`.
 * As Keras's Conv1D (https://keras.io/api/layers/convolution_layers/convolution1d/), whose causal padding
 * TensorFlow.js refuses.
 */
export class CausalConv1D extends tf.layers.Layer {
  /** Name in a saved model. */
  static className = "CausalConv1D";
  #args: Required<Omit<CausalConv1DArgs, "name">>;
  #kernel!: tf.LayerVariable;
  #bias!: tf.LayerVariable;

  /** @param args Filters, kernel size, stride and padding. */
  constructor(args: CausalConv1DArgs) {
    super(args.name === undefined ? {} : { name: args.name });
    this.#args = {
      filters: args.filters,
      kernelSize: args.kernelSize,
      strides: args.strides ?? 1,
      padding: args.padding ?? "causal",
    };
  }

  /** Makes kernel `[kernelSize, channel, filters]` and bias `[filters]`. */
  override build(inputShape: tf.Shape | tf.Shape[]): void {
    const shape =
      (Array.isArray(inputShape[0]) ? inputShape[0] : inputShape) as tf.Shape;
    const { kernelSize, filters } = this.#args;
    this.#kernel = this.addWeight(
      "kernel",
      [kernelSize, shape.at(-1)!, filters],
      "float32",
      tf.initializers.glorotUniform({}),
    );
    this.#bias = this.addWeight(
      "bias",
      [filters],
      "float32",
      tf.initializers.zeros(),
    );
    this.built = true;
  }

  /** `relu(convolution + bias)` */
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => {
      const { kernelSize, strides, padding } = this.#args;
      const x = single(inputs) as tf.Tensor3D;
      const padded = padding === "causal"
        ? tf.pad3d(x, [[0, 0], [kernelSize - 1, 0], [0, 0]])
        : x;
      const mode = padding === "same" ? "same" : "valid";
      const kernel = this.#kernel.read() as tf.Tensor3D;
      return tf.relu(
        tf.add(tf.conv1d(padded, kernel, strides, mode), this.#bias.read()),
      );
    });
  }

  /** `[batch, time', filters]` */
  override computeOutputShape(inputShape: tf.Shape | tf.Shape[]): tf.Shape {
    const [batch, time] =
      (Array.isArray(inputShape[0]) ? inputShape[0] : inputShape) as tf.Shape;
    const { kernelSize, strides, padding, filters } = this.#args;
    const positions = typeof time !== "number" ? null : Math.ceil(
      (padding === "valid" ? time - kernelSize + 1 : time) / strides,
    );
    return [batch!, positions, filters];
  }

  /** The arguments, for a saved model. */
  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), ...this.#args };
  }
}

/** Arguments of {@linkcode Scale}. */
export interface ScaleArgs {
  /** Layer name. */
  name?: string;
  /** What every element is multiplied with. */
  factor: number;
}

/** Multiplies by a constant: the exercise's `Lambda(lambda x: x * 400)`, as a layer that can be saved. */
export class Scale extends tf.layers.Layer {
  /** Name in a saved model. */
  static className = "Scale";
  #factor: number;

  /** @param args The factor. */
  constructor(args: ScaleArgs) {
    super(args.name === undefined ? {} : { name: args.name });
    this.#factor = args.factor;
  }

  /** `factor * x` */
  override call(inputs: tf.Tensor | tf.Tensor[]): tf.Tensor {
    return tf.tidy(() => tf.mul(single(inputs), this.#factor));
  }

  /** The input's. */
  override computeOutputShape(
    inputShape: tf.Shape | tf.Shape[],
  ): tf.Shape | tf.Shape[] {
    return inputShape;
  }

  /** The arguments, for a saved model. */
  override getConfig(): tf.serialization.ConfigDict {
    return { ...super.getConfig(), factor: this.#factor };
  }
}

tf.serialization.registerClass(CausalConv1D);
tf.serialization.registerClass(Scale);
