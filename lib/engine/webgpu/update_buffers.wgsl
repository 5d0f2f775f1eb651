// The partial gradients and the weights so far of update.wgsl as buffers.

@group(0) @binding(0) var<storage, read> partials: array<vec4f>;

fn partial_gradient(i: u32) -> vec4f {
  return partials[i];
}

fn weight_so_far(i: u32) -> vec4f {
  return weights[i];
}
