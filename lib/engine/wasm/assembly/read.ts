/**
 * Reads the plan.
 * @module
 */

import { LAYER_WORDS, LAYERS, PLAN } from "./plan";

/** A word of the plan as an integer or an address. */
// @ts-ignore: decorator

export function word(index: usize): usize {
  return load<u32>(<usize> PLAN + (index << 2));
}

/** A word of the plan as a float. */
// @ts-ignore: decorator

export function number(index: usize): f32 {
  return load<f32>(<usize> PLAN + (index << 2));
}

/** Address of a layer's record: 0 is the convolution. */
// @ts-ignore: decorator

export function layerAt(index: usize): usize {
  return <usize> PLAN + ((<usize> LAYERS + index * LAYER_WORDS) << 2);
}

/** A word of a layer's record. */
// @ts-ignore: decorator

export function field(layer: usize, index: usize): usize {
  return load<u32>(layer + (index << 2));
}
