/**
 * A checkpoint brought back to life: its network on an engine, in the series' own units.
 * Before evaluation, backtest and forecast, which start from files alone.
 * @module
 */

import type { LoadedCheckpoint } from "./checkpoint.ts";
import {
  type SelectedEngine,
  selectEngine,
  type SelectOptions,
} from "./engine/select.ts";
import type { Network } from "./rollout.ts";
import { applyScaling, invertScaling, parseScaling } from "./scale.ts";

/** A network ready to predict. */
export interface Forecaster extends Disposable {
  /** The network as a function, values in the series' units. */
  network: Network;
  /** What it runs on. */
  selected: SelectedEngine;
}

/**
 * Makes the network of a checkpoint.
 *
 * @throws {CheckpointError} if its scaling can't be used.
 * @throws {GpuError} if a GPU was asked for and isn't there.
 */
export async function openForecaster(
  { meta, weights }: LoadedCheckpoint,
  options: SelectOptions = {},
): Promise<Forecaster> {
  const { config } = meta;
  const scaling = parseScaling(meta.scale);
  // Prediction reads its inputs from the call, not from a series.
  const spec = { ...config, values: new Float32Array(0) };
  const selected = await selectEngine(spec, weights, options);
  return {
    network: {
      ...config,
      predict: async (inputs) => {
        const scaled = Float32Array.from(applyScaling(scaling, inputs));
        return invertScaling(scaling, await selected.engine.predict(scaled));
      },
    },
    selected,
    [Symbol.dispose]: () => selected.dispose(),
  };
}
