// 64 lanes multiply two panels of 16 x 32 in workgroup memory: lane (y, x) of 8 x 8 keeps rows 4y .. 4y+3 and the vec4
// of columns x of the 32 x 32 tile. Workgroup memory 4 KB.
// Panels are [depth, 32], four numbers a vec4: panel[8 depth + column / 4].

const DEPTH = 16u;
var<workgroup> left_panel: array<vec4f, 128>;
var<workgroup> right_panel: array<vec4f, 128>;

// A lane's four rows.
struct Sums {
  row0: vec4f,
  row1: vec4f,
  row2: vec4f,
  row3: vec4f,
}

fn multiply(lane: u32, sums: Sums) -> Sums {
  let y = lane / 8u;
  let x = lane % 8u;
  var s = sums;
  for (var k = 0u; k < DEPTH; k++) {
    let a = left_panel[8u * k + y];
    let b = right_panel[8u * k + x];
    s.row0 += a.x * b;
    s.row1 += a.y * b;
    s.row2 += a.z * b;
    s.row3 += a.w * b;
  }
  return s;
}
