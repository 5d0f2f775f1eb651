// Weight gradients, for adapters that run shaders on the processor:
//   gradient[i, j] = sum over rows of left[row, i] right[row, j]
// left: activations (or patches) with a 1 in the last column, so that the bias is a row; right: deltas. A workgroup
// (one vector of 8 lanes) takes the tile that its number says: 16 rows of the gradient by 8 lanes x 2 vec4s, and four
// rows of the factors a round, as lavapipe masks what a loop writes and a tile is larger than the registers.
// All factors of a dispatch lie in two textures. No workgroup memory. Sums run over the rows in order; columns are in vec4s.
// Prepended: texture.wgsl, gradient_tiles.wgsl. Grid: [tiles, SPLITS].

override ROWS = 0u;
override SPLITS = 1u; // parts of the sum over the rows, each with its own partial gradient
override LINES = 0u; // lines of a partial gradient, and their length
override LINE = 0u;

@group(0) @binding(1) var activations: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var deltas: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var gradient: texture_storage_2d<rgba32float, write>;

fn put(tile: Tile, i: u32, j: u32, value: vec4f, split: u32) {
  if (tile.i + i < tile.height && j < tile.columns) {
    textureStore(gradient, texel(line_of(0u, LINE, split * LINES + tile.i + i), tile.result + j), value);
  }
}

struct Lines {
  a: vec2u,
  b: vec2u,
  c: vec2u,
  d: vec2u,
}

// The lines of four rows of deltas, whose first is a multiple of 4 and so ends no line's stretch of rows.
fn lines_from(first: u32, columns: u32, row: u32) -> Lines {
  let a = line_of(first, columns, row);
  return Lines(a, a + vec2u(0u, 1u), a + vec2u(0u, 2u), a + vec2u(0u, 3u));
}

// The lines of any four rows.
fn lines_of(first: u32, columns: u32, row: u32) -> Lines {
  return Lines(
    line_of(first, columns, row),
    line_of(first, columns, row + 1u),
    line_of(first, columns, row + 2u),
    line_of(first, columns, row + 3u),
  );
}

// A column of four lines, a vec4 a line.
fn column_of(factor: texture_storage_2d<rgba32float, read>, lines: Lines, column: u32) -> mat4x4f {
  return mat4x4f(
    load(factor, lines.a, column),
    load(factor, lines.b, column),
    load(factor, lines.c, column),
    load(factor, lines.d, column),
  );
}

// A vec4 column's next 4 rows of the gradient, one a column of the matrix, from four rows of the factors.
fn outer(s: mat4x4f, x: mat4x4f, d: mat4x4f) -> mat4x4f {
  return mat4x4f(
    s[0] + (x[0].x * d[0] + x[1].x * d[1] + x[2].x * d[2] + x[3].x * d[3]),
    s[1] + (x[0].y * d[0] + x[1].y * d[1] + x[2].y * d[2] + x[3].y * d[3]),
    s[2] + (x[0].z * d[0] + x[1].z * d[1] + x[2].z * d[2] + x[3].z * d[3]),
    s[3] + (x[0].w * d[0] + x[1].w * d[1] + x[2].w * d[2] + x[3].w * d[3]),
  );
}

fn put_rows(tile: Tile, i: u32, j: u32, values: mat4x4f, split: u32) {
  put(tile, i, j, values[0], split);
  put(tile, i + 1u, j, values[1], split);
  put(tile, i + 2u, j, values[2], split);
  put(tile, i + 3u, j, values[3], split);
}

@compute @workgroup_size(8)
fn accumulate(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let tile = tiles[FIRST + group.x];
  // The last round's missing rows are 0 in deltas.
  let rounds = (ROWS + 3u) / 4u;
  let end = (group.y + 1u) * rounds / SPLITS;
  let i = tile.i / 4u;
  let j = tile.j + lane;
  let k = j + 8u;
  let d = min(j, tile.columns - 1u);
  let e = min(k, tile.columns - 1u);
  var s0 = mat4x4f(); var s1 = mat4x4f(); var s2 = mat4x4f(); var s3 = mat4x4f();
  var t0 = mat4x4f(); var t1 = mat4x4f(); var t2 = mat4x4f(); var t3 = mat4x4f();
  for (var round = group.y * rounds / SPLITS; round < end; round++) {
    let row = 4u * round;
    let x = lines_of(tile.left, tile.left4, tile.before + row);
    let x0 = column_of(activations, x, i);
    let x1 = column_of(activations, x, i + 1u);
    let x2 = column_of(activations, x, i + 2u);
    let x3 = column_of(activations, x, i + 3u);
    let y = lines_from(tile.right, tile.columns, row);
    let d0 = column_of(deltas, y, d);
    s0 = outer(s0, x0, d0);
    s1 = outer(s1, x1, d0);
    s2 = outer(s2, x2, d0);
    s3 = outer(s3, x3, d0);
    let e0 = column_of(deltas, y, e);
    t0 = outer(t0, x0, e0);
    t1 = outer(t1, x1, e0);
    t2 = outer(t2, x2, e0);
    t3 = outer(t3, x3, e0);
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
