/**
 * How the parameters lie on the GPU, and the way from the flat vector to there and back: kernel
 * and bias of a layer as one padded matrix, an LSTM's four gates side by side.
 * @module
 */

import { type LayoutOptions, parameterLayout } from "../../layout.ts";

/** Next multiple of 4: everything on the GPU is read as vec4. */
export function ceil4(n: number): number {
  return Math.ceil(n / 4) * 4;
}

/** Next multiple of 256 bytes in float32s: where a buffer binding may begin (core `minUniformBufferOffsetAlignment`). */
export function ceil64(n: number): number {
  return Math.ceil(n / 64) * 64;
}

/** One weight matrix on the device, row-major. */
export interface Matrix {
  /** First float32 in the device's parameter vector; a multiple of 64 where matrices lie one after the other. */
  offset: number;
  /** Rows in use: the inputs, and the bias as the last row if there is one. */
  height: number;
  /** Rows with padding, a multiple of 4. */
  rows: number;
  /** Columns with padding, a multiple of 4. */
  columns: number;
}

/** The device's parameter vector. Padding is 0 and stays 0: its gradient is 0. */
export interface DeviceLayout {
  /** The convolution, `[kernelSize + 1, filters]`. */
  conv: Matrix;
  /** Per LSTM layer kernel and bias, `[inputs + 1, 4 units]`, and recurrent kernel; column `4 unit + gate`. */
  lstm: { kernel: Matrix; recurrent: Matrix }[];
  /** Per dense layer `[inputs + 1, units]`. */
  dense: Matrix[];
  /** The vector as lines: as many as the highest matrix has rows where they lie side by side, else one. */
  lines: number;
  /** Float32s in a line. */
  stride: number;
  /** Float32s in the vector, a multiple of 64. */
  size: number;
  /** Device index of each element of the flat vector. */
  index: Int32Array;
}

/**
 * Lays out the parameters of a model.
 *
 * @param beside Whether the matrices lie side by side, as one picture of all, or one after the other.
 */
export function deviceLayout(
  options: LayoutOptions,
  beside: boolean,
): DeviceLayout {
  let end = 0, lines = 1;
  const matrix = (height: number, width: number): Matrix => {
    const rows = ceil4(height), columns = ceil4(width);
    const made = { offset: end, height, rows, columns };
    end = beside ? end + columns : ceil64(end + rows * columns);
    if (beside) lines = Math.max(lines, rows);
    return made;
  };
  const conv = matrix(options.kernelSize + 1, options.filters);
  let width = options.filters;
  const lstm = options.lstmUnits.map((units) => {
    const kernel = matrix(width + 1, 4 * units);
    const recurrent = matrix(units, 4 * units);
    width = units;
    return { kernel, recurrent };
  });
  const dense = [...options.denseUnits, options.horizon].map((units) => {
    const made = matrix(width + 1, units);
    width = units;
    return made;
  });

  const stride = ceil64(end);
  const parameters = parameterLayout(options);
  const last = parameters.at(-1)!;
  const index = new Int32Array(last.offset + last.size);
  let next = 0;
  /** Places the next tensor at a row of a matrix. */
  const place = ({ offset, columns }: Matrix, row: number, gates = 1) => {
    const { shape, offset: from, size } = parameters[next++]!;
    const across = shape.at(-1)!, units = across / gates;
    for (let i = 0; i < size; i++) {
      const column = i % across;
      const interleaved = (column % units) * gates +
        Math.floor(column / units);
      index[from + i] = offset +
        (row + Math.floor(i / across)) * (beside ? stride : columns) +
        interleaved;
    }
  };
  place(conv, 0);
  place(conv, conv.height - 1);
  for (const { kernel, recurrent } of lstm) {
    place(kernel, 0, 4);
    place(recurrent, 0, 4);
    place(kernel, kernel.height - 1, 4);
  }
  for (const kernel of dense) {
    place(kernel, 0);
    place(kernel, kernel.height - 1);
  }
  return { conv, lstm, dense, lines, stride, size: lines * stride, index };
}

/** The flat vector in the device's order. */
export function toDevice(
  layout: DeviceLayout,
  flat: Float32Array,
): Float32Array<ArrayBuffer> {
  const result = new Float32Array(layout.size);
  layout.index.forEach((at, i) => result[at] = flat[i]!);
  return result;
}

/** The device's vector in the flat order. */
export function fromDevice(
  layout: DeviceLayout,
  device: Float32Array,
): Float32Array<ArrayBuffer> {
  return Float32Array.from(layout.index, (at) => device[at]!);
}
