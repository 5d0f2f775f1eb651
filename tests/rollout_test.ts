import {
  assertAlmostEquals,
  assertEquals,
  assertNotEquals,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { DEFAULT_CONFIG } from "../lib/config.ts";
import { UsageError } from "../lib/errors.ts";
import { parameterCount } from "../lib/layout.ts";
import { randomStream } from "../lib/random.ts";
import { type Network, newestOffset, rollForward } from "../lib/rollout.ts";
import { sunspots } from "./sunspots.ts";
import { twinPredict } from "./twin.ts";

/** A small network with random weights, computed by the twin. */
function smallNetwork(changes: Partial<typeof DEFAULT_CONFIG> = {}): Network {
  const spec = {
    ...DEFAULT_CONFIG,
    windowSize: 8,
    kernelSize: 3,
    filters: 4,
    lstmUnits: [5],
    denseUnits: [4],
    outputScale: 100,
    ...changes,
    values: [],
  };
  const random = randomStream(5, { purpose: "test" });
  const weights = Float64Array.from(
    { length: parameterCount(spec) },
    () => random.normal() / 3,
  );
  return {
    ...spec,
    predict: (inputs) => Promise.resolve(twinPredict(spec, weights, inputs)),
  };
}

const values = sunspots.subarray(0, 60).map((value) => value / 100);

Deno.test("rollForward() feeds each forecast back, from every origin alike", async () => {
  const network = smallNetwork();
  const forecasts = await rollForward(network, {
    values,
    origins: [7, 30, 59],
    horizon: 3,
    batch: 2,
  });
  for (const [row, origin] of [7, 30, 59].entries()) {
    const path = [...values.subarray(0, origin + 1)];
    for (let h = 0; h < 3; h++) {
      const outputs = await network.predict(
        Float32Array.from(path.slice(-network.windowSize)),
      );
      path.push(outputs[network.windowSize - 1]!);
      assertEquals(forecasts[row * 3 + h], path.at(-1));
    }
  }
});

Deno.test("rollForward() takes all values of an output that predicts several", async () => {
  const network = smallNetwork({ horizon: 3 });
  const forecasts = await rollForward(network, {
    values,
    origins: [20],
    horizon: 5,
  });
  const direct = await network.predict(
    Float32Array.from(values.subarray(13, 21)),
  );
  assertEquals([...forecasts.subarray(0, 3)], [...direct].slice(-3));
  const next = await network.predict(
    Float32Array.of(...values.subarray(16, 21), ...forecasts.subarray(0, 3)),
  );
  assertEquals(
    [...forecasts.subarray(3)],
    [...next].slice(-3, -1),
  );
});

Deno.test("rollForward() puts the newest value where a strided last output stands", async () => {
  const network = smallNetwork({ windowSize: 9, strides: 4, horizon: 1 });
  assertEquals(newestOffset(network), 8);
  const odd = smallNetwork({ windowSize: 8, strides: 3 });
  assertEquals(newestOffset(odd), 6);
  const [first] = await rollForward(odd, { values, origins: [6], horizon: 1 });
  const window = Float32Array.of(...values.subarray(0, 7), 123);
  const outputs = await odd.predict(window);
  assertAlmostEquals(first!, outputs[2]!, 1e-12);
});

for (
  const changes of [{}, { horizon: 4 }, { strides: 3 }, {
    padding: "valid" as const,
  }]
) {
  Deno.test(`rollForward() sees nothing of the future with ${JSON.stringify(changes)}`, async () => {
    const network = smallNetwork(changes);
    const options = { origins: [30], horizon: 12 };
    const before = await rollForward(network, { values, ...options });
    const changed = values.slice().fill(1e3, 31);
    assertEquals(
      await rollForward(network, { values: changed, ...options }),
      before,
    );
    changed[30] = 1e3;
    assertNotEquals(
      await rollForward(network, { values: changed, ...options }),
      before,
    );
  });
}

Deno.test("rollForward() refuses a network whose last output sees its own target", async () => {
  const network = smallNetwork({ padding: "same", strides: 2 });
  const error = await assertRejects(
    () => rollForward(network, { values, origins: [30], horizon: 1 }),
    UsageError,
  );
  assertEquals(error.message.includes("its own target"), true);
  // With stride 1 the last output of same padding has nothing beyond it to read.
  assertEquals(newestOffset(smallNetwork({ padding: "same" })), 7);
});

Deno.test("rollForward() refuses origins without a window and outputs of another shape", async () => {
  const network = smallNetwork();
  await assertRejects(
    () => rollForward(network, { values, origins: [6], horizon: 1 }),
    RangeError,
    "expected one from 7",
  );
  await assertRejects(
    () => rollForward(network, { values, origins: [60], horizon: 1 }),
    RangeError,
  );
  await assertRejects(
    () =>
      rollForward({
        ...network,
        predict: () => Promise.resolve(Float32Array.of(1, 2)),
      }, {
        values,
        origins: [10],
        horizon: 1,
      }),
    RangeError,
    "2 outputs",
  );
  assertThrows(
    () => newestOffset({ ...network, padding: "valid", kernelSize: 9 }),
    RangeError,
  );
});
