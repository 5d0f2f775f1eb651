/**
 * relu and its derivative on rows of floats, four at a time.
 * @module
 */

/** `x = max(x, 0)` over `bytes` bytes, a multiple of 16; NaN stays. */
export function relu(x: usize, bytes: usize): void {
  const zero = f32x4.splat(0);
  for (const end = x + bytes; x < end; x += 16) {
    v128.store(x, f32x4.max(v128.load(x), zero));
  }
}

/** `d = output > 0 ? d : 0` on `rows` rows of `bytes` bytes, a multiple of 16; steps in bytes. */
export function reluBackward(
  rows: usize,
  bytes: usize,
  d: usize,
  step: usize,
  output: usize,
  outputStep: usize,
): void {
  const zero = f32x4.splat(0);
  for (let row: usize = 0; row < rows; ++row) {
    for (let at: usize = 0; at < bytes; at += 16) {
      const open = f32x4.gt(v128.load(output + at), zero);
      v128.store(d + at, v128.and(v128.load(d + at), open));
    }
    d += step;
    output += outputStep;
  }
}
