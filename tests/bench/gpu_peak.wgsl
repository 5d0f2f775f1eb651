// Nothing but fused multiply-adds: what the adapter's arithmetic can do at most.
// Each lane keeps 12 independent chains x <- x m + c going, enough to hide the latency of an FMA,
// few enough for the registers of a processor that runs shaders.
// Bindings: 0 values, [0] holds m and c, [1 + lane] takes a lane's sum. Workgroup: 64 lanes.

override ITERATIONS: u32;

@group(0) @binding(0) var<storage, read_write> values: array<vec4f>;

@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  let m = values[0].xxxx;
  let c = values[0].yyyy;
  var x = vec4f(f32(id.x));
  var y = x + 1.0;
  var z = x + 2.0;
  for (var i = 0u; i < ITERATIONS; i++) {
    x = fma(x, m, c);
    y = fma(y, m, c);
    z = fma(z, m, c);
    x = fma(x, m, c);
    y = fma(y, m, c);
    z = fma(z, m, c);
    x = fma(x, m, c);
    y = fma(y, m, c);
    z = fma(z, m, c);
    x = fma(x, m, c);
    y = fma(y, m, c);
    z = fma(z, m, c);
    x = fma(x, m, c);
    y = fma(y, m, c);
    z = fma(z, m, c);
    x = fma(x, m, c);
    y = fma(y, m, c);
    z = fma(z, m, c);
    x = fma(x, m, c);
    y = fma(y, m, c);
    z = fma(z, m, c);
    x = fma(x, m, c);
    y = fma(y, m, c);
    z = fma(z, m, c);
  }
  values[1u + id.x] = x + y + z;
}
