import { assert, assertEquals } from "@std/assert";
import {
  compileStep,
  hasRelaxedSimd,
  type StepExports,
} from "../lib/engine/wasm/module.ts";

/** Where the numbers go in the test's memory. */
const AT = 65_536;
/** Numbers at a time. */
const COUNT = 65_536;

/** The module on a memory of its own. */
async function makeMath(relaxed: boolean) {
  const memory = new WebAssembly.Memory({
    initial: 6,
    maximum: 6,
    shared: true,
  });
  const instance = await WebAssembly.instantiate(await compileStep(relaxed), {
    env: { memory },
  });
  const exports = instance.exports as unknown as StepExports;
  const numbers = new Float32Array(memory.buffer, AT, COUNT);
  return (name: "expAll" | "sigmoidAll" | "tanhAll", x: Float32Array) => {
    const result = new Float32Array(x.length);
    for (let i = 0; i < x.length; i += COUNT) {
      const part = x.subarray(i, i + COUNT);
      numbers.set(part);
      exports[name](AT, COUNT);
      result.set(numbers.subarray(0, part.length), i);
    }
    return result;
  };
}

/**
 * Every 9973rd float there is, of both signs: denormals, infinities and NaNs among them; and dense
 * ones where the functions bend.
 */
function samples(): Float32Array {
  const bits = Uint32Array.from(
    { length: Math.ceil(2 ** 32 / 9973) },
    (_, i) => i * 9973,
  );
  const dense = Float32Array.from(
    { length: 400_001 },
    (_, i) => (i - 200_000) / 2000,
  );
  const corners = [0, -0, 1e-45, -1e-45, Infinity, -Infinity, NaN, 88.375, -88];
  const all = new Float32Array(bits.length + dense.length + corners.length);
  all.set(new Float32Array(bits.buffer));
  all.set(dense, bits.length);
  all.set(corners, bits.length + dense.length);
  return all;
}

/** `expected`'s distance to the next float. */
function ulp(expected: number): number {
  const size = Math.max(Math.abs(expected), 2 ** -126);
  return 2 ** (Math.floor(Math.log2(size)) - 23);
}

const FUNCTIONS = [
  {
    name: "expAll",
    says: "exp is within 2 ulp of e^x, x limited to -87.33 … 88.37",
    reference: (x: number) => Math.exp(Math.min(Math.max(x, -87.3125), 88.375)),
    bound: (expected: number) => 2 * ulp(expected),
  },
  {
    name: "sigmoidAll",
    says: "sigmoid is within 3 ulp, and 1e-38 where it is smaller than that",
    reference: (x: number) => 1 / (1 + Math.exp(-x)),
    bound: (expected: number) => 3 * ulp(expected) + 1e-38,
  },
  {
    name: "tanhAll",
    says: "tanh is within 3 ulp, for the smallest x too",
    reference: Math.tanh,
    bound: (expected: number) => 3 * ulp(expected),
  },
] as const;

for (const relaxed of [true, false]) {
  for (const { name, says, reference, bound } of FUNCTIONS) {
    Deno.test({
      name: `${says}, with ${relaxed ? "relaxed" : "plain"} SIMD`,
      ignore: relaxed && !hasRelaxedSimd(),
      fn: async () => {
        const x = samples();
        const y = (await makeMath(relaxed))(name, x);
        for (let i = 0; i < x.length; i++) {
          if (Number.isNaN(x[i])) {
            assert(Number.isNaN(y[i]), `NaN became ${y[i]}`);
            continue;
          }
          const expected = reference(x[i]!);
          const error = Math.abs(y[i]! - expected);
          assert(
            error <= bound(expected),
            `${name} of ${x[i]} is ${y[i]}, expected ${expected}`,
          );
        }
      },
    });
  }
}

Deno.test("tanh keeps the sign of zero, and sigmoid and tanh end at their limits", async () => {
  const run = await makeMath(false);
  const x = Float32Array.of(0, -0, Infinity, -Infinity);
  const tanh = run("tanhAll", x);
  assertEquals(Array.from(tanh), [0, -0, 1, -1]);
  assert(Object.is(tanh[1], -0));
  const sigmoid = run("sigmoidAll", x);
  assertEquals([...sigmoid.subarray(0, 3)], [0.5, 0.5, 1]);
  assert(sigmoid[3]! < 1e-38);
});
