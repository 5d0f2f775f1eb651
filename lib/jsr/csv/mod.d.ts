/** The part of `jsr:@std/csv` that this project uses. */
export interface ParseOptions {
  separator?: string;
  comment?: string;
  trimLeadingSpace?: boolean;
  lazyQuotes?: boolean;
  fieldsPerRecord?: number;
  skipFirstRow?: false;
}
export interface StringifyOptions {
  headers?: boolean;
  separator?: string;
  columns?: readonly (string | readonly string[])[];
  bom?: boolean;
  crlf?: boolean;
}
export function parse(input: string, options?: ParseOptions): string[][];
export function stringify(
  data: readonly (Record<string, unknown> | unknown[])[],
  options?: StringifyOptions,
): string;
export class CsvParseStream implements TransformStream<string, string[]> {
  constructor(options?: ParseOptions);
  readonly readable: ReadableStream<string[]>;
  readonly writable: WritableStream<string>;
}
