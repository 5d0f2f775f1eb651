/**
 * The options that say which series to read, and how.
 * @module
 */

import { type Column, parseColumn } from "../columns.ts";
import type { Config } from "../config.ts";
import { BUNDLED, loadDataset } from "../dataset.ts";
import { UsageError } from "../errors.ts";
import type { Fill } from "../gaps.ts";
import type { Series, SeriesOptions } from "../series.ts";
import { resolveSplit } from "../split.ts";
import type { OptionSpec, OptionValues } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/** Their specs. */
export const DATA_OPTIONS: readonly OptionSpec[] = [
  {
    name: "data",
    kind: "text",
    value: "FILE|URL",
    help: "CSV file or URL",
    default: BUNDLED,
  },
  {
    name: "time-column",
    kind: "text",
    value: "COLUMN",
    help: "time step: number from 0, name, or none",
    default: "0",
  },
  {
    name: "value-column",
    kind: "text",
    value: "COLUMN",
    help: "value: number from 0 or name",
    default: "2",
  },
  {
    name: "date-column",
    kind: "text",
    value: "COLUMN",
    help: "date, or year,month columns, or none",
    default: "1",
  },
  {
    name: "delimiter",
    kind: "text",
    value: "CHARACTER",
    help: "between fields; tab for a tab",
    default: ",",
  },
  {
    name: "header",
    kind: "flag",
    help: "the first row names the columns",
    default: "on",
  },
  {
    name: "date-format",
    kind: "text",
    value: "FORMAT",
    help: "of YYYY MM MMM DD HH mm ss",
    default: "ISO 8601",
  },
  {
    name: "fill",
    kind: "choice",
    choices: ["none", "linear", "previous"],
    help: "what happens to missing values and rows",
    default: "none",
  },
  {
    name: "missing",
    kind: "text",
    value: "TEXT,TEXT",
    help: "what else stands for a missing value",
  },
];

/** `--split-time`, beside the configuration's other options. */
export const SPLIT_OPTION: OptionSpec = {
  name: "split-time",
  kind: "text",
  value: "N|DATE|FRACTION",
  help: "where validation begins",
  default: "3000",
};

/** Of the given options, those that say how to read the series. */
export function givenSeriesOptions(values: OptionValues): SeriesOptions {
  const text = (name: string) => values.get(name) as string | undefined;
  const options: SeriesOptions = {};
  const time = text("time-column");
  if (time !== undefined) options.timeColumn = parseColumn(time);
  const value = text("value-column");
  if (value !== undefined) {
    options.valueColumn = requireColumn("value-column", value);
  }
  const date = text("date-column");
  if (date !== undefined) {
    options.dateColumn = date.includes(",")
      ? date.split(",").map((part) => requireColumn("date-column", part))
      : parseColumn(date);
  }
  const delimiter = text("delimiter");
  if (delimiter !== undefined) {
    options.delimiter = delimiter === "tab" ? "\t" : delimiter;
  }
  const header = values.get("header");
  if (header !== undefined) options.header = header as boolean;
  const format = text("date-format");
  if (format !== undefined) options.dateFormat = format;
  const fill = text("fill");
  if (fill !== undefined) options.fill = fill as Fill;
  const missing = text("missing");
  if (missing !== undefined) options.missing = missing.split(",");
  return options;
}

function requireColumn(option: string, text: string): Column {
  const column = parseColumn(text);
  if (column === null) {
    throw new UsageError(
      `Cannot use --${option} none: expected a number from 0 or a name`,
    );
  }
  return column;
}

/**
 * Loads a series, showing how far it is where that takes a while.
 *
 * @param source File, URL or `bundled`.
 */
export async function loadSeries(
  source: string,
  { options, terminal }: { options: SeriesOptions; terminal: Terminal },
): Promise<Series> {
  let said = performance.now();
  return await loadDataset(
    source,
    {
      ...options,
      onRows: (rows) => {
        if (performance.now() - said < 2000) return;
        said = performance.now();
        terminal.err(`Read ${rows} rows`);
      },
    } as Parameters<typeof loadDataset>[1],
  );
}

/** The split that the options ask for, as part of a configuration. */
export function givenSplit(
  values: OptionValues,
  series: Series,
): Partial<Pick<Config, "splitTime">> {
  const split = values.get(SPLIT_OPTION.name) as string | undefined;
  return split === undefined ? {} : { splitTime: resolveSplit(series, split) };
}
