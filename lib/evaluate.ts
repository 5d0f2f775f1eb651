/**
 * Judges a network on the validation part: its errors at every output position beside the
 * baselines' at the same ones, and whether the difference is more than chance.
 * @module
 */

import { alignment } from "./alignment.ts";
import type { Baseline, FittedBaseline } from "./baselines/baseline.ts";
import { fitBaselines } from "./baselines/baselines.ts";
import {
  bootstrapMean,
  compareInWords,
  describeDifference,
  type Interval,
  twoDecimals,
} from "./bootstrap.ts";
import type { LossOptions, WindowOptions } from "./config.ts";
import { ensembleSpread } from "./ensemble.ts";
import {
  elementLoss,
  meanAbsoluteError,
  naiveScale,
  rootMeanSquaredError,
  skill,
} from "./metrics.ts";
import type { Network, Predict } from "./rollout.ts";
import { makeWindows } from "./windows.ts";

/** On what the network is judged; a `Config` with the series is one. */
export interface EvaluateOptions
  extends LossOptions, Pick<WindowOptions, "shift" | "dropRemainder"> {
  /** The whole series. `[time]` */
  values: Float64Array;
  /** Time index at which validation begins. */
  splitTime: number;
  /** Month (0 to 11) of a time index, for climatology. */
  month?: (index: number) => number;
  /** What to set beside the network. @default {allBaselines()} */
  baselines?: Baseline[];
  /** Seed of the bootstrap. @default {0} */
  seed?: number;
  /** The members of an ensemble whose mean the network is, to tell what the averaging gains. */
  members?: readonly Predict[];
  /** What counts as 1 in the loss: the divisor of a series that was scaled for training. @default {1} */
  lossUnit?: number;
}

/** Errors over the validation windows, in the series' units but for `mase` and `skill`. */
export interface Scores {
  /** Mean absolute error over all positions. */
  val_mae: number;
  /** Root mean squared error over all positions. */
  val_rmse: number;
  /** `val_mae` over the naive forecast's error on the training part. */
  mase: number;
  /** Errors at the last position, the only one that has seen the whole window. */
  last_step: { mae: number; rmse: number };
}

/** A baseline's errors on the same positions. */
export interface BaselineScores extends Scores {
  /** What was fitted, for people. */
  label: string;
  /** The same as `last_step.mae`. */
  last_step_mae: number;
  /** Share of this baseline's `val_mae` that the network saves. */
  skill: number;
}

/** The network's MAE minus a baseline's; below 0 the network is better. */
export interface Difference extends Interval {
  /** The baseline. */
  baseline: string;
}

/** How an ensemble's members do one by one. */
export interface MemberScores {
  /** Each member's `val_mae`. `[members]` */
  val_mae: number[];
  /** Their mean. */
  mean: number;
  /** Their sample standard deviation; 0 for one member. */
  spread: number;
  /** Share of the mean that averaging the members' outputs saves. */
  skill: number;
}

/** Everything that `eval` says; the names are Keras's and the command line's contract. */
export interface Evaluation extends Scores {
  /** The training loss over the validation windows, from `lossStart` on. */
  val_loss: number;
  /** Validation windows. */
  windows: number;
  /** Elements in them: windows, output positions and horizon multiplied. */
  positions: number;
  /** By name. */
  baselines: Record<string, BaselineScores>;
  /** The baseline with the smallest `val_mae`, chosen after the fact: the hardest to beat. */
  best_baseline: string;
  /** Against persistence and against the best baseline. */
  differences: Difference[];
  /** An ensemble's members by themselves. */
  members?: MemberScores;
  /** One sentence: is the network better? */
  verdict: string;
  /** What the numbers don't say by themselves: baselines left out, positions that see their targets. */
  notes: string[];
}

/**
 * Judges one-window-ahead predictions over all validation windows, as Keras's `evaluate` does.
 *
 * A baseline forecasts each position's targets from all values up to the one the position stands at,
 * having been fitted on the values before `splitTime` alone.
 *
 * @example
 * ```ts
 * import { evaluate, loadDataset, loadPretrained, openForecaster } from "@sunspots/sunspots";
 * const checkpoint = await loadPretrained();
 * const { values } = await loadDataset("bundled");
 * using forecaster = await openForecaster([checkpoint], { engine: "wasm", threads: 1 });
 * const judged = await evaluate(forecaster.network, { ...checkpoint.meta.config, values });
 * console.log(judged.val_mae, judged.baselines.persistence?.val_mae, judged.verdict);
 * ```
 *
 * @throws {UsageError} if the validation part is shorter than a window.
 * @throws {RangeError} if the split leaves nothing to train on.
 */
export async function evaluate(
  network: Network,
  options: EvaluateOptions,
): Promise<Evaluation> {
  const { values, splitTime, lossUnit = 1 } = options;
  const { horizon, windowSize } = network;
  const { starts } = makeWindows(
    { begin: splitTime, end: values.length },
    { ...options, horizon, windowSize },
  );
  const layout = layOut(network, starts);
  const inputs = new Float32Array(starts.length * windowSize);
  starts.forEach((start, i) =>
    inputs.set(values.subarray(start, start + windowSize), i * windowSize)
  );
  const predicted = await network.predict(inputs);
  const actual = Float64Array.from(layout.targets, (t) => values[t]!);
  if (predicted.length !== actual.length) {
    throw new RangeError(
      `Cannot evaluate ${predicted.length} outputs: expected ${actual.length}, one for each target`,
    );
  }

  const training = {
    values: values.subarray(0, splitTime),
    ...(options.month && { month: options.month }),
  };
  const scale = naiveScale(training.values);
  const score = (forecast: ArrayLike<number>): Scores => {
    const last = layout.last.map((i) => forecast[i]!);
    const lastActual = layout.last.map((i) => actual[i]!);
    const mae = meanAbsoluteError(actual, forecast);
    return {
      val_mae: mae,
      val_rmse: rootMeanSquaredError(actual, forecast),
      mase: mae / scale,
      last_step: {
        mae: meanAbsoluteError(lastActual, last),
        rmse: rootMeanSquaredError(lastActual, last),
      },
    };
  };

  const scores = score(predicted);
  const { fitted, omitted } = fitBaselines(training, options.baselines);
  const baselines: Record<string, BaselineScores> = {};
  const forecasts = new Map<string, Float64Array>();
  for (const [name, baseline] of fitted) {
    const forecast = baselineForecasts(baseline, { values, horizon, layout });
    forecasts.set(name, forecast);
    const own = score(forecast);
    baselines[name] = {
      label: baseline.label,
      ...own,
      last_step_mae: own.last_step.mae,
      skill: skill(scores.val_mae, own.val_mae),
    };
  }
  const best = bestOf(baselines, (b) => b.val_mae);
  const compared = new Set(
    ["persistence", best].filter((name) => forecasts.has(name)),
  );
  const differences = Array.from(compared, (baseline, index) => ({
    baseline,
    ...difference({
      actual,
      predicted,
      reference: forecasts.get(baseline)!,
      targets: layout.targets,
    }, { seed: options.seed ?? 0, index, minBlock: horizon }),
  }));

  let loss = 0, counted = 0;
  for (let i = 0; i < actual.length; i++) {
    if (layout.position(i) < options.lossStart) continue;
    loss += elementLoss((predicted[i]! - actual[i]!) / lossUnit, options);
    counted++;
  }
  const notes = [...omitted];
  if (layout.leaking > 0) {
    notes.push(
      `${layout.leaking} of ${layout.steps} output positions read their own targets (padding ${network.padding}): their errors are not those of forecasts.`,
    );
  }
  const maes: number[] = [];
  for (const member of options.members ?? []) {
    maes.push(meanAbsoluteError(actual, await member(inputs)));
  }
  return {
    ...scores,
    ...(maes.length > 0 && { members: memberScores(maes, scores.val_mae) }),
    val_loss: loss / counted,
    windows: starts.length,
    positions: actual.length,
    baselines,
    best_baseline: best,
    differences,
    verdict: verdict(scores.val_mae, differences.at(-1), baselines),
    notes,
  };
}

/** Mean and spread of the members' errors beside the ensemble's. */
function memberScores(maes: number[], ensemble: number): MemberScores {
  const mean = maes.reduce((sum, mae) => sum + mae, 0) / maes.length;
  return {
    val_mae: maes,
    mean,
    spread: ensembleSpread(maes.map((mae) => [mae]))[0]!,
    skill: skill(ensemble, mean),
  };
}

/** The name with the smallest figure. */
export function bestOf<T>(
  entries: Record<string, T>,
  figure: (entry: T) => number,
): string {
  const [first, ...others] = Object.keys(entries);
  if (first === undefined) {
    throw new RangeError(
      "Cannot name the best baseline: none could be fitted, expected at least one",
    );
  }
  return others.reduce(
    (best, name) =>
      figure(entries[name]!) < figure(entries[best]!) ? name : best,
    first,
  );
}

/** Which value of the series each output element predicts. */
function layOut(network: Network, starts: Int32Array) {
  const { steps, anchor, lastSeen } = alignment(network);
  const { horizon } = network;
  const targets = new Int32Array(starts.length * steps * horizon);
  const last: number[] = [];
  for (let w = 0, i = 0; w < starts.length; w++) {
    for (let j = 0; j < steps; j++) {
      for (let h = 0; h < horizon; h++, i++) {
        targets[i] = starts[w]! + anchor[j]! + 1 + h;
        if (j === steps - 1) last.push(i);
      }
    }
  }
  const leaking = anchor.filter((at, j) => lastSeen[j]! > at).length;
  const position = (i: number) => Math.floor(i / horizon) % steps;
  return { targets, last, steps, leaking, position };
}

/** Each target forecast once per distance, from the origin that its position stands at. */
function baselineForecasts(
  baseline: FittedBaseline,
  { values, horizon, layout }: {
    values: Float64Array;
    horizon: number;
    layout: ReturnType<typeof layOut>;
  },
): Float64Array {
  const byOrigin = new Map<number, Float64Array>();
  return Float64Array.from(layout.targets, (target, i) => {
    const h = i % horizon;
    const origin = target - 1 - h;
    let ahead = byOrigin.get(origin);
    if (!ahead) {
      ahead = baseline.forecast(values.subarray(0, origin + 1), horizon);
      byOrigin.set(origin, ahead);
    }
    return ahead[h]!;
  });
}

/** Bootstraps the difference over target times: the positions that share a target share its surprise. */
function difference(
  { actual, predicted, reference, targets }: {
    actual: Float64Array;
    predicted: ArrayLike<number>;
    reference: Float64Array;
    targets: Int32Array;
  },
  options: { seed: number; index: number; minBlock: number },
): Interval {
  const first = targets.reduce((a, b) => Math.min(a, b));
  const last = targets.reduce((a, b) => Math.max(a, b));
  const sums = new Float64Array(last - first + 1);
  const counts = new Float64Array(last - first + 1);
  targets.forEach((target, i) => {
    sums[target - first]! += Math.abs(predicted[i]! - actual[i]!) -
      Math.abs(reference[i]! - actual[i]!);
    counts[target - first]! += 1;
  });
  // With a shift or a stride some times are nobody's target.
  const kept = (_: number, t: number) => counts[t]! > 0;
  return bootstrapMean(sums.filter(kept), {
    ...options,
    counts: counts.filter(kept),
  });
}

/** Says honestly what the interval shows. */
function verdict(
  mae: number,
  difference: Difference | undefined,
  baselines: Record<string, BaselineScores>,
): string {
  if (!difference) return "There is no baseline to compare the network with.";
  const { label, val_mae } = baselines[difference.baseline]!;
  return `The network is ${
    compareInWords(difference)
  } the best baseline, ${label}: val_mae ${twoDecimals(mae)} and ${
    twoDecimals(val_mae)
  }, ${describeDifference(difference)}.`;
}
