// All weight gradients in one dispatch, for adapters that run shaders on the processor:
//   gradient[i, j] = sum over rows of left[row, i] right[row, j]
// left: activations (or patches) with a 1 in the last column, so that the bias is a row; right: deltas. A workgroup
// (one vector of 8 lanes) takes the tile that its number says: 16 rows of the gradient by 8 lanes x 4 vec4s.
// Both factors are textures. No workgroup memory. Sums run over the rows in order; strides and offsets are in vec4s.
// Prepended: texture.wgsl. Grid: [tiles, SPLITS].

override ROWS = 0u;
override SPLITS = 1u; // parts of the sum over the rows, each with its own partial gradient
override COUNT = 0u; // vec4s in a partial gradient

struct Tile {
  left: u32, // first row of left
  left_stride: u32,
  right: u32,
  columns: u32, // of right and of the gradient
  result: u32,
  height: u32, // rows of the gradient
  i: u32, // first row of this tile, in numbers
  j: u32, // first column of this tile, in vec4s
}

@group(0) @binding(0) var<storage, read> tiles: array<Tile>;
@group(0) @binding(1) var activations: texture_2d<f32>;
@group(0) @binding(2) var deltas: texture_2d<f32>;
@group(0) @binding(3) var<storage, read_write> gradient: array<vec4f>;

fn put(tile: Tile, i: u32, j: u32, value: vec4f, split: u32) {
  if (tile.i + i < tile.height && j < tile.columns) {
    gradient[split * COUNT + tile.result + (tile.i + i) * tile.columns + j] = value;
  }
}

// A vec4 column's next 4 rows of the gradient, one a column of the matrix.
fn outer(x: vec4f, d: vec4f) -> mat4x4f {
  return mat4x4f(x.x * d, x.y * d, x.z * d, x.w * d);
}

fn put_rows(tile: Tile, i: u32, j: u32, values: mat4x4f, split: u32) {
  put(tile, i, j, values[0], split);
  put(tile, i + 1u, j, values[1], split);
  put(tile, i + 2u, j, values[2], split);
  put(tile, i + 3u, j, values[3], split);
}

@compute @workgroup_size(8)
fn accumulate(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tile = tiles[group.x];
  let j0 = tile.j + lane;
  let j1 = j0 + 8u;
  let j2 = j0 + 16u;
  let j3 = j0 + 24u;
  let first = group.y * ROWS / SPLITS;
  let end = (group.y + 1u) * ROWS / SPLITS;
  var left = tile.left + tile.i / 4u + first * tile.left_stride;
  var right0 = tile.right + min(j0, tile.columns - 1u) + first * tile.columns;
  var right1 = tile.right + min(j1, tile.columns - 1u) + first * tile.columns;
  var right2 = tile.right + min(j2, tile.columns - 1u) + first * tile.columns;
  var right3 = tile.right + min(j3, tile.columns - 1u) + first * tile.columns;
  var s00 = mat4x4f(); var s01 = mat4x4f(); var s02 = mat4x4f(); var s03 = mat4x4f();
  var s10 = mat4x4f(); var s11 = mat4x4f(); var s12 = mat4x4f(); var s13 = mat4x4f();
  var s20 = mat4x4f(); var s21 = mat4x4f(); var s22 = mat4x4f(); var s23 = mat4x4f();
  var s30 = mat4x4f(); var s31 = mat4x4f(); var s32 = mat4x4f(); var s33 = mat4x4f();
  for (var row = first; row < end; row++) {
    let x0 = load(activations, left);
    let x1 = load(activations, left + 1u);
    let x2 = load(activations, left + 2u);
    let x3 = load(activations, left + 3u);
    let d0 = load(deltas, right0);
    s00 += outer(x0, d0); s10 += outer(x1, d0); s20 += outer(x2, d0); s30 += outer(x3, d0);
    let d1 = load(deltas, right1);
    s01 += outer(x0, d1); s11 += outer(x1, d1); s21 += outer(x2, d1); s31 += outer(x3, d1);
    let d2 = load(deltas, right2);
    s02 += outer(x0, d2); s12 += outer(x1, d2); s22 += outer(x2, d2); s32 += outer(x3, d2);
    let d3 = load(deltas, right3);
    s03 += outer(x0, d3); s13 += outer(x1, d3); s23 += outer(x2, d3); s33 += outer(x3, d3);
    left += tile.left_stride;
    right0 += tile.columns;
    right1 += tile.columns;
    right2 += tile.columns;
    right3 += tile.columns;
  }
  put_rows(tile, 0u, j0, s00, group.y);
  put_rows(tile, 0u, j1, s01, group.y);
  put_rows(tile, 0u, j2, s02, group.y);
  put_rows(tile, 0u, j3, s03, group.y);
  put_rows(tile, 4u, j0, s10, group.y);
  put_rows(tile, 4u, j1, s11, group.y);
  put_rows(tile, 4u, j2, s12, group.y);
  put_rows(tile, 4u, j3, s13, group.y);
  put_rows(tile, 8u, j0, s20, group.y);
  put_rows(tile, 8u, j1, s21, group.y);
  put_rows(tile, 8u, j2, s22, group.y);
  put_rows(tile, 8u, j3, s23, group.y);
  put_rows(tile, 12u, j0, s30, group.y);
  put_rows(tile, 12u, j1, s31, group.y);
  put_rows(tile, 12u, j2, s32, group.y);
  put_rows(tile, 12u, j3, s33, group.y);
}
