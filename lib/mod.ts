/**
 * What the command line uses, as a library: series, windows, models, engines, checkpoints, judgement.
 *
 * ```ts
 * import { DEFAULT_CONFIG, makeWindows } from "@sunspots/sunspots";
 * const { starts } = makeWindows({ begin: 0, end: 3000 }, DEFAULT_CONFIG);
 * console.log(starts.length); // 2970
 * ```
 * @module
 */

export * from "./alignment.ts";
export * from "./backtest.ts";
export * from "./baselines/baseline.ts";
export * from "./baselines/baselines.ts";
export * from "./bootstrap.ts";
export * from "./calendar.ts";
export * from "./callbacks.ts";
export * from "./checkpoint.ts";
export * from "./checkpoint_handler.ts";
export * from "./columns.ts";
export * from "./config.ts";
export * from "./conformal.ts";
export * from "./dataset.ts";
export * from "./download.ts";
export * from "./engine/engine.ts";
export * from "./engine/select.ts";
export * from "./ensemble.ts";
export * from "./errors.ts";
export * from "./evaluate.ts";
export * from "./fetch_dataset.ts";
export * from "./file_io.ts";
export * from "./forecast.ts";
export * from "./forecaster.ts";
export * from "./gaps.ts";
export * from "./initializers.ts";
export * from "./keras_h5.ts";
export * from "./layers.ts";
export * from "./layout.ts";
export * from "./members.ts";
export * from "./metrics.ts";
export * from "./model.ts";
export * from "./random.ts";
export * from "./rollout.ts";
export * from "./run.ts";
export * from "./run_paths.ts";
export * from "./scale.ts";
export * from "./series.ts";
export * from "./series_options.ts";
export * from "./split.ts";
export * from "./train.ts";
export * from "./versions.ts";
export * from "./windows.ts";
