// The matrix products of the step, for adapters that run shaders on the processor. Lavapipe's vectors have 8 lanes, and
// a load with a dynamic index is done lane by lane: ten times dearer from storage buffers than from textures and uniform
// buffers. So weights are uniform, the left factor is a texture (texture.wgsl), a workgroup is one vector, and each lane
// keeps a tile of results to use every load often. No workgroup memory. Rows are time-major; strides are in vec4s.

override ROWS = 0u;
override IN4 = 0u; // project: columns of left
override FIRST = 0u; // first vec4 of left
override SKIP = 0u; // input_gradient: vec4s before the first row of activation
override OUT4 = 0u; // columns of result
override COLUMNS = 0u; // columns of weights; input_gradient: of left, too
override WIDTH = 0u; // numbers, not vec4s, that a row of result really has
override RELU = false;
override MASKED = false;
override ACT4 = 0u; // columns of activation

@group(0) @binding(1) var left: texture_2d<f32>;
@group(0) @binding(2) var<storage, read_write> result: array<vec4f>;

// result[row, n] = sum over k of left[row, k] weights[k, n]; left has a 1 in its last column, so the bias is a row of
// weights. RELU: hidden dense layers; the 1 that the next layer wants is put in column WIDTH.
// Lane: 4 rows x 4 vec4s. Grid: [ROWS / 32, COLUMNS / 4].
// Prepended: texture.wgsl and `weights`, binding 0, [4 IN4, COLUMNS].

fn put(row: u32, column: u32, value: vec4f) {
  if (row < ROWS && column < COLUMNS) {
    let n = 4u * column + vec4u(0u, 1u, 2u, 3u);
    let kept = select(value, max(value, vec4f(0.0)), RELU);
    result[row * OUT4 + column] = select(kept, vec4f(1.0), n == vec4u(WIDTH));
  }
}

@compute @workgroup_size(8)
fn project(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x * 32u + lane;
  let column = group.y * 4u;
  let r0 = FIRST + min(row, ROWS - 1u) * IN4;
  let r1 = FIRST + min(row + 8u, ROWS - 1u) * IN4;
  let r2 = FIRST + min(row + 16u, ROWS - 1u) * IN4;
  let r3 = FIRST + min(row + 24u, ROWS - 1u) * IN4;
  var s00 = vec4f(); var s01 = vec4f(); var s02 = vec4f(); var s03 = vec4f();
  var s10 = vec4f(); var s11 = vec4f(); var s12 = vec4f(); var s13 = vec4f();
  var s20 = vec4f(); var s21 = vec4f(); var s22 = vec4f(); var s23 = vec4f();
  var s30 = vec4f(); var s31 = vec4f(); var s32 = vec4f(); var s33 = vec4f();
  for (var k = 0u; k < IN4; k++) {
    let x0 = load(left, r0 + k);
    let x1 = load(left, r1 + k);
    let x2 = load(left, r2 + k);
    let x3 = load(left, r3 + k);
    var w = 4u * k * COLUMNS + column;
    let v0 = weights[w]; let v1 = weights[w + 1u]; let v2 = weights[w + 2u]; let v3 = weights[w + 3u];
    s00 += x0.x * v0; s01 += x0.x * v1; s02 += x0.x * v2; s03 += x0.x * v3;
    s10 += x1.x * v0; s11 += x1.x * v1; s12 += x1.x * v2; s13 += x1.x * v3;
    s20 += x2.x * v0; s21 += x2.x * v1; s22 += x2.x * v2; s23 += x2.x * v3;
    s30 += x3.x * v0; s31 += x3.x * v1; s32 += x3.x * v2; s33 += x3.x * v3;
    w += COLUMNS;
    let y0 = weights[w]; let y1 = weights[w + 1u]; let y2 = weights[w + 2u]; let y3 = weights[w + 3u];
    s00 += x0.y * y0; s01 += x0.y * y1; s02 += x0.y * y2; s03 += x0.y * y3;
    s10 += x1.y * y0; s11 += x1.y * y1; s12 += x1.y * y2; s13 += x1.y * y3;
    s20 += x2.y * y0; s21 += x2.y * y1; s22 += x2.y * y2; s23 += x2.y * y3;
    s30 += x3.y * y0; s31 += x3.y * y1; s32 += x3.y * y2; s33 += x3.y * y3;
    w += COLUMNS;
    let z0 = weights[w]; let z1 = weights[w + 1u]; let z2 = weights[w + 2u]; let z3 = weights[w + 3u];
    s00 += x0.z * z0; s01 += x0.z * z1; s02 += x0.z * z2; s03 += x0.z * z3;
    s10 += x1.z * z0; s11 += x1.z * z1; s12 += x1.z * z2; s13 += x1.z * z3;
    s20 += x2.z * z0; s21 += x2.z * z1; s22 += x2.z * z2; s23 += x2.z * z3;
    s30 += x3.z * z0; s31 += x3.z * z1; s32 += x3.z * z2; s33 += x3.z * z3;
    w += COLUMNS;
    let w0 = weights[w]; let w1 = weights[w + 1u]; let w2 = weights[w + 2u]; let w3 = weights[w + 3u];
    s00 += x0.w * w0; s01 += x0.w * w1; s02 += x0.w * w2; s03 += x0.w * w3;
    s10 += x1.w * w0; s11 += x1.w * w1; s12 += x1.w * w2; s13 += x1.w * w3;
    s20 += x2.w * w0; s21 += x2.w * w1; s22 += x2.w * w2; s23 += x2.w * w3;
    s30 += x3.w * w0; s31 += x3.w * w1; s32 += x3.w * w2; s33 += x3.w * w3;
  }
  put(row, column, s00); put(row, column + 1u, s01); put(row, column + 2u, s02); put(row, column + 3u, s03);
  put(row + 8u, column, s10); put(row + 8u, column + 1u, s11); put(row + 8u, column + 2u, s12); put(row + 8u, column + 3u, s13);
  put(row + 16u, column, s20); put(row + 16u, column + 1u, s21); put(row + 16u, column + 2u, s22); put(row + 16u, column + 3u, s23);
  put(row + 24u, column, s30); put(row + 24u, column + 1u, s31); put(row + 24u, column + 2u, s32); put(row + 24u, column + 3u, s33);
}

// result[row, d] = sum over n of left[row, n] weights[d, n], where `left` are deltas; 0 where MASKED and the
// activation (relu) was not positive, and in the columns that pad d to a multiple of 4.
// Lane: 4 rows x 16 inputs. Grid: [ROWS / 32, OUT4 / 4].
// Prepended: `weights`, binding 0, [at least WIDTH, COLUMNS].

@group(0) @binding(3) var<storage, read> activation: array<vec4f>;

fn put_gradient(row: u32, column: u32, value: vec4f) {
  if (row < ROWS && column < OUT4) {
    let d = 4u * column + vec4u(0u, 1u, 2u, 3u);
    let passes = vec4<bool>(!MASKED) | (activation[SKIP + row * ACT4 + column] > vec4f(0.0));
    result[row * OUT4 + column] = select(vec4f(0.0), value, passes & (d < vec4u(WIDTH)));
  }
}

// The weights of 4 inputs, one a column; past the last they are other weights, whose products are thrown away.
fn weights_of(w: u32) -> mat4x4f {
  return mat4x4f(weights[w], weights[w + COLUMNS], weights[w + 2u * COLUMNS], weights[w + 3u * COLUMNS]);
}

@compute @workgroup_size(8)
fn input_gradient(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = group.x * 32u + lane;
  let column = 4u * group.y;
  let r0 = FIRST + min(row, ROWS - 1u) * COLUMNS;
  let r1 = FIRST + min(row + 8u, ROWS - 1u) * COLUMNS;
  let r2 = FIRST + min(row + 16u, ROWS - 1u) * COLUMNS;
  let r3 = FIRST + min(row + 24u, ROWS - 1u) * COLUMNS;
  var s00 = vec4f(); var s01 = vec4f(); var s02 = vec4f(); var s03 = vec4f();
  var s10 = vec4f(); var s11 = vec4f(); var s12 = vec4f(); var s13 = vec4f();
  var s20 = vec4f(); var s21 = vec4f(); var s22 = vec4f(); var s23 = vec4f();
  var s30 = vec4f(); var s31 = vec4f(); var s32 = vec4f(); var s33 = vec4f();
  var w = 4u * column * COLUMNS;
  for (var n = 0u; n < COLUMNS; n++) {
    let x0 = load(left, r0 + n);
    let x1 = load(left, r1 + n);
    let x2 = load(left, r2 + n);
    let x3 = load(left, r3 + n);
    let m0 = weights_of(w);
    s00 += x0 * m0; s10 += x1 * m0; s20 += x2 * m0; s30 += x3 * m0;
    let m1 = weights_of(w + 4u * COLUMNS);
    s01 += x0 * m1; s11 += x1 * m1; s21 += x2 * m1; s31 += x3 * m1;
    let m2 = weights_of(w + 8u * COLUMNS);
    s02 += x0 * m2; s12 += x1 * m2; s22 += x2 * m2; s32 += x3 * m2;
    let m3 = weights_of(w + 12u * COLUMNS);
    s03 += x0 * m3; s13 += x1 * m3; s23 += x2 * m3; s33 += x3 * m3;
    w += 1u;
  }
  put_gradient(row, column, s00); put_gradient(row, column + 1u, s01); put_gradient(row, column + 2u, s02); put_gradient(row, column + 3u, s03);
  put_gradient(row + 8u, column, s10); put_gradient(row + 8u, column + 1u, s11); put_gradient(row + 8u, column + 2u, s12); put_gradient(row + 8u, column + 3u, s13);
  put_gradient(row + 16u, column, s20); put_gradient(row + 16u, column + 1u, s21); put_gradient(row + 16u, column + 2u, s22); put_gradient(row + 16u, column + 3u, s23);
  put_gradient(row + 24u, column, s30); put_gradient(row + 24u, column + 1u, s31); put_gradient(row + 24u, column + 2u, s32); put_gradient(row + 24u, column + 3u, s33);
}
