// Storage textures of vec4s in the place of buffers: to read one, lavapipe computes neither a level nor a sample, which
// makes it the cheapest load with a dynamic index that it has, many times faster than a storage buffer.
// A tensor is some columns of a texture, a row a line, so that loops over columns leave the line alone. Textures end after
// 8192 lines (core maxTextureDimension2D); rows from there on continue beside the first, as many columns further.

// The line of a row, from its tensor's first column on. Columns are in vec4s.
fn line_of(first: u32, columns: u32, row: u32) -> vec2u {
  return vec2u(first + (row >> 13u) * columns, row & 8191u);
}

fn texel(line: vec2u, column: u32) -> vec2u {
  return vec2u(line.x + column, line.y);
}

fn load(texture: texture_storage_2d<rgba32float, read>, line: vec2u, column: u32) -> vec4f {
  return textureLoad(texture, texel(line, column));
}
