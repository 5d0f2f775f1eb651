import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertThrows,
} from "@std/assert";
import { DEFAULT_CONFIG } from "../lib/config.ts";
import {
  glorotUniform,
  initialWeights,
  lstmBias,
  orthogonal,
} from "../lib/initializers.ts";
import { parameterLayout } from "../lib/layout.ts";
import { randomStream } from "../lib/random.ts";
import golden from "./golden/initializers.json" with { type: "json" };

const random = (index = 0) => randomStream(3, { purpose: "test", index });
const variance = (values: Float32Array) =>
  values.reduce((sum, v) => sum + v * v, 0) / values.length;

/** Largest deviation of the shorter side's Gram matrix from the identity. */
function gramError(
  matrix: Float32Array,
  [rows, columns]: readonly [number, number],
): number {
  const count = Math.min(rows, columns), length = Math.max(rows, columns);
  const at = (v: number, i: number) =>
    rows <= columns ? matrix[v * columns + i]! : matrix[i * columns + v]!;
  let worst = 0;
  for (let a = 0; a < count; a++) {
    for (let b = 0; b <= a; b++) {
      let dot = 0;
      for (let i = 0; i < length; i++) dot += at(a, i) * at(b, i);
      worst = Math.max(worst, Math.abs(dot - (a === b ? 1 : 0)));
    }
  }
  return worst;
}

Deno.test("glorotUniform() has Keras's bounds, mean and variance", () => {
  for (const { shape, limit, largest } of golden.glorot_uniform) {
    const values = glorotUniform(shape, random());
    const n = values.length;
    assertEquals(n, shape.reduce((a, b) => a * b, 1));
    const most = values.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
    assert(most <= limit && most > limit * (1 - 30 / n), `${shape}: ${most}`);
    // Keras's own draw stays within the same bound.
    assert(largest <= limit && largest > limit * (1 - 30 / n), `${largest}`);
    const mean = values.reduce((a, b) => a + b, 0) / n;
    assertAlmostEquals(mean, 0, 5 * limit / Math.sqrt(3 * n));
    const expected = limit * limit / 3;
    assertAlmostEquals(
      variance(values),
      expected,
      5 * expected * Math.sqrt(0.8 / n),
    );
  }
});

Deno.test("glorotUniform() refuses a shape without fans", () => {
  assertThrows(() => glorotUniform([5], random()), RangeError, "[5]");
});

Deno.test("orthogonal() is orthonormal to 1e-5 along its shorter side", () => {
  for (
    const shape of [[60, 240], [128, 512], [1, 4], [7, 7], [40, 9], [1, 1]] as [
      number,
      number,
    ][]
  ) {
    const error = gramError(orthogonal(shape, random()), shape);
    assert(error <= 1e-5, `${shape}: ${error}`);
  }
  for (const { shape, gram_error } of golden.orthogonal) {
    assert(gram_error <= 1e-5, `Keras's ${shape}: ${gram_error}`);
  }
});

Deno.test("orthogonal() is uniform: every element has mean 0 and variance 1/length", () => {
  const trials = 4000;
  for (const [rows, columns] of [[3, 5], [4, 4], [5, 2]] as const) {
    const sums = new Float64Array(rows * columns);
    const squares = new Float64Array(rows * columns);
    for (let trial = 0; trial < trials; trial++) {
      orthogonal([rows, columns], random(trial)).forEach((v, i) => {
        sums[i]! += v;
        squares[i]! += v * v;
      });
    }
    const n = Math.max(rows, columns);
    // Of a point on the unit sphere in n dimensions: E x^2 = 1/n, E x^4 = 3/(n(n+2)).
    const spread = Math.sqrt((3 / (n * (n + 2)) - 1 / n ** 2) / trials);
    for (const sum of sums) {
      assertAlmostEquals(sum / trials, 0, 5 / Math.sqrt(n * trials));
    }
    for (const sum of squares) {
      assertAlmostEquals(sum / trials, 1 / n, 5 * spread);
    }
  }
});

Deno.test("lstmBias() opens the forget gate as Keras does", () => {
  for (const { units, bias } of golden.lstm_bias) {
    assertEquals([...lstmBias(units)], bias);
  }
});

Deno.test("initialWeights() fills the exercise's model by Keras's defaults", () => {
  const weights = initialWeights(DEFAULT_CONFIG, 42);
  assertEquals(weights.length, 60_591);
  const keras = new Map(golden.seed_model.map((entry) => [entry.name, entry]));
  for (const { name, shape, offset, size } of parameterLayout(DEFAULT_CONFIG)) {
    const values = weights.slice(offset, offset + size);
    const expected = keras.get(name)!;
    assertEquals([...shape], expected.shape, name);
    if (name.endsWith("recurrent_kernel")) {
      assert(gramError(values, [60, 240]) <= 1e-5, name);
    } else if (name.endsWith("/bias")) {
      assertEquals(variance(values), expected.mean_square, name);
    } else {
      const ratio = variance(values) / expected.mean_square;
      // Two draws of `size` numbers, each with a standard error of sqrt(0.8 / size).
      assertAlmostEquals(ratio, 1, 5 * Math.sqrt(1.6 / size), name);
    }
  }
});

Deno.test("initialWeights() repeats by seed, and its layers' draws are their own", () => {
  assertEquals(
    initialWeights(DEFAULT_CONFIG, 7),
    initialWeights(DEFAULT_CONFIG, 7),
  );
  const other = initialWeights(DEFAULT_CONFIG, 8);
  const weights = initialWeights(DEFAULT_CONFIG, 7);
  assertNotEquals(weights, other);
  const wide = { ...DEFAULT_CONFIG, denseUnits: [30, 77] };
  const upTo = parameterLayout(wide).find((p) => p.name === "dense_1/kernel")!;
  assertEquals(
    initialWeights(wide, 7).slice(0, upTo.offset),
    weights.slice(0, upTo.offset),
  );
  const layout = parameterLayout(DEFAULT_CONFIG);
  const [a, b] = ["lstm/recurrent_kernel", "lstm_1/recurrent_kernel"].map(
    (name) => layout.find((p) => p.name === name)!,
  ) as [typeof layout[0], typeof layout[0]];
  assertNotEquals(
    weights.slice(a.offset, a.offset + a.size),
    weights.slice(b.offset, b.offset + b.size),
  );
});
