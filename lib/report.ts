/**
 * Everything about a run on one page: an HTML document with pictures and tables that loads nothing from
 * anywhere, follows the reader's light or dark setting, and prints.
 * @module
 */

import type { Backtest, BacktestPaths } from "./backtest.ts";
import { describeStep, formatDate } from "./calendar.ts";
import { type Forecast, forecastRecord } from "./forecast.ts";
import type { Evaluation } from "./evaluate.ts";
import {
  escapeXml,
  type Figure,
  paletteCss,
  renderFigure,
} from "./plot/figure.ts";
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

/** A heading and what stands below it. */
interface Section {
  id: string;
  title: string;
  body: string;
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
  const title = escapeXml(`${series.name}: forecast report`);
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${title}</title>
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<p>Made ${escapeXml(options.made)} from ${escapeXml(series.source)}.</p>
<nav>${
    sections.map(({ id, title }) => `<a href="#${id}">${title}</a>`).join(" ")
  }</nav>
</header>
<main>
${
    sections.map(({ id, title, body }) =>
      `<section id="${id}">\n<h2>${title}</h2>\n${body}\n</section>`
    ).join("\n")
  }
</main>
</body>
</html>
`;
}

/** Colours come from the figures' palette; paper is always light. */
const STYLE = `
:root{${paletteCss("light")}}
@media screen and (prefers-color-scheme:dark){:root{${paletteCss("dark")}}}
*{box-sizing:border-box}
body{margin:0 auto;max-width:1200px;padding:1rem 1.5rem 4rem;background:var(--background);color:var(--ink);font:16px/1.5 Inter,system-ui,'Segoe UI',Roboto,Helvetica,Arial,sans-serif}
h1{font-size:1.8rem;margin:1rem 0 .2rem}
h2{margin:2.5rem 0 .6rem;padding-top:1rem;border-top:1px solid var(--grid)}
h3{margin:1.5rem 0 .5rem}
header p,.note{color:var(--muted)}
nav a{margin-right:1rem}
a{color:var(--network)}
figure{margin:1rem 0;overflow-x:auto}
figure svg{display:block;width:100%;min-width:640px;height:auto}
.scroll{overflow-x:auto}
table{border-collapse:collapse;margin:.8rem 0;font-variant-numeric:tabular-nums}
.side{display:flex;flex-wrap:wrap;column-gap:3rem}
th,td{padding:.25rem .8rem .25rem 0;text-align:right;border-bottom:1px solid var(--grid);white-space:nowrap}
th:first-child,td:first-child{text-align:left}
tr.own{font-weight:600;color:var(--network)}
.verdict{font-size:1.15rem;font-weight:600;border-left:4px solid var(--accent);padding-left:.8rem}
dl{display:grid;grid-template-columns:minmax(9rem,max-content) 1fr;gap:.2rem 1.2rem;margin:.6rem 0}
dt{color:var(--muted)}
dd{margin:0;overflow-wrap:anywhere}
@media print{body{max-width:none;padding:0;font-size:11pt}nav{display:none}figure,table,dl{break-inside:avoid}h2{break-after:avoid}figure svg{min-width:0}.scroll,figure{overflow:visible}}
`;

/** An inlined picture whose colours follow the page. */
function figure(content: Figure): string {
  return `<figure>${renderFigure(content, "css")}</figure>\n`;
}

/** A table; the row of the network itself stands out. */
function table(
  rows: readonly (readonly (string | number)[])[],
  { caption = "", own = -1 } = {},
): string {
  const [head = [], ...body] = rows;
  const row = (cells: readonly (string | number)[], tag: string) =>
    cells.map((cell) => `<${tag}>${escapeXml(String(cell))}</${tag}>`).join("");
  return `<div class="scroll">${
    caption ? `<p class="note">${escapeXml(caption)}</p>` : ""
  }<table><thead><tr>${row(head, "th")}</tr></thead><tbody>${
    body.map((cells, i) =>
      `<tr${i === own ? ' class="own"' : ""}>${row(cells, "td")}</tr>`
    ).join("")
  }</tbody></table></div>\n`;
}

/** Names and values. */
function definitions(entries: Readonly<Record<string, unknown>>): string {
  return `<dl>${
    Object.entries(entries).map(([name, value]) =>
      `<dt>${escapeXml(name)}</dt><dd>${escapeXml(String(value))}</dd>`
    ).join("")
  }</dl>\n`;
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
        d.mean.toFixed(2),
        d.lower.toFixed(2),
        d.upper.toFixed(2),
        `${d.level} %`,
        d.block_length,
      ]),
    ], {
      caption:
        "Difference in val_mae with its circular block-bootstrap interval; block lengths by Politis and White (2004).",
    }),
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
