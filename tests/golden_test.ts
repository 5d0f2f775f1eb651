import { assertAlmostEquals, assertEquals } from "@std/assert";
import { alignment } from "../lib/alignment.ts";
import type { LossName } from "../lib/config.ts";
import type { EngineSpec } from "../lib/engine/engine.ts";
import { useCpuBackend } from "../lib/engine/backend.ts";
import { type GpuHandle, openDevice } from "../lib/engine/device.ts";
import { createTfjsEngine } from "../lib/engine/tfjs.ts";
import { createWasmEngine } from "../lib/engine/wasm/engine.ts";
import { hasRelaxedSimd } from "../lib/engine/wasm/module.ts";
import { createWebgpuEngine } from "../lib/engine/webgpu/engine.ts";
import { GpuError } from "../lib/errors.ts";
import { parameterLayout } from "../lib/layout.ts";
import losses from "./golden/losses.json" with { type: "json" };
import {
  GOLDEN_CASES,
  goldenParity,
  type ParityEngine,
} from "./golden_parity.ts";
import {
  twinGradient,
  twinLoss,
  twinPredict,
  twinState,
  twinUpdate,
} from "./twin.ts";

/** The twin behind the engines' interface. */
function createTwin(spec: EngineSpec, weights: Float32Array): ParityEngine {
  const state = twinState(weights, spec);
  return {
    predict: (inputs) =>
      Promise.resolve(
        Float32Array.from(twinPredict(spec, state.weights, inputs)),
      ),
    gradient(starts) {
      const { loss, mae, gradient } = twinGradient(spec, state.weights, starts);
      return Promise.resolve({
        loss,
        mae,
        gradient: Float32Array.from(gradient),
      });
    },
    trainEpoch(starts) {
      const loss: number[] = [], mae: number[] = [];
      for (let at = 0; at < starts.length; at += spec.batchSize) {
        const batch = starts.subarray(at, at + spec.batchSize);
        const result = twinGradient(spec, state.weights, batch);
        twinUpdate(state, result.gradient, spec);
        loss.push(result.loss);
        mae.push(result.mae);
      }
      return Promise.resolve({
        loss: Float32Array.from(loss),
        mae: Float32Array.from(mae),
      });
    },
    readState: () =>
      Promise.resolve({
        weights: Float32Array.from(state.weights),
        slots: state.slots.map((slot) => Float32Array.from(slot)),
        iterations: state.iterations,
      }),
    dispose() {},
  };
}

goldenParity(
  "twin",
  (spec, weights) => Promise.resolve(createTwin(spec, weights)),
  { ignore: "", slow: true },
);
goldenParity(
  "tfjs engine on the CPU",
  async (spec, weights) =>
    createTfjsEngine(spec, weights, await useCpuBackend()),
  { ignore: "", slow: true },
);
for (const relaxed of [true, false]) {
  goldenParity(
    `WebAssembly engine, ${relaxed ? "relaxed" : "plain"} SIMD`,
    (spec, weights) => createWasmEngine(spec, weights, { threads: 1, relaxed }),
    { ignore: relaxed && !hasRelaxedSimd() ? "no relaxed SIMD here" : "" },
  );
}

/** One device for all engines: compiled shaders are kept with it. */
const gpu = await openDevice().catch((error: unknown) => {
  if (error instanceof GpuError) return error;
  throw error;
});
for (const kernels of ["software", "hardware"] as const) {
  goldenParity(
    `WebGPU engine, ${kernels} kernels`,
    (spec, weights) =>
      createWebgpuEngine(spec, weights, { handle: gpu as GpuHandle, kernels }),
    gpu instanceof GpuError
      ? { ignore: gpu.message }
      : { ignore: "", slow: gpu.adapter.software },
  );
}

/** Keras's variable paths by our names: layers numbered from the model's beginning, no cells. */
function ownNames(paths: string[]): string[] {
  const layers = new Map<string, string>();
  const counts = new Map<string, number>();
  return paths.map((path) => {
    const keras = path.split("/")[0]!, weight = path.split("/").at(-1)!;
    const kind = keras.replace(/_\d+$/, "");
    if (!layers.has(keras)) {
      const number = counts.get(kind) ?? 0;
      counts.set(kind, number + 1);
      layers.set(keras, number === 0 ? kind : `${kind}_${number}`);
    }
    return `${layers.get(keras)}/${weight}`;
  });
}

Deno.test("parameterLayout() has Keras's names, order and shapes", () => {
  for (const { spec, parameters } of GOLDEN_CASES) {
    const names = ownNames(parameters.map(([path]) => path));
    assertEquals(
      parameterLayout(spec).map(({ name, shape }) => [name, [...shape]]),
      parameters.map(([, shape], i) => [names[i]!, shape]),
    );
  }
});

Deno.test("alignment() has as many positions as Keras's outputs", () => {
  for (const { spec, outputs, starts } of GOLDEN_CASES) {
    const n = Math.min(spec.batchSize, starts.length);
    assertEquals(outputs.length, n * alignment(spec).steps * spec.horizon);
  }
});

Deno.test("twinLoss() has Keras's losses and derivatives, element by element", () => {
  for (const { loss, delta, errors, values, derivatives } of losses.cases) {
    const spec = { loss: loss as LossName, huberDelta: delta };
    errors.forEach((error, i) => {
      const [value, derivative] = twinLoss(spec, error);
      assertAlmostEquals(value, values[i]!, 1e-12 * Math.max(1, values[i]!));
      assertAlmostEquals(derivative, derivatives[i]!, 1e-12);
    });
  }
});
