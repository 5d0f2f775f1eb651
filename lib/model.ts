/**
 * Configuration to `tf.LayersModel`: the exercise's network as TensorFlow.js sees it, and its
 * weights as the flat vector that engines and checkpoints share.
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import { alignment } from "./alignment.ts";
import type { ModelOptions, WindowOptions } from "./config.ts";
import { parameterLayout } from "./layout.ts";
import { CausalConv1D, Scale } from "./layers.ts";

// Else the cpu backend advertises its native sister, which Deno can't load, on its first op.
tf.env().set("IS_NODE", false);

/** The model of record. */
export type Model = tf.LayersModel;

/** What of the configuration decides the network. */
export type NetworkOptions =
  & ModelOptions
  & Pick<WindowOptions, "windowSize" | "horizon">;

/**
 * Builds the network `[batch, windowSize, 1] -> [batch, steps, horizon]`:
 * causal convolution with relu, LSTMs with Keras's defaults (tanh, sigmoid gates,
 * https://keras.io/api/layers/recurrent_layers/lstm/), relu dense layers, a linear one, the output scale.
 * The caller disposes of it.
 *
 * @param weights Flat, as laid out by `parameterLayout()`; all 0 if absent.
 */
export function buildModel(
  options: NetworkOptions,
  weights?: Float32Array,
): Model {
  alignment(options);
  const model = tf.sequential({ name: "sunspots" });
  const names = new Set(
    parameterLayout(options).map((p) => p.name.split("/")[0]!),
  );
  const named = (kind: string) =>
    [...names].filter((n) => n === kind || n.startsWith(`${kind}_`));
  const { filters, kernelSize, strides, padding, outputScale } = options;
  const layers: tf.layers.Layer[] = [
    new CausalConv1D({ name: "conv1d", filters, kernelSize, strides, padding }),
  ];
  named("lstm").forEach((name, i) =>
    layers.push(tf.layers.lstm({
      name,
      units: options.lstmUnits[i]!,
      returnSequences: true,
      activation: "tanh",
      recurrentActivation: "sigmoid",
      kernelInitializer: "glorotUniform",
      recurrentInitializer: "orthogonal",
      unitForgetBias: true,
    }))
  );
  const dense = [...options.denseUnits, options.horizon];
  named("dense").forEach((name, i) =>
    layers.push(tf.layers.dense({
      name,
      units: dense[i]!,
      activation: i < dense.length - 1 ? "relu" : "linear",
      kernelInitializer: "glorotUniform",
    }))
  );
  layers.push(new Scale({ name: "scale", factor: outputScale }));
  const input = tf.layers.inputLayer({
    name: "window",
    batchInputShape: [null, options.windowSize, 1],
  });
  model.add(input);
  for (const layer of layers) {
    // The weights follow at once; TensorFlow.js would take a second for the orthogonal ones.
    (layer as unknown as { setFastWeightInitDuringBuild(fast: boolean): void })
      .setFastWeightInitDuringBuild(true);
    model.add(layer);
  }
  if (weights) writeWeights(model, options, weights);
  return model;
}

/** Puts a flat weight vector into a model. */
export function writeWeights(
  model: Model,
  options: NetworkOptions,
  weights: Float32Array,
): void {
  const tensors = parameterLayout(options).map(({ offset, size, shape }) =>
    tf.tensor(weights.slice(offset, offset + size), [...shape])
  );
  model.setWeights(tensors);
  tf.dispose(tensors);
}

/** Reads a model's weights as one flat vector. */
export async function readWeights(model: Model): Promise<Float32Array> {
  const parts = await Promise.all(
    model.getWeights().map((w) => w.data<"float32">()),
  );
  const flat = new Float32Array(parts.reduce((n, part) => n + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    flat.set(part, offset);
    offset += part.length;
  }
  return flat;
}
