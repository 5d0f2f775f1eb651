import { assertEquals, assertRejects } from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { DEFAULT_CONFIG } from "../lib/config.ts";
import { useCpuBackend, useWebgpuBackend } from "../lib/engine/backend.ts";
import { openDevice } from "../lib/engine/device.ts";
import { createTfjsEngine } from "../lib/engine/tfjs.ts";
import { GpuError } from "../lib/errors.ts";
import { initialWeights } from "../lib/initializers.ts";
import { assertClose, conformance } from "./engine_conformance.ts";
import { missingGpu } from "./missing_gpu.ts";
import { twinGradient, twinState, twinUpdate } from "./twin.ts";

conformance("tfjs engine on the CPU", async (spec, weights) => {
  return createTfjsEngine(spec, weights, await useCpuBackend());
}, { configurations: 6, ignore: "" });

const SPEC = {
  ...DEFAULT_CONFIG,
  windowSize: 8,
  batchSize: 4,
  filters: 5,
  lstmUnits: [4],
  denseUnits: [3],
  outputScale: 2,
  values: Float32Array.from({ length: 40 }, (_, i) => Math.sin(i / 3) + 1),
};

Deno.test("tfjs engine keeps the number of tensors", async () => {
  const options = await useCpuBackend();
  const before = tf.memory().numTensors;
  const engine = createTfjsEngine(SPEC, initialWeights(SPEC, 1), options);
  const starts = Int32Array.from({ length: 10 }, (_, i) => i);
  await engine.trainEpoch(starts);
  const made = tf.memory().numTensors;
  for (let epoch = 0; epoch < 3; epoch++) {
    await engine.trainEpoch(starts);
    await engine.evaluate(starts);
    await engine.predict(SPEC.values.slice(0, 16));
    await engine.writeState(await engine.readState());
    assertEquals(tf.memory().numTensors, made);
  }
  engine.dispose();
  assertEquals(tf.memory().numTensors, before);
});

Deno.test({
  name: `tfjs engine on WebGPU agrees with the twin${
    missingGpu && ` (ignored: ${missingGpu})`
  }`,
  ignore: missingGpu !== "",
  // TensorFlow.js keeps staging buffers of the device for as long as the process lives.
  sanitizeResources: false,
  async fn() {
    const handle = await openDevice();
    const weights = initialWeights(SPEC, 2);
    const engine = createTfjsEngine(
      SPEC,
      weights,
      await useWebgpuBackend(handle),
    );
    try {
      const starts = Int32Array.of(3, 0, 9, 20);
      const actual = await engine.gradient(starts);
      const expected = twinGradient(SPEC, weights, starts);
      assertClose([actual.loss, actual.mae], [expected.loss, expected.mae], {
        tolerance: 1e-5,
        label: "loss and mae",
      });
      assertClose(actual.gradient, expected.gradient, {
        tolerance: 1e-4,
        label: "gradient",
      });
      const twin = twinState(weights, SPEC);
      await engine.trainEpoch(starts);
      twinUpdate(twin, expected.gradient, SPEC);
      assertClose((await engine.readState()).weights, twin.weights, {
        tolerance: 1e-5,
        label: "weights after a step",
      });
      handle.device.destroy();
      await assertRejects(() => engine.trainEpoch(starts), GpuError, "lost");
    } finally {
      engine.dispose();
      await useCpuBackend();
      handle.close();
    }
  },
});
