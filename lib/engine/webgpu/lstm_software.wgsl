// The recurrence of one LSTM layer and its back-propagation through time, for adapters that run shaders on the
// processor. Lane = a pair of samples half a batch apart, so that each uniform weight is used twice; a workgroup is one
// vector of 8 lanes; no workgroup memory, no barriers: a sample's time steps never leave its lane.
//
// forward: z = gates[t] + h[t-1] U;  i, f, o = sigmoid(z.xyw), g = tanh(z.z)
//          c[t] = f c[t-1] + i g;  h[t] = o tanh(c[t]);  gates[t] = (i, f, g, o)
// backward: dc[t] = dc[t+1] f[t+1] + dh[t] o (1 - tanh(c[t])^2), dz by the chain rule, dh[t-1] += U dz[t]
// Gates of a unit are one vec4 (input, forget, cell, output), as in https://keras.io/api/layers/recurrent_layers/lstm/
// gates, dz: [time, batch, UNITS] vec4; cells: [time + 1, batch, UNITS], hidden: [time + 1, batch, HIDDEN], the first
// time step 0; dh: [time, batch, DELTA]; carry: [batch, UNITS].
// Prepended: activations.wgsl and `weights` (U), binding 0, [UNITS, UNITS] vec4.

override STEPS = 0u;
override BATCH = 0u;
override UNITS = 0u;
override HIDDEN = 0u; // stride of hidden
override DELTA = 0u; // stride of dh

@group(0) @binding(1) var<storage, read_write> gates: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> cells: array<f32>;
@group(0) @binding(3) var<storage, read_write> hidden: array<f32>;

fn step_forward(row: u32, unit: u32, z: vec4f) {
  let a = activate(z);
  let c = a.y * cells[row * UNITS + unit] + a.x * a.z;
  gates[row * UNITS + unit] = a;
  cells[(row + BATCH) * UNITS + unit] = c;
  hidden[(row + BATCH) * HIDDEN + unit] = a.w * tanh_of(c);
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
      for (var k = 0u; k < UNITS; k++) {
        let ha = hidden[row0 * HIDDEN + k];
        let hb = hidden[row1 * HIDDEN + k];
        let w = k * UNITS + unit;
        let w0 = weights[w]; let w1 = weights[w + 1u]; let w2 = weights[w + 2u]; let w3 = weights[w + 3u];
        a0 += ha * w0; a1 += ha * w1; a2 += ha * w2; a3 += ha * w3;
        b0 += hb * w0; b1 += hb * w1; b2 += hb * w2; b3 += hb * w3;
      }
      step_forward(row0, unit, a0);
      if (paired) { step_forward(row1, unit, b0); }
      if (unit + 1u < UNITS) {
        step_forward(row0, unit + 1u, a1);
        if (paired) { step_forward(row1, unit + 1u, b1); }
      }
      if (unit + 2u < UNITS) {
        step_forward(row0, unit + 2u, a2);
        if (paired) { step_forward(row1, unit + 2u, b2); }
      }
      if (unit + 3u < UNITS) {
        step_forward(row0, unit + 3u, a3);
        if (paired) { step_forward(row1, unit + 3u, b3); }
      }
    }
  }
}

@group(0) @binding(4) var<storage, read_write> dh: array<f32>;
@group(0) @binding(5) var<storage, read_write> dz: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> carry: array<f32>;

fn step_backward(row: u32, sample: u32, last: bool, unit: u32) {
  let a = gates[row * UNITS + unit];
  let previous = cells[row * UNITS + unit];
  let t = tanh_of(cells[(row + BATCH) * UNITS + unit]);
  let d = dh[row * DELTA + unit];
  let later = select(carry[sample * UNITS + unit], 0.0, last);
  let dc = later + d * a.w * (1.0 - t * t);
  dz[row * UNITS + unit] = vec4f(
    dc * a.z * a.x * (1.0 - a.x),
    dc * previous * a.y * (1.0 - a.y),
    dc * a.x * (1.0 - a.z * a.z),
    d * t * a.w * (1.0 - a.w),
  );
  carry[sample * UNITS + unit] = dc * a.y;
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
      step_backward(row0, id.x, t == STEPS, unit);
      if (paired) { step_backward(row1, id.x + half, t == STEPS, unit); }
    }
    if (t == 1u) {
      return;
    }
    let to0 = (row0 - BATCH) * DELTA;
    let to1 = (row1 - BATCH) * DELTA;
    for (var k = 0u; k < UNITS; k += 4u) {
      let w = k * UNITS;
      var s0 = vec4f();
      var s1 = vec4f();
      for (var unit = 0u; unit < UNITS; unit++) {
        let m = mat4x4f(
          weights[w + unit], weights[w + UNITS + unit], weights[w + 2u * UNITS + unit], weights[w + 3u * UNITS + unit],
        );
        s0 += dz[row0 * UNITS + unit] * m;
        s1 += dz[row1 * UNITS + unit] * m;
      }
      // The padding of dh up to a multiple of 4 takes the sums past the last unit; nobody reads them.
      for (var c = 0u; c < 4u; c++) {
        dh[to0 + k + c] += s0[c];
        if (paired) { dh[to1 + k + c] += s1[c]; }
      }
    }
  }
}
