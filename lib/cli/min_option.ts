/**
 * `--min`: the lowest value that the series can take.
 * @module
 */

import { BUNDLED } from "../dataset.ts";
import { UsageError } from "../errors.ts";
import type { Series } from "../series.ts";
import type { OptionSpec, OptionValues } from "./options.ts";

/** Its spec. */
export const MIN_OPTION: OptionSpec = {
  name: "min",
  kind: "text",
  value: "N|none",
  help: "lowest value that the series can take",
  default: "0 for sunspots, else none",
};

/** What it says. @throws {UsageError} if that's neither a number nor `none`. */
export function givenMin(
  values: OptionValues,
  series: Series,
): { min?: number } {
  const text = values.get("min") as string | undefined;
  if (text === undefined) {
    return series.source === BUNDLED || /sunspot/i.test(series.name)
      ? { min: 0 }
      : {};
  }
  if (text === "none") return {};
  if (!/^[+-]?\d+(\.\d+)?(e[+-]?\d+)?$/i.test(text)) {
    throw new UsageError(`Cannot use --min ${text}: expected a number or none`);
  }
  return { min: Number(text) };
}
