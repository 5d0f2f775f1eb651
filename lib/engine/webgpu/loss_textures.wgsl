// The network's output and the deltas of loss.wgsl as textures. Prepended: texture.wgsl.

@group(0) @binding(3) var output: texture_storage_2d<rgba32float, read>;
@group(0) @binding(4) var deltas: texture_storage_2d<rgba32float, write>;

fn read_output(i: u32) -> vec4f {
  return load(output, i);
}

fn write_delta(i: u32, value: vec4f) {
  textureStore(deltas, place(i), value);
}
