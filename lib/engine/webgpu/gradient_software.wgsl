// All weight gradients in one dispatch, for adapters that run shaders on the processor:
//   gradient[i, j] = sum over rows of left[row, i] right[row, j]
// left: activations (or patches) with a 1 in the last column, so that the bias is a row; right: deltas. A workgroup
// (one vector of 8 lanes) takes the tile that its number says: 16 rows of the gradient by 8 lanes x 2 vec4s.
// No workgroup memory. Sums run over the rows in order; strides and offsets are in vec4s.

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
@group(0) @binding(1) var<storage, read> activations: array<vec4f>;
@group(0) @binding(2) var<storage, read> deltas: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> gradient: array<vec4f>;

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
  var a: array<vec4f, 16>;
  var b: array<vec4f, 16>;
  for (var row = first; row < end; row++) {
    let d0 = deltas[right0];
    let d1 = deltas[right1];
    let x = activations[left]; let y = activations[left + 1u];
    let z = activations[left + 2u]; let w = activations[left + 3u];
    a[0] += x.x * d0; a[1] += x.y * d0; a[2] += x.z * d0; a[3] += x.w * d0;
    a[4] += y.x * d0; a[5] += y.y * d0; a[6] += y.z * d0; a[7] += y.w * d0;
    a[8] += z.x * d0; a[9] += z.y * d0; a[10] += z.z * d0; a[11] += z.w * d0;
    a[12] += w.x * d0; a[13] += w.y * d0; a[14] += w.z * d0; a[15] += w.w * d0;
    b[0] += x.x * d1; b[1] += x.y * d1; b[2] += x.z * d1; b[3] += x.w * d1;
    b[4] += y.x * d1; b[5] += y.y * d1; b[6] += y.z * d1; b[7] += y.w * d1;
    b[8] += z.x * d1; b[9] += z.y * d1; b[10] += z.z * d1; b[11] += z.w * d1;
    b[12] += w.x * d1; b[13] += w.y * d1; b[14] += w.z * d1; b[15] += w.w * d1;
    left += tile.left_stride;
    right0 += tile.columns;
    right1 += tile.columns;
  }
  for (var i = 0u; i < 16u; i++) {
    if (tile.i + i < tile.height) {
      let row = group.y * COUNT + tile.result + (tile.i + i) * tile.columns;
      if (j0 < tile.columns) { gradient[row + j0] = a[i]; }
      if (j1 < tile.columns) { gradient[row + j1] = b[i]; }
    }
  }
}
