// Gathers a batch's windows from the series and convolves them, for graphics cards.
//   output[t, b, f] = relu(bias[f] + sum over k of patch[t, b, k] kernel[k, f])
// Patches are kept: they are the kernel gradient's left factor. Both have a 1
// in the column after their last, which makes the bias a row of the kernel.
// One lane per row and 4 filters; workgroup 64 x 1; no workgroup memory.
// The backward pass is the input gradient of the first LSTM masked by output > 0 (gemm_hardware.wgsl), then the weight
// gradient over the patches.
// Formula: https://keras.io/api/layers/convolution_layers/convolution1d/
// Prepended: patches.wgsl; weights_buffer.wgsl: [KERNEL + 1, COLUMNS].

override ROWS = 0u;
override KERNEL = 0u;
override PATCH4 = 0u; // columns of patches, in vec4s
override COLUMNS = 0u; // columns of weights, in vec4s
override OUT4 = 0u; // columns of output, in vec4s
override WIDTH = 0u; // filters

@group(0) @binding(4) var<storage, read_write> patches: array<f32>;
@group(0) @binding(5) var<storage, read_write> output: array<vec4f>;

@compute @workgroup_size(64)
fn convolve(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  let column = id.y;
  if (row >= ROWS) {
    return;
  }
  let source = source_of(row);
  var sum = weight(KERNEL * COLUMNS + column);
  for (var k = 0u; k < KERNEL; k++) {
    let value = number_of(source, k);
    sum += value * weight(k * COLUMNS + column);
    if (column == 0u) {
      patches[row * 4u * PATCH4 + k] = value;
    }
  }
  let number = 4u * column + vec4u(0u, 1u, 2u, 3u);
  output[row * OUT4 + column] = select(max(sum, vec4f(0.0)), vec4f(1.0), number == vec4u(WIDTH));
}
