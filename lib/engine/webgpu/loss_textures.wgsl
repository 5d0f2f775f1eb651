// The network's output and the deltas of loss.wgsl as textures. Prepended: texture.wgsl.

override OUTPUT = 0u; // first columns of output and deltas, in vec4s
override DERIVATIVE = 0u;

@group(0) @binding(3) var output: texture_storage_2d<rgba32float, read>;
@group(0) @binding(4) var deltas: texture_storage_2d<rgba32float, write>;

fn read_output(row: u32, column: u32) -> vec4f {
  return load(output, line_of(OUTPUT, OUT4, row), column);
}

fn write_delta(row: u32, column: u32, value: vec4f) {
  textureStore(deltas, texel(line_of(DERIVATIVE, DELTA4, row), column), value);
}
