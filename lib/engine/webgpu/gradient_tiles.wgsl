// The tiles of the weight gradients, as cutTiles() makes them. Columns are in vec4s.

override FIRST = 0u; // this dispatch's first tile

struct Tile {
  left: u32, // first column of left, in vec4s; of a buffer the first vec4
  left4: u32, // columns of left, in vec4s
  before: u32, // rows of left before its first
  right: u32,
  columns: u32, // of right and of the gradient
  result: u32,
  height: u32, // rows of the gradient
  i: u32, // first row of this tile, in numbers
  j: u32, // first column of this tile, in vec4s
}

@group(0) @binding(0) var<storage, read> tiles: array<Tile>;
