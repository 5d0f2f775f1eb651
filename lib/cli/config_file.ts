/**
 * `--config`: options from a JSON file, by their names in camelCase; and the schema with which
 * editors complete them.
 * @module
 */

import { UsageError } from "../errors.ts";
import { closestString } from "@std/text";
import { type OptionSpec, type OptionValues, readValue } from "./options.ts";

/** The option of commands that take a file of options. */
export const CONFIG_OPTION: OptionSpec = {
  name: "config",
  kind: "text",
  value: "FILE",
  help: "JSON file of options; those on the command line override it",
};

/** Options that say how to run or print, not what to compute: no file sets them. */
const NOT_IN_FILES = [
  "config",
  "print-config",
  "json",
  "verbose",
  "resume",
  "find-lr",
  "output",
];

/** `windowSize` for `window-size`. */
function camelCase(name: string): string {
  return name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase());
}

/** The options that a file may set, by their names in it. */
function settable(specs: readonly OptionSpec[]): Map<string, OptionSpec> {
  return new Map(
    specs.filter(({ name }) => !NOT_IN_FILES.includes(name))
      .map((spec) => [camelCase(spec.name), spec]),
  );
}

/**
 * Reads a file of options, or a checkpoint's `meta.json` to do its run again.
 *
 * @throws {UsageError} if it isn't there, isn't JSON, or sets what can't be set.
 */
export async function readConfigFile(
  path: string,
  specs: readonly OptionSpec[],
): Promise<OptionValues> {
  let json: unknown;
  try {
    json = JSON.parse(await Deno.readTextFile(path));
  } catch (cause) {
    throw new UsageError(
      `Cannot read --config ${path}: ${
        cause instanceof Error ? cause.message : cause
      }, expected a JSON file of options`,
      { cause },
    );
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) {
    throw new UsageError(
      `Cannot read --config ${path}: expected an object such as {"windowSize": 30}`,
    );
  }
  const options = isCheckpoint(json)
    ? { ...json.config, ...readingOf(json) }
    : json;
  const names = settable(specs);
  const values: OptionValues = new Map();
  for (const [key, value] of Object.entries(options)) {
    if (key === "$schema" || value === null) continue;
    const spec = names.get(key);
    if (!spec) {
      throw new UsageError(
        `Cannot use "${key}" in ${path}: no such option, did you mean "${
          closestString(key, [...names.keys()])
        }"?`,
      );
    }
    values.set(spec.name, fileValue(spec, value));
  }
  return values;
}

/** A checkpoint's `meta.json`, which holds every option of its run. */
function isCheckpoint(
  json: object,
): json is { config: object; series: Record<string, unknown> } {
  return "format" in json && json.format === "sunspots-checkpoint" &&
    "config" in json &&
    "series" in json && typeof json.series === "object";
}

/** How a checkpoint's series was read, by option names; a column that isn't there is `none`. */
function readingOf(
  { series }: { series: Record<string, unknown> },
): Record<string, unknown> {
  const columns = Object.entries(series.options ?? {}).map((
    [key, value],
  ) => [key, value ?? "none"]);
  return { data: series.source, ...Object.fromEntries(columns) };
}

/** A value of the file as the command line would have given it. */
function fileValue(
  spec: OptionSpec,
  value: unknown,
): ReturnType<typeof readValue> | boolean {
  if (spec.kind === "flag") {
    if (typeof value === "boolean") return value;
    throw new UsageError(
      `Cannot use "${camelCase(spec.name)}" ${
        JSON.stringify(value)
      }: expected true or false`,
    );
  }
  if (Array.isArray(value) && value.length === 0) {
    return readValue(spec, "none");
  }
  if (!["string", "number"].includes(typeof value) && !Array.isArray(value)) {
    throw new UsageError(
      `Cannot use "${camelCase(spec.name)}" ${
        JSON.stringify(value)
      }: expected ${
        spec.kind === "list" ? "a list of numbers" : `a ${spec.kind}`
      }`,
    );
  }
  return readValue(
    spec,
    Array.isArray(value) ? value.join(",") : String(value),
  );
}

/** The JSON schema of a command's files. */
export function configSchema(specs: readonly OptionSpec[]): unknown {
  const type = (spec: OptionSpec) => {
    switch (spec.kind) {
      case "flag":
        return { type: "boolean" };
      case "number":
        return { type: "number" };
      case "list":
        return { type: "array", items: { type: "number" } };
      case "choice":
        return { enum: spec.choices };
      case "text":
        return { type: ["string", "number"] };
    }
  };
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "Options of sunspots train",
    type: "object",
    additionalProperties: false,
    properties: {
      $schema: { type: "string" },
      ...Object.fromEntries(
        Array.from(settable(specs), ([key, spec]) => [key, {
          ...type(spec),
          description: spec.default === undefined
            ? spec.help
            : `${spec.help} (default: ${spec.default})`,
        }]),
      ),
    },
  };
}

/** The options as a file that gives the same run again. */
export function printConfig(values: OptionValues): string {
  const entries = Array.from(
    values,
    ([name, value]) => [camelCase(name), value] as const,
  )
    .filter(([key]) => !NOT_IN_FILES.map(camelCase).includes(key));
  return JSON.stringify(Object.fromEntries(entries), null, 2);
}
