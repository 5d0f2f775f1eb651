/**
 * ModelCheckpoint: decides whether an epoch is the best so far and says so in Keras's words;
 * saving is the caller's.
 * @module
 */

/** Metrics of one epoch, under Keras's history names. */
export interface EpochLogs {
  /** Mean training loss. */
  loss: number;
  /** Mean absolute error over the training windows, while they trained. */
  mae: number;
  /** Mean validation loss after the epoch. */
  val_loss: number;
  /** Mean absolute error over the validation windows after the epoch. */
  val_mae: number;
}

/** The best epoch so far. */
export interface Best {
  /** 1-based. */
  epoch: number;
  /** The monitored metric. */
  value: number;
}

/** Settings of {@linkcode ModelCheckpoint}; the names are Keras's. */
export interface ModelCheckpointOptions {
  /** Where `save` saves, for the message. */
  filepath: string;
  /** The metric to watch; smaller is better. @default {"val_mae"} */
  monitor?: string;
  /** Save only when the metric is strictly below the best so far. @default {true} */
  saveBestOnly?: boolean;
  /** The best of an earlier part of this run. */
  best?: Best | undefined;
  /** Saves the model as it is after this epoch. */
  save: (epoch: number, logs: EpochLogs) => Promise<void>;
  /** Takes Keras's `verbose=1` message, one line. */
  log?: (line: string) => void;
}

/**
 * Keras's ModelCheckpoint (https://keras.io/api/callbacks/model_checkpoint/, messages of Keras 3.15)
 * with two deviations: a metric that isn't there is an error, where Keras saves anyway; and a NaN
 * is never the best, where Keras takes one that comes first.
 */
export class ModelCheckpoint {
  readonly #options: Required<Omit<ModelCheckpointOptions, "best">>;
  #best: Best | undefined;

  /**
   * Watches one metric of one run.
   *
   * @param options What to watch and how to save.
   */
  constructor(options: ModelCheckpointOptions) {
    this.#options = {
      monitor: "val_mae",
      saveBestOnly: true,
      log: () => {},
      ...options,
    };
    this.#best = options.best;
  }

  /** The best epoch so far, if one had a finite metric. */
  get best(): Best | undefined {
    return this.#best;
  }

  /**
   * Judges an epoch; saves and announces.
   *
   * @param epoch 1-based.
   * @returns Whether the monitored metric is strictly better than before. NaN never is.
   * @throws {RangeError} if the logs lack the monitored metric.
   */
  async onEpochEnd(epoch: number, logs: EpochLogs): Promise<boolean> {
    const { monitor, filepath, saveBestOnly, save, log } = this.#options;
    const current = (logs as unknown as Record<string, unknown>)[monitor];
    if (typeof current !== "number") {
      throw new RangeError(
        `Cannot monitor ${monitor}: not among the metrics ${
          Object.keys(logs).join(", ")
        }`,
      );
    }
    const before = this.#best?.value;
    const improved = before === undefined
      ? !Number.isNaN(current)
      // Keras compares in float32, the precision of its metrics.
      : Math.fround(current) < Math.fround(before);
    const saving = improved || !saveBestOnly;
    log(
      `Epoch ${epoch}: ` +
        (!saveBestOnly
          ? `saving model to ${filepath}`
          : improved
          ? `${monitor} improved from ${fixed(before)} to ${
            fixed(current)
          }, saving model to ${filepath}`
          : `${monitor} did not improve from ${fixed(before)}`),
    );
    if (improved) this.#best = { epoch, value: current };
    if (saving) {
      await save(epoch, logs);
      log(`Epoch ${epoch}: finished saving model to ${filepath}`);
    }
    return improved;
  }
}

/** Five decimals, and `None` before the first best, as Keras prints them. */
function fixed(value: number | undefined): string {
  if (value === undefined) return "None";
  return value === Infinity ? "inf" : value.toFixed(5);
}
