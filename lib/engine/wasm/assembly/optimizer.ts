/**
 * The update rules on a stretch of weights, by Keras 3's formulas (keras/src/optimizers: sgd.py,
 * adam.py, rmsprop.py). Padding has gradient 0 and so stays 0 under all of them.
 * @module
 */

import {
  BETA1_REST,
  BETA2_REST,
  EPSILON,
  GRADIENT,
  MOMENTUM,
  OPTIMIZER,
  RHO,
  RHO_REST,
  SLOT0,
  SLOT1,
  UPDATE_ADAM,
  UPDATE_NESTEROV,
  UPDATE_RMSPROP_MOMENTUM,
  UPDATE_SGD,
  WEIGHTS,
} from "./plan";
import { number, word } from "./read";

/**
 * Updates elements `first … first + count`, both multiples of 4.
 *
 * @param rate Step size; Adam's with its bias correction.
 * @param clip Factor on the gradient.
 */
export function update(
  first: usize,
  count: usize,
  rate: f32,
  clip: f32,
): void {
  const rule = <i32> word(OPTIMIZER);
  const weights = word(WEIGHTS), gradient = word(GRADIENT);
  const slot0 = word(SLOT0), slot1 = word(SLOT1);
  const rates = f32x4.splat(rate), clips = f32x4.splat(clip);
  const momentum = f32x4.splat(number(MOMENTUM));
  const epsilon = f32x4.splat(number(EPSILON));
  const end = (first + count) << 2;
  for (let at = first << 2; at < end; at += 16) {
    const g = f32x4.mul(v128.load(gradient + at), clips);
    let w = v128.load(weights + at);
    if (rule == UPDATE_SGD) {
      w = f32x4.sub(w, f32x4.mul(rates, g));
    } else if (rule <= UPDATE_NESTEROV) {
      const step = f32x4.mul(rates, g);
      const v = f32x4.sub(f32x4.mul(momentum, v128.load(slot0 + at)), step);
      v128.store(slot0 + at, v);
      w = f32x4.add(
        w,
        rule == UPDATE_NESTEROV ? f32x4.sub(f32x4.mul(momentum, v), step) : v,
      );
    } else if (rule == UPDATE_ADAM) {
      let m = v128.load(slot0 + at), v = v128.load(slot1 + at);
      m = f32x4.add(
        m,
        f32x4.mul(f32x4.sub(g, m), f32x4.splat(number(BETA1_REST))),
      );
      v = f32x4.add(
        v,
        f32x4.mul(
          f32x4.sub(f32x4.mul(g, g), v),
          f32x4.splat(number(BETA2_REST)),
        ),
      );
      v128.store(slot0 + at, m);
      v128.store(slot1 + at, v);
      w = f32x4.sub(
        w,
        f32x4.div(
          f32x4.mul(rates, m),
          f32x4.add(f32x4.sqrt(v), epsilon),
        ),
      );
    } else {
      const v = f32x4.add(
        f32x4.mul(v128.load(slot0 + at), f32x4.splat(number(RHO))),
        f32x4.mul(f32x4.mul(g, g), f32x4.splat(number(RHO_REST))),
      );
      v128.store(slot0 + at, v);
      let step = f32x4.div(
        f32x4.mul(rates, g),
        f32x4.sqrt(f32x4.add(v, epsilon)),
      );
      if (rule == UPDATE_RMSPROP_MOMENTUM) {
        step = f32x4.add(f32x4.mul(momentum, v128.load(slot1 + at)), step);
        v128.store(slot1 + at, step);
      }
      w = f32x4.sub(w, step);
    }
    v128.store(weights + at, w);
  }
}
