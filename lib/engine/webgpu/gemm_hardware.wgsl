// The matrix products of the step, for graphics cards: 64 lanes to a 32 x 32 tile, panels of depth 16 in workgroup memory
// (tile.wgsl). Rows are time-major; strides are in vec4s.
// Prepended: tile.wgsl, weights_buffer.wgsl.

override ROWS = 0u;
override LEFT4 = 0u; // columns of left
override BEFORE = 0u; // rows before the first of a layer's output: of left, or in input_gradient of activation
override OUT4 = 0u; // columns of result
override COLUMNS = 0u; // columns of weights; in input_gradient as many as left has
override WIDTH = 0u; // numbers, not vec4s, that a row of result really has
override RELU = false;
override MASKED = false;
override ACT4 = 0u; // columns of activation

@group(0) @binding(1) var<storage, read_write> left: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> result: array<vec4f>;

fn left_at(row: u32, column: u32, before: u32) -> vec4f {
  if (row < ROWS && column < LEFT4) {
    return left[(before + row) * LEFT4 + column];
  }
  return vec4f();
}

// 4 rows x 4 columns of left, transposed into the panel by lane 0 .. 31: lane (column, row / 4) of 4 x 8.
fn load_left(lane: u32, row: u32, column: u32, before: u32) {
  let r = row + 4u * (lane % 8u);
  let c = column + lane / 8u;
  let m = transpose(mat4x4f(
    left_at(r, c, before),
    left_at(r + 1u, c, before),
    left_at(r + 2u, c, before),
    left_at(r + 3u, c, before),
  ));
  let to = 32u * (lane / 8u) + lane % 8u;
  left_panel[to] = m[0];
  left_panel[to + 8u] = m[1];
  left_panel[to + 16u] = m[2];
  left_panel[to + 24u] = m[3];
}

// result[row, n] = sum over k of left[row, k] weights[k, n]; left has a 1 in its last column, so the bias is a row of
// weights. RELU: hidden dense layers; the 1 that the next layer wants is put in column WIDTH.
// weights: [4 LEFT4, COLUMNS]. Grid: [ROWS / 32, COLUMNS / 8].

fn put(row: u32, column: u32, value: vec4f) {
  if (row < ROWS && column < COLUMNS) {
    let n = 4u * column + vec4u(0u, 1u, 2u, 3u);
    let kept = select(value, max(value, vec4f(0.0)), RELU);
    result[row * OUT4 + column] = select(kept, vec4f(1.0), n == vec4u(WIDTH));
  }
}

@compute @workgroup_size(64)
fn project(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = 32u * group.x;
  let column = 8u * group.y;
  var sums = Sums();
  for (var k = 0u; k < LEFT4; k += 4u) {
    if (lane < 32u) {
      load_left(lane, row, k, BEFORE);
    } else {
      let c = column + lane % 8u;
      for (var i = (lane - 32u) / 8u; i < DEPTH; i += 4u) {
        var w = vec4f();
        if (4u * k + i < 4u * LEFT4 && c < COLUMNS) {
          w = weight((4u * k + i) * COLUMNS + c);
        }
        right_panel[8u * i + lane % 8u] = w;
      }
    }
    workgroupBarrier();
    sums = multiply(lane, sums);
    workgroupBarrier();
  }
  let r = row + 4u * (lane / 8u);
  let c = column + lane % 8u;
  put(r, c, sums.row0);
  put(r + 1u, c, sums.row1);
  put(r + 2u, c, sums.row2);
  put(r + 3u, c, sums.row3);
}

// result[row, d] = sum over n of left[row, n] weights[d, n], where `left` are deltas; 0 where MASKED and the
// activation (relu) was not positive, and in the columns that pad d to a multiple of 4.
// weights: [at least WIDTH, COLUMNS]. Grid: [ROWS / 32, OUT4 / 8].

@group(0) @binding(3) var<storage, read> activation: array<vec4f>;

fn put_gradient(row: u32, column: u32, value: vec4f) {
  if (row < ROWS && column < OUT4) {
    let d = 4u * column + vec4u(0u, 1u, 2u, 3u);
    let passes = vec4<bool>(!MASKED) | (activation[(BEFORE + row) * ACT4 + column] > vec4f(0.0));
    result[row * OUT4 + column] = select(vec4f(0.0), value, passes & (d < vec4u(WIDTH)));
  }
}

fn weight_at(d: u32, n: u32) -> vec4f {
  if (d < WIDTH && n < COLUMNS) {
    return weight(d * COLUMNS + n);
  }
  return vec4f();
}

@compute @workgroup_size(64)
fn input_gradient(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let row = 32u * group.x;
  let column = 8u * group.y;
  var sums = Sums();
  for (var n = 0u; n < COLUMNS; n += 4u) {
    if (lane < 32u) {
      load_left(lane, row, n, 0u);
    } else {
      let x = lane % 8u;
      let d = 4u * (column + x);
      let c = n + (lane - 32u) / 8u;
      let m = transpose(mat4x4f(weight_at(d, c), weight_at(d + 1u, c), weight_at(d + 2u, c), weight_at(d + 3u, c)));
      let to = 32u * ((lane - 32u) / 8u) + x;
      right_panel[to] = m[0];
      right_panel[to + 8u] = m[1];
      right_panel[to + 16u] = m[2];
      right_panel[to + 24u] = m[3];
    }
    workgroupBarrier();
    sums = multiply(lane, sums);
    workgroupBarrier();
  }
  let r = row + 4u * (lane / 8u);
  let c = column + lane % 8u;
  put_gradient(r, c, sums.row0);
  put_gradient(r + 1u, c, sums.row1);
  put_gradient(r + 2u, c, sums.row2);
  put_gradient(r + 3u, c, sums.row3);
}
