/**
 * The plain TypeScript twin of every engine: the same train step in float64 loops, written to be
 * read. Engines are compared with it; it is compared with numbers by hand and finite differences.
 * @module
 */

import { alignment } from "../lib/alignment.ts";
import type { OptimizerOptions } from "../lib/config.ts";
import type { EngineSpec } from "../lib/engine/engine.ts";
import { slotCount } from "../lib/engine/engine.ts";
import { parameterLayout } from "../lib/layout.ts";

/** Rows of one layer's output over a window, `[time][channel]`. */
type Rows = Float64Array<ArrayBuffer>[];

/** A spec whose series may be in float64. */
export type TwinSpec = Omit<EngineSpec, "values"> & {
  values: ArrayLike<number>;
};

/** Weights and optimizer vectors in float64. */
export interface TwinState {
  weights: Float64Array;
  slots: Float64Array[];
  iterations: number;
}

const rows = (count: number, width: number): Rows =>
  Array.from({ length: count }, () => new Float64Array(width));
const sigmoid = (x: number) => 1 / (1 + Math.exp(-x));

/** Everything that one LSTM layer's backward pass needs of its forward pass. */
interface LstmTape {
  inputs: Rows;
  /** Activated gates input, forget, cell, output, `[time][4 units]`. */
  gates: Rows;
  cells: Rows;
  outputs: Rows;
}

/** `h` and `c` start at 0; gates as in https://keras.io/api/layers/recurrent_layers/lstm/ */
function lstmForward(
  inputs: Rows,
  kernel: Float64Array,
  recurrent: Float64Array,
  bias: Float64Array,
): LstmTape {
  const units = bias.length / 4;
  const gates = rows(inputs.length, 4 * units);
  const cells = rows(inputs.length, units);
  const outputs = rows(inputs.length, units);
  inputs.forEach((x, t) => {
    const z = gates[t]!;
    z.set(bias);
    x.forEach((v, i) => {
      for (let g = 0; g < 4 * units; g++) {
        z[g]! += v * kernel[i * 4 * units + g]!;
      }
    });
    outputs[t - 1]?.forEach((v, i) => {
      for (let g = 0; g < 4 * units; g++) {
        z[g]! += v * recurrent[i * 4 * units + g]!;
      }
    });
    for (let u = 0; u < units; u++) {
      const i = z[u] = sigmoid(z[u]!);
      const f = z[units + u] = sigmoid(z[units + u]!);
      const g = z[2 * units + u] = Math.tanh(z[2 * units + u]!);
      const o = z[3 * units + u] = sigmoid(z[3 * units + u]!);
      const c = cells[t]![u] = f * (cells[t - 1]?.[u] ?? 0) + i * g;
      outputs[t]![u] = o * Math.tanh(c);
    }
  });
  return { inputs, gates, cells, outputs };
}

/** Back-propagation through time; adds to the three gradients and returns the inputs' gradient. */
function lstmBackward(
  tape: LstmTape,
  dOutputs: Rows,
  kernel: Float64Array,
  recurrent: Float64Array,
  dKernel: Float64Array,
  dRecurrent: Float64Array,
  dBias: Float64Array,
): Rows {
  const { inputs, gates, cells, outputs } = tape;
  const units = dBias.length / 4;
  const width = 4 * units;
  const dInputs = rows(inputs.length, inputs[0]!.length);
  let dh = new Float64Array(units);
  const dc = new Float64Array(units);
  for (let t = inputs.length - 1; t >= 0; t--) {
    const dz = new Float64Array(width);
    const z = gates[t]!;
    for (let u = 0; u < units; u++) {
      const [i, f, g, o] = [0, 1, 2, 3].map((gate) => z[gate * units + u]!) as [
        number,
        number,
        number,
        number,
      ];
      const tanhC = Math.tanh(cells[t]![u]!);
      const dhu = dh[u]! + dOutputs[t]![u]!;
      const dcu = dc[u]! + dhu * o * (1 - tanhC * tanhC);
      dz[u] = dcu * g * i * (1 - i);
      dz[units + u] = dcu * (cells[t - 1]?.[u] ?? 0) * f * (1 - f);
      dz[2 * units + u] = dcu * i * (1 - g * g);
      dz[3 * units + u] = dhu * tanhC * o * (1 - o);
      dc[u] = dcu * f;
    }
    dh = new Float64Array(units);
    for (let g = 0; g < width; g++) {
      dBias[g]! += dz[g]!;
      for (let i = 0; i < inputs[0]!.length; i++) {
        dKernel[i * width + g]! += inputs[t]![i]! * dz[g]!;
        dInputs[t]![i]! += kernel[i * width + g]! * dz[g]!;
      }
      for (let u = 0; u < units; u++) {
        dRecurrent[u * width + g]! += (outputs[t - 1]?.[u] ?? 0) * dz[g]!;
        dh[u]! += recurrent[u * width + g]! * dz[g]!;
      }
    }
  }
  return dInputs;
}

/** One window forward; keeps what the backward pass needs. */
function forward(
  spec: TwinSpec,
  weights: ArrayLike<number>,
  input: ArrayLike<number>,
) {
  const layout = parameterLayout(spec);
  const tensors = layout.map(({ offset, size }) =>
    Float64Array.from({ length: size }, (_, i) => weights[offset + i]!)
  );
  const { steps, padLeft } = alignment(spec);
  const { filters, kernelSize, strides, windowSize } = spec;
  const conv = rows(steps, filters);
  for (let j = 0; j < steps; j++) {
    for (let f = 0; f < filters; f++) {
      let sum = tensors[1]![f]!;
      for (let k = 0; k < kernelSize; k++) {
        const at = j * strides - padLeft + k;
        if (at >= 0 && at < windowSize) {
          sum += input[at]! * tensors[0]![k * filters + f]!;
        }
      }
      conv[j]![f] = Math.max(sum, 0);
    }
  }
  let next = 2;
  let hidden = conv;
  const tapes = spec.lstmUnits.map(() => {
    const tape = lstmForward(
      hidden,
      tensors[next]!,
      tensors[next + 1]!,
      tensors[next + 2]!,
    );
    next += 3;
    hidden = tape.outputs;
    return tape;
  });
  const dense = [hidden];
  const widths = [...spec.denseUnits, spec.horizon];
  widths.forEach((units, layer) => {
    const kernel = tensors[next]!, bias = tensors[next + 1]!;
    next += 2;
    const linear = layer === widths.length - 1;
    hidden = hidden.map((x) =>
      Float64Array.from({ length: units }, (_, u) => {
        let sum = bias[u]!;
        x.forEach((v, i) => sum += v * kernel[i * units + u]!);
        return linear ? sum : Math.max(sum, 0);
      })
    );
    dense.push(hidden);
  });
  return { tensors, conv, tapes, dense };
}

/** The network on inputs `[n, windowSize]`: `[n, steps, horizon]`. */
export function twinPredict(
  spec: TwinSpec,
  weights: ArrayLike<number>,
  inputs: ArrayLike<number>,
): Float64Array {
  const { windowSize, horizon, outputScale } = spec;
  const { steps } = alignment(spec);
  const n = inputs.length / windowSize;
  const result = new Float64Array(n * steps * horizon);
  for (let s = 0; s < n; s++) {
    const input = Array.from(
      { length: windowSize },
      (_, i) => inputs[s * windowSize + i]!,
    );
    forward(spec, weights, input).dense.at(-1)!.forEach((row, j) =>
      row.forEach((v, h) =>
        result[(s * steps + j) * horizon + h] = v * outputScale
      )
    );
  }
  return result;
}

/** One element's loss and its derivative by the prediction; Huber (1964) as in https://keras.io/api/losses/regression_losses/#huber-class */
export function twinLoss(
  spec: Pick<EngineSpec, "loss" | "huberDelta">,
  error: number,
): [loss: number, derivative: number] {
  const size = Math.abs(error);
  switch (spec.loss) {
    case "mse":
      return [error * error, 2 * error];
    case "mae":
      return [size, Math.sign(error)];
    case "huber":
      return size <= spec.huberDelta ? [error * error / 2, error] : [
        spec.huberDelta * (size - spec.huberDelta / 2),
        spec.huberDelta * Math.sign(error),
      ];
  }
}

/** Loss, MAE and gradient of one batch of windows. */
export function twinGradient(
  spec: TwinSpec,
  weights: ArrayLike<number>,
  starts: ArrayLike<number>,
): { loss: number; mae: number; gradient: Float64Array } {
  const layout = parameterLayout(spec);
  const { steps, anchor, padLeft } = alignment(spec);
  const { windowSize, horizon, outputScale, kernelSize, strides, filters } =
    spec;
  const gradient = new Float64Array(
    layout.at(-1)!.offset + layout.at(-1)!.size,
  );
  const grads = layout.map(({ offset, size }) =>
    gradient.subarray(offset, offset + size)
  );
  const counted = starts.length * (steps - spec.lossStart) * horizon;
  const all = starts.length * steps * horizon;
  let loss = 0, mae = 0;
  for (let s = 0; s < starts.length; s++) {
    const input = Array.from(
      { length: windowSize },
      (_, i) => spec.values[starts[s]! + i]!,
    );
    const { tensors, conv, tapes, dense } = forward(spec, weights, input);
    let delta = dense.at(-1)!.map((row, j) =>
      row.map((v, h) => {
        const error = v * outputScale -
          spec.values[starts[s]! + anchor[j]! + 1 + h]!;
        mae += Math.abs(error) / all;
        if (j < spec.lossStart) return 0;
        const [l, d] = twinLoss(spec, error);
        loss += l / counted;
        return d * outputScale / counted;
      })
    );
    let at = layout.length - 2;
    for (let layer = dense.length - 2; layer >= 0; layer--, at -= 2) {
      const x = dense[layer]!, kernel = tensors[at]!;
      const units = delta[0]!.length;
      delta = delta.map((d, j) => {
        d.forEach((v, u) => grads[at + 1]![u]! += v);
        return x[j]!.map((value, i) => {
          let sum = 0;
          d.forEach((v, u) => {
            grads[at]![i * units + u]! += value * v;
            sum += kernel[i * units + u]! * v;
          });
          return layer > 0 && value <= 0 ? 0 : sum;
        });
      });
    }
    at -= 1;
    for (let layer = tapes.length - 1; layer >= 0; layer--, at -= 3) {
      delta = lstmBackward(
        tapes[layer]!,
        delta,
        tensors[at]!,
        tensors[at + 1]!,
        grads[at]!,
        grads[at + 1]!,
        grads[at + 2]!,
      );
    }
    delta.forEach((d, j) =>
      d.forEach((v, f) => {
        if (conv[j]![f]! <= 0) return;
        grads[1]![f]! += v;
        for (let k = 0; k < kernelSize; k++) {
          const i = j * strides - padLeft + k;
          if (i >= 0 && i < windowSize) {
            grads[0]![k * filters + f]! += input[i]! * v;
          }
        }
      })
    );
  }
  return { loss, mae, gradient };
}

/** Fresh optimizer state on the given weights. */
export function twinState(
  weights: ArrayLike<number>,
  options: OptimizerOptions,
): TwinState {
  return {
    weights: Float64Array.from(weights),
    slots: Array.from(
      { length: slotCount(options) },
      () => new Float64Array(weights.length),
    ),
    iterations: 0,
  };
}

/**
 * One update in place, by Keras 3's formulas (keras/src/optimizers: sgd.py, adam.py, rmsprop.py),
 * after clipping by the global norm.
 */
export function twinUpdate(
  state: TwinState,
  gradient: ArrayLike<number>,
  o: OptimizerOptions,
): void {
  const norm = Math.hypot(...Array.from(gradient));
  const clip = o.clipNorm > 0 && norm > o.clipNorm ? o.clipNorm / norm : 1;
  const t = ++state.iterations;
  const { weights: w, slots: [a, b] } = state;
  for (let i = 0; i < w.length; i++) {
    const g = gradient[i]! * clip;
    switch (o.optimizer) {
      case "sgd": {
        if (!a) {
          w[i]! -= o.learningRate * g;
          break;
        }
        const v = a[i] = o.momentum * a[i]! - o.learningRate * g;
        w[i]! += o.nesterov ? o.momentum * v - o.learningRate * g : v;
        break;
      }
      case "adam": {
        const rate = o.learningRate * Math.sqrt(1 - o.beta2 ** t) /
          (1 - o.beta1 ** t);
        a![i]! += (g - a![i]!) * (1 - o.beta1);
        b![i]! += (g * g - b![i]!) * (1 - o.beta2);
        w[i]! -= rate * a![i]! / (Math.sqrt(b![i]!) + o.epsilon);
        break;
      }
      case "rmsprop": {
        a![i] = o.rho * a![i]! + (1 - o.rho) * g * g;
        const step = o.learningRate * g / Math.sqrt(a![i]! + o.epsilon);
        if (!b) {
          w[i]! -= step;
          break;
        }
        b[i] = o.momentum * b[i]! + step;
        w[i]! -= b[i]!;
        break;
      }
    }
  }
}
