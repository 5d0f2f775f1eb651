/**
 * What a command is: its options and what it does with them.
 * @module
 */

import type { OptionSpec, OptionValues } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/** One command of the program. */
export interface Command {
  /** What it takes. */
  options: readonly OptionSpec[];
  /**
   * Does it. Ends normally when done; throws a `UsageError` for exit code 2, the terminal's
   * abort reason for 130, anything else for 1.
   */
  run(values: OptionValues, terminal: Terminal): Promise<void>;
}
