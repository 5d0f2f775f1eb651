// The recurrence of one LSTM layer and its back-propagation through time, for adapters that run shaders on the
// processor. Lane = a pair of samples half a batch apart, so that each weight is used twice, or above 64 units one sample;
// a workgroup is one vector of 8 lanes; no workgroup memory, no barriers: a sample's time steps never leave its lane.
// State that passes from step to step is kept in private arrays and the rest read from textures (texture.wgsl), 4 units
// at a time.
//
// forward: z = projection[t] + h[t-1] U;  i, f, o = sigmoid(z.xyw), g = tanh(z.z)
//          c[t] = f c[t-1] + i g;  h[t] = o tanh(c[t])
// backward: dc[t] = dc[t+1] f[t+1] + dh[t] o (1 - tanh(c[t])^2), dz by the chain rule, dh[t-1] += U dz[t]
// A unit's four numbers in z and dz are one vec4 (input, forget, cell, output), as in https://keras.io/api/layers/recurrent_layers/lstm/
// projection, dz: [time, batch, UNITS] vec4; states, what the way back needs: [time, batch, UNITS / 4, 5] vec4, i, f, g, o
// and c of four units; hidden: [time + 1, batch, HIDDEN4] vec4, the first time step 0; dh: [time, batch, DH4] vec4. They
// are columns of textures, the first of which are PROJECTIONS, DZ, STATES, HIDDEN and DH.
// Prepended: ROOM, a power of 2 from 16 on, not below UNITS; activations.wgsl, texture.wgsl, weights_texture.wgsl; and
// the uniform `sizes`, so that one compiled shader serves layers of many sizes: these, STEPS, BATCH, UNITS, HIDDEN4, DH4;
// and WEIGHTS, the first column of U, [UNITS, UNITS] vec4.

@group(0) @binding(1) var projections: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var states: texture_storage_2d<rgba32float, write>;
@group(0) @binding(3) var hidden: texture_storage_2d<rgba32float, write>;

// Mesa's time to compile grows with the square of the length of all private arrays, seconds for pairs of 64 units.
const PAIRED = ROOM <= 64u;
const QUADS = ROOM / 4u;
const QUADS1 = select(1u, QUADS, PAIRED);

// Of the two samples, by 4 units: the output, twice, for the step before and this one by turns; and the cell.
var<private> h0: array<vec4f, 2u * QUADS>;
var<private> h1: array<vec4f, 2u * QUADS1>;
var<private> c0: array<vec4f, QUADS>;
var<private> c1: array<vec4f, QUADS1>;

fn quads() -> u32 {
  return (sizes.UNITS + 3u) / 4u;
}

// Samples that have a lane of their own.
fn lanes() -> u32 {
  return select(sizes.BATCH, (sizes.BATCH + 1u) / 2u, PAIRED);
}

fn state_line(row: u32) -> vec2u {
  return line_of(sizes.STATES, 5u * quads(), row);
}

fn tanh_of_all(x: vec4f) -> vec4f {
  return vec4f(tanh_of(x.x), tanh_of(x.y), tanh_of(x.z), tanh_of(x.w));
}

// The weights between four units and one. Past the last unit they are others, which meet a 0 or whose sums nobody reads.
fn of_four(k: u32, unit: u32) -> mat4x4f {
  let x = sizes.WEIGHTS + unit;
  return mat4x4f(weight(k, x), weight(k + 1u, x), weight(k + 2u, x), weight(k + 3u, x));
}

// The projections of 4 units, a column a unit.
fn projection(row: u32, quad: u32) -> mat4x4f {
  let line = line_of(sizes.PROJECTIONS, sizes.UNITS, row);
  let i = 4u * quad;
  return mat4x4f(
    load(projections, line, i),
    load(projections, line, i + 1u),
    load(projections, line, i + 2u),
    load(projections, line, i + 3u),
  );
}

struct State {
  c: vec4f,
  h: vec4f,
}

// Four units' step from their pre-activations, a column a unit; what lies past UNITS becomes 0.
fn step_forward(row: u32, quad: u32, z: mat4x4f, previous: vec4f) -> State {
  let gate = transpose(z);
  let i = sigmoid(gate[0]);
  let f = sigmoid(gate[1]);
  let g = tanh_of_all(gate[2]);
  let o = sigmoid(gate[3]);
  let unit = 4u * quad + vec4u(0u, 1u, 2u, 3u);
  let c = select(vec4f(), f * previous + i * g, unit < vec4u(sizes.UNITS));
  let h = o * tanh_of_all(c);
  let line = state_line(row);
  let at = 5u * quad;
  textureStore(states, texel(line, at), i);
  textureStore(states, texel(line, at + 1u), f);
  textureStore(states, texel(line, at + 2u), g);
  textureStore(states, texel(line, at + 3u), o);
  textureStore(states, texel(line, at + 4u), c);
  // A 1 follows the last unit, for the next layer's bias; where it has a vec4 of its own, that's there already.
  let out = line_of(sizes.HIDDEN, sizes.HIDDEN4, row + sizes.BATCH);
  textureStore(hidden, texel(out, quad), select(h, vec4f(1.0), unit == vec4u(sizes.UNITS)));
  return State(c, h);
}

@compute @workgroup_size(8)
fn forward(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= lanes()) {
    return;
  }
  let paired = id.x + lanes() < sizes.BATCH;
  for (var t = 0u; t < sizes.STEPS; t++) {
    let row0 = t * sizes.BATCH + id.x;
    // An unpaired sample's second half does the same once more.
    let row1 = select(row0, row0 + lanes(), paired);
    let before = (t & 1u) * QUADS;
    let to = QUADS - before;
    for (var quad = 0u; quad < quads(); quad++) {
      var a = projection(row0, quad);
      var b = mat4x4f();
      if (PAIRED) {
        b = projection(row1, quad);
      }
      let unit = 4u * quad;
      for (var k = 0u; k < quads(); k++) {
        let ha = h0[before + k];
        var hb = vec4f();
        if (PAIRED) {
          hb = h1[before + k];
        }
        let u0 = of_four(4u * k, unit);
        let u1 = of_four(4u * k, unit + 1u);
        a[0] += u0 * ha;
        b[0] += u0 * hb;
        a[1] += u1 * ha;
        b[1] += u1 * hb;
        let u2 = of_four(4u * k, unit + 2u);
        let u3 = of_four(4u * k, unit + 3u);
        a[2] += u2 * ha;
        b[2] += u2 * hb;
        a[3] += u3 * ha;
        b[3] += u3 * hb;
      }
      let s0 = step_forward(row0, quad, a, c0[quad]);
      c0[quad] = s0.c;
      h0[to + quad] = s0.h;
      if (PAIRED) {
        let s1 = step_forward(row1, quad, b, c1[quad]);
        c1[quad] = s1.c;
        h1[to + quad] = s1.h;
      }
    }
  }
}

@group(0) @binding(1) var all_states: texture_storage_2d<rgba32float, read>;
@group(0) @binding(2) var dh: texture_storage_2d<rgba32float, read>;
@group(0) @binding(3) var dz: texture_storage_2d<rgba32float, write>;

// Of the two samples: by unit, dz of this time step; by 4 units, what the step after passes on to dh (r) and to the cell
// (c0, c1).
var<private> d0: array<vec4f, ROOM>;
var<private> d1: array<vec4f, 4u * QUADS1>;
var<private> r0: array<vec4f, QUADS>;
var<private> r1: array<vec4f, QUADS1>;

struct Backward {
  dz: mat4x4f, // a column a unit
  carry: vec4f, // gradient of the cells of the step before
}

// Four units' step from the gradients that the step after passed on.
fn step_backward(row: u32, quad: u32, passed: vec4f, carry: vec4f) -> Backward {
  let line = state_line(row);
  let at = 5u * quad;
  let i = load(all_states, line, at);
  let f = load(all_states, line, at + 1u);
  let g = load(all_states, line, at + 2u);
  let o = load(all_states, line, at + 3u);
  let t = tanh_of_all(load(all_states, line, at + 4u));
  var previous = vec4f();
  if (row >= sizes.BATCH) {
    previous = load(all_states, state_line(row - sizes.BATCH), at + 4u);
  }
  let d = load(dh, line_of(sizes.DH, sizes.DH4, row), quad) + passed;
  let dc = carry + d * o * (1.0 - t * t);
  let delta = transpose(mat4x4f(
    dc * g * i * (1.0 - i),
    dc * previous * f * (1.0 - f),
    dc * i * (1.0 - g * g),
    d * t * o * (1.0 - o),
  ));
  let out = line_of(sizes.DZ, sizes.UNITS, row);
  let unit = 4u * quad;
  let left = sizes.UNITS - unit;
  textureStore(dz, texel(out, unit), delta[0]);
  if (left > 1u) { textureStore(dz, texel(out, unit + 1u), delta[1]); }
  if (left > 2u) { textureStore(dz, texel(out, unit + 2u), delta[2]); }
  if (left > 3u) { textureStore(dz, texel(out, unit + 3u), delta[3]); }
  return Backward(delta, dc * f);
}

@compute @workgroup_size(8)
fn backward(@builtin(global_invocation_id) id: vec3u) {
  if (id.x >= lanes()) {
    return;
  }
  let paired = id.x + lanes() < sizes.BATCH;
  for (var t = sizes.STEPS; t > 0u; t--) {
    let row0 = (t - 1u) * sizes.BATCH + id.x;
    let row1 = select(row0, row0 + lanes(), paired);
    for (var quad = 0u; quad < quads(); quad++) {
      let unit = 4u * quad;
      let a = step_backward(row0, quad, r0[quad], c0[quad]);
      c0[quad] = a.carry;
      d0[unit] = a.dz[0]; d0[unit + 1u] = a.dz[1]; d0[unit + 2u] = a.dz[2]; d0[unit + 3u] = a.dz[3];
      if (PAIRED) {
        let b = step_backward(row1, quad, r1[quad], c1[quad]);
        c1[quad] = b.carry;
        d1[unit] = b.dz[0]; d1[unit + 1u] = b.dz[1]; d1[unit + 2u] = b.dz[2]; d1[unit + 3u] = b.dz[3];
      }
    }
    if (t == 1u) {
      return;
    }
    for (var k = 0u; k < quads(); k += 4u) {
      var a = mat4x4f();
      var b = mat4x4f();
      for (var unit = 0u; unit < sizes.UNITS; unit++) {
        let x = d0[unit];
        var y = vec4f();
        if (PAIRED) {
          y = d1[unit];
        }
        let u0 = of_four(4u * k, unit);
        a[0] += x * u0;
        b[0] += y * u0;
        let u1 = of_four(4u * k + 4u, unit);
        a[1] += x * u1;
        b[1] += y * u1;
        let u2 = of_four(4u * k + 8u, unit);
        a[2] += x * u2;
        b[2] += y * u2;
        let u3 = of_four(4u * k + 12u, unit);
        a[3] += x * u3;
        b[3] += y * u3;
      }
      // Past UNITS there is room, and nobody reads it.
      r0[k] = a[0]; r0[k + 1u] = a[1]; r0[k + 2u] = a[2]; r0[k + 3u] = a[3];
      if (PAIRED) {
        r1[k] = b[0]; r1[k + 1u] = b[1]; r1[k + 2u] = b[2]; r1[k + 3u] = b[3];
      }
    }
  }
}
