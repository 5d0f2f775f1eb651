// The weights of one matrix.

@group(0) @binding(0) var<storage, read> weights: array<vec4f>;

fn weight(i: u32) -> vec4f {
  return weights[i];
}
