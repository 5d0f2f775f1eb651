// The partial gradients and the weights so far of update.wgsl as textures. Prepended: texture.wgsl.

override LINE = 1u; // vec4s in a line of either

@group(0) @binding(0) var partials: texture_storage_2d<rgba32float, read>;
@group(0) @binding(7) var shown_weights: texture_storage_2d<rgba32float, read>;

fn partial_gradient(i: u32) -> vec4f {
  return load(partials, line_of(0u, LINE, i / LINE), i % LINE);
}

fn weight_so_far(i: u32) -> vec4f {
  return load(shown_weights, line_of(0u, LINE, i / LINE), i % LINE);
}
