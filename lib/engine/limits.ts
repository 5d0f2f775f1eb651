/**
 * What the hand-written engines (WebGPU and WebAssembly) take; anything else goes to tfjs.
 * @module
 */

import { alignment } from "../alignment.ts";
import type { EngineSpec } from "./engine.ts";

/** Most LSTM layers of the fused engines. */
export const MAX_LSTM_LAYERS = 4;
/** Most units of one LSTM layer of the fused engines. */
export const MAX_LSTM_UNITS = 128;
/** Most convolution filters of the fused engines. */
export const MAX_FILTERS = 256;
/** Widest dense layer of the fused engines. */
export const MAX_DENSE_UNITS = 256;
/** Most dense layers of the fused engines, the last one included. */
export const MAX_DENSE_LAYERS = 6;

/** Says in one line why the fused engines can't take this model, or `undefined` if they can. */
export function unsupportedReason(
  spec: Omit<EngineSpec, "values">,
): string | undefined {
  if (spec.lstmUnits.length < 1 || spec.lstmUnits.length > MAX_LSTM_LAYERS) {
    return `${spec.lstmUnits.length} LSTM layers, the fused engines take 1 to ${MAX_LSTM_LAYERS}`;
  }
  const wide = spec.lstmUnits.find((units) => units > MAX_LSTM_UNITS);
  if (wide !== undefined) {
    return `an LSTM of ${wide} units, the fused engines take up to ${MAX_LSTM_UNITS}`;
  }
  if (spec.filters > MAX_FILTERS) {
    return `${spec.filters} filters, the fused engines take up to ${MAX_FILTERS}`;
  }
  if (spec.denseUnits.length + 1 > MAX_DENSE_LAYERS) {
    return `${
      spec.denseUnits.length + 1
    } dense layers, the fused engines take up to ${MAX_DENSE_LAYERS}`;
  }
  const dense = [...spec.denseUnits, spec.horizon].find((units) =>
    units > MAX_DENSE_UNITS
  );
  if (dense !== undefined) {
    return `a dense layer of ${dense} units, the fused engines take up to ${MAX_DENSE_UNITS}`;
  }
  return undefined;
}

/**
 * Checks that inputs and targets of every window lie in the series.
 *
 * @throws {RangeError} naming the first window that doesn't.
 */
export function checkStarts(spec: EngineSpec, starts: Int32Array): void {
  const { anchor } = alignment(spec);
  const reach = Math.max(
    spec.windowSize,
    anchor[anchor.length - 1]! + 1 + spec.horizon,
  );
  const last = spec.values.length - reach;
  const bad = starts.find((start) => start < 0 || start > last);
  if (bad !== undefined) {
    throw new RangeError(
      `Cannot use the window at ${bad}: a series of ${spec.values.length} values holds windows at 0 to ${last}`,
    );
  }
}
