// All weight gradients in one dispatch, for graphics cards:
//   gradient[i, j] = sum over rows of left[row, i] right[row, j]
// left: activations (or patches) with a 1 in the last column, so that the bias is a row; right: deltas. A workgroup of
// 64 lanes takes the 32 x 32 tile that its number says, over one of SPLITS parts of the rows (tile.wgsl); update.wgsl adds
// the parts up in a fixed order. Strides and offsets are in vec4s. Grid: [tiles, SPLITS].
// Prepended: tile.wgsl, gradient_tiles.wgsl.

override ROWS = 0u;
override SPLITS = 1u;
override COUNT = 0u; // vec4s in a partial gradient

@group(0) @binding(1) var<storage, read> activations: array<vec4f>;
@group(0) @binding(2) var<storage, read> deltas: array<vec4f>;
@group(0) @binding(3) var<storage, read_write> gradient: array<vec4f>;

@compute @workgroup_size(64)
fn accumulate(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tile = tiles[FIRST + group.x];
  let first = group.y * ROWS / SPLITS;
  let end = (group.y + 1u) * ROWS / SPLITS;
  let x = lane % 8u;
  let i4 = tile.i / 4u + x;
  let j = tile.j + x;
  var sums = Sums();
  for (var row = first; row < end; row += DEPTH) {
    for (var r = lane / 8u; r < DEPTH; r += 8u) {
      var a = vec4f();
      var d = vec4f();
      if (row + r < end) {
        if (i4 < tile.left4) {
          a = activations[tile.left + (tile.before + row + r) * tile.left4 + i4];
        }
        if (j < tile.columns) {
          d = deltas[tile.right + (row + r) * tile.columns + j];
        }
      }
      left_panel[8u * r + x] = a;
      right_panel[8u * r + x] = d;
    }
    workgroupBarrier();
    sums = multiply(lane, sums);
    workgroupBarrier();
  }
  if (j < tile.columns) {
    let i = tile.i + 4u * (lane / 8u);
    let to = group.y * COUNT + tile.result + i * tile.columns + j;
    if (i < tile.height) {
      gradient[to] = sums.row0;
    }
    if (i + 1u < tile.height) {
      gradient[to + tile.columns] = sums.row1;
    }
    if (i + 2u < tile.height) {
      gradient[to + 2u * tile.columns] = sums.row2;
    }
    if (i + 3u < tile.height) {
      gradient[to + 3u * tile.columns] = sums.row3;
    }
  }
}
