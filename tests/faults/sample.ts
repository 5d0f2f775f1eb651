/**
 * Numbered checkpoints of a tiny model, every part of which tells its number, so that a mixture of
 * two can't pass for either.
 * @module
 */

import { assert, assertEquals } from "@std/assert";
import type { Checkpoint, LoadedCheckpoint } from "../../lib/checkpoint.ts";
import { type Config, DEFAULT_CONFIG } from "../../lib/config.ts";
import { parameterCount, parameterLayout } from "../../lib/layout.ts";

/** A model of a few dozen weights. */
export const TINY_CONFIG: Config = {
  ...DEFAULT_CONFIG,
  windowSize: 6,
  filters: 2,
  kernelSize: 2,
  lstmUnits: [2],
  denseUnits: [2],
};

/** Checkpoint number `n`. */
export function sample(
  n: number,
  config: Config = TINY_CONFIG,
): Checkpoint & { slots: Float32Array[] } {
  const count = parameterCount(config);
  const vector = (seed: number) =>
    Float32Array.from({ length: count }, (_, i) => seed + i / 8);
  return {
    meta: {
      config,
      series: { name: "test", source: "bundled", sha256: "", length: 3235 },
      scale: 1,
      epoch: n,
      iterations: 93 * n,
      metrics: { loss: 1 / n, val_mae: 20 / n },
      monitor: "val_mae",
      best: { epoch: n, value: 20 / n },
      seed: 42,
      engine: "wasm",
      adapter: "test",
      versions: { sunspots: "0.1.0", deno: "2.9.6", tfjs: "4.22.0" },
      created: "2026-01-01T00:00:00.000Z",
      history: [{ epoch: n, loss: 1 / n }],
      extra: { number: n },
    },
    model: {
      modelTopology: { class_name: "Sequential", config: { name: "tiny" } },
      weightSpecs: parameterLayout(config).map(({ name, shape }) => ({
        name,
        shape: [...shape],
        dtype: "float32",
      })),
    },
    weights: vector(n),
    slots: [vector(n + 0.5)],
  };
}

/** The number of a loaded checkpoint, after checking that every bit of it belongs to that number. */
export function numberOf(loaded: LoadedCheckpoint): number {
  const n = loaded.meta.epoch;
  const { meta, model, weights, slots } = sample(n, loaded.meta.config);
  assertEquals(JSON.stringify(loaded.meta), JSON.stringify(meta));
  assertEquals(JSON.stringify(loaded.model), JSON.stringify(model));
  assertSameFloats(loaded.weights, weights);
  loaded.slots?.forEach((slot, i) => assertSameFloats(slot, slots[i]!));
  return n;
}

/** Requires equal bits; quick enough for tens of thousands of vectors. */
function assertSameFloats(actual: Float32Array, expected: Float32Array): void {
  assertEquals(actual.length, expected.length);
  assert(actual.every((v, i) => Object.is(v, expected[i])), "weights differ");
}
