// All weight matrices side by side, as the texture that shows their buffer. Columns are in vec4s.

@group(0) @binding(0) var weights: texture_storage_2d<rgba32float, read>;

fn weight(row: u32, column: u32) -> vec4f {
  return textureLoad(weights, vec2u(column, row));
}
