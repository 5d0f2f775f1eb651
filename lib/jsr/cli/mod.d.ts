/** The part of `jsr:@std/cli` that this project uses. */
export interface ParseOptions {
  boolean?: readonly string[];
  string?: readonly string[];
  collect?: readonly string[];
  negatable?: readonly string[];
  alias?: Readonly<Record<string, string | readonly string[]>>;
  default?: Readonly<Record<string, unknown>>;
  stopEarly?: boolean;
  "--"?: boolean;
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}
/** Parsed options by name; `_` holds what is not an option. */
export interface Args {
  [name: string]: unknown;
  _: (string | number)[];
}
export function parseArgs(
  args: readonly string[],
  options?: ParseOptions,
): Args;
