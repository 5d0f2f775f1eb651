// The recurrence of one LSTM layer and its back-propagation through time, for adapters that run shaders on the
// processor. Lane = a pair of samples half a batch apart, so that each uniform weight is used twice; a workgroup is one
// vector of 8 lanes; no workgroup memory, no barriers: a sample's time steps never leave its lane. State that passes from
// step to step is kept in private arrays and the rest read from textures: lavapipe reads both ten times faster than
// storage buffers.
//
// forward: z = projection[t] + h[t-1] U;  i, f, o = sigmoid(z.xyw), g = tanh(z.z)
//          c[t] = f c[t-1] + i g;  h[t] = o tanh(c[t]);  gates[t] = (i, f, g, o)
// backward: dc[t] = dc[t+1] f[t+1] + dh[t] o (1 - tanh(c[t])^2), dz by the chain rule, dh[t-1] += U dz[t]
// Gates of a unit are one vec4 (input, forget, cell, output), as in https://keras.io/api/layers/recurrent_layers/lstm/
// projection and gates (one buffer), dz: [time, batch, UNITS] vec4; cells: [time + 1, batch, UNITS], hidden:
// [time + 1, batch, HIDDEN], the first time step 0; dh: [time, batch, DELTA].
// Prepended: ROOM, a multiple of 8 not below UNITS; activations.wgsl, texture.wgsl, `weights` (U), binding 0, [UNITS, UNITS]
// vec4; and the uniform `sizes`, so that one compiled shader serves layers of many sizes: STEPS, BATCH, UNITS; HIDDEN,
// stride of hidden; DELTA, of dh; GATES, first vec4 of the layer in the texture of gates; CELLS, DH, first number of the
// layer's cells and of dh in theirs.

@group(0) @binding(1) var<storage, read_write> gates: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> cells: array<f32>;
@group(0) @binding(3) var<storage, read_write> hidden: array<f32>;
@group(0) @binding(7) var projections: texture_2d<f32>;

// Of the two samples, by unit: the output, twice, for the step before and this one by turns; and the cell.
var<private> h0: array<f32, 2u * ROOM>;
var<private> h1: array<f32, 2u * ROOM>;
var<private> c0: array<f32, ROOM>;
var<private> c1: array<f32, ROOM>;

// Stores a unit's step; returns (c, h).
fn step_forward(row: u32, unit: u32, z: vec4f, previous: f32) -> vec2f {
  let a = activate(z);
  let c = a.y * previous + a.x * a.z;
  let h = a.w * tanh_of(c);
  gates[row * sizes.UNITS + unit] = a;
  cells[(row + sizes.BATCH) * sizes.UNITS + unit] = c;
  hidden[(row + sizes.BATCH) * sizes.HIDDEN + unit] = h;
  return vec2f(c, h);
}

fn step_pair(row0: u32, row1: u32, unit: u32, to: u32, z0: vec4f, z1: vec4f) {
  if (unit < sizes.UNITS) {
    let a = step_forward(row0, unit, z0, c0[unit]);
    c0[unit] = a.x;
    h0[to + unit] = a.y;
    // An unpaired sample's second half does the same once more.
    let b = step_forward(row1, unit, z1, c1[unit]);
    c1[unit] = b.x;
    h1[to + unit] = b.y;
  }
}

@compute @workgroup_size(8)
fn forward(@builtin(global_invocation_id) id: vec3u) {
  let half = (sizes.BATCH + 1u) / 2u;
  if (id.x >= half) {
    return;
  }
  let paired = id.x + half < sizes.BATCH;
  for (var t = 0u; t < sizes.STEPS; t++) {
    let row0 = t * sizes.BATCH + id.x;
    let row1 = select(row0, row0 + half, paired);
    let before = (t & 1u) * ROOM;
    let to = ROOM - before;
    for (var unit = 0u; unit < sizes.UNITS; unit += 4u) {
      let z0 = sizes.GATES + row0 * sizes.UNITS + unit;
      let z1 = sizes.GATES + row1 * sizes.UNITS + unit;
      var a0 = load(projections, z0); var a1 = load(projections, z0 + 1u);
      var a2 = load(projections, z0 + 2u); var a3 = load(projections, z0 + 3u);
      var b0 = load(projections, z1); var b1 = load(projections, z1 + 1u);
      var b2 = load(projections, z1 + 2u); var b3 = load(projections, z1 + 3u);
      var w = unit;
      for (var k = 0u; k < sizes.UNITS; k++) {
        let ha = h0[before + k];
        let hb = h1[before + k];
        let w0 = weights[w]; let w1 = weights[w + 1u]; let w2 = weights[w + 2u]; let w3 = weights[w + 3u];
        a0 += ha * w0; a1 += ha * w1; a2 += ha * w2; a3 += ha * w3;
        b0 += hb * w0; b1 += hb * w1; b2 += hb * w2; b3 += hb * w3;
        w += sizes.UNITS;
      }
      step_pair(row0, row1, unit, to, a0, b0);
      step_pair(row0, row1, unit + 1u, to, a1, b1);
      step_pair(row0, row1, unit + 2u, to, a2, b2);
      step_pair(row0, row1, unit + 3u, to, a3, b3);
    }
  }
}

@group(0) @binding(1) var all_gates: texture_2d<f32>;
@group(0) @binding(2) var all_cells: texture_2d<f32>;
@group(0) @binding(4) var all_deltas: texture_2d<f32>;
@group(0) @binding(5) var<storage, read_write> dz: array<vec4f>;

// Of the two samples, by unit: dz of this time step, where there is room; what the step after passes on to dh (r) and to
// the cell (c0, c1). Mesa's time to compile grows with the square of all these lengths, seconds at ROOM 64.
const KEPT = select(8u, ROOM, ROOM <= 64u);
var<private> d0: array<vec4f, KEPT>;
var<private> d1: array<vec4f, KEPT>;
var<private> r0: array<f32, ROOM>;
var<private> r1: array<f32, ROOM>;

fn number(texture: texture_2d<f32>, i: u32) -> f32 {
  return load(texture, i >> 2u)[i & 3u];
}

struct Backward {
  dz: vec4f,
  carry: f32, // gradient of the cell of the step before
}

// A unit's step from the gradients that the step after passed on.
fn step_backward(row: u32, unit: u32, passed: f32, carry: f32) -> Backward {
  let i = row * sizes.UNITS + unit;
  let a = load(all_gates, sizes.GATES + i);
  let previous = number(all_cells, sizes.CELLS + i);
  let t = tanh_of(number(all_cells, sizes.CELLS + i + sizes.BATCH * sizes.UNITS));
  let d = number(all_deltas, sizes.DH + row * sizes.DELTA + unit) + passed;
  let dc = carry + d * a.w * (1.0 - t * t);
  let delta = vec4f(
    dc * a.z * a.x * (1.0 - a.x),
    dc * previous * a.y * (1.0 - a.y),
    dc * a.x * (1.0 - a.z * a.z),
    d * t * a.w * (1.0 - a.w),
  );
  dz[i] = delta;
  return Backward(delta, dc * a.y);
}

@compute @workgroup_size(8)
fn backward(@builtin(global_invocation_id) id: vec3u) {
  let half = (sizes.BATCH + 1u) / 2u;
  if (id.x >= half) {
    return;
  }
  let paired = id.x + half < sizes.BATCH;
  for (var t = sizes.STEPS; t > 0u; t--) {
    let row0 = (t - 1u) * sizes.BATCH + id.x;
    let row1 = select(row0, row0 + half, paired);
    for (var unit = 0u; unit < sizes.UNITS; unit++) {
      let a = step_backward(row0, unit, r0[unit], c0[unit]);
      c0[unit] = a.carry;
      let b = step_backward(row1, unit, r1[unit], c1[unit]);
      c1[unit] = b.carry;
      if (KEPT == ROOM) {
        d0[unit] = a.dz;
        d1[unit] = b.dz;
      }
    }
    if (t == 1u) {
      return;
    }
    for (var k = 0u; k < sizes.UNITS; k += 8u) {
      var w = k * sizes.UNITS;
      var s0 = vec4f(); var s1 = vec4f();
      var s2 = vec4f(); var s3 = vec4f();
      for (var unit = 0u; unit < sizes.UNITS; unit++) {
        var a: vec4f;
        var b: vec4f;
        if (KEPT == ROOM) {
          a = d0[unit];
          b = d1[unit];
        } else {
          a = dz[row0 * sizes.UNITS + unit];
          b = dz[row1 * sizes.UNITS + unit];
        }
        let m = mat4x4f(weights[w], weights[w + sizes.UNITS], weights[w + 2u * sizes.UNITS], weights[w + 3u * sizes.UNITS]);
        s0 += a * m;
        s1 += b * m;
        let n = mat4x4f(
          weights[w + 4u * sizes.UNITS], weights[w + 5u * sizes.UNITS], weights[w + 6u * sizes.UNITS], weights[w + 7u * sizes.UNITS],
        );
        s2 += a * n;
        s3 += b * n;
        w += 1u;
      }
      // Past UNITS there is room.
      r0[k] = s0.x; r0[k + 1u] = s0.y; r0[k + 2u] = s0.z; r0[k + 3u] = s0.w;
      r0[k + 4u] = s2.x; r0[k + 5u] = s2.y; r0[k + 6u] = s2.z; r0[k + 7u] = s2.w;
      r1[k] = s1.x; r1[k + 1u] = s1.y; r1[k + 2u] = s1.z; r1[k + 3u] = s1.w;
      r1[k + 4u] = s3.x; r1[k + 5u] = s3.y; r1[k + 6u] = s3.z; r1[k + 7u] = s3.w;
    }
  }
}
