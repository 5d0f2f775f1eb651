// The recurrence of one LSTM layer and its back-propagation through time, for adapters that run shaders on the
// processor. Lane = a pair of samples half a batch apart, so that each uniform weight is used twice; a workgroup is one
// vector of 8 lanes; no workgroup memory, no barriers: a sample's time steps never leave its lane. State that is read
// again and again is kept in private arrays: lavapipe reads them ten times faster than storage buffers.
//
// forward: z = gates[t] + h[t-1] U;  i, f, o = sigmoid(z.xyw), g = tanh(z.z)
//          c[t] = f c[t-1] + i g;  h[t] = o tanh(c[t]);  gates[t] = (i, f, g, o)
// backward: dc[t] = dc[t+1] f[t+1] + dh[t] o (1 - tanh(c[t])^2), dz by the chain rule, dh[t-1] += U dz[t]
// Gates of a unit are one vec4 (input, forget, cell, output), as in https://keras.io/api/layers/recurrent_layers/lstm/
// gates, dz: [time, batch, UNITS] vec4; cells: [time + 1, batch, UNITS], hidden: [time + 1, batch, HIDDEN], the first
// time step 0; dh: [time, batch, DELTA]; carry: [batch, UNITS].
// Prepended: ROOM and KEPT, lengths of arrays; activations.wgsl and `weights` (U), binding 0, [UNITS, UNITS] vec4.

override STEPS = 0u;
override BATCH = 0u;
override UNITS = 0u;
override HIDDEN = 0u; // stride of hidden
override DELTA = 0u; // stride of dh

@group(0) @binding(1) var<storage, read_write> gates: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> cells: array<f32>;
@group(0) @binding(3) var<storage, read_write> hidden: array<f32>;

var<private> h0: array<f32, ROOM>;
var<private> h1: array<f32, ROOM>;

fn step_forward(row: u32, unit: u32, z: vec4f) {
  let a = activate(z);
  let c = a.y * cells[row * UNITS + unit] + a.x * a.z;
  gates[row * UNITS + unit] = a;
  cells[(row + BATCH) * UNITS + unit] = c;
  hidden[(row + BATCH) * HIDDEN + unit] = a.w * tanh_of(c);
}

fn step_pair(row0: u32, row1: u32, unit: u32, z0: vec4f, z1: vec4f) {
  if (unit < UNITS) {
    step_forward(row0, unit, z0);
    if (row1 != row0) {
      step_forward(row1, unit, z1);
    }
  }
}

@compute @workgroup_size(8)
fn forward(@builtin(global_invocation_id) id: vec3u) {
  let half = (BATCH + 1u) / 2u;
  if (id.x >= half) {
    return;
  }
  let paired = id.x + half < BATCH;
  for (var t = 0u; t < STEPS; t++) {
    let row0 = t * BATCH + id.x;
    let row1 = select(row0, row0 + half, paired);
    for (var unit = 0u; unit < UNITS; unit += 4u) {
      let z0 = row0 * UNITS + unit;
      let z1 = row1 * UNITS + unit;
      var a0 = gates[z0]; var a1 = gates[z0 + 1u]; var a2 = gates[z0 + 2u]; var a3 = gates[z0 + 3u];
      var b0 = gates[z1]; var b1 = gates[z1 + 1u]; var b2 = gates[z1 + 2u]; var b3 = gates[z1 + 3u];
      var w = unit;
      for (var k = 0u; k < UNITS; k++) {
        let ha = h0[k];
        let hb = h1[k];
        let w0 = weights[w]; let w1 = weights[w + 1u]; let w2 = weights[w + 2u]; let w3 = weights[w + 3u];
        a0 += ha * w0; a1 += ha * w1; a2 += ha * w2; a3 += ha * w3;
        b0 += hb * w0; b1 += hb * w1; b2 += hb * w2; b3 += hb * w3;
        w += UNITS;
      }
      step_pair(row0, row1, unit, a0, b0);
      step_pair(row0, row1, unit + 1u, a1, b1);
      step_pair(row0, row1, unit + 2u, a2, b2);
      step_pair(row0, row1, unit + 3u, a3, b3);
    }
    for (var k = 0u; k < UNITS; k++) {
      h0[k] = hidden[(row0 + BATCH) * HIDDEN + k];
      h1[k] = hidden[(row1 + BATCH) * HIDDEN + k];
    }
  }
}

@group(0) @binding(4) var<storage, read_write> dh: array<f32>;
@group(0) @binding(5) var<storage, read_write> dz: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> carry: array<f32>;

// dz of this time step, where there is room: compiling takes Mesa 2 s for each 64 units of these.
var<private> d0: array<vec4f, KEPT>;
var<private> d1: array<vec4f, KEPT>;

// dz of a unit from what the step after passed in dh and carry; passes on the cell's gradient.
fn step_backward(row: u32, sample: u32, unit: u32, last: bool) -> vec4f {
  let a = gates[row * UNITS + unit];
  let previous = cells[row * UNITS + unit];
  let t = tanh_of(cells[(row + BATCH) * UNITS + unit]);
  let d = dh[row * DELTA + unit];
  let dc = select(carry[sample * UNITS + unit], 0.0, last) + d * a.w * (1.0 - t * t);
  let delta = vec4f(
    dc * a.z * a.x * (1.0 - a.x),
    dc * previous * a.y * (1.0 - a.y),
    dc * a.x * (1.0 - a.z * a.z),
    d * t * a.w * (1.0 - a.w),
  );
  dz[row * UNITS + unit] = delta;
  carry[sample * UNITS + unit] = dc * a.y;
  return delta;
}

// Adds 8 units' sums to dh of the step before.
fn pass_on(row: u32, unit: u32, s: vec4f, r: vec4f) {
  for (var i = 0u; i < min(8u, UNITS - unit); i++) {
    dh[row * DELTA + unit + i] += select(s[i & 3u], r[i & 3u], i > 3u);
  }
}

@compute @workgroup_size(8)
fn backward(@builtin(global_invocation_id) id: vec3u) {
  let half = (BATCH + 1u) / 2u;
  if (id.x >= half) {
    return;
  }
  let paired = id.x + half < BATCH;
  for (var t = STEPS; t > 0u; t--) {
    let row0 = (t - 1u) * BATCH + id.x;
    let row1 = select(row0, row0 + half, paired);
    for (var unit = 0u; unit < UNITS; unit++) {
      let a = step_backward(row0, id.x, unit, t == STEPS);
      var b = a;
      if (paired) {
        b = step_backward(row1, id.x + half, unit, t == STEPS);
      }
      if (UNITS <= KEPT) {
        d0[unit] = a;
        d1[unit] = b;
      }
    }
    if (t == 1u) {
      return;
    }
    for (var k = 0u; k < UNITS; k += 8u) {
      var w = k * UNITS;
      var s0 = vec4f(); var s1 = vec4f();
      var r0 = vec4f(); var r1 = vec4f();
      for (var unit = 0u; unit < UNITS; unit++) {
        var a: vec4f;
        var b: vec4f;
        if (UNITS <= KEPT) {
          a = d0[unit];
          b = d1[unit];
        } else {
          a = dz[row0 * UNITS + unit];
          b = dz[row1 * UNITS + unit];
        }
        let m = mat4x4f(weights[w], weights[w + UNITS], weights[w + 2u * UNITS], weights[w + 3u * UNITS]);
        s0 += a * m;
        s1 += b * m;
        let n = mat4x4f(
          weights[w + 4u * UNITS], weights[w + 5u * UNITS], weights[w + 6u * UNITS], weights[w + 7u * UNITS],
        );
        r0 += a * n;
        r1 += b * n;
        w += 1u;
      }
      pass_on(row0 - BATCH, k, s0, r0);
      if (paired) {
        pass_on(row1 - BATCH, k, s1, r1);
      }
    }
  }
}
