// All weight gradients in one dispatch, for adapters that run shaders on the processor:
//   gradient[i, j] = sum over rows of left[row, i] right[row, j]
// left: activations (or patches) with a 1 in the last column, so that the bias is a row; right: deltas. A workgroup
// (one vector of 8 lanes) takes the tile that its number says: 16 rows of the gradient by 8 lanes x 2 vec4s.
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

@compute @workgroup_size(8)
fn accumulate(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tile = tiles[group.x];
  let j0 = tile.j + lane;
  let j1 = j0 + 8u;
  let first = group.y * ROWS / SPLITS;
  let end = (group.y + 1u) * ROWS / SPLITS;
  var left = tile.left + tile.i / 4u + first * tile.left_stride;
  var right0 = tile.right + min(j0, tile.columns - 1u) + first * tile.columns;
  var right1 = tile.right + min(j1, tile.columns - 1u) + first * tile.columns;
  var a0 = vec4f(); var a1 = vec4f(); var a2 = vec4f(); var a3 = vec4f();
  var a4 = vec4f(); var a5 = vec4f(); var a6 = vec4f(); var a7 = vec4f();
  var a8 = vec4f(); var a9 = vec4f(); var a10 = vec4f(); var a11 = vec4f();
  var a12 = vec4f(); var a13 = vec4f(); var a14 = vec4f(); var a15 = vec4f();
  var b0 = vec4f(); var b1 = vec4f(); var b2 = vec4f(); var b3 = vec4f();
  var b4 = vec4f(); var b5 = vec4f(); var b6 = vec4f(); var b7 = vec4f();
  var b8 = vec4f(); var b9 = vec4f(); var b10 = vec4f(); var b11 = vec4f();
  var b12 = vec4f(); var b13 = vec4f(); var b14 = vec4f(); var b15 = vec4f();
  for (var row = first; row < end; row++) {
    let d0 = load(deltas, right0);
    let d1 = load(deltas, right1);
    let x = load(activations, left); let y = load(activations, left + 1u);
    let z = load(activations, left + 2u); let w = load(activations, left + 3u);
    a0 += x.x * d0; a1 += x.y * d0; a2 += x.z * d0; a3 += x.w * d0;
    a4 += y.x * d0; a5 += y.y * d0; a6 += y.z * d0; a7 += y.w * d0;
    a8 += z.x * d0; a9 += z.y * d0; a10 += z.z * d0; a11 += z.w * d0;
    a12 += w.x * d0; a13 += w.y * d0; a14 += w.z * d0; a15 += w.w * d0;
    b0 += x.x * d1; b1 += x.y * d1; b2 += x.z * d1; b3 += x.w * d1;
    b4 += y.x * d1; b5 += y.y * d1; b6 += y.z * d1; b7 += y.w * d1;
    b8 += z.x * d1; b9 += z.y * d1; b10 += z.z * d1; b11 += z.w * d1;
    b12 += w.x * d1; b13 += w.y * d1; b14 += w.z * d1; b15 += w.w * d1;
    left += tile.left_stride;
    right0 += tile.columns;
    right1 += tile.columns;
  }
  put(tile, 0u, j0, a0, group.y); put(tile, 0u, j1, b0, group.y);
  put(tile, 1u, j0, a1, group.y); put(tile, 1u, j1, b1, group.y);
  put(tile, 2u, j0, a2, group.y); put(tile, 2u, j1, b2, group.y);
  put(tile, 3u, j0, a3, group.y); put(tile, 3u, j1, b3, group.y);
  put(tile, 4u, j0, a4, group.y); put(tile, 4u, j1, b4, group.y);
  put(tile, 5u, j0, a5, group.y); put(tile, 5u, j1, b5, group.y);
  put(tile, 6u, j0, a6, group.y); put(tile, 6u, j1, b6, group.y);
  put(tile, 7u, j0, a7, group.y); put(tile, 7u, j1, b7, group.y);
  put(tile, 8u, j0, a8, group.y); put(tile, 8u, j1, b8, group.y);
  put(tile, 9u, j0, a9, group.y); put(tile, 9u, j1, b9, group.y);
  put(tile, 10u, j0, a10, group.y); put(tile, 10u, j1, b10, group.y);
  put(tile, 11u, j0, a11, group.y); put(tile, 11u, j1, b11, group.y);
  put(tile, 12u, j0, a12, group.y); put(tile, 12u, j1, b12, group.y);
  put(tile, 13u, j0, a13, group.y); put(tile, 13u, j1, b13, group.y);
  put(tile, 14u, j0, a14, group.y); put(tile, 14u, j1, b14, group.y);
  put(tile, 15u, j0, a15, group.y); put(tile, 15u, j1, b15, group.y);
}
