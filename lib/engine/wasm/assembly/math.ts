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

/**
 * The polynomials' numbers, read from memory: V8 rebuilds a constant vector from integers wherever it is
 * used, which takes longer than the arithmetic.
 */
const NUMBERS = memory.data<f32>([
  1.4426950408889634, // log2(e)
  12582912, // 1.5 * 2^23: adding it rounds to a whole number, which then lies in the low bits
  -0.693359375, // -ln 2 in two parts; the first has few bits, so that its product with n is exact
  2.12194440e-4,
  1.984126984126984e-4, // 1 / 7!
  1.388888888888889e-3,
  8.333333333333333e-3,
  4.1666666666666664e-2,
  0.16666666666666666,
  0.5,
  1,
  2,
  88.375,
  -87.3125,
  19,
]);
// @ts-ignore: decorator
@inline
const LOG2E: usize = 0;
// @ts-ignore: decorator
@inline
const ROUNDER: usize = 1;
// @ts-ignore: decorator
@inline
const LN2_HIGH: usize = 2;
// @ts-ignore: decorator
@inline
const LN2_LOW: usize = 3;
// @ts-ignore: decorator
@inline
const TAYLOR: usize = 4;
// @ts-ignore: decorator
@inline
const ONE: usize = 10;
// @ts-ignore: decorator
@inline
const TWO: usize = 11;
// @ts-ignore: decorator
@inline
const EXP_MAX: usize = 12;
// @ts-ignore: decorator
@inline
const EXP_MIN: usize = 13;
// @ts-ignore: decorator
@inline
const TANH_MAX: usize = 14;

/** One of NUMBERS, four times. */
// @ts-ignore: decorator
@inline
function four(index: usize): v128 {
  return v128.load32_splat(NUMBERS + (index << 2));
}

/** 1, four times. */
// @ts-ignore: decorator
@inline
export function one(): v128 {
  return four(ONE);
}

/** `x log2(e)`, rounded, still with ROUNDER added. */
// @ts-ignore: decorator
@inline
function shifted(x: v128): v128 {
  return madd(x, four(LOG2E), four(ROUNDER));
}

/** `x - n ln2` from the shifted n. */
// @ts-ignore: decorator
@inline
function reduced(x: v128, t: v128): v128 {
  const n = f32x4.sub(t, four(ROUNDER));
  return madd(n, four(LN2_LOW), madd(n, four(LN2_HIGH), x));
}

/** `2^n` from the shifted n, for n from -126 to 127. */
// @ts-ignore: decorator
@inline
function power(t: v128): v128 {
  return i32x4.add(i32x4.shl(t, 23), four(ONE));
}

/** `e^r - 1` for `|r| <= ln2 / 2`, exact to its last bits near 0 too. */
// @ts-ignore: decorator
@inline
function expm1Reduced(r: v128): v128 {
  let q = madd(r, four(TAYLOR), four(TAYLOR + 1));
  q = madd(q, r, four(TAYLOR + 2));
  q = madd(q, r, four(TAYLOR + 3));
  q = madd(q, r, four(TAYLOR + 4));
  q = madd(q, r, four(TAYLOR + 5));
  return madd(f32x4.mul(r, r), q, r);
}

/** `e^x`, with x limited to -87.33 … 88.375, so that the result is a normal number. */
// @ts-ignore: decorator
@inline
export function exp(x: v128): v128 {
  // pmin and pmax give their first argument when it is NaN.
  x = f32x4.pmin(x, four(EXP_MAX));
  x = f32x4.pmax(x, four(EXP_MIN));
  const t = shifted(x);
  const scale = power(t);
  return madd(expm1Reduced(reduced(x, t)), scale, scale);
}

/** `1 / (1 + e^-x)`. */
// @ts-ignore: decorator
@inline
export function sigmoid(x: v128): v128 {
  return f32x4.div(one(), f32x4.add(one(), exp(f32x4.neg(x))));
}

/** `m / (m + 2)` with `m = e^(2|x|) - 1`, and x's sign; so small x keep their relative accuracy. */
// @ts-ignore: decorator
@inline
export function tanh(x: v128): v128 {
  const size = f32x4.abs(x);
  // tanh rounds to 1 from 9.02 on.
  const y = f32x4.pmin(f32x4.add(size, size), four(TANH_MAX));
  const t = shifted(y);
  const scale = power(t);
  const m = madd(
    expm1Reduced(reduced(y, t)),
    scale,
    f32x4.sub(scale, one()),
  );
  const ratio = f32x4.div(m, f32x4.add(m, four(TWO)));
  return v128.or(ratio, v128.xor(x, size));
}
