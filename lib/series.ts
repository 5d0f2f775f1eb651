/**
 * CSV text -> `Series`: time steps, values, dates and the calendar they keep, whole and checked.
 * After dataset, before windows in the flow; `--split` is resolved here too.
 * @module
 */

import {
  addSteps,
  type Calendar,
  type Dated,
  DateReader,
  describeStep,
  formatDate,
  inferCalendar,
  inferIndex,
  stepsBetween,
} from "./calendar.ts";
import { CsvRows, quoteText } from "./csv_rows.ts";
import { DataError, UsageError } from "./errors.ts";

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

/** How missing values are filled: not at all, on the line between their neighbours, or with the last known value. */
export type Fill = "none" | "linear" | "previous";

/** A column, by its number from 0 or the name in the header. */
export type Column = number | string;

/** How a CSV file holds a series. Plain JSON, so that a checkpoint can keep it. */
export interface SeriesOptions {
  /** Column of the time steps; null: number the rows from 0, as is done if the column holds values or dates. @default {0} */
  timeColumn?: Column | null;
  /** Column of the values. @default {2} */
  valueColumn?: Column;
  /** Column of the dates, or those of year, month and so on in this order; null: none. @default {1, where there is one beside the values} */
  dateColumn?: Column | readonly Column[] | null;
  /** One character between fields. @default {","} */
  delimiter?: string;
  /** Whether the first row names the columns. @default {true} */
  header?: boolean;
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

/**
 * Reads a column as the command line spells it: `2` is a number, `none` no column, anything else a name.
 */
export function parseColumn(text: string): Column | null {
  if (text === "none") return null;
  return /^\d{1,9}$/.test(text) ? Number(text) : text;
}

/** Float64 numbers that come one by one. */
class Growing {
  #buffer = new ArrayBuffer(8 * 1_024);
  #view = new Float64Array(this.#buffer);
  length = 0;

  push(value: number): void {
    if (this.length === this.#view.length) {
      this.#buffer = this.#buffer.transfer(this.#buffer.byteLength * 2);
      this.#view = new Float64Array(this.#buffer);
    }
    this.#view[this.length++] = value;
  }

  /** Ends the growing. @returns all numbers, in a buffer of their own. */
  finish(): Float64Array<ArrayBuffer> {
    return new Float64Array(this.#buffer.transfer(this.length * 8));
  }
}

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

/** The columns of a file, found. */
interface Columns {
  names: readonly string[];
  /** -1: number the rows. */
  time: number;
  value: number;
  dates: readonly number[];
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
    this.#source = options.source ?? "series";
    if (delimiter.length !== 1 || /["\r\n]/.test(delimiter)) {
      throw new UsageError(
        `Cannot use --delimiter ${
          quoteText(delimiter)
        }: expected one character other than a quote or a line end`,
      );
    }
    if (fill !== "none" && fill !== "linear" && fill !== "previous") {
      throw new UsageError(
        `Cannot use --fill ${fill}: expected one of none, linear, previous`,
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

  /** How many rows of data were read. */
  get count(): number {
    return this.#values.length;
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
    const { time, value } = this.#columns!;
    const cells = (time < 0 ? [value] : [time, value]).map((i) => fields[i]!);
    if (cells.every((text) => NUMBER.test(text.trim()))) {
      throw new UsageError(
        `Cannot read ${this.#source}: line ${line} looks like data (${
          cells.map((text) => quoteText(text.trim())).join(", ")
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
    const raw = { times, dates, calendar, values: this.#values.finish() };
    const added = this.#checkSteps(raw, lines);
    const whole = added === 0 ? raw : insertRows(raw, added);
    const filled = this.#fillValues(whole.values, fill);
    this.#options.onProgress?.(whole.values.length);
    return {
      name,
      source: this.#source,
      sha256: "",
      ...whole,
      filled,
    };
  }

  /** Checks that each row follows the one before by one step. @returns how many rows are missing between them. */
  #checkSteps(raw: Unfilled, lines: Float64Array): number {
    const { calendar, dates, times } = raw;
    const moments = dates ?? times;
    const show = (i: number) => formatDate(calendar, moments[i]!);
    const gaps = new Positions();
    let added = 0;
    for (let i = 1; i < moments.length; i++) {
      const line = lines[i]!;
      const count = stepsBetween(calendar, [moments[i - 1]!, moments[i]!]);
      if (count === 1) {
        if (dates !== undefined && !(times[i]! >= times[i - 1]!)) {
          throw this.#error(
            line,
            `time step ${times[i]} comes after ${
              times[i - 1]
            }, expected increasing ones`,
          );
        }
        continue;
      }
      if (moments[i]! <= moments[i - 1]!) {
        const same = moments[i] === moments[i - 1];
        throw this.#error(
          line,
          same
            ? `${show(i)} is there a second time, expected each ${
              dates === undefined ? "time step" : "date"
            } once`
            : `${show(i)} comes after ${show(i - 1)}, expected increasing ${
              dates === undefined ? "time steps" : "dates"
            }`,
        );
      }
      if (!(count > 1)) {
        const next = addSteps(calendar, moments[i - 1]!, 1);
        throw this.#error(
          line,
          `${show(i)} follows ${show(i - 1)}, expected ${
            formatDate(calendar, next)
          } as the step is ${
            calendar.kind === "index" ? calendar.step : describeStep(calendar)
          }`,
        );
      }
      gaps.add(line);
      added += count - 1;
      if (added > moments.length) {
        throw this.#error(
          line,
          `${describeStep(calendar, count - 1)} missing after ${
            show(i - 1)
          }, expected no more missing rows than there are`,
        );
      }
      if ((this.#options.fill ?? "none") === "none") {
        const next = addSteps(calendar, moments[i - 1]!, 1);
        throw this.#error(
          line,
          `${show(i)} follows ${show(i - 1)}, expected ${
            formatDate(calendar, next)
          }: ${
            describeStep(calendar, count - 1)
          } missing; use --fill linear or --fill previous`,
        );
      }
    }
    return added;
  }

  /** Replaces each NaN by the rule. @returns how many there were. */
  #fillValues(values: Float64Array, fill: Fill): number {
    let filled = 0;
    for (let i = 0; i < values.length; i++) {
      if (!Number.isNaN(values[i])) continue;
      let next = i;
      while (next < values.length && Number.isNaN(values[next])) next++;
      if (i === 0 || (fill === "linear" && next === values.length)) {
        throw new DataError(
          `Cannot read ${this.#source}: the ${
            i === 0 ? "first" : "last"
          } value is missing, and --fill ${fill} needs a known one ${
            i === 0 ? "before" : "after"
          } it`,
        );
      }
      const from = values[i - 1]!;
      const rise = fill === "linear"
        ? (values[next]! - from) / (next - i + 1)
        : 0;
      filled += next - i;
      for (let k = 1; i < next; i++, k++) values[i] = from + k * rise;
    }
    return filled;
  }

  #error(line: number, fact: string): DataError {
    return new DataError(`Cannot read ${this.#source}: line ${line}: ${fact}`);
  }
}

/** A series that may lack values and rows. */
type Unfilled = Pick<Series, "times" | "values" | "dates" | "calendar">;

/** Puts a row with value NaN wherever the calendar skips one. */
function insertRows(raw: Unfilled, added: number): Unfilled {
  const moments = raw.dates ?? raw.times;
  const length = raw.values.length + added;
  const times = new Float64Array(length);
  const values = new Float64Array(length).fill(NaN);
  const dates = raw.dates && new Float64Array(length);
  for (let i = 0, to = 0; i < raw.values.length; i++, to++) {
    if (i > 0) {
      const from = moments[i - 1]!;
      const count = stepsBetween(raw.calendar, [from, moments[i]!]);
      const time = raw.times[i - 1]!;
      const rise = (raw.times[i]! - time) / count;
      for (let k = 1; k < count; k++, to++) {
        times[to] = time + k * rise;
        if (dates) dates[to] = addSteps(raw.calendar, from, k);
      }
    }
    times[to] = raw.times[i]!;
    values[to] = raw.values[i]!;
    if (dates) dates[to] = raw.dates![i]!;
  }
  return { times, values, dates, calendar: raw.calendar };
}

/** Finds the columns that the options ask for in the first row. */
function findColumns(fields: string[], options: ParseOptions): Columns {
  const { header = true, delimiter = ",", source = "series" } = options;
  const names = header
    ? fields.map((name) => name.trim())
    : fields.map((_, i) => `column ${i + 1}`);
  const find = (option: string, column: Column): number => {
    const index = typeof column === "number" ? column : names.indexOf(column);
    if (
      Number.isSafeInteger(index) && index >= 0 && index < names.length &&
      (typeof column === "number" ||
        (header && names.lastIndexOf(column) === index))
    ) return index;
    const other = [";", "\t", ",", "|"].find((d) =>
      d !== delimiter && names.length === 1 && fields[0]!.includes(d)
    );
    throw new UsageError(
      `Cannot use ${option} ${
        typeof column === "number" ? column : quoteText(column)
      }: ${source} has ${names.length} column${names.length === 1 ? "" : "s"}${
        header ? ` (${names.map(quoteText).join(", ").slice(0, 200)})` : ""
      }, expected a number from 0 to ${names.length - 1}${
        header ? " or a name that only one column has" : ""
      }${
        other === undefined ? "" : `; is it --delimiter ${quoteText(other)}?`
      }`,
    );
  };
  const { valueColumn = 2, timeColumn = 0, dateColumn } = options;
  const value = find("--value-column", valueColumn);
  const dates = dateColumn === undefined
    ? (value !== 1 && names.length > 1 ? [1] : [])
    : dateColumn === null
    ? []
    : [dateColumn].flat().map((column) =>
      find("--date-column", column as Column)
    );
  if (dates.includes(value)) {
    throw new UsageError(
      `Cannot use --date-column ${
        dates.join(",")
      }: it is the value column, expected another`,
    );
  }
  let time = timeColumn === null ? -1 : find("--time-column", timeColumn);
  if (time === value || dates.includes(time)) time = -1;
  return { names, time, value, dates };
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
 * import { parseSeries } from "./series.ts";
 * const { values } = parseSeries(",Date,Spots\n0,1749-01-31,96.7\n1,1749-02-28,104.3\n");
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

/**
 * Finds where validation begins.
 *
 * @param split An index such as `3000`, a fraction such as `0.8` or `80%`, or a date such as `1999-01-31` or `1999-01`
 * (its first moment): validation begins with the first value at or after it.
 * @returns the index of the first validation value, 1 to n - 1.
 * @throws {UsageError} if it is none of these, or leaves nothing on one side.
 */
export function resolveSplit(series: Series, split: string | number): number {
  const text = String(split).trim();
  const length = series.values.length;
  const fail = (expected: string) =>
    new UsageError(`Cannot use --split ${quoteText(text)}: ${expected}`);
  let index: number;
  if (/^\d+$/.test(text)) {
    index = Number(text);
  } else if (NUMBER.test(text) || /^\d+(\.\d*)?%$/.test(text)) {
    const fraction = text.endsWith("%")
      ? Number(text.slice(0, -1)) / 100
      : Number(text);
    if (!(fraction > 0 && fraction < 1)) {
      throw fail("expected a fraction between 0 and 1");
    }
    index = Math.floor(fraction * length);
  } else {
    const moment = new DateReader().read(text);
    if (Number.isNaN(moment)) {
      throw fail(
        "expected an index such as 3000, a fraction such as 0.8, or a date such as 1999-01-31",
      );
    }
    if (series.dates === undefined) {
      throw fail("the series has no dates, expected an index or a fraction");
    }
    const found = series.dates.findIndex((date) => date >= moment);
    index = found < 0 ? length : found;
  }
  if (index < 1 || index >= length) {
    throw fail(
      `it gives index ${index}, expected one from 1 to ${
        length - 1
      } so that values are left on both sides`,
    );
  }
  return index;
}
