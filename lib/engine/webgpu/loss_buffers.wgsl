// The network's output and the deltas of loss.wgsl as buffers.

@group(0) @binding(3) var<storage, read> output: array<vec4f>;
@group(0) @binding(4) var<storage, read_write> deltas: array<vec4f>;

fn read_output(row: u32, column: u32) -> vec4f {
  return output[row * OUT4 + column];
}

fn write_delta(row: u32, column: u32, value: vec4f) {
  deltas[row * DELTA4 + column] = value;
}
