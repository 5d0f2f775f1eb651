/**
 * The options that choose the engine, and the line that tells which it became.
 * @module
 */

import {
  type EngineChoice,
  ENGINES,
  type SelectedEngine,
  type SelectOptions,
} from "../engine/select.ts";
import { UsageError } from "../errors.ts";
import type { OptionSpec, OptionValues } from "./options.ts";

/** Their specs. */
export const ENGINE_OPTIONS: readonly OptionSpec[] = [
  {
    name: "engine",
    kind: "choice",
    choices: ENGINES,
    help: "what computes",
    default: "auto",
  },
  {
    name: "threads",
    kind: "number",
    help: "threads of the WebAssembly engine, 1 to 8",
    default: "all cores",
  },
];

/** What they say. @throws {UsageError} for a number of threads out of range. */
export function givenEngine(values: OptionValues): SelectOptions {
  const engine = values.get("engine") as EngineChoice | undefined;
  const threads = values.get("threads") as number | undefined;
  if (
    threads !== undefined &&
    !(Number.isInteger(threads) && threads >= 1 && threads <= 8)
  ) {
    throw new UsageError(
      `Cannot use --threads ${threads}: expected a whole number from 1 to 8`,
    );
  }
  return {
    ...(engine !== undefined && { engine }),
    ...(threads !== undefined && { threads }),
  };
}

/** Which engine, on what, and why, in a line. */
export function tellEngine({ engine, reason }: SelectedEngine): string {
  return `Engine ${engine.name} on ${engine.adapter}: ${reason}`;
}
