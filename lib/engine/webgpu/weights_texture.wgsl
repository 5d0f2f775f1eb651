// All weights, as the texture that shows their buffer. Prepended: texture.wgsl.

@group(0) @binding(0) var weights: texture_storage_2d<rgba32float, read>;

fn weight(i: u32) -> vec4f {
  return load(weights, i);
}
