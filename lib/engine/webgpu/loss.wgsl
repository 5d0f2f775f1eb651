// Loss, MAE and their derivative by the network's (unscaled) output, and the step counter.
//   error = SCALE output[row, h] - series[start + t STRIDE + ANCHOR + 1 + h]
//   huber: |e| <= DELTA ? e^2 / 2 : DELTA (|e| - DELTA / 2); mse: e^2; mae: |e|
// The loss is the mean over the batch's elements from output position FROM on, the MAE over all. Samples past the end
// of a short batch weigh nothing.
// Formula: https://keras.io/api/losses/regression_losses/#huber-class
// control: [batch in this stretch, windows in this stretch].

override ROWS = 0u;
override BATCH = 1u;
override STEPS = 1u;
override HORIZON = 1u;
override STRIDE = 0u;
override ANCHOR = 0u;
override FROM = 0u;
override SCALE = 1.0;
override LOSS = 0u; // 0: huber, 1: mse, 2: mae
override DELTA = 1.0;
override OUT_WIDTH = 0u; // stride of output
override DELTA_WIDTH = 0u; // stride of deltas

@group(0) @binding(0) var<storage, read> series: array<f32>;
@group(0) @binding(1) var<storage, read> order: array<i32>;
@group(0) @binding(2) var<storage, read_write> control: array<u32>;
@group(0) @binding(3) var<storage, read> output: array<f32>;
@group(0) @binding(4) var<storage, read_write> deltas: array<f32>;
@group(0) @binding(5) var<storage, read_write> sums: array<vec2f>;

fn samples() -> u32 {
  return min(control[1] - control[0] * BATCH, BATCH);
}

// Element-wise loss and its derivative.
fn loss_of(error: f32) -> vec2f {
  let size = abs(error);
  if (LOSS == 1u) {
    return vec2f(error * error, 2.0 * error);
  }
  if (LOSS == 2u) {
    return vec2f(size, sign(error));
  }
  if (size <= DELTA) {
    return vec2f(0.5 * error * error, error);
  }
  return vec2f(DELTA * (size - 0.5 * DELTA), DELTA * sign(error));
}

// One lane per row; sums: [ROWS] (loss, MAE).
@compute @workgroup_size(64)
fn derive(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  if (row >= ROWS) {
    return;
  }
  let sample = row % BATCH;
  let t = row / BATCH;
  let weight = 1.0 / f32(samples() * (STEPS - FROM) * HORIZON);
  let counts = sample < samples();
  var sum = vec2f();
  for (var h = 0u; h < HORIZON; h++) {
    var delta = 0.0;
    if (counts) {
      let start = u32(order[control[0] * BATCH + sample]);
      let error = SCALE * output[row * OUT_WIDTH + h] - series[start + t * STRIDE + ANCHOR + 1u + h];
      sum.y += abs(error);
      if (t >= FROM) {
        let loss = loss_of(error);
        sum.x += loss.x;
        delta = loss.y * weight * SCALE;
      }
    }
    deltas[row * DELTA_WIDTH + h] = delta;
  }
  sums[row] = sum;
}

@group(0) @binding(6) var<storage, read_write> metrics: array<vec2f>;

const LANES = 64u;
var<workgroup> partial: array<vec2f, LANES>;

// One workgroup adds the rows up in a fixed order, writes the batch's means and counts the step.
@compute @workgroup_size(LANES)
fn finish(@builtin(local_invocation_index) lane: u32) {
  var sum = vec2f();
  for (var row = lane; row < ROWS; row += LANES) {
    sum += sums[row];
  }
  partial[lane] = sum;
  workgroupBarrier();
  if (lane == 0u) {
    var total = vec2f();
    for (var i = 0u; i < LANES; i++) {
      total += partial[i];
    }
    let elements = vec2u(STEPS - FROM, STEPS) * samples() * HORIZON;
    metrics[control[0]] = total / vec2f(elements);
    control[0] += 1u;
  }
}
