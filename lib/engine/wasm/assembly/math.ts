/**
 * exp, sigmoid and tanh of four numbers at once, over the whole float range: nothing overflows, NaN
 * stays NaN. Error bounds are tested against `Math.*` in tests/wasm_math_test.ts.
 *
 * Cody and Waite's reduction: `x = n ln2 + r`, `|r| <= ln2 / 2`, `e^x = 2^n e^r`, with the Taylor
 * polynomial of degree 7, whose remainder `r^8 / 8!` is below 6e-9.
 * @module
 */

/** `a b + c`; rounded once where relaxed SIMD maps to a fused instruction. */
// @ts-ignore: decorator

export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** 1.5 * 2^23: adding it rounds to a whole number, which then lies in the low bits. */
// @ts-ignore: decorator

const ROUNDER: f32 = 12582912.0;

/** ln 2 in two parts; the first has few bits, so that its product with n is exact. */
// @ts-ignore: decorator

const LN2_HIGH: f32 = 0.693359375;

// @ts-ignore: decorator

const LN2_LOW: f32 = -2.12194440e-4;

/** `x log2(e)`, rounded, still with ROUNDER added. */
// @ts-ignore: decorator

function shifted(x: v128): v128 {
  return madd(
    x,
    f32x4.splat(1.4426950408889634),
    f32x4.splat(ROUNDER),
  );
}

/** `x - n ln2`. */
// @ts-ignore: decorator

function reduced(x: v128, n: v128): v128 {
  const r = madd(n, f32x4.splat(-LN2_HIGH), x);
  return madd(n, f32x4.splat(-LN2_LOW), r);
}

/** `2^n` from the shifted n, for n from -126 to 127. */
// @ts-ignore: decorator

function power(t: v128): v128 {
  return i32x4.add(i32x4.shl(t, 23), i32x4.splat(0x3f800000));
}

/** `e^r - 1` for `|r| <= ln2 / 2`, exact to its last bits near 0 too. */
// @ts-ignore: decorator

function expm1Reduced(r: v128): v128 {
  let q = madd(r, f32x4.splat(1.0 / 5040.0), f32x4.splat(1.0 / 720.0));
  q = madd(q, r, f32x4.splat(1.0 / 120.0));
  q = madd(q, r, f32x4.splat(1.0 / 24.0));
  q = madd(q, r, f32x4.splat(1.0 / 6.0));
  q = madd(q, r, f32x4.splat(0.5));
  return madd(f32x4.mul(r, r), q, r);
}

/** `e^x`, with x limited to -87.33 … 88.37, so that the result is a normal number. */
// @ts-ignore: decorator

export function exp(x: v128): v128 {
  // pmin and pmax give their first argument when it is NaN.
  x = f32x4.pmin(x, f32x4.splat(88.37));
  x = f32x4.pmax(x, f32x4.splat(-87.33));
  const t = shifted(x);
  const r = reduced(x, f32x4.sub(t, f32x4.splat(ROUNDER)));
  const scale = power(t);
  return madd(expm1Reduced(r), scale, scale);
}

/** `1 / (1 + e^-x)`. */
// @ts-ignore: decorator

export function sigmoid(x: v128): v128 {
  const one = f32x4.splat(1);
  return f32x4.div(one, f32x4.add(one, exp(f32x4.neg(x))));
}

/** `m / (m + 2)` with `m = e^(2|x|) - 1`, and x's sign; so small x keep their relative accuracy. */
// @ts-ignore: decorator

export function tanh(x: v128): v128 {
  const sign = v128.and(x, f32x4.splat(-0.0));
  const size = v128.xor(x, sign);
  // tanh rounds to 1 from 9.02 on.
  const y = f32x4.pmin(f32x4.add(size, size), f32x4.splat(19));
  const t = shifted(y);
  const r = reduced(y, f32x4.sub(t, f32x4.splat(ROUNDER)));
  const scale = power(t);
  const m = madd(
    expm1Reduced(r),
    scale,
    f32x4.sub(scale, f32x4.splat(1)),
  );
  return v128.or(f32x4.div(m, f32x4.add(m, f32x4.splat(2))), sign);
}
