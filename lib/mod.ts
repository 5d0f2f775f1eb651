/**
 * The library: what the command line is made of, in the order of the flow. The layers that TensorFlow.js lacks
 * are an entry of their own, `@sunspots/sunspots/layers`.
 *
 * ```ts
 * import { DEFAULT_CONFIG, loadDataset, makeWindows } from "@sunspots/sunspots";
 * const series = await loadDataset("bundled");
 * const { starts } = makeWindows({ begin: 0, end: 3000 }, DEFAULT_CONFIG);
 * console.log(series.values.length, starts.length); // 3235 2970
 * ```
 * @module
 */

// Errors and configuration.
export {
  CheckpointError,
  DataError,
  DivergenceError,
  GpuError,
  UnsupportedModelError,
  UsageError,
} from "./errors.ts";
export {
  type Config,
  DEFAULT_CONFIG,
  type LossName,
  type LossOptions,
  type ModelOptions,
  type OptimizerName,
  type OptimizerOptions,
  type ScaleName,
  type ScheduleName,
  type TrainOptions,
  validateConfig,
  type WindowOptions,
} from "./config.ts";
export { PRESET_MEMBERS, type PresetName, PRESETS } from "./presets.ts";
export { VERSION, versions } from "./versions.ts";

// Data set -> series.
export { BUNDLED, type DatasetOptions, loadDataset } from "./dataset.ts";
export {
  fetchDataset,
  type Fetched,
  type FetchOptions,
  TUTORIAL_URL,
} from "./fetch_dataset.ts";
export type { DownloadOptions, DownloadProgress } from "./download.ts";
export {
  type ParseOptions,
  parseSeries,
  parseSeriesStream,
  type Series,
  type SeriesOptions,
} from "./series.ts";
export type { Column, ColumnOptions } from "./columns.ts";
export type { Fill } from "./gaps.ts";
export {
  type Calendar,
  continueDates,
  type Dated,
  DateReader,
  formatDate,
  type Precision,
} from "./calendar.ts";
export { resolveSplit } from "./split.ts";
export {
  applyScaling,
  fitScaling,
  invertScaling,
  type Scaling,
} from "./scale.ts";

// Series -> windows.
export {
  type CutOptions,
  makeWindows,
  type SeriesRange,
  type ShuffleOptions,
  shuffleOrder,
  type Windows,
} from "./windows.ts";
export {
  type Alignment,
  alignment,
  type AlignmentOptions,
  type Padding,
} from "./alignment.ts";

// Model and engines.
export {
  buildModel,
  type Model,
  type NetworkOptions,
  readWeights,
  writeWeights,
} from "./model.ts";
export {
  type LayoutOptions,
  type Parameter,
  parameterCount,
  parameterLayout,
} from "./layout.ts";
export { initialWeights } from "./initializers.ts";
export {
  type BatchMetrics,
  type EngineSpec,
  type EngineState,
  type EpochOptions,
  type Gradient,
  slotCount,
  type TrainEngine,
} from "./engine/engine.ts";
export {
  type EngineChoice,
  ENGINES,
  type SelectedEngine,
  selectEngine,
  type SelectOptions,
} from "./engine/select.ts";

// Training.
export {
  loadLast,
  type RunRequest,
  type RunResult,
  runTraining,
  splitWindows,
} from "./run.ts";
export { type AugmentedSeries, augmentSeries } from "./augment.ts";
export type { EpochRecord } from "./run_keeper.ts";
export {
  type GenerationPaths,
  generationPaths,
  type RunPaths,
  runPaths,
} from "./run_paths.ts";
export { lockRun, type RunLock } from "./run_lock.ts";
export { train, type TrainRequest, type TrainState } from "./train.ts";
export type { WeightAverage } from "./averaging.ts";
export { learningRateAt, type ScheduleOptions } from "./schedule.ts";
export {
  type Best,
  type EpochLogs,
  ModelCheckpoint,
  type ModelCheckpointOptions,
} from "./callbacks.ts";
export {
  type FinderEpoch,
  type FinderRequest,
  findLearningRate,
  suggestLearningRate,
} from "./find_lr.ts";

// Checkpoints.
export {
  type BestEpoch,
  type Checkpoint,
  checkpointExists,
  type CheckpointMeta,
  loadCheckpoint,
  type LoadedCheckpoint,
  type LoadOptions,
  type MetricValue,
  recoverCheckpoint,
  saveCheckpoint,
  type SaveOptions,
  type SeriesRecord,
} from "./checkpoint.ts";
export {
  checkpointHandler,
  type CheckpointParts,
  type ModelSaver,
} from "./checkpoint_handler.ts";
export { loadPretrained, PRETRAINED } from "./pretrained.ts";
export { loadMembers, memberPath, mergeEnsemble } from "./members.ts";
export { readKerasWeights, writeKerasWeights } from "./keras_h5.ts";
export type { ModelDescription, WeightSpec } from "./model_json.ts";
export type { FileSystem, NewFile } from "./file_system.ts";
export type { Json, JsonObject } from "./safe_json.ts";

// Evaluation, backtest, forecast.
export { type Forecaster, openForecaster } from "./forecaster.ts";
export { ensemblePredict, ensembleSpread } from "./ensemble.ts";
export {
  type Network,
  type Predict,
  rollForward,
  type RolloutOptions,
} from "./rollout.ts";
export {
  type Autoregression,
  autoregression,
  type AutoregressionOptions,
} from "./baselines/autoregression.ts";
export type {
  Baseline,
  FittedBaseline,
  ForecastFunction,
  TrainingPart,
} from "./baselines/baseline.ts";
export {
  allBaselines,
  fitBaselines,
  type FittedBaselines,
} from "./baselines/baselines.ts";
export { climatology, monthsOf } from "./baselines/climatology.ts";
export { exponentialSmoothing } from "./baselines/exponential_smoothing.ts";
export {
  movingAverage,
  persistence,
  seasonalNaive,
} from "./baselines/naive.ts";
export {
  meanAbsoluteError,
  naiveScale,
  rootMeanSquaredError,
  skill,
} from "./metrics.ts";
export {
  bootstrapMean,
  type BootstrapOptions,
  describeDifference,
  type Interval,
} from "./bootstrap.ts";
export {
  type BaselineScores,
  type Difference,
  evaluate,
  type EvaluateOptions,
  type Evaluation,
  type MemberScores,
  type Scores,
} from "./evaluate.ts";
export type { CalibrationOptions } from "./calibration.ts";
export type { Bounds } from "./conformal.ts";
export {
  type Backtest,
  backtest,
  type BacktestOptions,
  type BacktestPaths,
  type Coverage,
  type HorizonError,
  type HorizonScores,
} from "./backtest.ts";
export {
  type Forecast,
  forecast,
  forecastCsv,
  type ForecastInterval,
  forecastJson,
  type ForecastOptions,
  forecastRecord,
  type ForecastStep,
} from "./forecast.ts";

// Pictures and the report.
export {
  type Figure,
  type LegendItem,
  type Palette,
  type Panel,
  renderFigure,
  type Theme,
} from "./plot/figure.ts";
export { forecastFigure } from "./plot/forecast_figure.ts";
export { type EpochMetrics, historyFigure } from "./plot/history_figure.ts";
export {
  seriesFigure,
  type SeriesFigureOptions,
} from "./plot/series_figure.ts";
export { svgToPng } from "./png.ts";
export type { FinderPoint } from "./plot/finder_figure.ts";
export { renderReport, type ReportOptions } from "./report.ts";
