/**
 * How much arithmetic a train step is, counted from the configuration.
 * @module
 */

import { alignment, type AlignmentOptions } from "../../lib/alignment.ts";
import type { LayoutOptions } from "../../lib/layout.ts";

/** The formula in words, for reports. */
export const FLOPS_FORMULA =
  "2 x batch x positions x (3 x (conv + LSTM + dense) - conv), with conv = kernel x filters, LSTM = sum of 4 x units x (input + units), dense = sum of input x units";

/**
 * Floating-point operations of one train step, a multiply-add counted as two:
 * `2 B T (3 (C + L + D) - C)`. Every product is made three times, forward, for the gradient by its input
 * and for the gradient by its weights; the convolution's input is data and needs no gradient. What is done once
 * per element (activations, loss, optimizer) is left out, as is usual.
 *
 * `C = k F` per position, `L = Σ 4 u (in + u)` over the LSTM layers, `D = Σ in · u` over the dense layers.
 */
export function stepFlops(
  options: LayoutOptions & AlignmentOptions & { batchSize: number },
): number {
  const { filters, kernelSize, lstmUnits, denseUnits, horizon, batchSize } =
    options;
  const conv = kernelSize * filters;
  let width = filters, products = conv;
  for (const units of lstmUnits) {
    products += 4 * units * (width + units);
    width = units;
  }
  for (const units of [...denseUnits, horizon]) {
    products += width * units;
    width = units;
  }
  return 2 * batchSize * alignment(options).steps * (3 * products - conv);
}
