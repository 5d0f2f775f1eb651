// From partial gradients to new weights, element by element, 4 at a time.
// reduce: gradient = sum of SPLITS partial gradients in a fixed order, and the sum of squares of each workgroup.
// norm:   one workgroup adds those up: Keras's global norm (https://keras.io/api/optimizers/, `global_clipnorm`).
// update: Keras 3's rules (keras/src/optimizers: sgd.py, adam.py, rmsprop.py). rates[batch] is the learning rate, for
//         Adam times sqrt(1 - beta2^t) / (1 - beta1^t), computed on the host in float64.
// `slots` holds the optimizer's vectors one after the other. Workgroup 64; workgroup memory 256 bytes.
// Prepended: RATES4, a quarter of the steps in a stretch; update_buffers.wgsl or update_textures.wgsl.

override COUNT = 0u; // vec4s in a parameter vector
override SPLITS = 1u;
override CLIP = 0.0; // 0: no clipping, partial gradients are added up in update() itself
override OPTIMIZER = 0u; // 0: sgd, 1: sgd with momentum, 2: Nesterov, 3: adam, 4: rmsprop, 5: rmsprop with momentum
override MOMENTUM = 0.0;
override KEEP1 = 0.0; // 1 - beta1
override KEEP2 = 0.0; // 1 - beta2 (adam), 1 - rho (rmsprop)
override RHO = 0.0;
override EPSILON = 0.0;
override GROUPS = 1u; // workgroups of reduce()

const LANES = 64u;

@group(0) @binding(1) var<storage, read_write> gradient: array<vec4f>;
@group(0) @binding(2) var<storage, read_write> squares: array<f32>;
@group(0) @binding(3) var<uniform> rates: array<vec4f, RATES4>;
@group(0) @binding(4) var<uniform> control: vec4u;
@group(0) @binding(5) var<storage, read_write> weights: array<vec4f>;
@group(0) @binding(6) var<storage, read_write> slots: array<vec4f>;

var<workgroup> sums: array<f32, LANES>;

fn sum_of_partials(i: u32) -> vec4f {
  var sum = partial_gradient(i);
  for (var s = 1u; s < SPLITS; s++) {
    sum += partial_gradient(s * COUNT + i);
  }
  return sum;
}

// Adds up the workgroup's values in lane order; lane 0 has the sum.
fn add_up(lane: u32, value: f32) -> f32 {
  sums[lane] = value;
  workgroupBarrier();
  var total = 0.0;
  if (lane == 0u) {
    for (var i = 0u; i < LANES; i++) {
      total += sums[i];
    }
  }
  return total;
}

@compute @workgroup_size(LANES)
fn reduce(
  @builtin(global_invocation_id) id: vec3u,
  @builtin(local_invocation_index) lane: u32,
  @builtin(workgroup_id) group: vec3u,
) {
  var square = 0.0;
  if (id.x < COUNT) {
    let g = sum_of_partials(id.x);
    gradient[id.x] = g;
    square = dot(g, g);
  }
  let total = add_up(lane, square);
  if (lane == 0u) {
    squares[group.x] = total;
  }
}

@compute @workgroup_size(LANES)
fn norm(@builtin(local_invocation_index) lane: u32) {
  var sum = 0.0;
  for (var i = lane; i < GROUPS; i += LANES) {
    sum += squares[i];
  }
  let total = add_up(lane, sum);
  if (lane == 0u) {
    squares[GROUPS] = sqrt(total);
  }
}

fn apply(i: u32, g: vec4f) {
  let rate = rates[control.x / 4u][control.x % 4u];
  var change = -rate * g;
  switch (OPTIMIZER) {
    case 0u: {
    }
    case 1u, 2u: {
      let v = MOMENTUM * slots[i] + change;
      slots[i] = v;
      change = select(v, MOMENTUM * v + change, OPTIMIZER == 2u);
    }
    case 3u: {
      let m = slots[i] + (g - slots[i]) * KEEP1;
      let v = slots[COUNT + i] + (g * g - slots[COUNT + i]) * KEEP2;
      slots[i] = m;
      slots[COUNT + i] = v;
      change = -rate * m / (sqrt(v) + EPSILON);
    }
    default: {
      let s = RHO * slots[i] + KEEP2 * g * g;
      slots[i] = s;
      var step = rate * g / sqrt(s + EPSILON);
      if (OPTIMIZER == 5u) {
        step += MOMENTUM * slots[COUNT + i];
        slots[COUNT + i] = step;
      }
      change = -step;
    }
  }
  weights[i] = weight_so_far(i) + change;
}

@compute @workgroup_size(LANES)
fn update(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < COUNT) {
    apply(id.x, sum_of_partials(id.x));
  }
}

@compute @workgroup_size(LANES)
fn update_clipped(@builtin(global_invocation_id) id: vec3u) {
  if (id.x < COUNT) {
    let length = squares[GROUPS];
    apply(id.x, gradient[id.x] * select(1.0, CLIP / length, length > CLIP));
  }
}
