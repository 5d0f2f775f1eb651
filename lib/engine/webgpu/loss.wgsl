// Loss, MAE and their derivative by the network's (unscaled) output, and the step counter.
//   error = SCALE output[row, h] - series[start + t STRIDE + ANCHOR + 1 + h]
//   huber: |e| <= DELTA ? e^2 / 2 : DELTA (|e| - DELTA / 2); mse: e^2; mae: |e|
// The loss is the mean over the batch's elements from output position FROM on, the MAE over all. Samples past the end
// of a short batch weigh nothing.
// Formula: https://keras.io/api/losses/regression_losses/#huber-class
// control: [batch in this stretch, windows in this stretch]. Prepended: loss_buffers.wgsl or loss_textures.wgsl.

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
override OUT4 = 0u; // strides of output and deltas, in vec4s
override DELTA4 = 0u;

@group(0) @binding(0) var<storage, read> series: array<f32>;
@group(0) @binding(1) var<storage, read> order: array<i32>;
@group(0) @binding(2) var<storage, read_write> control: array<u32>;
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
  for (var quad = 0u; quad < DELTA4; quad++) {
    let values = read_output(row, quad);
    var delta = vec4f();
    for (var i = 0u; i < 4u; i++) {
      let h = 4u * quad + i;
      if (counts && h < HORIZON) {
        let start = u32(order[control[0] * BATCH + sample]);
        let error = SCALE * values[i] - series[start + t * STRIDE + ANCHOR + 1u + h];
        sum.y += abs(error);
        if (t >= FROM) {
          let loss = loss_of(error);
          sum.x += loss.x;
          delta[i] = loss.y * weight * SCALE;
        }
      }
    }
    write_delta(row, quad, delta);
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
