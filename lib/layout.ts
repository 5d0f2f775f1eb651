/**
 * Where each trainable parameter lies in the one flat `Float32Array` that engines, checkpoints
 * and optimizers share. The order is that of Keras's `model.get_weights()`.
 * @module
 */

import type { Config } from "./config.ts";

/** One weight tensor's place in the flat parameter vector. */
export interface Parameter {
  /** `layer/weight`, such as `lstm_1/recurrent_kernel`. */
  name: string;
  /** Shape as in Keras, row-major. */
  shape: readonly number[];
  /** First element in the flat vector. */
  offset: number;
  /** Number of elements. */
  size: number;
}

/** What of the configuration decides the parameters. */
export type LayoutOptions = Pick<
  Config,
  "filters" | "kernelSize" | "lstmUnits" | "denseUnits" | "horizon"
>;

/**
 * Lists the parameters in order: `conv1d` kernel `[kernelSize, 1, filters]` and bias; per LSTM
 * (`lstm`, `lstm_1`, …) kernel `[input, 4 units]`, recurrent kernel `[units, 4 units]` and bias
 * `[4 units]`, gates in Keras's order input, forget, cell, output; per dense layer (`dense`,
 * `dense_1`, …, the last with `horizon` units) kernel `[input, units]` and bias `[units]`.
 */
export function parameterLayout(options: LayoutOptions): Parameter[] {
  const parameters: Parameter[] = [];
  let offset = 0;
  const add = (name: string, ...shape: number[]) => {
    const size = shape.reduce((a, b) => a * b, 1);
    parameters.push({ name, shape, offset, size });
    offset += size;
  };
  const numbered = (name: string, i: number) => i === 0 ? name : `${name}_${i}`;
  add("conv1d/kernel", options.kernelSize, 1, options.filters);
  add("conv1d/bias", options.filters);
  let width = options.filters;
  options.lstmUnits.forEach((units, i) => {
    const layer = numbered("lstm", i);
    add(`${layer}/kernel`, width, 4 * units);
    add(`${layer}/recurrent_kernel`, units, 4 * units);
    add(`${layer}/bias`, 4 * units);
    width = units;
  });
  [...options.denseUnits, options.horizon].forEach((units, i) => {
    const layer = numbered("dense", i);
    add(`${layer}/kernel`, width, units);
    add(`${layer}/bias`, units);
    width = units;
  });
  return parameters;
}

/** Number of trainable parameters; 60,591 for the seed's model. */
export function parameterCount(options: LayoutOptions): number {
  const last = parameterLayout(options).at(-1)!;
  return last.offset + last.size;
}
