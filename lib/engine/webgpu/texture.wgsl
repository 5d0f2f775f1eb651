// A buffer's copy as a texture, 1024 texels a row: lavapipe reads texels some ten times faster than a storage buffer.

// The i-th vec4 of the buffer.
fn load(texture: texture_2d<f32>, i: u32) -> vec4f {
  return textureLoad(texture, vec2u(i & 1023u, i >> 10u), 0);
}
