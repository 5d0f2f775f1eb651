import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { DOMParser } from "linkedom";
import type { Backtest } from "../lib/backtest.ts";
import { type Figure, paletteCss, renderFigure } from "../lib/plot/figure.ts";
import { valueAxis } from "../lib/plot/axis.ts";
import { finderFigure } from "../lib/plot/finder_figure.ts";
import { forecastFigure } from "../lib/plot/forecast_figure.ts";
import { historyFigure } from "../lib/plot/history_figure.ts";
import { horizonFigure } from "../lib/plot/horizon_figure.ts";
import { residualFigure } from "../lib/plot/residual_figure.ts";
import { seriesFigure } from "../lib/plot/series_figure.ts";
import { svgToPng } from "../lib/png.ts";
import { renderReport } from "../lib/report.ts";
import { parseSeries } from "../lib/series.ts";
import csv from "../data/sunspots.csv" with { type: "text" };

const series = parseSeries(csv.split("\n").slice(0, 200).join("\n"), {
  source: "a <file>",
});
const { calendar } = series;
const origins = Int32Array.from({ length: 60 }, (_, i) => 138 + i);
const bounds = (level: number, width: number) => ({
  level,
  lower: new Float64Array(60).fill(50 - width),
  upper: new Float64Array(60).fill(50 + width),
});
const summary: Backtest = {
  origins: { count: 60, first: 138, last: 197 },
  horizons: [{
    horizon: 1,
    mae: 9,
    rmse: 12,
    baselines: { persistence: { mae: 10, rmse: 13, skill: 0.1 } },
    best_baseline: "persistence",
    difference: {
      baseline: "persistence",
      mean: -1,
      lower: -2,
      upper: 0.5,
      level: 95,
      block_length: 3,
    },
    intervals: [{ level: 80, coverage: 79, width: 30 }],
  }],
  curve: {
    network: [9, 11],
    baselines: { persistence: [10, 14], climatology: [60, 60] },
  },
  labels: { persistence: "persistence", climatology: "climatology" },
  notes: ["One note & more."],
  verdicts: ["1 ahead the network is not clearly better."],
};
const paths = {
  origins,
  longest: 2,
  forecasts: new Float64Array(120).fill(50),
  intervals: new Map([[1, [bounds(80, 10), bounds(95, 20)]]]),
};
const ahead = {
  origin: "1765-07-31",
  steps: [1, 2, 3].map((h) => ({
    date: `1765-${h + 7}-30`,
    moment: series.dates!.at(-1)! + h * 30 * 86_400_000,
    mean: 20 + h,
    intervals: [
      { level: 80, lower: 10, upper: 30 },
      { level: 95, lower: 0, upper: 40 + h },
    ],
  })),
};
const history = Array.from({ length: 30 }, (_, i) => ({
  epoch: i + 1,
  loss: 40 / (i + 1) + 15,
  mae: 40 / (i + 1) + 15.5,
  val_loss: 30 / (i + 1) + 13 + (i === 20 ? -1 : 0),
  val_mae: 30 / (i + 1) + 13.5 + (i === 20 ? -1 : 0),
}));
const finder = Array.from({ length: 80 }, (_, e) => ({
  learning_rate: 1e-8 * 10 ** (e / 20),
  loss: e < 70 ? 60 - e / 2 : NaN,
}));
const residuals = Float64Array.from(
  { length: 60 },
  (_, i) => ((i * 37) % 23) - 11,
);

/** A coordinate that is no number draws nothing, and a browser says nothing. */
const faults = (text: string) =>
  text.match(/.{0,60}(NaN|undefined|Infinity|currentColor)/g);

const figures: Record<string, { figure: Figure; says: RegExp[] }> = {
  "seriesFigure()": {
    figure: seriesFigure(series, {
      splitTime: 140,
      predictions: {
        horizon: 1,
        origins,
        forecasts: new Float64Array(60).fill(50),
        intervals: [bounds(80, 10), bounds(95, 20)],
      },
    }),
    says: [/Monthly Mean Total Sunspot Number/, /80 % interval/, />17\d\d</],
  },
  "forecastFigure()": {
    figure: forecastFigure(series, ahead),
    says: [/3 months from 1765-07-31/, /95 % interval/],
  },
  "historyFigure()": {
    figure: historyFigure(history),
    says: [/epoch 21 of 30/, /Mean absolute error/, /best epoch/],
  },
  "horizonFigure()": {
    figure: horizonFigure(summary, { unit: "spots", calendar }),
    says: [
      /Mean absolute error \(spots\)/,
      /climatology, 60\.0 on average/,
      /steps of 1 month/,
      />network</,
    ],
  },
  "residualFigure()": {
    figure: residualFigure(residuals, { unit: "spots", horizon: 6, calendar }),
    says: [/Residuals 6 months ahead/, /Residual \(spots\)/, /the first 5/],
  },
  "finderFigure()": {
    figure: finderFigure(finder, 1e-5),
    says: [/suggested: 1\.0e-5/, /Learning rate/],
  },
};

for (const [name, { figure, says }] of Object.entries(figures)) {
  Deno.test(`${name} draws a legible SVG in every theme`, () => {
    for (const theme of ["light", "dark", "css"] as const) {
      const svg = renderFigure(figure, theme);
      assertMatch(
        svg,
        /^<svg xmlns="http:\/\/www\.w3\.org\/2000\/svg" viewBox/,
      );
      for (const text of says) assertMatch(svg, text);
      assertEquals(faults(svg), null);
      assertEquals(svg.includes("var(--"), theme === "css");
      const document = new DOMParser().parseFromString(svg, "text/xml");
      assert(document.querySelectorAll("path").length >= 2);
      for (const text of document.querySelectorAll("text")) {
        const size = Number(
          text.getAttribute("font-size") ??
            text.closest("g[font-size], svg[font-size]")?.getAttribute(
              "font-size",
            ),
        );
        assert(size >= 15, text.textContent ?? "");
      }
    }
  });
}

Deno.test("valueAxis() begins at 0 only where that's near", () => {
  assertEquals(valueAxis("y", [0, 3, 250]).zero, true);
  assertEquals(valueAxis("y", [5, 9]).zero, false);
  assertEquals(valueAxis("y", [4, 9]).zero, true);
  assertEquals(valueAxis("y", [-29, -20]).zero, false);
  assertEquals(valueAxis("y", [-3, 8]).zero, true);
});

Deno.test("renderFigure() escapes what comes from outside", () => {
  const svg = renderFigure({
    title: `a<b> & "c"`,
    panels: () => [],
  });
  assertStringIncludes(svg, "a&#60;b&#62; &#38; &#34;c&#34;");
});

Deno.test("svgToPng() makes a PNG of the width asked for, text included", async () => {
  const { figure } = figures["historyFigure()"]!;
  const svg = renderFigure(figure);
  const png = await svgToPng(svg, 600);
  assertEquals([...png.subarray(0, 8)], [137, 80, 78, 71, 13, 10, 26, 10]);
  assertEquals(new DataView(png.buffer, png.byteOffset).getUint32(16), 600);
  // Without its font the text would be missing, and the file would be smaller.
  const bare = await svgToPng(svg.replaceAll(/<text.*?<\/text>/g, ""), 600);
  assert(png.length > bare.length + 2000);
});

Deno.test("renderReport() is one page that loads nothing, with every part", () => {
  const html = renderReport({
    series,
    splitTime: 140,
    made: "2026-01-01",
    run: { engine: "webgpu", adapter: "some <adapter>" },
    config: { windowSize: 30, lstmUnits: [60, 60] },
    history,
    finder: { points: finder },
    backtest: { summary, paths },
    forecast: ahead,
  });
  assertMatch(html, /^<!DOCTYPE html>/);
  for (
    const part of [
      'id="series"',
      'id="backtest"',
      'id="forecast"',
      'id="training"',
      'id="finder"',
      'id="run"',
      "some &#60;adapter&#62;",
      "a &#60;file&#62;",
      "One note &#38; more.",
      "60,60",
      paletteCss("dark"),
      "@media print",
    ]
  ) assertStringIncludes(html, part);
  assertEquals(
    html.match(/<script|<link|<img|url\(["']?http|src=|@import/g),
    null,
  );
  assertEquals(faults(html), null);
  // Clipping paths of several pictures on one page must not share a name.
  const ids = [...html.matchAll(/ id="([^"]+)"/g)].map(([, id]) => id);
  assertEquals(ids.length, new Set(ids).size);
});

Deno.test("renderReport() leaves out what isn't there", () => {
  const html = renderReport({
    series,
    splitTime: 140,
    made: "2026-01-01",
    run: {},
    config: {},
  });
  assertEquals(
    html.match(/id="(backtest|forecast|training|finder|evaluation)"/g),
    null,
  );
});
