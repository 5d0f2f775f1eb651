/**
 * Which columns of a CSV file hold time steps, values and dates. Between CSV rows and series in the flow.
 * @module
 */

import { UsageError } from "./errors.ts";
import { oneLine, quoteText } from "./quote.ts";

/** A column, by its number from 0 or the name in the header. */
export type Column = number | string;

/** Which columns hold what, and how they are told apart. */
export interface ColumnOptions {
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
}

/**
 * Reads a column as the command line spells it: `2` is a number, `none` no column, anything else a name.
 */
export function parseColumn(text: string): Column | null {
  if (text === "none") return null;
  return /^\d{1,9}$/.test(text) ? Number(text) : text;
}

/** The columns of a file, found. */
export interface Columns {
  /** Their names, `column 1` and so on without a header. */
  names: readonly string[];
  /** Index of the time steps; -1: number the rows. */
  time: number;
  /** Index of the values. */
  value: number;
  /** Indices of what makes up the date. */
  dates: readonly number[];
}

/**
 * Finds the columns that the options ask for.
 *
 * @param fields The first row.
 * @throws {UsageError} naming the option and the columns that there are.
 */
export function findColumns(
  fields: readonly string[],
  options: ColumnOptions & { source?: string },
): Columns {
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
      }: ${oneLine(source)} has ${names.length} column${
        names.length === 1 ? "" : "s"
      }${
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
