/**
 * Everything about a run on one page: an HTML document with pictures and tables that loads nothing from
 * anywhere, follows the reader's light or dark setting, and prints.
 * @module
 */

import type { Backtest, BacktestPaths } from "./backtest.ts";
import { twoDecimals } from "./bootstrap.ts";
import { describeStep, formatDate } from "./calendar.ts";
import { type Forecast, forecastRecord } from "./forecast.ts";
import type { Evaluation } from "./evaluate.ts";
import { definitions, page, type Section, table } from "./html.ts";
import { escapeXml, type Figure, renderFigure } from "./plot/figure.ts";
import { finderFigure, type FinderPoint } from "./plot/finder_figure.ts";
import { forecastFigure } from "./plot/forecast_figure.ts";
import { type EpochMetrics, historyFigure } from "./plot/history_figure.ts";
import { horizonFigure } from "./plot/horizon_figure.ts";
import { residualFigure } from "./plot/residual_figure.ts";
import { seriesFigure } from "./plot/series_figure.ts";
import type { Series } from "./series.ts";

/** What the report tells; a part that is absent leaves its section out. */
export interface ReportOptions {
  /** The series that was forecast. */
  series: Series;
  /** Time index at which validation begins. */
  splitTime: number;
  /** When the report was made, for people. */
  made: string;
  /** Checkpoint, engine, adapter, versions and the like, by name. */
  run: Readonly<Record<string, string | number>>;
  /** Every option of the run, by name. */
  config: Readonly<Record<string, unknown>>;
  /** Unit of the values. @default {the series' name} */
  unit?: string;
  /** The epochs, in order. */
  history?: readonly EpochMetrics[];
  /** Which metric decided over the best epoch. @default {"val_mae"} */
  monitor?: string;
  /** Of the validation part. */
  evaluation?: Evaluation;
  /** Of the validation part. */
  backtest?: { summary: Backtest; paths: BacktestPaths };
  /** From the end of the series. */
  forecast?: Forecast;
  /** The learning-rate finder's epochs and its choice. */
  finder?: { points: readonly FinderPoint[]; suggested?: number };
}

/** Writes the report. */
export function renderReport(options: ReportOptions): string {
  const { series, splitTime, history, evaluation, backtest, forecast, finder } =
    options;
  const unit = options.unit ?? series.name;
  const sections: Section[] = [];
  const add = (id: string, title: string, ...body: string[]) =>
    sections.push({ id, title, body: body.join("\n") });
  if (evaluation) {
    add("evaluation", "Is it any good?", ...evaluationBody(evaluation));
  }
  add("series", "Series", figure(seriesPicture(options)), dataTable(options));
  if (backtest) {
    add("backtest", "Backtest", ...backtestBody(backtest.summary, series));
    const { calendar } = series;
    sections.at(-1)!.body += figure(
      horizonFigure(backtest.summary, { unit, calendar }),
    ) + figure(residualPicture(backtest, { series, unit }));
  }
  if (forecast) {
    add(
      "forecast",
      "Forecast",
      figure(forecastFigure(series, forecast)),
      forecastTable(forecast),
    );
  }
  if (history && history.length > 0) {
    const { monitor = "val_mae" } = options;
    add("training", "Training", figure(historyFigure(history, { monitor })));
  }
  if (finder) {
    add(
      "finder",
      "Learning rate",
      figure(finderFigure(finder.points, finder.suggested)),
    );
  }
  add(
    "run",
    "Run",
    definitions({ ...options.run, "split time": splitTime }),
    "<h3>Configuration</h3>",
    definitions(options.config),
  );
  return page(sections, {
    title: `${series.name}: forecast report`,
    subtitle: `Made ${options.made} from ${series.source}.`,
  });
}

/** An inlined picture whose colours follow the page. */
function figure(content: Figure): string {
  return `<figure>${renderFigure(content, "css")}</figure>\n`;
}

const percent = (share: number) => `${(100 * share).toFixed(1)} %`;

/** The verdict and the table behind it. */
function evaluationBody(evaluation: Evaluation): string[] {
  const { baselines, differences } = evaluation;
  const row = (label: string, s: Evaluation | typeof baselines[string]) => [
    label,
    s.val_mae.toFixed(2),
    s.val_rmse.toFixed(2),
    s.last_step.mae.toFixed(2),
    s.last_step.rmse.toFixed(2),
    s.mase.toFixed(3),
  ];
  const notes = evaluation.notes.map((note) =>
    `<p class="note">${escapeXml(note)}</p>`
  );
  return [
    `<p class="verdict">${escapeXml(evaluation.verdict)}</p>`,
    table([
      ["", "val_mae", "val_rmse", "last mae", "last rmse", "MASE", "skill"],
      [...row("network", evaluation), ""],
      ...Object.values(baselines).map((b) => [
        ...row(b.label, b),
        percent(b.skill),
      ]),
    ], {
      caption:
        `One step ahead over ${evaluation.windows} validation windows, ${evaluation.positions} positions. "last" is the last position, which has seen the whole window. Skill: share of the baseline's val_mae that the network saves.`,
      own: 0,
    }),
    table([
      ["network minus", "val_mae", "lower", "upper", "level", "block"],
      ...differences.map((d) => [
        baselines[d.baseline]?.label ?? d.baseline,
        ...[d.mean, d.lower, d.upper].map(twoDecimals),
        `${d.level} %`,
        d.block_length,
      ]),
    ], {
      caption:
        "Difference in val_mae with its circular block-bootstrap interval; block lengths by Politis and White (2004).",
    }),
    ...(evaluation.members
      ? [
        `<p>The ensemble's ${evaluation.members.val_mae.length} members have a val_mae of ${
          evaluation.members.mean.toFixed(2)
        } ± ${
          evaluation.members.spread.toFixed(2)
        } by themselves; averaging saves ${
          percent(evaluation.members.skill)
        } of it.</p>`,
      ]
      : []),
    ...notes,
  ];
}

/** Verdicts, errors and intervals of every horizon. */
function backtestBody(summary: Backtest, series: Series): string[] {
  const moments = series.dates ?? series.times;
  const when = (t: number) => formatDate(series.calendar, moments[t]!);
  const { count, first, last } = summary.origins;
  const notes = summary.notes.map((note) =>
    `<p class="note">${escapeXml(note)}</p>`
  );
  return [
    `<ul>${
      summary.verdicts.map((verdict) => `<li>${escapeXml(verdict)}</li>`)
        .join("")
    }</ul>`,
    `<p class="note">Forecasts from ${count} origins, ${when(first)} to ${
      when(last)
    }; each may know all values up to its origin, and every target is a validation value.</p>`,
    `<div class="side">${
      summary.horizons.map((scores) =>
        table([
          ["", "MAE", "RMSE", "skill"],
          ["network", scores.mae.toFixed(2), scores.rmse.toFixed(2), ""],
          ...Object.entries(scores.baselines).map(([name, b]) => [
            summary.labels[name] ?? name,
            b.mae.toFixed(2),
            b.rmse.toFixed(2),
            percent(b.skill),
          ]),
        ], {
          caption: `${describeStep(series.calendar, scores.horizon)} ahead`,
          own: 0,
        })
      ).join("")
    }</div>`,
    summary.horizons.some(({ intervals }) => intervals.length > 0)
      ? table([
        ["horizon", "level", "coverage", "mean width"],
        ...summary.horizons.flatMap(({ horizon, intervals }) =>
          intervals.map(({ level, coverage, width }) => [
            horizon,
            `${level} %`,
            `${coverage.toFixed(1)} %`,
            width.toFixed(1),
          ])
        ),
      ], {
        caption:
          "How often the intervals held. Each rests on errors that were known at its origin (adaptive split conformal prediction): the average over time is guaranteed to approach the level, a single interval's chance is not.",
      })
      : "",
    ...notes,
  ];
}

/** The series with what the network said at the backtest's middle horizon. */
function seriesPicture(
  { series, splitTime, backtest }: ReportOptions,
): Figure {
  if (!backtest) return seriesFigure(series, { splitTime });
  const { paths, summary } = backtest;
  const { horizon } = summary
    .horizons[Math.floor(summary.horizons.length / 2)]!;
  return seriesFigure(series, {
    splitTime,
    predictions: {
      horizon,
      origins: paths.origins,
      forecasts: pathAt(paths, horizon),
      intervals: paths.intervals.get(horizon) ?? [],
    },
  });
}

/** The residuals at the shortest horizon. */
function residualPicture(
  { summary, paths }: { summary: Backtest; paths: BacktestPaths },
  { series, unit }: { series: Series; unit: string },
): Figure {
  const { horizon } = summary.horizons[0]!;
  const forecasts = pathAt(paths, horizon);
  return residualFigure(
    forecasts.map((f, i) => series.values[paths.origins[i]! + horizon]! - f),
    { unit, horizon, calendar: series.calendar },
  );
}

/** The network's forecasts at one horizon. `[origins]` */
export function pathAt(paths: BacktestPaths, horizon: number): Float64Array {
  return Float64Array.from(
    paths.origins,
    (_, i) => paths.forecasts[i * paths.longest + horizon - 1]!,
  );
}

/** Where the data come from. */
function dataTable({ series }: ReportOptions): string {
  const moments = series.dates ?? series.times;
  const when = (t: number) => formatDate(series.calendar, moments.at(t)!);
  return definitions({
    source: series.source,
    "SHA-256": series.sha256,
    values: `${series.values.length}, ${when(0)} to ${when(-1)}`,
    "missing values filled": series.filled,
  });
}

/** The forecast's figures. */
function forecastTable(forecast: Forecast): string {
  const records = forecast.steps.map(forecastRecord);
  return table([
    Object.keys(records[0] ?? {}).map((name) => name.replace("_", " ")),
    ...records.map((record) =>
      Object.values(record).map((v) => typeof v === "number" ? v.toFixed(1) : v)
    ),
  ], { caption: `From ${forecast.origin}` });
}
