/**
 * CSV text in pieces -> rows with their line numbers, by `@std/csv`. Between dataset and series in the flow:
 * a series of any length is read in bounded memory, and a bad row can be named by its line.
 * @module
 */

import { parse } from "@std/csv";
import { DataError } from "./errors.ts";
import { quoteText } from "./quote.ts";

/** Most characters of one row: more is no row of a series, but a forgotten quote or no CSV at all. */
export const MAX_ROW_LENGTH = 1_000_000;

/** Takes a row's fields and the 1-based number of its first line. */
export type RowHandler = (fields: string[], line: number) => void;

/** What separates fields, and whose text it is. */
export interface CsvOptions {
  /** Where the text comes from, for messages. */
  source: string;
  /** One character between fields. */
  delimiter: string;
}

/**
 * Cuts text into rows as it arrives. Whole rows are handed to `parse` in blocks: twice as fast as `CsvParseStream`,
 * which awaits each row, and the lines that a row came from stay known.
 */
export class CsvRows {
  readonly #options: CsvOptions;
  readonly #onRow: RowHandler;
  /** Text that isn't parsed yet. */
  #pending = "";
  /** How much of `#pending` was searched for the end of a row. */
  #searched = 0;
  /** Whether the searched part ends inside quotes. */
  #quoted = false;
  /** Number of the first line of `#pending`. */
  #line = 1;

  /** Makes a cutter. @param onRow Is called for each row that isn't empty, in order. */
  constructor(options: CsvOptions, onRow: RowHandler) {
    this.#options = options;
    this.#onRow = onRow;
  }

  /**
   * Takes the next piece of text; it may end anywhere.
   *
   * @throws {DataError} if a row isn't CSV, naming its line.
   */
  push(text: string): void {
    this.#pending += text;
    const end = this.#lastRowEnd();
    if (end > 0) {
      const block = this.#pending.slice(0, end);
      this.#pending = this.#pending.slice(end);
      this.#searched -= end;
      this.#parse(block);
    }
    if (this.#pending.length > MAX_ROW_LENGTH) {
      // A stray quote, if there is one, is named by the parser.
      if (this.#pending.includes('"')) this.#parse(this.#pending);
      throw this.#error(
        this.#line,
        `longer than ${
          MAX_ROW_LENGTH.toLocaleString("en")
        } characters, expected the fields of one row`,
      );
    }
  }

  /**
   * Takes the end of the text: what remains is the last row.
   *
   * @throws {DataError} as {@link CsvRows.push}.
   */
  end(): void {
    const block = this.#pending;
    this.#pending = "";
    this.#searched = 0;
    if (block !== "") this.#parse(block);
  }

  /** Searches the new text for line ends outside quotes. @returns the position after the last one, or 0. */
  #lastRowEnd(): number {
    const text = this.#pending;
    let from = this.#searched;
    let end = 0;
    while (from < text.length) {
      const quote = text.indexOf('"', from);
      const to = quote < 0 ? text.length : quote;
      if (!this.#quoted) {
        const newline = text.lastIndexOf("\n", to - 1);
        if (newline >= from && newline < to) end = newline + 1;
      }
      if (quote >= 0) this.#quoted = !this.#quoted;
      from = to + 1;
    }
    this.#searched = text.length;
    return end;
  }

  /** Parses whole rows and hands them on. */
  #parse(block: string): void {
    const separator = this.#options.delimiter;
    let rows: string[][];
    try {
      rows = parse(block, { separator });
    } catch (cause) {
      throw this.#explain(block, cause);
    }
    const newlines = countNewlines(block);
    const lines = rows.length === newlines + (block.endsWith("\n") ? 0 : 1)
      ? undefined
      : rowLines(block);
    for (const [i, fields] of rows.entries()) {
      this.#onRow(fields, this.#line + (lines === undefined ? i : lines[i]!));
    }
    this.#line += newlines;
  }

  /** Finds the row that `parse` refused. */
  #explain(block: string, cause: unknown): unknown {
    if (!(cause instanceof SyntaxError)) return cause;
    const lines = block.split("\n");
    const starts = rowLines(block);
    for (const [i, start] of starts.entries()) {
      const row = lines.slice(start, starts[i + 1]).join("\n");
      try {
        parse(row, { separator: this.#options.delimiter });
      } catch (error) {
        const bare = error instanceof SyntaxError &&
          error.message.includes("bare");
        return this.#error(
          this.#line + start,
          bare
            ? `a quote inside ${
              quoteText(row)
            }, expected quotes around whole fields only`
            : `a quoted field without its end in ${
              quoteText(row)
            }, expected a closing quote before the delimiter`,
          cause,
        );
      }
    }
    return this.#error(this.#line, "not CSV, expected rows of fields", cause);
  }

  #error(line: number, fact: string, cause?: unknown): DataError {
    return new DataError(
      `Cannot read ${this.#options.source}: line ${line}: ${fact}`,
      { cause },
    );
  }
}

function countNewlines(text: string): number {
  let count = 0;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) {
    count++;
  }
  return count;
}

/** The 0-based lines on which the rows of a block begin: not the empty lines, not those inside quotes. */
function rowLines(block: string): number[] {
  const starts: number[] = [];
  let quoted = false;
  for (const [i, line] of block.split("\n").entries()) {
    if (!quoted && line !== "" && line !== "\r") starts.push(i);
    if (line.split('"').length % 2 === 0) quoted = !quoted;
  }
  return starts;
}
