import {
  assert,
  assertEquals,
  assertLessOrEqual,
  assertRejects,
  assertThrows,
} from "@std/assert";
import * as tf from "@tensorflow/tfjs";
import { DEFAULT_CONFIG } from "../lib/config.ts";
import { type GpuHandle, openDevice } from "../lib/engine/device.ts";
import type { EngineSpec } from "../lib/engine/engine.ts";
import { createWebgpuEngine } from "../lib/engine/webgpu/engine.ts";
import { chooseKernels } from "../lib/engine/webgpu/kernels.ts";
import { makePlan } from "../lib/engine/webgpu/plan.ts";
import {
  deviceLayout,
  fromDevice,
  toDevice,
} from "../lib/engine/webgpu/device_layout.ts";
import { GpuError, UnsupportedModelError } from "../lib/errors.ts";
import { parameterCount } from "../lib/layout.ts";
import { conformance, initialWeights, seeded } from "./engine_conformance.ts";

/** One device for all engines that don't destroy it: compiled shaders are kept with it. */
const opened: GpuHandle | Error = await openDevice().catch((error) => error);
const ignore = opened instanceof Error ? opened.message : "";

for (const [i, kernels] of (["software", "hardware"] as const).entries()) {
  conformance(
    `WebGPU engine, ${kernels} kernels,`,
    (spec, weights) =>
      createWebgpuEngine(spec, weights, {
        handle: opened as GpuHandle,
        kernels,
      }),
    { ignore, configurations: 15, first: 15 * i },
  );
}

const SPEC: EngineSpec = {
  ...DEFAULT_CONFIG,
  windowSize: 6,
  batchSize: 3,
  filters: 5,
  lstmUnits: [4],
  denseUnits: [3],
  values: Float32Array.from({ length: 60 }, (_, i) => Math.sin(i)),
};

function gpuTest(name: string, fn: () => Promise<void>) {
  Deno.test({
    name: ignore ? `${name} (ignored: ${ignore})` : name,
    ignore: ignore !== "",
    fn,
  });
}

gpuTest("createWebgpuEngine() reports a device lost in mid-epoch", async () => {
  const handle = await openDevice();
  const engine = await createWebgpuEngine(
    SPEC,
    initialWeights(SPEC, seeded(1)),
    { handle },
  );
  try {
    const epoch = engine.trainEpoch(
      Int32Array.from({ length: 300 }, (_, i) => i % 50),
    );
    handle.device.destroy();
    await assertRejects(() => epoch, GpuError, "lost");
    await assertRejects(() => engine.readState(), GpuError);
  } finally {
    engine.dispose();
    handle.close();
  }
});

gpuTest(
  "createWebgpuEngine() makes its memory once, doesn't grow and submits many steps together",
  async () => {
    const handle = opened as GpuHandle;
    const engine = await createWebgpuEngine(
      SPEC,
      initialWeights(SPEC, seeded(1)),
      { handle },
    );
    const { device } = handle;
    const { createBuffer, createTexture } = device;
    let made = 0;
    device.createBuffer = (descriptor) => {
      made++;
      return createBuffer.call(device, descriptor);
    };
    device.createTexture = (descriptor) => {
      made++;
      return createTexture.call(device, descriptor);
    };
    try {
      const { gpuBytes } = engine.stats();
      const starts = Int32Array.from({ length: 100 }, (_, i) => i % 50);
      const { numTensors } = tf.memory();
      let early = 0;
      for (let epoch = 1; epoch <= 30; epoch++) {
        await engine.trainEpoch(starts);
        await engine.evaluate(starts);
        await engine.readState();
        if (epoch === 3) early = Deno.memoryUsage().rss;
      }
      // Garbage that awaits its collection comes and goes.
      assertLessOrEqual(Deno.memoryUsage().rss - early, 64 * 2 ** 20);
      const after = engine.stats();
      assertEquals(made, 0);
      assertEquals(tf.memory().numTensors, numTensors);
      assertEquals(after.gpuBytes, gpuBytes);
      assertEquals([after.steps, after.submits], [1020, 60]);
    } finally {
      device.createBuffer = createBuffer;
      device.createTexture = createTexture;
      engine.dispose();
    }
  },
);

Deno.test("createWebgpuEngine() refuses what its kernels can't take", async () => {
  await assertRejects(
    () =>
      createWebgpuEngine({ ...SPEC, lstmUnits: [129] }, new Float32Array(0)),
    UnsupportedModelError,
    "129 units",
  );
});

gpuTest(
  "createWebgpuEngine() refuses a batch that no texture holds",
  async () => {
    const spec = {
      ...DEFAULT_CONFIG,
      windowSize: 100,
      batchSize: 4096,
      lstmUnits: [64, 64, 64],
      values: new Float32Array(1000),
    };
    await assertRejects(
      () =>
        createWebgpuEngine(spec, new Float32Array(0), {
          handle: opened as GpuHandle,
          kernels: "software",
        }),
      UnsupportedModelError,
      "in one texture; a smaller batch would fit",
    );
  },
);

Deno.test("makePlan() needs at most 24 dispatches for the exercise's step", () => {
  const values = new Float32Array(100);
  for (const wanted of ["software", "hardware"] as const) {
    for (const clipNorm of [0, 1]) {
      const { set } = chooseKernels({} as never, { wanted });
      const plan = makePlan({ ...DEFAULT_CONFIG, clipNorm, values }, set);
      const dispatches = 3 + plan.forward.length + plan.backward.length +
        plan.update.length;
      assertLessOrEqual(dispatches, 24);
    }
  }
});

Deno.test("chooseKernels() keeps within the rounds that a software adapter's loops make", () => {
  const adapter = { software: true } as never;
  const choose = (steps: number, units: number) =>
    chooseKernels(adapter, {
      wanted: "software",
      model: { steps, lstmUnits: [units] },
    }).set.name;
  assertEquals(choose(30, 60), "software");
  assertEquals(choose(100, 128), "hardware");
  assertThrows(() => choose(400, 128), UnsupportedModelError, "--engine wasm");
});

Deno.test("chooseKernels() goes by the kind of adapter unless told otherwise", () => {
  const adapter = {
    vendor: "",
    architecture: "",
    device: "",
    description: "",
    software: true,
    openGl: false,
  };
  assertEquals(chooseKernels(adapter).set.name, "software");
  assertEquals(
    chooseKernels({ ...adapter, software: false }).set.name,
    "hardware",
  );
  assertEquals(
    chooseKernels(adapter, { wanted: "hardware" }).set.name,
    "hardware",
  );
});

for (const beside of [false, true]) {
  Deno.test(
    `toDevice() and fromDevice() are inverse, and no two parameters share a place, matrices ${
      beside ? "side by side" : "one after the other"
    }`,
    () => {
      const layout = deviceLayout(SPEC, beside);
      const flat = Float32Array.from(
        { length: parameterCount(SPEC) },
        (_, i) => i + 1,
      );
      assertEquals(fromDevice(layout, toDevice(layout, flat)), flat);
      assertEquals(new Set(layout.index).size, flat.length);
      assert(layout.index.every((at) => at >= 0 && at < layout.size));
    },
  );
}
