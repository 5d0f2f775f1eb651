// All weight gradients in one dispatch, for adapters that run shaders on the processor:
//   gradient[i, j] = sum over rows of left[row, i] right[row, j]
// left: activations (or patches) with a 1 in the last column, so that the bias is a row; right: deltas. A workgroup
// (one vector of 8 lanes) takes the tile that its number says: 16 rows of the gradient by 8 lanes x 2 vec4s, and two
// rows of the factors a round, as lavapipe masks what a loop writes and a tile is larger than the registers.
// Both factors are textures. No workgroup memory. Sums run over the rows in order; strides and offsets are in vec4s.
// Prepended: texture.wgsl. Grid: [tiles, SPLITS].

override ROWS = 0u;
override SPLITS = 1u; // parts of the sum over the rows, each with its own partial gradient
override COUNT = 0u; // vec4s in a partial gradient

struct Tile {
  left_stride: u32,
  columns: u32, // of right and of the gradient
  result: u32,
  height: u32, // rows of the gradient
  i: u32, // first row of this tile, in numbers
  j: u32, // first column of this tile, in vec4s
  left_layer: u32,
  left: u32, // vec4s before the first row of left
  right_layer: u32,
}

@group(0) @binding(0) var<storage, read> tiles: array<Tile>;
@group(0) @binding(1) var activations: texture_storage_2d_array<rgba32float, read>;
@group(0) @binding(2) var deltas: texture_storage_2d_array<rgba32float, read>;
@group(0) @binding(3) var gradient: texture_storage_2d<rgba32float, write>;

fn left_at(tile: Tile, i: u32) -> vec4f {
  return textureLoad(activations, place(i), tile.left_layer);
}

fn right_at(tile: Tile, i: u32) -> vec4f {
  return textureLoad(deltas, place(i), tile.right_layer);
}

fn put(tile: Tile, i: u32, j: u32, value: vec4f, split: u32) {
  if (tile.i + i < tile.height && j < tile.columns) {
    let at = split * COUNT + tile.result + (tile.i + i) * tile.columns + j;
    textureStore(gradient, place(at), value);
  }
}

// A vec4 column's next 4 rows of the gradient, one a column of the matrix, from two rows of the factors.
fn outer(s: mat4x4f, x0: vec4f, x1: vec4f, d0: vec4f, d1: vec4f) -> mat4x4f {
  return s + mat4x4f(x0.x * d0, x0.y * d0, x0.z * d0, x0.w * d0) + mat4x4f(x1.x * d1, x1.y * d1, x1.z * d1, x1.w * d1);
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
  let first = group.y * ROWS / SPLITS;
  let end = (group.y + 1u) * ROWS / SPLITS;
  let width = tile.left_stride;
  let columns = tile.columns;
  let j = tile.j + lane;
  let k = j + 8u;
  var x = tile.left + tile.i / 4u + first * width;
  var d = min(j, columns - 1u) + first * columns;
  var e = min(k, columns - 1u) + first * columns;
  var s0 = mat4x4f(); var s1 = mat4x4f(); var s2 = mat4x4f(); var s3 = mat4x4f();
  var t0 = mat4x4f(); var t1 = mat4x4f(); var t2 = mat4x4f(); var t3 = mat4x4f();
  for (var row = first; row < end; row += 2u) {
    // Past the end are others' rows.
    let paired = vec4<bool>(row + 1u < end);
    let x00 = left_at(tile, x); let x01 = left_at(tile, x + width);
    let x10 = left_at(tile, x + 1u); let x11 = left_at(tile, x + width + 1u);
    let x20 = left_at(tile, x + 2u); let x21 = left_at(tile, x + width + 2u);
    let x30 = left_at(tile, x + 3u); let x31 = left_at(tile, x + width + 3u);
    let d0 = right_at(tile, d);
    let d1 = select(vec4f(), right_at(tile, d + columns), paired);
    s0 = outer(s0, x00, x01, d0, d1);
    s1 = outer(s1, x10, x11, d0, d1);
    s2 = outer(s2, x20, x21, d0, d1);
    s3 = outer(s3, x30, x31, d0, d1);
    let e0 = right_at(tile, e);
    let e1 = select(vec4f(), right_at(tile, e + columns), paired);
    t0 = outer(t0, x00, x01, e0, e1);
    t1 = outer(t1, x10, x11, e0, e1);
    t2 = outer(t2, x20, x21, e0, e1);
    t3 = outer(t3, x30, x31, e0, e1);
    x += 2u * width;
    d += 2u * columns;
    e += 2u * columns;
  }
  put_rows(tile, 0u, j, s0, group.y);
  put_rows(tile, 4u, j, s1, group.y);
  put_rows(tile, 8u, j, s2, group.y);
  put_rows(tile, 12u, j, s3, group.y);
  put_rows(tile, 0u, k, t0, group.y);
  put_rows(tile, 4u, k, t1, group.y);
  put_rows(tile, 8u, k, t2, group.y);
  put_rows(tile, 12u, k, t3, group.y);
}
