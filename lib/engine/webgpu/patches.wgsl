// The patches of a batch's windows that a kernel of the convolution meets.
//   patch[t, b, k] = series[start(b) + t STRIDE - PAD_LEFT + k], 0 outside the window
// Rows are time-major, row = t BATCH + b. control: [batch in this stretch, windows in this stretch].

override BATCH = 1u;
override WINDOW = 0u;
override STRIDE = 0u;
override PAD_LEFT = 0u;

@group(0) @binding(1) var<storage, read> series: array<f32>;
@group(0) @binding(2) var<storage, read> order: array<i32>;
@group(0) @binding(3) var<storage, read> control: array<u32>;

struct Source {
  start: i32, // of the window in the series
  first: i32, // of the patch in the window
}

fn source_of(row: u32) -> Source {
  // A short batch repeats its last window; the loss gives the repetitions no weight.
  let position = min(control[0] * BATCH + row % BATCH, control[1] - 1u);
  return Source(order[position], i32(row / BATCH * STRIDE) - i32(PAD_LEFT));
}

// The k-th number of a patch.
fn number_of(source: Source, k: u32) -> f32 {
  let at = source.first + i32(k);
  if (at >= 0 && at < i32(WINDOW)) {
    return series[source.start + at];
  }
  return 0.0;
}
