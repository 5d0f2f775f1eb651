import { assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { ensemblePredict, ensembleSpread } from "../lib/ensemble.ts";
import type { Predict } from "../lib/rollout.ts";

const times = (factor: number): Predict => (inputs) =>
  Promise.resolve(inputs.map((x) => factor * x));

Deno.test("ensemblePredict() gives the members' mean", async () => {
  const predict = ensemblePredict([times(1), times(2), times(6)]);
  assertEquals([...await predict(Float32Array.of(1, -2))], [3, -6]);
  assertThrows(() => ensemblePredict([]), RangeError, "no members");
});

Deno.test("ensemblePredict() runs one member at a time", async () => {
  let running = 0;
  const member: Predict = async (inputs) => {
    assertEquals(++running, 1);
    await Promise.resolve();
    running--;
    return inputs;
  };
  await ensemblePredict([member, member])(Float32Array.of(1));
});

Deno.test("ensembleSpread() is the members' sample standard deviation", () => {
  const [a, b] = ensembleSpread([[1, 5], [3, 5], [5, 5]]);
  assertAlmostEquals(a!, 2);
  assertEquals(b, 0);
  assertEquals([...ensembleSpread([[4]])], [0]);
});
