// Gathers the patches of a batch's windows from the series, for adapters that run shaders on the processor, which
// convolve by the matrix product of gemm_software.wgsl.
//   patch[t, b, k] = series[start(b) + t STRIDE - PAD_LEFT + k], 0 outside the window
// Rows are time-major, row = t BATCH + b. A 1 follows a patch's last number, which makes the bias a row of the kernel.
// One lane per row; workgroup 8; no workgroup memory. Prepended: texture.wgsl. Grid: [ROWS / 8].

override ROWS = 0u;
override BATCH = 1u;
override WINDOW = 0u;
override KERNEL = 0u;
override STRIDE = 0u;
override PAD_LEFT = 0u;
override OUT4 = 0u; // stride of patches, in vec4s

@group(0) @binding(1) var<storage, read> series: array<f32>;
@group(0) @binding(2) var<storage, read> order: array<i32>;
@group(0) @binding(3) var<storage, read> control: array<u32>;
@group(0) @binding(4) var patches: texture_storage_2d<rgba32float, write>;

@compute @workgroup_size(8)
fn gather(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  if (row >= ROWS) {
    return;
  }
  // A short batch repeats its last window; the loss gives the repetitions no weight.
  let position = min(control[0] * BATCH + row % BATCH, control[1] - 1u);
  let start = order[position];
  let first = i32(row / BATCH * STRIDE) - i32(PAD_LEFT);
  for (var quad = 0u; quad < OUT4; quad++) {
    var numbers = vec4f();
    for (var i = 0u; i < 4u; i++) {
      let k = 4u * quad + i;
      let at = first + i32(k);
      if (k == KERNEL) {
        numbers[i] = 1.0;
      } else if (k < KERNEL && at >= 0 && at < i32(WINDOW)) {
        numbers[i] = series[start + at];
      }
    }
    textureStore(patches, place(row * OUT4 + quad), numbers);
  }
}
