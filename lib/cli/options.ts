/**
 * Command-line options: their table's shape, strict parsing and help text.
 * @module
 */

import { parseArgs } from "@std/cli";
import { closestString } from "@std/text";
import { UsageError } from "../errors.ts";

/** What an option takes. */
export type OptionKind = "flag" | "text" | "number" | "list" | "choice";

/** One option of a command. */
export interface OptionSpec {
  /** `--name`, without the dashes. */
  name: string;
  /** What it takes; a `flag` takes nothing and may be negated with `--no-`. */
  kind: OptionKind;
  /** What the value is called in the help. */
  value?: string;
  /** One phrase for the help. */
  help: string;
  /** What holds without it, for the help; commands apply it themselves. */
  default?: string;
  /** The words a `choice` takes. */
  choices?: readonly string[];
}

/** What was given, by option name; absent if it wasn't. */
export type OptionValues = Map<string, string | number | boolean | number[]>;

/**
 * Parses a command's arguments.
 *
 * @throws {UsageError} for an unknown option, with the nearest right one, or a malformed value.
 */
export function parseOptions(
  args: readonly string[],
  specs: readonly OptionSpec[],
): OptionValues {
  const names = specs.map((spec) => spec.name);
  const flags = specs.filter((spec) => spec.kind === "flag").map((spec) =>
    spec.name
  );
  const unknown = (key: string): never => {
    throw new UsageError(
      `Cannot use --${key}: no such option, did you mean --${
        closestString(key, names)
      }?`,
    );
  };
  for (const argument of args) {
    const negated = /^--no-([^=]*)/.exec(argument)?.[1];
    // parseArgs would take the negation of an option that isn't a flag.
    if (
      negated !== undefined && !names.includes(`no-${negated}`) &&
      !flags.includes(negated)
    ) {
      unknown(`no-${negated}`);
    }
  }
  const parsed = parseArgs(args, {
    boolean: flags,
    negatable: flags,
    string: names.filter((name) => !flags.includes(name)),
    collect: names,
    unknown: (argument, key) => {
      if (key === undefined) {
        throw new UsageError(
          `Cannot use ${argument}: expected only options, which begin with --`,
        );
      }
      unknown(key);
    },
  });
  if (parsed._.length > 0) {
    throw new UsageError(
      `Cannot use ${parsed._[0]}: expected only options, which begin with --`,
    );
  }
  const values: OptionValues = new Map();
  for (const spec of specs) {
    const given = parsed[spec.name] as unknown[] | boolean | undefined;
    const last = Array.isArray(given) ? given.at(-1) : given;
    // parseArgs gives every flag a value; only what stands in the arguments was given.
    if (spec.kind === "flag") {
      if (args.some((a) => new RegExp(`^--(no-)?${spec.name}(=|$)`).test(a))) {
        values.set(spec.name, readFlag(spec.name, args));
      }
    } else if (last !== undefined) {
      values.set(spec.name, readValue(spec, String(last)));
    }
  }
  return values;
}

/** The last of `--name`, `--no-name`, `--name=true` and `--name=false`. */
function readFlag(name: string, args: readonly string[]): boolean {
  const last = args.findLast((a) =>
    new RegExp(`^--(no-)?${name}(=|$)`).test(a)
  )!;
  const [head, word] = last.split("=", 2) as [string, string | undefined];
  if (word !== undefined && word !== "true" && word !== "false") {
    throw new UsageError(
      `Cannot use --${name}=${word}: expected --${name} or --no-${name}`,
    );
  }
  return head.startsWith(`--no-${name}`) ? word === "false" : word !== "false";
}

/**
 * Reads one value by its kind.
 *
 * @throws {UsageError} if it isn't of that kind.
 */
export function readValue(
  spec: OptionSpec,
  text: string,
): string | number | number[] {
  const fail = (expected: string) => {
    throw new UsageError(
      `Cannot use --${spec.name} ${text}: expected ${expected}`,
    );
  };
  if (text === "") {
    throw new UsageError(
      `Cannot use --${spec.name}: expected a value (write --${spec.name}=VALUE for one that begins with -)`,
    );
  }
  switch (spec.kind) {
    case "number":
      return readNumber(text) ?? fail("a number");
    case "list": {
      if (text === "none") return [];
      const numbers = text.split(",").map((part) => readNumber(part.trim()));
      return numbers.every((n) => n !== undefined)
        ? numbers
        : fail("numbers separated by commas, or none");
    }
    case "choice":
      return spec.choices!.includes(text)
        ? text
        : fail(`one of ${spec.choices!.join(", ")}`);
    default:
      return text;
  }
}

/** Decimal notation only: `Number()` would take an empty string and 0x1f too. */
function readNumber(text: string): number | undefined {
  return /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(text)
    ? Number(text)
    : undefined;
}

/** The options as aligned lines, at most `width` characters where words allow it. */
export function describeOptions(
  specs: readonly OptionSpec[],
  width = 100,
): string {
  const heads = specs.map(({ name, kind, value, choices }) =>
    kind === "flag" ? `--${name}` : `--${name} ${
      choices?.join("|") ?? value ??
        (kind === "text" ? "TEXT" : kind === "list" ? "N,N" : "N")
    }`
  );
  const column = Math.min(Math.max(...heads.map((head) => head.length)), 34) +
    4;
  return specs.map((spec, i) => {
    const head = `  ${heads[i]!}`;
    const text = spec.default === undefined
      ? spec.help
      : `${spec.help} [${spec.default}]`;
    const lines = wrap(text, width - column);
    const first = head.length < column
      ? head.padEnd(column)
      : `${head}\n${" ".repeat(column)}`;
    return first + lines.join(`\n${" ".repeat(column)}`);
  }).join("\n");
}

/** Breaks a text between words. */
function wrap(text: string, width: number): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const line = lines.at(-1)!;
    if (line !== "" && line.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = line === "" ? word : `${line} ${word}`;
  }
  return lines;
}
