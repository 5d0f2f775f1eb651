// Gathers the patches of a batch's windows from the series, for adapters that run shaders on the processor, which
// convolve by the matrix product of gemm_software.wgsl.
// A 1 follows a patch's last number, which makes the bias a row of the kernel.
// One lane per row; workgroup 8; no workgroup memory. Prepended: patches.wgsl, texture.wgsl. Grid: [ROWS / 8].

override ROWS = 0u;
override KERNEL = 0u;
override PATCHES = 0u; // first column of patches, and how many, in vec4s
override PATCH4 = 0u;

@group(0) @binding(4) var patches: texture_storage_2d<rgba32float, write>;

@compute @workgroup_size(8)
fn gather(@builtin(global_invocation_id) id: vec3u) {
  let row = id.x;
  if (row >= ROWS) {
    return;
  }
  let source = source_of(row);
  for (var quad = 0u; quad < PATCH4; quad++) {
    var numbers = vec4f();
    for (var i = 0u; i < 4u; i++) {
      let k = 4u * quad + i;
      if (k == KERNEL) {
        numbers[i] = 1.0;
      } else if (k < KERNEL) {
        numbers[i] = number_of(source, k);
      }
    }
    textureStore(patches, texel(line_of(PATCHES, PATCH4, row), quad), numbers);
  }
}
