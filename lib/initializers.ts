/**
 * A fresh model's weights with Keras's default initialisers, made on the host from a seed.
 * Between configuration and engine; the shapes are `parameterLayout()`'s.
 * @module
 */

import { type LayoutOptions, parameterLayout } from "./layout.ts";
import { type RandomStream, randomStream } from "./random.ts";

/**
 * Glorot and Bengio's (2010) uniform initialiser: uniform in ±sqrt(6 / (fanIn + fanOut)), where a
 * convolution's fans count its kernel size, as in
 * https://keras.io/api/layers/initializers/#glorotuniform-class
 *
 * @param shape `[..., in, out]`, the leading ones a convolution kernel's.
 * @returns Row-major values.
 * @throws {RangeError} if the shape has fewer than two dimensions.
 */
export function glorotUniform(
  shape: readonly number[],
  random: RandomStream,
): Float32Array {
  if (shape.length < 2) {
    throw new RangeError(
      `Cannot initialise a weight of shape [${shape}]: expected at least two dimensions`,
    );
  }
  const size = shape.reduce((a, b) => a * b, 1);
  const field = shape.slice(0, -2).reduce((a, b) => a * b, 1);
  const limit = Math.sqrt(6 / (field * (shape.at(-2)! + shape.at(-1)!)));
  return Float32Array.from(
    { length: size },
    () => limit * (2 * random.uniform() - 1),
  );
}

/**
 * A random matrix with orthonormal rows or columns, whichever are fewer (Saxe et al. 2014, what
 * Keras uses for recurrent kernels): the Q of a normal matrix's QR decomposition with a positive
 * diagonal of R, which makes it uniform among such matrices (Mezzadri 2007,
 * https://arxiv.org/abs/math-ph/0609050).
 *
 * @param shape `[rows, columns]`.
 * @returns Row-major values.
 */
export function orthogonal(
  shape: readonly [rows: number, columns: number],
  random: RandomStream,
): Float32Array {
  const [rows, columns] = shape;
  const count = Math.min(rows, columns);
  const length = Math.max(rows, columns);
  const vectors: Float64Array[] = [];
  for (let v = 0; v < count; v++) {
    const vector = Float64Array.from({ length }, () => random.normal());
    // Gram and Schmidt, modified; the second pass restores what rounding took from the first.
    for (let pass = 0; pass < 2; pass++) {
      for (const other of vectors) {
        let dot = 0;
        for (let i = 0; i < length; i++) dot += vector[i]! * other[i]!;
        for (let i = 0; i < length; i++) vector[i]! -= dot * other[i]!;
      }
    }
    let square = 0;
    for (let i = 0; i < length; i++) square += vector[i]! * vector[i]!;
    const scale = 1 / Math.sqrt(square);
    for (let i = 0; i < length; i++) vector[i]! *= scale;
    vectors.push(vector);
  }
  const matrix = new Float32Array(rows * columns);
  vectors.forEach((vector, v) => {
    if (rows <= columns) matrix.set(vector, v * columns);
    else vector.forEach((x, i) => matrix[i * columns + v] = x);
  });
  return matrix;
}

/**
 * An LSTM's initial bias: 0, and 1 for the forget gate (Keras's `unit_forget_bias`, Jozefowicz et
 * al. 2015).
 *
 * @returns `[4 units]`, gates input, forget, cell, output.
 */
export function lstmBias(units: number): Float32Array {
  return new Float32Array(4 * units).fill(1, units, 2 * units);
}

/**
 * All weights of a fresh model, by Keras's defaults: kernels Glorot-uniform, recurrent kernels
 * orthogonal, biases 0 but the LSTMs' forget gates 1. Every parameter has a random stream of its
 * own, so one layer's size doesn't change the others' draws.
 *
 * @param seed A whole number in [0, 2^32).
 * @returns `[parameters]`, laid out by `parameterLayout(config)`.
 * @throws {RangeError} if the seed isn't in its range.
 */
export function initialWeights(
  config: LayoutOptions,
  seed: number,
): Float32Array {
  const layout = parameterLayout(config);
  const last = layout.at(-1)!;
  const weights = new Float32Array(last.offset + last.size);
  layout.forEach(({ name, shape, offset }, index) => {
    const random = randomStream(seed, { purpose: "weights", index });
    if (name.endsWith("/recurrent_kernel")) {
      weights.set(orthogonal([shape[0]!, shape[1]!], random), offset);
    } else if (name.endsWith("/kernel")) {
      weights.set(glorotUniform(shape, random), offset);
    } else if (name.startsWith("lstm")) {
      weights.set(lstmBias(shape[0]! / 4), offset);
    }
  });
  return weights;
}
