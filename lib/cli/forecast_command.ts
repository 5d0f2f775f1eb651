/**
 * `forecast`: continues the series, with intervals, as table, CSV, JSON or picture.
 * @module
 */

import type { Config } from "../config.ts";
import { UsageError } from "../errors.ts";
import {
  type Forecast,
  forecast,
  forecastCsv,
  forecastJson,
} from "../forecast.ts";
import { forecastTable } from "../forecast_table.ts";
import { writeOutput } from "./output_file.ts";
import type { Series } from "../series.ts";
import {
  CHECKPOINT_OPTIONS,
  judgedBy,
  openCheckpoint,
} from "./checkpoint_options.ts";
import type { Command } from "./command.ts";
import { givenMin, MIN_OPTION } from "./min_option.ts";

/** Endings of `--output`. */
const FORMATS = ["csv", "json", "svg", "png", "html"] as const;
type Format = typeof FORMATS[number];

/** The command. */
export const forecastCommand: Command = {
  options: [
    ...CHECKPOINT_OPTIONS,
    { name: "months", kind: "number", help: "time steps ahead", default: "12" },
    {
      name: "levels",
      kind: "list",
      help: "interval levels in percent",
      default: "80,95",
    },
    MIN_OPTION,
    {
      name: "output",
      kind: "text",
      value: "FILE",
      help: `file to write, ending in ${
        FORMATS.map((f) => `.${f}`).join(", ")
      }`,
    },
    { name: "json", kind: "flag", help: "JSON on stdout" },
    { name: "verbose", kind: "flag", help: "say more on stderr" },
  ],
  async run(values, terminal) {
    const output = values.get("output") as string | undefined;
    const format = output === undefined ? undefined : formatOf(output);
    using opened = await openCheckpoint(values, terminal);
    const { meta, series, forecaster } = opened;
    const steps = values.get("months") as number | undefined;
    const levels = values.get("levels") as number[] | undefined;
    const result = await forecast(forecaster.network, {
      ...judgedBy(opened),
      series,
      ...givenMin(values, series),
      ...(steps !== undefined && { steps }),
      ...(levels && { levels }),
    });
    if (output !== undefined && format !== undefined) {
      await writeOutput(
        output,
        await encode(result, { series, config: meta.config, format }),
      );
      terminal.err(`Wrote ${output}`);
    }
    if (values.get("json") === true) {
      terminal.out(JSON.stringify(forecastJson(result)));
    } else if (output === undefined) {
      terminal.out(forecastTable(result, { name: series.name }));
    }
  },
};

function formatOf(output: string): Format {
  const format = FORMATS.find((ending) =>
    output.toLowerCase().endsWith(`.${ending}`)
  );
  if (format) return format;
  throw new UsageError(
    `Cannot write ${output}: expected a name that ends in ${
      FORMATS.map((f) => `.${f}`).join(", ")
    }`,
  );
}

/** The forecast in a file's format. Charts are loaded only where they're wanted. */
async function encode(
  result: Forecast,
  { series, config, format }: {
    series: Series;
    config: Config;
    format: Format;
  },
): Promise<string | Uint8Array> {
  if (format === "csv") return forecastCsv(result);
  if (format === "json") {
    return `${JSON.stringify(forecastJson(result), null, 2)}\n`;
  }
  const { forecastFigure } = await import("../plot/forecast_figure.ts");
  const { renderFigure } = await import("../plot/figure.ts");
  const figure = forecastFigure(series, result);
  if (format === "svg") return renderFigure(figure);
  if (format === "png") {
    return await (await import("../png.ts")).svgToPng(renderFigure(figure));
  }
  const { renderReport } = await import("../report.ts");
  const { source, sha256 } = series;
  return renderReport({
    series,
    splitTime: config.splitTime,
    made: new Date().toISOString().slice(0, 10),
    run: { data: source, "data SHA-256": sha256 },
    config: config as unknown as Record<string, unknown>,
    forecast: result,
  });
}
