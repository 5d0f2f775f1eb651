// The recurrence of one LSTM layer and its back-propagation through time, for graphics cards: a workgroup per sample,
// all its time steps in one dispatch, the recurrent weights in registers (up to 64 units; above, from cached memory),
// the state in workgroup memory, two barriers a time step. After Diamos et al. 2016, Persistent RNNs
// (https://proceedings.mlr.press/v48/diamos16.html) and Poeppel et al. 2024, FlashRNN (https://arxiv.org/abs/2412.07752).
//
// forward: z = gates[t] + h[t-1] U;  i, f, o = sigmoid(z.xyw), g = tanh(z.z)
//          c[t] = f c[t-1] + i g;  h[t] = o tanh(c[t]);  gates[t] = (i, f, g, o)
// backward: dc[t] = dc[t+1] f[t+1] + dh[t] o (1 - tanh(c[t])^2), dz by the chain rule, dh[t-1] += U dz[t]
// Gates of a unit are one vec4 (input, forget, cell, output), as in https://keras.io/api/layers/recurrent_layers/lstm/
//
// Lane = (unit, part): it adds up every PARTS-th term of its unit's sum; then the first UNITS lanes add up the parts and
// do the element-wise work of their unit. 256 lanes; workgroup memory 4.6 KB forward, 3.1 KB backward.
// Sums lie part by part, so far apart that neither who writes nor who reads them shares one of 32 banks of 4 bytes.
// Vectors in workgroup memory are only ever written whole: writing a component may touch its neighbours.
// What a time step reads is asked for a step ahead, and is on its way while the sums are added up.
// gates, dz: [time, batch, UNITS] vec4; cells: [time + 1, batch, UNITS], hidden: [time + 1, batch, 4 HIDDEN4], the first
// time step 0; dh: [time, batch, 4 DH4].
// Prepended: activations.wgsl and weights_buffer.wgsl (U): [UNITS, UNITS] vec4.

override STEPS = 0u;
override BATCH = 0u;
override UNITS = 0u;
override HIDDEN4 = 0u; // columns of hidden and dh, in vec4s
override DH4 = 0u;
override PARTS = select(2u, 4u, UNITS <= 64u);
override TERMS = (UNITS + PARTS - 1u) / PARTS;
override VECTORS = 264u / PARTS; // from part to part: of vec4s, and of single numbers
override NUMBERS = 288u / PARTS;

@group(0) @binding(1) var<storage, read_write> gates: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> cells: array<f32>;
@group(0) @binding(3) var<storage, read_write> hidden: array<f32>;

var<workgroup> state: array<f32, 128>;
var<workgroup> sums: array<vec4f, 264>;

// The recurrent weights from unit k to unit u, 0 past the last.
fn recurrent(k: u32, u: u32) -> vec4f {
  if (k < UNITS && u < UNITS) {
    return weight(k * UNITS + u);
  }
  return vec4f();
}

@compute @workgroup_size(256)
fn forward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let unit = lane / PARTS;
  let part = lane % PARTS;
  let own = lane < UNITS;
  var w0 = vec4f(); var w1 = vec4f(); var w2 = vec4f(); var w3 = vec4f();
  var w4 = vec4f(); var w5 = vec4f(); var w6 = vec4f(); var w7 = vec4f();
  var w8 = vec4f(); var w9 = vec4f(); var w10 = vec4f(); var w11 = vec4f();
  var w12 = vec4f(); var w13 = vec4f(); var w14 = vec4f(); var w15 = vec4f();
  if (UNITS <= 64u) {
    w0 = recurrent(part, unit); w1 = recurrent(part + 4u, unit);
    w2 = recurrent(part + 8u, unit); w3 = recurrent(part + 12u, unit);
    w4 = recurrent(part + 16u, unit); w5 = recurrent(part + 20u, unit);
    w6 = recurrent(part + 24u, unit); w7 = recurrent(part + 28u, unit);
    w8 = recurrent(part + 32u, unit); w9 = recurrent(part + 36u, unit);
    w10 = recurrent(part + 40u, unit); w11 = recurrent(part + 44u, unit);
    w12 = recurrent(part + 48u, unit); w13 = recurrent(part + 52u, unit);
    w14 = recurrent(part + 56u, unit); w15 = recurrent(part + 60u, unit);
  }
  var at = group.x * UNITS + lane;
  var c = 0.0;
  var next = vec4f();
  if (own) {
    next = gates[at];
  }
  for (var t = 0u; t < STEPS; t++) {
    let z = next;
    var sum = vec4f();
    if (UNITS <= 64u) {
      sum = state[part] * w0 + state[part + 4u] * w1 + state[part + 8u] * w2 + state[part + 12u] * w3;
      sum += state[part + 16u] * w4 + state[part + 20u] * w5 + state[part + 24u] * w6 + state[part + 28u] * w7;
      sum += state[part + 32u] * w8 + state[part + 36u] * w9 + state[part + 40u] * w10 + state[part + 44u] * w11;
      sum += state[part + 48u] * w12 + state[part + 52u] * w13 + state[part + 56u] * w14 + state[part + 60u] * w15;
    } else if (unit < UNITS) {
      for (var j = 0u; j < TERMS; j++) {
        let k = part + PARTS * j;
        if (k < UNITS) {
          sum += state[k] * weight(k * UNITS + unit);
        }
      }
    }
    sums[part * VECTORS + unit] = sum;
    workgroupBarrier();
    if (own) {
      if (t + 1u < STEPS) {
        next = gates[at + BATCH * UNITS];
      }
      var total = z;
      for (var i = 0u; i < PARTS; i++) {
        total += sums[i * VECTORS + lane];
      }
      let a = activate(total);
      c = a.y * c + a.x * a.z;
      let h = a.w * tanh_of(c);
      state[lane] = h;
      gates[at] = a;
      cells[at + BATCH * UNITS] = c;
      hidden[((t + 1u) * BATCH + group.x) * 4u * HIDDEN4 + lane] = h;
      at += BATCH * UNITS;
    }
    workgroupBarrier();
  }
}

@group(0) @binding(4) var<storage, read_write> dh: array<f32>;
@group(0) @binding(5) var<storage, read_write> dz: array<vec4f>;

// What a unit's time step is given: the cell is that of the step before.
struct Given {
  gates: vec4f,
  cell: f32,
  dh: f32,
}

fn given(row: u32, unit: u32) -> Given {
  let at = row * UNITS + unit;
  return Given(gates[at], cells[at], dh[row * 4u * DH4 + unit]);
}

var<workgroup> deltas: array<vec4f, 128>;
var<workgroup> parts: array<f32, 288>;

@compute @workgroup_size(256)
fn backward(@builtin(workgroup_id) group: vec3u, @builtin(local_invocation_index) lane: u32) {
  let unit = lane / PARTS;
  let part = lane % PARTS;
  let own = lane < UNITS;
  var w0 = vec4f(); var w1 = vec4f(); var w2 = vec4f(); var w3 = vec4f();
  var w4 = vec4f(); var w5 = vec4f(); var w6 = vec4f(); var w7 = vec4f();
  var w8 = vec4f(); var w9 = vec4f(); var w10 = vec4f(); var w11 = vec4f();
  var w12 = vec4f(); var w13 = vec4f(); var w14 = vec4f(); var w15 = vec4f();
  if (UNITS <= 64u) {
    w0 = recurrent(unit, part); w1 = recurrent(unit, part + 4u);
    w2 = recurrent(unit, part + 8u); w3 = recurrent(unit, part + 12u);
    w4 = recurrent(unit, part + 16u); w5 = recurrent(unit, part + 20u);
    w6 = recurrent(unit, part + 24u); w7 = recurrent(unit, part + 28u);
    w8 = recurrent(unit, part + 32u); w9 = recurrent(unit, part + 36u);
    w10 = recurrent(unit, part + 40u); w11 = recurrent(unit, part + 44u);
    w12 = recurrent(unit, part + 48u); w13 = recurrent(unit, part + 52u);
    w14 = recurrent(unit, part + 56u); w15 = recurrent(unit, part + 60u);
  }
  var dc = 0.0;
  var c = 0.0;
  var next = Given();
  if (own) {
    c = cells[(STEPS * BATCH + group.x) * UNITS + lane];
    next = given((STEPS - 1u) * BATCH + group.x, lane);
  }
  for (var t = STEPS; t > 0u; t--) {
    if (own) {
      let row = (t - 1u) * BATCH + group.x;
      let a = next.gates;
      var d = next.dh;
      // 0 at the last time step, where nothing follows: workgroup memory starts as 0.
      for (var i = 0u; i < PARTS; i++) {
        d += parts[i * NUMBERS + lane];
      }
      let y = tanh_of(c);
      c = next.cell;
      if (t > 1u) {
        next = given(row - BATCH, lane);
      }
      dc += d * a.w * (1.0 - y * y);
      let delta = vec4f(
        dc * a.z * a.x * (1.0 - a.x),
        dc * c * a.y * (1.0 - a.y),
        dc * a.x * (1.0 - a.z * a.z),
        d * y * a.w * (1.0 - a.w),
      );
      dc *= a.y;
      deltas[lane] = delta;
      dz[row * UNITS + lane] = delta;
    }
    workgroupBarrier();
    var sum = 0.0;
    if (UNITS <= 64u) {
      sum = dot(deltas[part], w0) + dot(deltas[part + 4u], w1) + dot(deltas[part + 8u], w2) + dot(deltas[part + 12u], w3);
      sum += dot(deltas[part + 16u], w4) + dot(deltas[part + 20u], w5) + dot(deltas[part + 24u], w6) + dot(deltas[part + 28u], w7);
      sum += dot(deltas[part + 32u], w8) + dot(deltas[part + 36u], w9) + dot(deltas[part + 40u], w10) + dot(deltas[part + 44u], w11);
      sum += dot(deltas[part + 48u], w12) + dot(deltas[part + 52u], w13) + dot(deltas[part + 56u], w14) + dot(deltas[part + 60u], w15);
    } else if (unit < UNITS) {
      for (var j = 0u; j < TERMS; j++) {
        let u = part + PARTS * j;
        if (u < UNITS) {
          sum += dot(deltas[u], weight(unit * UNITS + u));
        }
      }
    }
    parts[part * NUMBERS + unit] = sum;
    workgroupBarrier();
  }
}
