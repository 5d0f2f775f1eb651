/**
 * Series options from JSON that nobody vouches for, such as a checkpoint's. Beside series in the flow.
 * @module
 */

import type { Column } from "./columns.ts";
import type { SeriesOptions } from "./series.ts";

const isColumn = (value: unknown): value is Column =>
  typeof value === "number" || typeof value === "string";
const isTexts = (value: unknown) =>
  Array.isArray(value) && value.length <= 100 &&
  value.every((text) => typeof text === "string");

/** What each option may be; whether it fits the file shows when the file is read. */
const CHECKS: Record<
  keyof SeriesOptions,
  readonly [check: (value: unknown) => boolean, expected: string]
> = {
  timeColumn: [
    (value) => value === null || isColumn(value),
    "a number, a name or null",
  ],
  valueColumn: [isColumn, "a number or a name"],
  dateColumn: [
    (value) =>
      value === null || isColumn(value) ||
      (Array.isArray(value) && value.length <= 7 && value.every(isColumn)),
    "a number, a name, a list of these or null",
  ],
  delimiter: [(value) => typeof value === "string", "a character"],
  header: [(value) => typeof value === "boolean", "true or false"],
  dateFormat: [
    (value) => typeof value === "string" && value.length <= 100,
    "a date format",
  ],
  fill: [
    (value) => value === "none" || value === "linear" || value === "previous",
    "none, linear or previous",
  ],
  missing: [isTexts, "a list of texts"],
};

/**
 * Reads series options from JSON.
 *
 * @returns the known options among the object's own; others are left out.
 * @throws {TypeError} naming the first that is of a wrong kind, and what was expected.
 */
export function parseSeriesOptions(json: unknown): SeriesOptions {
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new TypeError("Cannot read series options: expected an object");
  }
  const options: Record<string, unknown> = {};
  for (const [key, [check, expected]] of Object.entries(CHECKS)) {
    if (!Object.hasOwn(json, key)) continue;
    const value = (json as Record<string, unknown>)[key];
    if (!check(value)) {
      throw new TypeError(
        `Cannot read series options: ${key} is of a wrong kind, expected ${expected}`,
      );
    }
    options[key] = value;
  }
  return options as SeriesOptions;
}
