/**
 * What a run keeps on disk: the best checkpoint, the last one to go on from, and the history.
 * Between the training loop, which calls it after each epoch, and the files.
 * @module
 */

import { stringify } from "@std/csv";
import { type Best, type EpochLogs, ModelCheckpoint } from "./callbacks.ts";
import type { CheckpointMeta } from "./checkpoint.ts";
import { checkpointHandler } from "./checkpoint_handler.ts";
import type { Config } from "./config.ts";
import type { TrainEngine } from "./engine/engine.ts";
import { CheckpointError } from "./errors.ts";
import { buildModel, type Model, writeWeights } from "./model.ts";
import { replaceFile } from "./replace_file.ts";
import type { RunPaths } from "./run_paths.ts";
import type { JsonObject } from "./safe_json.ts";
import type { Scaling } from "./scale.ts";
import type { Series, SeriesOptions } from "./series.ts";
import type { TrainState } from "./train.ts";
import { versions } from "./versions.ts";

/** One epoch in history and `--json`. */
export interface EpochRecord extends EpochLogs {
  /** 1-based. */
  epoch: number;
  /** Whether it became the best. */
  improved: boolean;
  /** Seconds of training and validation. */
  seconds: number;
}

/** What every checkpoint of a run says, and where the run stands. */
export interface RunKeeperOptions {
  /** The configuration. */
  config: Config;
  /** The series. */
  series: Series;
  /** How it was read. */
  seriesOptions: SeriesOptions;
  /** How it was scaled. */
  scaling: Scaling;
  /** The engine that trains. */
  engine: TrainEngine;
  /** Where everything goes. */
  paths: RunPaths;
  /** The best of an earlier part of the run. */
  best: Best | undefined;
  /** The epochs of an earlier part of the run. */
  history: EpochRecord[];
  /** Keep the best without the optimizer's state, as it's enough to predict. */
  saveWeightsOnly: boolean;
  /** Takes ModelCheckpoint's lines. */
  log: (line: string) => void;
}

/** An epoch that just ended. */
export interface FinishedEpoch {
  /** 1-based. */
  epoch: number;
  /** Its metrics. */
  logs: EpochLogs;
  /** How far training is. */
  state: TrainState;
  /** How long it took. */
  seconds: number;
}

/** Saves what a run must not lose. The caller holds the run's lock. */
export class RunKeeper {
  /** Epochs so far. */
  readonly history: EpochRecord[];
  readonly #options: RunKeeperOptions;
  readonly #checkpoint: ModelCheckpoint;
  readonly #model: Model;
  #finished: FinishedEpoch | undefined;

  /** @param options What every checkpoint of the run says. */
  constructor(options: RunKeeperOptions) {
    const { config, paths, best, log } = options;
    this.#options = options;
    this.history = [...options.history];
    this.#model = buildModel(config);
    this.#checkpoint = new ModelCheckpoint({
      filepath: paths.best,
      monitor: config.monitor,
      saveBestOnly: config.saveBestOnly,
      best,
      log,
      save: async (epoch) => {
        const finished = this.#finished!;
        writeWeights(this.#model, config, finished.state.judged);
        const meta = this.#describe(epoch, finished);
        const record = this.#record(finished, this.best?.epoch === epoch);
        meta.history = [...this.history, record] as unknown as JsonObject[];
        const slots = this.#options.saveWeightsOnly
          ? {}
          : { slots: this.#vectors(finished.state) };
        await this.#model.save(
          checkpointHandler(paths.best, { meta, ...slots }),
        );
      },
    });
  }

  /** The best epoch so far. */
  get best(): Best | undefined {
    return this.#checkpoint.best;
  }

  /** Keeps the state before the first epoch, so that a run can be resumed from its very start. */
  async begin(state: TrainState): Promise<void> {
    await this.#saveLast(0, { state });
  }

  /** Before a resumed run goes on: a kill may have come between its last checkpoint and its history. */
  async goOn(): Promise<void> {
    if (this.history.length > 0) await this.#writeHistory();
  }

  /** Keeps an epoch: first the best, then the last, then the history. */
  async keep(finished: FinishedEpoch): Promise<EpochRecord> {
    const { epoch, logs } = finished;
    this.#finished = finished;
    const improved = await this.#checkpoint.onEpochEnd(epoch, logs);
    const record = this.#record(finished, improved);
    this.history.push(record);
    await this.#saveLast(epoch, finished);
    await this.#writeHistory();
    return record;
  }

  /** Frees the model of record. */
  dispose(): void {
    this.#model.dispose();
  }

  #record(
    { epoch, logs, seconds }: FinishedEpoch,
    improved: boolean,
  ): EpochRecord {
    return { epoch, ...logs, improved, seconds };
  }

  async #saveLast(
    epoch: number,
    { logs, state }: { logs?: EpochLogs; state: TrainState },
  ): Promise<void> {
    const { config, paths } = this.#options;
    const { weights, average } = state;
    writeWeights(this.#model, config, weights);
    const meta = this.#describe(epoch, { ...(logs && { logs }), state });
    meta.history = this.history as unknown as JsonObject[];
    meta.extra = { averaged: average?.count ?? 0 };
    const slots = this.#vectors(state);
    await this.#model.save(checkpointHandler(paths.last, { meta, slots }));
  }

  /** The optimizer's vectors, and the mean weights of a run that averages. */
  #vectors({ slots, average, weights }: TrainState): Float32Array[] {
    if (this.#options.config.averageEpochs === 0) return slots;
    return [...slots, average?.mean ?? new Float32Array(weights.length)];
  }

  #describe(
    epoch: number,
    { logs, state }: { logs?: EpochLogs; state: TrainState },
  ): CheckpointMeta {
    const { config, series, seriesOptions, scaling, engine } = this.#options;
    return {
      config,
      series: {
        name: series.name,
        source: series.source,
        sha256: series.sha256,
        length: series.values.length,
        options: seriesOptions as JsonObject,
      },
      scale: { ...scaling },
      epoch,
      iterations: state.iterations,
      metrics: { ...logs },
      monitor: config.monitor,
      best: this.best ?? null,
      seed: config.seed,
      engine: engine.name,
      adapter: engine.adapter,
      versions: versions(),
      created: new Date().toISOString(),
      history: [],
      extra: {},
    };
  }

  /** Rewrites `history.csv` and `history.jsonl`. */
  async #writeHistory(): Promise<void> {
    const { historyCsv, historyJsonl } = this.#options.paths;
    const columns = [
      "epoch",
      "loss",
      "mae",
      "val_loss",
      "val_mae",
      "improved",
      "seconds",
    ];
    const csv = stringify(this.history.map((record) => ({ ...record })), {
      columns,
    });
    const lines = this.history.map((record) => `${JSON.stringify(record)}\n`);
    try {
      await replaceFile(historyCsv, csv.replaceAll("\r\n", "\n"));
      await replaceFile(historyJsonl, lines.join(""));
    } catch (cause) {
      throw new CheckpointError(
        `Cannot write ${historyCsv} and ${historyJsonl}: ${
          cause instanceof Error ? cause.message : cause
        }; the checkpoints are safe, go on with --resume when there is room`,
        { cause },
      );
    }
  }
}
