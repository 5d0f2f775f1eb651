// Gathers a batch's windows from the series and convolves them, for graphics cards.
//   patch[t, b, k]  = series[start(b) + t STRIDE - PAD_LEFT + k], 0 outside the window
//   output[t, b, f] = relu(bias[f] + sum over k of patch[t, b, k] kernel[k, f])
// Rows are time-major, row = t BATCH + b. Patches are kept: they are the kernel gradient's left factor. Both have a 1
// in the column after their last, which makes the bias a row of the kernel.
// One lane per row and 4 filters; workgroup 64 x 1; no workgroup memory.
// The backward pass is the input gradient of the first LSTM masked by output > 0 (gemm_*.wgsl), then the weight
// gradient over the patches.
// Formula: https://keras.io/api/layers/convolution_layers/convolution1d/
// Prepended: weights_buffer.wgsl: [KERNEL + 1, COLUMNS].

override ROWS = 0u;
override BATCH = 1u;
override WINDOW = 0u;
override KERNEL = 0u;
override STRIDE = 0u;
override PAD_LEFT = 0u;
override PATCH_WIDTH = 0u; // stride of patches, in numbers
override COLUMNS = 0u; // columns of weights, in vec4s
override OUT4 = 0u; // stride of output, in vec4s
override WIDTH = 0u; // filters

@group(0) @binding(1) var<storage, read> series: array<f32>;
@group(0) @binding(2) var<storage, read> order: array<i32>;
@group(0) @binding(3) var<storage, read> control: array<u32>;
@group(0) @binding(4) var<storage, read_write> patches: array<f32>;
@group(0) @binding(5) var<storage, read_write> output: array<vec4f>;

@compute @workgroup_size(64)
fn convolve(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  let column = id.y;
  if (row >= ROWS) {
    return;
  }
  // A short batch repeats its last window; the loss gives the repetitions no weight.
  let position = min(control[0] * BATCH + row % BATCH, control[1] - 1u);
  let start = order[position];
  let first = i32(row / BATCH * STRIDE) - i32(PAD_LEFT);
  var sum = weight(KERNEL * COLUMNS + column);
  for (var k = 0u; k < KERNEL; k++) {
    let at = first + i32(k);
    var value = 0.0;
    if (at >= 0 && at < i32(WINDOW)) {
      value = series[start + at];
    }
    sum += value * weight(k * COLUMNS + column);
    if (column == 0u) {
      patches[row * PATCH_WIDTH + k] = value;
    }
  }
  let number = 4u * column + vec4u(0u, 1u, 2u, 3u);
  output[row * OUT4 + column] = select(max(sum, vec4f(0.0)), vec4f(1.0), number == vec4u(WIDTH));
}
