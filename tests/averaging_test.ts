import { assertEquals, assertThrows } from "@std/assert";
import {
  averagesEpoch,
  averageWeights,
  type WeightAverage,
} from "../lib/averaging.ts";

const vectors = [[1, -4, 0], [3, 8, 0.5], [-1, 2, 1]];

Deno.test("averageWeights() ends at the plain mean of what went in", () => {
  let average: WeightAverage | undefined;
  for (const vector of vectors) average = averageWeights(average, vector);
  assertEquals(average!.count, 3);
  assertEquals([...average!.mean], [1, 2, 0.5]);
});

Deno.test("averageWeights() leaves weights and earlier mean alone", () => {
  const weights = Float32Array.of(1, 2);
  const first = averageWeights(undefined, weights);
  weights.fill(9);
  const second = averageWeights(first, weights);
  assertEquals([...first.mean], [1, 2]);
  assertEquals(first.count, 1);
  assertEquals([...second.mean], [5, 5.5]);
  assertEquals([...weights], [9, 9]);
});

Deno.test("averageWeights() goes on bit for bit from a mean that went through a file", () => {
  const draw = (seed: number) =>
    Float32Array.from({ length: 50 }, (_, i) => Math.sin(seed * 7.1 + i * i));
  let whole: WeightAverage | undefined;
  let split: WeightAverage | undefined;
  for (let epoch = 1; epoch <= 9; epoch++) {
    whole = averageWeights(whole, draw(epoch));
    split = averageWeights(split, draw(epoch));
    split = {
      count: split.count,
      mean: new Float32Array(split.mean.slice().buffer),
    };
  }
  assertEquals(split, whole);
  // And that is the mean in double precision, up to single precision's rounding.
  for (let i = 0; i < 50; i++) {
    let sum = 0;
    for (let epoch = 1; epoch <= 9; epoch++) sum += draw(epoch)[i]!;
    assertEquals(Math.abs(whole!.mean[i]! - sum / 9) < 5e-7, true);
  }
});

Deno.test("averageWeights() refuses weights of another model", () => {
  assertThrows(
    () => averageWeights(averageWeights(undefined, [1, 2]), [1, 2, 3]),
    RangeError,
    "Cannot average 3 weights: the mean so far has 2",
  );
});

Deno.test("averagesEpoch() takes the last epochs, none or all", () => {
  const taken = (averageEpochs: number) =>
    [1, 2, 3, 4].filter((epoch) =>
      averagesEpoch(epoch, { epochs: 4, averageEpochs })
    );
  assertEquals(taken(0), []);
  assertEquals(taken(1), [4]);
  assertEquals(taken(3), [2, 3, 4]);
  assertEquals(taken(4), [1, 2, 3, 4]);
});
