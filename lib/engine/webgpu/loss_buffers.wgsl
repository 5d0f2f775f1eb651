// The network's output and the deltas of loss.wgsl as buffers.

@group(0) @binding(3) var<storage, read> output: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> deltas: array<vec4f>;

fn read_output(i: u32) -> vec4f {
  return output[i];
}

fn write_delta(i: u32, value: vec4f) {
  deltas[i] = value;
}
