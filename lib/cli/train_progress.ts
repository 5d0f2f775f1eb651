/**
 * What training shows while it runs: a bar, Keras-like lines, JSON records.
 * @module
 */

import type { Config } from "../config.ts";
import type { SelectedEngine } from "../engine/select.ts";
import { parameterCount } from "../layout.ts";
import type { EpochRecord } from "../run_keeper.ts";
import type { Series } from "../series.ts";
import { versions } from "../versions.ts";
import { tellEngine } from "./engine_options.ts";
import type { ProgressBar, Terminal } from "./terminal.ts";

/** What is being trained. */
export interface Training {
  /** The run's configuration. */
  config: Config;
  /** The series. */
  series: Series;
  /** Epochs done before. */
  epochsDone: number;
  /** Fields of every JSON record; no JSON if absent. */
  json?: Record<string, unknown>;
  /** Whether to say more of what is trained, and with what. */
  verbose: boolean;
}

/** The size of the work, and the versions that do it. */
function describeWork(config: Config, steps: number): string {
  const used = Object.entries(versions())
    .map(([name, version]) => `${name} ${version}`);
  return `${
    parameterCount(config)
  } parameters, ${steps} batches of up to ${config.batchSize} windows an epoch; ${
    used.join(", ")
  }`;
}

/** Shows one run's progress. */
export class TrainProgress {
  readonly #terminal: Terminal;
  readonly #training: Training;
  #bar: ProgressBar | undefined;
  #steps = 0;
  #epochs = 0;
  #began = 0;
  #note = "";

  /** @param terminal where to, @param training what. */
  constructor(terminal: Terminal, training: Training) {
    this.#terminal = terminal;
    this.#training = training;
  }

  /** The engine is there. */
  start(selected: SelectedEngine, steps: number): void {
    const { config, series, verbose } = this.#training;
    this.#terminal.err(tellEngine(selected));
    this.#terminal.err(
      `Training on ${series.name} (${series.source}, ${series.values.length} values), seed ${config.seed}`,
    );
    if (verbose) this.#terminal.err(describeWork(config, steps));
    this.#steps = steps;
    this.#bar = this.#terminal.bar(config.epochs * steps, "steps");
    this.#began = performance.now();
  }

  /** Some steps of an epoch are done. */
  step(epoch: number, steps: number): void {
    const head = `epoch ${epoch}/${this.#training.config.epochs}`;
    this.#bar?.update(
      (epoch - 1) * this.#steps + steps,
      this.#note === "" ? head : `${head}, ${this.#note}`,
    );
  }

  /** An epoch is done. */
  epoch(record: EpochRecord): void {
    const { config, epochsDone, json } = this.#training;
    this.#epochs++;
    const perEpoch = (performance.now() - this.#began) / this.#epochs / 1000;
    const left = perEpoch * (config.epochs - epochsDone - this.#epochs);
    const perStep = `${
      (record.seconds * 1000 / this.#steps).toFixed(1)
    } ms/step`;
    const metrics = (["loss", "mae", "val_loss", "val_mae"] as const)
      .map((name) => `${name}: ${record[name].toFixed(4)}`);
    this.#terminal.err(
      [
        `Epoch ${record.epoch}/${config.epochs}`,
        `${record.seconds.toFixed(1)}s`,
        perStep,
        ...metrics,
      ].join(" - "),
    );
    this.#note = `loss ${record.loss.toFixed(2)}, mae ${
      record.mae.toFixed(2)
    }, ${perStep}, ${duration(left)} left`;
    this.step(record.epoch, this.#steps);
    if (json) this.#terminal.out(JSON.stringify({ ...json, ...record }));
  }

  /** The run is over, however it ended. */
  stop(): void {
    this.#bar?.stop();
  }
}

/** Seconds as people say them. */
function duration(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  return whole < 60
    ? `${whole}s`
    : `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, "0")}s`;
}
