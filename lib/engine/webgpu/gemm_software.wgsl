// The matrix products of the step, for adapters that run shaders on the processor. Lavapipe's vectors have 8 lanes, and
// a load with a dynamic index is done lane by lane: ten times dearer from storage buffers than from textures and uniform
// buffers. So weights are uniform, the left factor is a texture (texture.wgsl), a workgroup is one vector, and each lane
// keeps a tile of results to use every load often. No workgroup memory. Rows are time-major; strides are in vec4s.

// Prepended: texture.wgsl and the uniform `sizes`, so that one compiled shader serves all layers; with
//   ROWS; FIRST, first vec4 of left; SKIP, vec4s before the first row of activation; ACT4, OUT4, columns of activation and
//   result; COLUMNS, of weights (input_gradient: of left, too); IN4, of left (project); WIDTH, numbers, not vec4s, that a
//   row of result really has; RELU, MASKED, 1 or 0.

@group(0) @binding(1) var left: texture_2d<f32>;
@group(0) @binding(2) var<storage, read_write> result: array<vec4f>;

// result[row, n] = sum over k of left[row, k] weights[k, n]; left has a 1 in its last column, so the bias is a row of
// weights. RELU: hidden dense layers; the 1 that the next layer wants is put in column WIDTH.
// Lane: 8 rows x 4 vec4s, a row's four as a matrix. Grid: [ROWS / 64, COLUMNS / 4].
// Prepended: `weights`, binding 0, [4 IN4, COLUMNS].

fn put(row: u32, column: u32, value: vec4f) {
  if (row < sizes.ROWS && column < sizes.COLUMNS) {
    let n = 4u * column + vec4u(0u, 1u, 2u, 3u);
    let kept = select(value, max(value, vec4f(0.0)), sizes.RELU == 1u);
    result[row * sizes.OUT4 + column] = select(kept, vec4f(1.0), n == vec4u(sizes.WIDTH));
  }
}

fn put_row(row: u32, column: u32, values: mat4x4f) {
  put(row, column, values[0]);
  put(row, column + 1u, values[1]);
  put(row, column + 2u, values[2]);
  put(row, column + 3u, values[3]);
}

// Where a row of left begins.
fn row_of_left(row: u32, stride: u32) -> u32 {
  return sizes.FIRST + min(row, sizes.ROWS - 1u) * stride;
}

// 16 neighbouring columns of weights.
fn columns_of(w: u32) -> mat4x4f {
  return mat4x4f(weights[w], weights[w + 1u], weights[w + 2u], weights[w + 3u]);
}

@compute @workgroup_size(8)
fn project(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x * 64u + lane;
  let column = group.y * 4u;
  let r0 = row_of_left(row + 0u, sizes.IN4);
  let r1 = row_of_left(row + 8u, sizes.IN4);
  let r2 = row_of_left(row + 16u, sizes.IN4);
  let r3 = row_of_left(row + 24u, sizes.IN4);
  let r4 = row_of_left(row + 32u, sizes.IN4);
  let r5 = row_of_left(row + 40u, sizes.IN4);
  let r6 = row_of_left(row + 48u, sizes.IN4);
  let r7 = row_of_left(row + 56u, sizes.IN4);
  var s0 = mat4x4f();
  var s1 = mat4x4f();
  var s2 = mat4x4f();
  var s3 = mat4x4f();
  var s4 = mat4x4f();
  var s5 = mat4x4f();
  var s6 = mat4x4f();
  var s7 = mat4x4f();
  for (var k = 0u; k < sizes.IN4; k++) {
    let x0 = load(left, r0 + k);
    let x1 = load(left, r1 + k);
    let x2 = load(left, r2 + k);
    let x3 = load(left, r3 + k);
    let x4 = load(left, r4 + k);
    let x5 = load(left, r5 + k);
    let x6 = load(left, r6 + k);
    let x7 = load(left, r7 + k);
    let w = 4u * k * sizes.COLUMNS + column;
    let v0 = columns_of(w);
    s0 += x0.x * v0;
    s1 += x1.x * v0;
    s2 += x2.x * v0;
    s3 += x3.x * v0;
    s4 += x4.x * v0;
    s5 += x5.x * v0;
    s6 += x6.x * v0;
    s7 += x7.x * v0;
    let v1 = columns_of(w + sizes.COLUMNS);
    s0 += x0.y * v1;
    s1 += x1.y * v1;
    s2 += x2.y * v1;
    s3 += x3.y * v1;
    s4 += x4.y * v1;
    s5 += x5.y * v1;
    s6 += x6.y * v1;
    s7 += x7.y * v1;
    let v2 = columns_of(w + 2u * sizes.COLUMNS);
    s0 += x0.z * v2;
    s1 += x1.z * v2;
    s2 += x2.z * v2;
    s3 += x3.z * v2;
    s4 += x4.z * v2;
    s5 += x5.z * v2;
    s6 += x6.z * v2;
    s7 += x7.z * v2;
    let v3 = columns_of(w + 3u * sizes.COLUMNS);
    s0 += x0.w * v3;
    s1 += x1.w * v3;
    s2 += x2.w * v3;
    s3 += x3.w * v3;
    s4 += x4.w * v3;
    s5 += x5.w * v3;
    s6 += x6.w * v3;
    s7 += x7.w * v3;
  }
  put_row(row + 0u, column, s0);
  put_row(row + 8u, column, s1);
  put_row(row + 16u, column, s2);
  put_row(row + 24u, column, s3);
  put_row(row + 32u, column, s4);
  put_row(row + 40u, column, s5);
  put_row(row + 48u, column, s6);
  put_row(row + 56u, column, s7);
}

// result[row, d] = sum over n of left[row, n] weights[d, n], where `left` are deltas; 0 where MASKED and the
// activation (relu) was not positive, and in the columns that pad d to a multiple of 4.
// Lane: 8 rows x 16 inputs. Grid: [ROWS / 64, OUT4 / 4].
// Prepended: `weights`, binding 0, [at least WIDTH, COLUMNS].

@group(0) @binding(3) var<storage, read> activation: array<vec4f>;

fn put_gradient(row: u32, column: u32, value: vec4f) {
  if (row < sizes.ROWS && column < sizes.OUT4) {
    let d = 4u * column + vec4u(0u, 1u, 2u, 3u);
    let passes = vec4<bool>(sizes.MASKED == 0u) | (activation[sizes.SKIP + row * sizes.ACT4 + column] > vec4f(0.0));
    result[row * sizes.OUT4 + column] = select(vec4f(0.0), value, passes & (d < vec4u(sizes.WIDTH)));
  }
}

// The weights of 4 inputs, one a column; past the last they are other weights, whose products are thrown away.
fn weights_of(w: u32) -> mat4x4f {
  return mat4x4f(weights[w], weights[w + sizes.COLUMNS], weights[w + 2u * sizes.COLUMNS], weights[w + 3u * sizes.COLUMNS]);
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
  let column = 4u * group.y;
  let r0 = row_of_left(row + 0u, sizes.COLUMNS);
  let r1 = row_of_left(row + 8u, sizes.COLUMNS);
  let r2 = row_of_left(row + 16u, sizes.COLUMNS);
  let r3 = row_of_left(row + 24u, sizes.COLUMNS);
  let r4 = row_of_left(row + 32u, sizes.COLUMNS);
  let r5 = row_of_left(row + 40u, sizes.COLUMNS);
  let r6 = row_of_left(row + 48u, sizes.COLUMNS);
  let r7 = row_of_left(row + 56u, sizes.COLUMNS);
  var s0 = mat4x4f();
  var s1 = mat4x4f();
  var s2 = mat4x4f();
  var s3 = mat4x4f();
  var s4 = mat4x4f();
  var s5 = mat4x4f();
  var s6 = mat4x4f();
  var s7 = mat4x4f();
  for (var n = 0u; n < sizes.COLUMNS; n++) {
    let x0 = load(left, r0 + n);
    let x1 = load(left, r1 + n);
    let x2 = load(left, r2 + n);
    let x3 = load(left, r3 + n);
    let x4 = load(left, r4 + n);
    let x5 = load(left, r5 + n);
    let x6 = load(left, r6 + n);
    let x7 = load(left, r7 + n);
    let w = 4u * column * sizes.COLUMNS + n;
    let m0 = weights_of(w);
    let m1 = weights_of(w + 4u * sizes.COLUMNS);
    let m2 = weights_of(w + 8u * sizes.COLUMNS);
    let m3 = weights_of(w + 12u * sizes.COLUMNS);
    s0 += mat4x4f(x0 * m0, x0 * m1, x0 * m2, x0 * m3);
    s1 += mat4x4f(x1 * m0, x1 * m1, x1 * m2, x1 * m3);
    s2 += mat4x4f(x2 * m0, x2 * m1, x2 * m2, x2 * m3);
    s3 += mat4x4f(x3 * m0, x3 * m1, x3 * m2, x3 * m3);
    s4 += mat4x4f(x4 * m0, x4 * m1, x4 * m2, x4 * m3);
    s5 += mat4x4f(x5 * m0, x5 * m1, x5 * m2, x5 * m3);
    s6 += mat4x4f(x6 * m0, x6 * m1, x6 * m2, x6 * m3);
    s7 += mat4x4f(x7 * m0, x7 * m1, x7 * m2, x7 * m3);
  }
  put_gradients(row + 0u, column, s0);
  put_gradients(row + 8u, column, s1);
  put_gradients(row + 16u, column, s2);
  put_gradients(row + 24u, column, s3);
  put_gradients(row + 32u, column, s4);
  put_gradients(row + 40u, column, s5);
  put_gradients(row + 48u, column, s6);
  put_gradients(row + 56u, column, s7);
}
