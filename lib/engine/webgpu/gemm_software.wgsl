// The matrix products of the step, for adapters that run shaders on the processor. Lavapipe's vectors have 8 lanes, and
// a load with a dynamic index is done lane by lane, cheapest from storage textures (texture.wgsl). So both factors are
// textures, a workgroup is one vector, and each lane keeps a tile of results to use every load often. Sums are taken up
// once a round, for 4 products: lavapipe masks what a loop writes, and a tile is larger than the registers.
// No workgroup memory. Rows are time-major; columns are in vec4s.

// Prepended: texture.wgsl, weights_texture.wgsl and the uniform `sizes`, so that one compiled shader serves all layers:
//   ROWS; LEFT, RESULT, ACTIVATION and WEIGHTS, where the columns of each begin; LEFT4, OUT4 and ACT4, how many there
//   are; BEFORE, rows before the first of a layer's output, which left is in project, activation in input_gradient;
//   WIDTH, numbers, not vec4s, that a row of result really has; RELU, MASKED, 1 or 0.

@group(0) @binding(1) var left: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var result: texture_storage_2d<rgba32float, write>;

// Four columns of results: a row of left times four blocks of 4 x 4 weights, each block's vec4s as they lie in memory.
fn products(s: mat4x4f, x: vec4f, b0: mat4x4f, b1: mat4x4f, b2: mat4x4f, b3: mat4x4f, across: bool) -> mat4x4f {
  if (across) {
    return mat4x4f(s[0] + x * b0, s[1] + x * b1, s[2] + x * b2, s[3] + x * b3);
  }
  return mat4x4f(s[0] + b0 * x, s[1] + b1 * x, s[2] + b2 * x, s[3] + b3 * x);
}

fn block(row: u32, column: u32) -> mat4x4f {
  return mat4x4f(weight(row, column), weight(row + 1u, column), weight(row + 2u, column), weight(row + 3u, column));
}

fn line_of_left(row: u32, before: u32) -> vec2u {
  return line_of(sizes.LEFT, sizes.LEFT4, min(row, sizes.ROWS - 1u) + before);
}

// A lane's tile, every 8th row from `row` on, by four columns of vec4s from `column` on. `across`: the weights' rows are
// the result's columns and left runs along them, as in input_gradient; else left runs down the rows.
fn multiply(row: u32, column: u32, across: bool) -> array<mat4x4f, 8> {
  let before = select(sizes.BEFORE, 0u, across);
  let r0 = line_of_left(row, before);
  let r1 = line_of_left(row + 8u, before);
  let r2 = line_of_left(row + 16u, before);
  let r3 = line_of_left(row + 24u, before);
  let r4 = line_of_left(row + 32u, before);
  let r5 = line_of_left(row + 40u, before);
  let r6 = line_of_left(row + 48u, before);
  let r7 = line_of_left(row + 56u, before);
  var s = array<mat4x4f, 8>();
  for (var k = 0u; k < sizes.LEFT4; k++) {
    // A step down the weights' rows, or along their columns.
    let y = select(4u * k, 4u * column, across);
    let x = sizes.WEIGHTS + select(column, k, across);
    let down = select(0u, 4u, across);
    let along = select(1u, 0u, across);
    let b0 = block(y, x);
    let b1 = block(y + down, x + along);
    let b2 = block(y + 2u * down, x + 2u * along);
    let b3 = block(y + 3u * down, x + 3u * along);
    s[0] = products(s[0], load(left, r0, k), b0, b1, b2, b3, across);
    s[1] = products(s[1], load(left, r1, k), b0, b1, b2, b3, across);
    s[2] = products(s[2], load(left, r2, k), b0, b1, b2, b3, across);
    s[3] = products(s[3], load(left, r3, k), b0, b1, b2, b3, across);
    s[4] = products(s[4], load(left, r4, k), b0, b1, b2, b3, across);
    s[5] = products(s[5], load(left, r5, k), b0, b1, b2, b3, across);
    s[6] = products(s[6], load(left, r6, k), b0, b1, b2, b3, across);
    s[7] = products(s[7], load(left, r7, k), b0, b1, b2, b3, across);
  }
  return s;
}

// result[row, n] = sum over k of left[row, k] weights[k, n]; left has a 1 in its last column, so the bias is a row of
// weights. RELU: hidden layers; the 1 that the next layer wants is put in column WIDTH, which the last vec4 may be for.
// Lane: 8 rows x 4 vec4s. weights: [4 LEFT4, COLUMNS]. Grid: [ROWS / 64, OUT4 / 4].

fn put(row: u32, column: u32, value: vec4f) {
  if (row < sizes.ROWS && column < sizes.OUT4) {
    let n = 4u * column + vec4u(0u, 1u, 2u, 3u);
    let kept = select(value, max(value, vec4f(0.0)), sizes.RELU == 1u);
    let rest = select(vec4f(0.0), vec4f(1.0), n == vec4u(sizes.WIDTH));
    textureStore(result, texel(line_of(sizes.RESULT, sizes.OUT4, row), column), select(rest, kept, n < vec4u(sizes.WIDTH)));
  }
}

fn put_row(row: u32, column: u32, values: mat4x4f) {
  put(row, column, values[0]);
  put(row, column + 1u, values[1]);
  put(row, column + 2u, values[2]);
  put(row, column + 3u, values[3]);
}

@compute @workgroup_size(8)
fn project(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x * 64u + lane;
  let column = group.y * 4u;
  let s = multiply(row, column, false);
  put_row(row, column, s[0]);
  put_row(row + 8u, column, s[1]);
  put_row(row + 16u, column, s[2]);
  put_row(row + 24u, column, s[3]);
  put_row(row + 32u, column, s[4]);
  put_row(row + 40u, column, s[5]);
  put_row(row + 48u, column, s[6]);
  put_row(row + 56u, column, s[7]);
}

// result[row, d] = sum over n of left[row, n] weights[d, n], where `left` are deltas; 0 where MASKED and the
// activation (relu) was not positive, and in the columns that pad d to a multiple of 4.
// Lane: 8 rows x 16 inputs; past the last input the blocks are other weights, whose products are thrown away.
// weights: [at least WIDTH, COLUMNS]. Grid: [ROWS / 64, OUT4 / 4].

@group(0) @binding(3) var activation: texture_storage_2d<rgba32float, read>;

fn put_gradient(row: u32, column: u32, value: vec4f) {
  if (row < sizes.ROWS && column < sizes.OUT4) {
    let d = 4u * column + vec4u(0u, 1u, 2u, 3u);
    let output = load(activation, line_of(sizes.ACTIVATION, sizes.ACT4, sizes.BEFORE + row), column);
    let passes = (vec4<bool>(sizes.MASKED == 0u) | (output > vec4f(0.0))) & (d < vec4u(sizes.WIDTH));
    textureStore(result, texel(line_of(sizes.RESULT, sizes.OUT4, row), column), select(vec4f(0.0), value, passes));
  }
}

fn put_gradients(row: u32, column: u32, values: mat4x4f) {
  put_gradient(row, column, values[0]);
  put_gradient(row, column + 1u, values[1]);
  put_gradient(row, column + 2u, values[2]);
  put_gradient(row, column + 3u, values[3]);
}

@compute @workgroup_size(8)
fn input_gradient(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x * 64u + lane;
  let column = group.y * 4u;
  let s = multiply(row, column, true);
  put_gradients(row, column, s[0]);
  put_gradients(row + 8u, column, s[1]);
  put_gradients(row + 16u, column, s[2]);
  put_gradients(row + 24u, column, s[3]);
  put_gradients(row + 32u, column, s[4]);
  put_gradients(row + 40u, column, s[5]);
  put_gradients(row + 48u, column, s[6]);
  put_gradients(row + 56u, column, s[7]);
}
