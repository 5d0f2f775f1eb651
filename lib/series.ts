/**
 * CSV text -> `Series`: time steps, values, dates and the calendar they keep, whole and checked.
 * After dataset, before windows in the flow.
 * @module
 */

import {
  type Calendar,
  type Dated,
  DateReader,
  inferCalendar,
  inferIndex,
} from "./calendar.ts";
import { type ColumnOptions, type Columns, findColumns } from "./columns.ts";
import { CsvRows } from "./csv_rows.ts";
import { DataError, UsageError } from "./errors.ts";
import { closeGaps, type Fill } from "./gaps.ts";
import { Growing } from "./growing.ts";
import { oneLine, quoteText } from "./quote.ts";

/** A univariate time series without gaps, with where it comes from. */
export interface Series extends Dated {
  /** Header of the value column, or `column 3` without a header. */
  readonly name: string;
  /** Where it comes from: `bundled`, a path or a URL. */
  readonly source: string;
  /** SHA-256 of the raw bytes in hexadecimal, or empty for a series of text. */
  readonly sha256: string;
  /** Time steps, `[n]`, increasing. */
  readonly times: Float64Array<ArrayBuffer>;
  /** Values, `[n]`, each finite also as a 32-bit float. */
  readonly values: Float64Array<ArrayBuffer>;
  /** Dates in milliseconds UTC, `[n]`. */
  readonly dates: Float64Array<ArrayBuffer> | undefined;
  /** The step between the dates, or between the time steps if there are no dates. */
  readonly calendar: Calendar;
  /** How many values were missing and are filled in. */
  readonly filled: number;
}

/** How a CSV file holds a series. Plain JSON, so that a checkpoint can keep it. */
export interface SeriesOptions extends ColumnOptions {
  /** Format of the dates, of YYYY, MM, MMM (Jan), DD, HH, mm and ss; ISO 8601 without it. */
  dateFormat?: string;
  /** What happens to missing values and missing rows. @default {"none"} */
  fill?: Fill;
  /** What stands for a missing value, besides an empty field, NA, N/A, NaN and null; `-1` is also -1.0. @default {[]} */
  missing?: readonly string[];
}

/** Where a text comes from, and how to read it. */
export interface ParseOptions extends SeriesOptions {
  /** Where the text comes from, for messages and the series' record. @default {"series"} */
  source?: string;
  /** Called now and then with the rows read so far. */
  onProgress?: (rows: number) => void;
}

/** Most values of a series: 1.2 GB of numbers. */
export const MAX_VALUES = 50_000_000;
/** Largest number that a 32-bit float holds; https://en.wikipedia.org/wiki/Single-precision_floating-point_format */
const LARGEST_FLOAT32 = 3.4028234663852886e38;
const NUMBER = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?$/;
const MISSING = new Set(["", "na", "n/a", "nan", "null"]);
/** Characters handed to the row cutter at once. */
const SLICE = 1 << 18;
/** Rows between two calls of `onProgress`. */
const PROGRESS_ROWS = 100_000;

/** Positions of a few of many things, for messages. */
class Positions {
  readonly #first: number[] = [];
  count = 0;

  add(line: number): void {
    if (this.count++ < 5) this.#first.push(line);
  }

  /** `line 4` or `lines 4, 7, 9, 12, 15, ...` */
  toString(): string {
    const more = this.count > this.#first.length ? ", ..." : "";
    return `line${this.count === 1 ? "" : "s"} ${
      this.#first.join(", ")
    }${more}`;
  }
}

/** Makes a series of rows that come one by one. */
class SeriesBuilder {
  readonly #options: ParseOptions;
  readonly #source: string;
  readonly #missing: Set<string>;
  readonly #missingNumbers: Set<number>;
  readonly #dateReader: DateReader;
  readonly #rows: CsvRows;
  readonly #times = new Growing();
  readonly #values = new Growing();
  readonly #dates = new Growing();
  readonly #lines = new Growing();
  readonly #gaps = new Positions();
  #columns: Columns | undefined;
  /** Whether a date was read: the next ones must be like it. */
  #hasDate = false;
  #lastLine = 0;

  constructor(options: ParseOptions) {
    const { delimiter = ",", dateFormat, fill = "none", missing = [] } =
      options;
    this.#options = options;
    this.#source = oneLine(options.source ?? "series");
    if (delimiter.length !== 1 || /["\r\n]/.test(delimiter)) {
      throw new UsageError(
        `Cannot use --delimiter ${
          quoteText(delimiter)
        }: expected one character other than a quote or a line end`,
      );
    }
    if (fill !== "none" && fill !== "linear" && fill !== "previous") {
      throw new UsageError(
        `Cannot use --fill ${
          oneLine(String(fill))
        }: expected one of none, linear, previous`,
      );
    }
    try {
      this.#dateReader = new DateReader(dateFormat);
    } catch (cause) {
      if (!(cause instanceof RangeError)) throw cause;
      throw new UsageError(
        `Cannot use --date-format: ${cause.message}`,
        { cause },
      );
    }
    this.#missing = new Set(missing.map((text) => text.trim().toLowerCase()));
    this.#missingNumbers = new Set(
      [...this.#missing].filter((text) => NUMBER.test(text)).map(Number),
    );
    this.#rows = new CsvRows(
      { source: this.#source, delimiter },
      (fields, line) => this.#add(fields, line),
    );
  }

  /** Takes the next piece of text. */
  push(text: string): void {
    for (let at = 0; at < text.length; at += SLICE) {
      this.#rows.push(text.slice(at, at + SLICE));
    }
  }

  #add(fields: string[], line: number): void {
    const first = this.#columns === undefined;
    const columns = this.#columns ??= findColumns(fields, this.#options);
    if (first && (this.#options.header ?? true)) {
      this.#refuseDataAsHeader(fields, line);
      return;
    }
    if (fields.length !== columns.names.length) {
      throw this.#error(
        line,
        `${fields.length} fields, expected ${columns.names.length} (${
          columns.names.map(quoteText).join(", ").slice(0, 120)
        })`,
      );
    }
    if (this.#values.length >= MAX_VALUES) {
      throw this.#error(
        line,
        `more than ${MAX_VALUES.toLocaleString("en")} values, expected fewer`,
      );
    }
    if (
      fields.length === 1 && this.#lines.length > 0 &&
      this.#lastLine + 1 !== line
    ) {
      throw this.#error(
        this.#lastLine + 1,
        "empty, expected a value (write NA where it is missing)",
      );
    }
    this.#lastLine = line;
    this.#lines.push(line);
    this.#times.push(this.#time(columns, fields, line));
    this.#values.push(this.#value(columns, fields, line));
    if (columns.dates.length > 0) {
      this.#dates.push(this.#date(columns, fields, line));
    }
    if (this.#values.length % PROGRESS_ROWS === 0) {
      this.#options.onProgress?.(this.#values.length);
    }
  }

  #time(columns: Columns, fields: string[], line: number): number {
    if (columns.time < 0) return this.#values.length;
    const text = fields[columns.time]!.trim();
    const time = NUMBER.test(text) ? Number(text) : NaN;
    if (!Number.isFinite(time)) {
      throw this.#error(
        line,
        `column ${quoteText(columns.names[columns.time]!)}: ${
          quoteText(text)
        } is not a number, expected a time step (a column of dates is named by --date-column ${columns.time})`,
      );
    }
    return time;
  }

  #value(columns: Columns, fields: string[], line: number): number {
    const text = fields[columns.value]!.trim();
    if (NUMBER.test(text)) {
      const value = Number(text);
      if (!this.#missingNumbers.has(value)) {
        if (Math.abs(value) <= LARGEST_FLOAT32) return value;
        throw this.#error(
          line,
          `column ${quoteText(columns.names[columns.value]!)}: ${
            quoteText(text)
          } is too large, expected a number that a 32-bit float can hold (up to 3.4e38)`,
        );
      }
    } else {
      const word = text.toLowerCase();
      if (!MISSING.has(word) && !this.#missing.has(word)) {
        throw this.#error(
          line,
          `column ${quoteText(columns.names[columns.value]!)}: ${
            quoteText(text)
          } is not a number, expected one such as 96.7`,
        );
      }
    }
    this.#gaps.add(line);
    return NaN;
  }

  #date(columns: Columns, fields: string[], line: number): number {
    const text = columns.dates.map((i) => fields[i]!.trim()).join("-");
    const date = this.#dateReader.read(text);
    if (Number.isNaN(date)) {
      const names = columns.dates.map((i) => quoteText(columns.names[i]!));
      throw this.#error(
        line,
        `column ${names.join(", ")}: ${quoteText(text)} is not a date${
          this.#hasDate ? " like those before it" : ""
        }, expected ${this.#dateReader.expected}${
          this.#hasDate ? "" : " (or --date-format, or --date-column none)"
        }`,
      );
    }
    this.#hasDate = true;
    return date;
  }

  /** A file without header read as one with would lose its first value in silence. */
  #refuseDataAsHeader(fields: string[], line: number): void {
    const { time, value, dates } = this.#columns!;
    const numbers = (time < 0 ? [value] : [time, value]).map((i) =>
      fields[i]!.trim()
    );
    const date = dates.map((i) => fields[i]!.trim()).join("-");
    const reader = new DateReader(this.#options.dateFormat);
    if (
      numbers.every((text) => NUMBER.test(text)) &&
      (dates.length === 0 || NUMBER.test(date) ||
        !Number.isNaN(reader.read(date)))
    ) {
      throw new UsageError(
        `Cannot read ${this.#source}: line ${line} looks like data (${
          numbers.map(quoteText).join(", ")
        }), expected the columns' names; use --no-header`,
      );
    }
  }

  /** Checks and fills the whole. */
  finish(): Series {
    this.#rows.end();
    const columns = this.#columns;
    if (columns === undefined) {
      throw new DataError(
        `Cannot read ${this.#source}: it is empty, expected CSV with a value in each row`,
      );
    }
    const { fill = "none" } = this.#options;
    const name = columns.names[columns.value]!;
    if (this.#values.length < 2) {
      throw new DataError(
        `Cannot read ${this.#source}: it has ${
          this.#values.length === 0 ? "no row" : "1 row"
        } of data, expected at least 2`,
      );
    }
    if (fill === "none" && this.#gaps.count > 0) {
      throw new DataError(
        `Cannot read ${this.#source}: column ${quoteText(name)} has ${
          this.#gaps.count.toLocaleString("en")
        } missing value${
          this.#gaps.count === 1 ? "" : "s"
        } (${this.#gaps}), expected none; use --fill linear or --fill previous`,
      );
    }
    const lines = this.#lines.finish();
    const times = this.#times.finish();
    const dates = columns.dates.length > 0 ? this.#dates.finish() : undefined;
    const calendar = dates === undefined
      ? inferIndex(times)
      : inferCalendar(dates, this.#dateReader.precision);
    const values = this.#values.finish();
    const { rows, filled } = closeGaps(
      { times, values, dates, calendar },
      { fill, lines, source: this.#source },
    );
    this.#options.onProgress?.(rows.values.length);
    return {
      // It will be printed and drawn: no line ends, no escape sequences.
      name: oneLine(name),
      source: this.#options.source ?? "series",
      sha256: "",
      ...rows,
      filled,
    };
  }

  #error(line: number, fact: string): DataError {
    return new DataError(`Cannot read ${this.#source}: line ${line}: ${fact}`);
  }
}

/**
 * Makes a series of CSV text.
 *
 * As in the exercise, the header is skipped, column 0 is the time step and column 2 the value; column 1 is the date.
 * The dates, or without dates the time steps, must follow each other by the same step: the calendar is inferred from
 * them.
 *
 * @throws {DataError} naming source, line, column and what was expected.
 * @throws {UsageError} if the options don't fit the file.
 * @example
 * ```ts
 * import { parseSeries } from "@sunspots/sunspots";
 * const text = ",Date,Spots\n0,1749-01-31,96.7\n1,1749-02-28,104.3\n";
 * const series = parseSeries(text);
 * series.values; // [96.7, 104.3]
 * ```
 */
export function parseSeries(text: string, options: ParseOptions = {}): Series {
  const builder = new SeriesBuilder(options);
  builder.push(text.startsWith("\ufeff") ? text.slice(1) : text);
  return builder.finish();
}

/**
 * Makes a series of CSV text that arrives in pieces, as {@link parseSeries} does, in memory bounded by the numbers
 * (about 40 bytes a row while reading).
 *
 * @example
 * ```ts
 * import { parseSeriesStream } from "@sunspots/sunspots";
 * async function* chunks() {
 *   yield "t,y\n0,1.5\n1,";
 *   yield "2.5\n2,3.5\n";
 * }
 * const series = await parseSeriesStream(chunks(), { valueColumn: "y", dateColumn: null });
 * series.values; // [1.5, 2.5, 3.5]
 * ```
 *
 * @param chunks Text that may be cut anywhere.
 * @throws as {@link parseSeries}, at the first row in error.
 */
export async function parseSeriesStream(
  chunks: AsyncIterable<string>,
  options: ParseOptions = {},
): Promise<Series> {
  const builder = new SeriesBuilder(options);
  let first = true;
  for await (const text of chunks) {
    builder.push(first && text.startsWith("\ufeff") ? text.slice(1) : text);
    first = first && text === "";
  }
  return builder.finish();
}
