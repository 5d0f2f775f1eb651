// sigmoid(x) = 1 / (1 + exp(-x)) and tanh(x), safe over the whole float range.
// WGSL lets exp() and tanh() give anything once they overflow (https://www.w3.org/TR/WGSL/#floating-point-evaluation),
// so arguments are clamped to where the result has long reached its limit in float32.
// Near 0, 1 - 2 / (exp(2x) + 1) cancels; there the Taylor series of tanh, error below 1e-7 relative, takes over.

fn sigmoid(x: vec4f) -> vec4f {
  return 1.0 / (1.0 + exp(-clamp(x, vec4f(-80.0), vec4f(80.0))));
}

fn tanh_of(x: f32) -> f32 {
  let y = clamp(x, -10.0, 10.0);
  let s = y * y;
  let near = y * (1.0 + s * (-0.33333333 + s * (0.13333333 + s * (-0.053968254 + s * 0.021869488))));
  return select(1.0 - 2.0 / (exp(2.0 * y) + 1.0), near, abs(y) < 0.3);
}

// The gates input, forget, cell and output of one unit from their pre-activations.
fn activate(z: vec4f) -> vec4f {
  let s = sigmoid(z);
  return vec4f(s.x, s.y, tanh_of(z.z), s.w);
}
