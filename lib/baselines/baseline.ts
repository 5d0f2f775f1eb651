/**
 * The one interface behind which every baseline stands. A forecaster is handed the past only, so
 * it can't look ahead.
 * @module
 */

/** What a baseline may learn from. */
export interface TrainingPart {
  /** The series up to the split, from its first value on. `[n]` */
  values: Float64Array;
  /**
   * Month (0 to 11) of a time index, also of times to come; absent if the series has no dates.
   */
  month?: (index: number) => number;
}

/**
 * Forecasts the next values.
 *
 * @param history All values up to the forecast's origin, from the series' first on. `[t]`
 * @param horizon How many values ahead.
 * @returns `[horizon]`, in the series' units.
 */
export type ForecastFunction = (
  history: Float64Array,
  horizon: number,
) => Float64Array;

/** A simple method that a network has to beat. */
export interface Baseline {
  /** As in JSON: `persistence`, `ar_12`. */
  readonly name: string;
  /** Fewest training values that `fit` accepts. */
  readonly minTraining: number;
  /**
   * Learns from the training part alone.
   *
   * @throws {RangeError} if the training part is too short or has no dates where they are needed.
   */
  fit(training: TrainingPart): FittedBaseline;
}

/** A baseline that has learned. */
export interface FittedBaseline {
  /** What was learned, for people: `AR(34), order by AIC`. */
  readonly label: string;
  /** Forecasts from any origin. */
  readonly forecast: ForecastFunction;
}

/** Shared check of `Baseline.fit`. */
export function checkTraining(
  baseline: Pick<Baseline, "name" | "minTraining">,
  training: TrainingPart,
): void {
  if (training.values.length < baseline.minTraining) {
    throw new RangeError(
      `Cannot fit ${baseline.name}: the training part has ${training.values.length} values, expected at least ${baseline.minTraining}`,
    );
  }
}
