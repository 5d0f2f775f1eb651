/**
 * The baselines that `eval` and `backtest` set beside the network, fitted together.
 * @module
 */

import { autoregression } from "./autoregression.ts";
import type { Baseline, FittedBaseline, TrainingPart } from "./baseline.ts";
import { climatology } from "./climatology.ts";
import { exponentialSmoothing } from "./exponential_smoothing.ts";
import { movingAverage, persistence, seasonalNaive } from "./naive.ts";

/** All baselines, `persistence` first; the AR of chosen order beside two usual ones. */
export function allBaselines(): Baseline[] {
  return [
    persistence(),
    seasonalNaive(),
    movingAverage(),
    climatology(),
    exponentialSmoothing(),
    autoregression({ order: 12 }),
    autoregression({ order: 30 }),
    autoregression(),
  ];
}

/** Baselines by name, and why others were left out. */
export interface FittedBaselines {
  /** `persistence` and every other that could be fitted, in order. */
  fitted: Map<string, FittedBaseline>;
  /** One sentence for each that could not, for the user to see. */
  omitted: string[];
}

/**
 * Fits each baseline on the training part.
 *
 * @param training The series up to the split.
 * @param baselines @default {allBaselines()}
 */
export function fitBaselines(
  training: TrainingPart,
  baselines: Baseline[] = allBaselines(),
): FittedBaselines {
  const fitted = new Map<string, FittedBaseline>();
  const omitted: string[] = [];
  for (const baseline of baselines) {
    try {
      fitted.set(baseline.name, baseline.fit(training));
    } catch (error) {
      // A series may be too short or too regular for one of them; the others still stand.
      if (!(error instanceof RangeError)) throw error;
      omitted.push(error.message);
    }
  }
  return { fitted, omitted };
}
