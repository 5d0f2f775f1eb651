/**
 * Checkpoints brought back to life: their network, or the mean of an ensemble's, in the series' own
 * units. Before evaluation, backtest and forecast, which start from files alone.
 * @module
 */

import type { LoadedCheckpoint } from "./checkpoint.ts";
import {
  type SelectedEngine,
  selectEngine,
  type SelectOptions,
} from "./engine/select.ts";
import { ensemblePredict } from "./ensemble.ts";
import type { Network, Predict } from "./rollout.ts";
import { applyScaling, invertScaling, parseScaling } from "./scale.ts";

/** A network ready to predict. */
export interface Forecaster extends Disposable {
  /** The network, or the members' mean, as a function. */
  network: Network;
  /** Each member as a function; one for a plain checkpoint. */
  members: Predict[];
  /** What they run on. */
  selected: SelectedEngine;
}

/**
 * Makes the network of a checkpoint or of an ensemble's members, which share one engine.
 *
 * @param checkpoints At least one, of the same configuration.
 * @throws {GpuError} if a GPU was asked for and isn't there.
 */
export async function openForecaster(
  checkpoints: readonly LoadedCheckpoint[],
  options: SelectOptions = {},
): Promise<Forecaster> {
  const [first] = checkpoints;
  if (!first) {
    throw new RangeError(
      "Cannot open a forecaster: expected at least one checkpoint",
    );
  }
  const { config } = first.meta;
  // Prediction reads its inputs from the call, not from a series.
  const spec = { ...config, values: new Float32Array(0) };
  const selected = await selectEngine(spec, first.weights, options);
  const { engine } = selected;
  const { slots } = await engine.readState();
  let loaded = first;
  const members = checkpoints.map((checkpoint): Predict => {
    const scaling = parseScaling(checkpoint.meta.scale);
    return async (inputs) => {
      if (loaded !== checkpoint) {
        loaded = checkpoint;
        await engine.writeState({
          weights: checkpoint.weights,
          slots,
          iterations: 0,
        });
      }
      const scaled = Float32Array.from(applyScaling(scaling, inputs));
      return invertScaling(scaling, await engine.predict(scaled));
    };
  });
  return {
    network: {
      ...config,
      predict: members.length === 1 ? members[0]! : ensemblePredict(members),
    },
    members,
    selected,
    [Symbol.dispose]: () => selected.dispose(),
  };
}
