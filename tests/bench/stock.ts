/**
 * The exercise in stock TensorFlow.js: `tf.sequential()`, `compile()` with `tf.train.momentum` and
 * Huber loss, `fit()`; what one gets without this project.
 * @module
 */

import * as tf from "@tensorflow/tfjs";
import type { Contestant } from "./contestant.ts";
import { countGpuCalls } from "./gpu_calls.ts";
import { startsOf, tensorsOf, type Workload } from "./workload.ts";

/** Where it runs. */
export interface StockOptions {
  /** TensorFlow.js backend. */
  backend: "webgpu" | "cpu";
  /** The backend's device, for people. */
  device: string;
  /** As `Contestant.peak`. */
  peak?: string;
}

/**
 * The model in stock layers. There is no causal convolution among them: `kernelSize - 1` zeros before each
 * window and a valid convolution are the same; nor a Lambda: loss and metric scale the output.
 * Initialisers are zeros because the workload's weights follow.
 */
function stockModel({ spec, weights }: Workload): tf.Sequential {
  const zeros = {
    kernelInitializer: "zeros",
    recurrentInitializer: "zeros",
  } as const;
  const model = tf.sequential();
  model.add(tf.layers.conv1d({
    inputShape: [spec.windowSize + spec.kernelSize - 1, 1],
    filters: spec.filters,
    kernelSize: spec.kernelSize,
    activation: "relu",
    kernelInitializer: "zeros",
  }));
  for (const units of spec.lstmUnits) {
    model.add(tf.layers.lstm({
      units,
      returnSequences: true,
      recurrentActivation: "sigmoid",
      ...zeros,
    }));
  }
  for (const units of spec.denseUnits) {
    model.add(tf.layers.dense({
      units,
      activation: "relu",
      kernelInitializer: "zeros",
    }));
  }
  model.add(tf.layers.dense({ units: 1, kernelInitializer: "zeros" }));
  let offset = 0;
  const initial = model.getWeights().map(({ shape, size }) =>
    tf.tensor(weights.slice(offset, offset += size), shape)
  );
  model.setWeights(initial);
  tf.dispose(initial);
  const scaled = (output: tf.Tensor) => output.mul(spec.outputScale);
  model.compile({
    optimizer: tf.train.momentum(spec.learningRate, spec.momentum),
    loss: (targets: tf.Tensor, output: tf.Tensor) =>
      tf.losses.huberLoss(
        targets,
        scaled(output),
        undefined,
        spec.huberDelta,
      ),
    metrics: [
      (targets: tf.Tensor, output: tf.Tensor) =>
        tf.losses.absoluteDifference(targets, scaled(output)),
    ],
  });
  return model;
}

/** Has the model's own train function timed: the JavaScript of a step without the wait for its results. */
function timeTrainFunction(model: tf.Sequential): () => number {
  let ms = 0;
  type Train = (data: tf.Tensor[]) => tf.Scalar[];
  // Sequential hands everything to an inner LayersModel.
  const inner = (model as unknown as {
    model: { makeTrainFunction(): Train };
  }).model;
  const make = inner.makeTrainFunction.bind(inner);
  inner.makeTrainFunction = () => {
    const trainStep = make();
    return (data) => {
      const began = performance.now();
      const result = trainStep(data);
      ms += performance.now() - began;
      return result;
    };
  };
  return () => ms;
}

/** Makes the contestant on a backend that is already registered. */
export async function createStock(
  workload: Workload,
  { backend, device, peak }: StockOptions,
): Promise<Contestant> {
  const { spec } = workload;
  await tf.setBackend(backend);
  const model = stockModel(workload);
  const hostMs = timeTrainFunction(model);
  /** Fits so many batches; milliseconds and the loss of the first epoch. */
  const fit = async (steps: number) => {
    await tf.setBackend(backend);
    const starts = startsOf(workload, steps);
    const padding = spec.kernelSize - 1;
    const { inputs, targets } = tensorsOf(workload, starts, padding);
    const x = tf.tensor3d(inputs, [
      starts.length,
      padding + spec.windowSize,
      1,
    ]);
    const y = tf.tensor3d(targets, [starts.length, spec.windowSize, 1]);
    const began = performance.now();
    const { history } = await model.fit(x, y, {
      batchSize: spec.batchSize,
      epochs: 1,
      shuffle: false,
      verbose: 0,
    });
    const ms = performance.now() - began;
    tf.dispose([x, y]);
    return { ms, loss: history.loss![0] as number };
  };
  const { loss } = await fit(1);
  const contestant: Contestant = {
    key: `stock-${backend}`,
    label: `stock tf.layers, ${backend}`,
    device,
    ...(peak !== undefined && { peak }),
    firstLoss: loss,
    run: async (steps) => (await fit(steps)).ms,
    async dispose() {
      await tf.setBackend(backend);
      model.dispose();
    },
  };
  if (backend === "webgpu") {
    contestant.cost = async () => {
      const before = hostMs();
      const { calls } = await countGpuCalls(() => fit(1));
      return { ...calls, hostMs: hostMs() - before };
    };
  }
  return contestant;
}
