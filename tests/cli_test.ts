import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  CONFIG_OPTIONS,
  givenConfig,
  mergeConfig,
} from "../lib/cli/config_options.ts";
import { configSchema, printConfig } from "../lib/cli/config_file.ts";
import { givenSeriesOptions } from "../lib/cli/data_options.ts";
import {
  describeOptions,
  type OptionSpec,
  parseOptions,
} from "../lib/cli/options.ts";
import { trainCommand } from "../lib/cli/train_command.ts";
import { DEFAULT_CONFIG } from "../lib/config.ts";
import { UsageError } from "../lib/errors.ts";
import schema from "../lib/cli/config.schema.json" with { type: "json" };

const SPECS: OptionSpec[] = [
  { name: "size", kind: "number", help: "a size" },
  { name: "units", kind: "list", help: "units" },
  { name: "name", kind: "text", help: "a name" },
  { name: "kind", kind: "choice", choices: ["a", "b"], help: "a kind" },
  { name: "drop", kind: "flag", help: "drops" },
];
const parse = (...args: string[]) =>
  Object.fromEntries(parseOptions(args, SPECS));

Deno.test("parseOptions() reads every kind, in both spellings", () => {
  assertEquals(
    parse(
      "--size",
      "1e-4",
      "--units=3,4",
      "--name=x y",
      "--kind",
      "b",
      "--drop",
    ),
    {
      size: 1e-4,
      units: [3, 4],
      name: "x y",
      kind: "b",
      drop: true,
    },
  );
  assertEquals(parse("--size=-5", "--units", "none", "--no-drop"), {
    size: -5,
    units: [],
    drop: false,
  });
  assertEquals(parse(), {});
});

Deno.test("parseOptions() takes the last of several", () => {
  assertEquals(parse("--size=1", "--size=2", "--drop", "--no-drop"), {
    size: 2,
    drop: false,
  });
});

Deno.test("parseOptions() refuses what it doesn't know or can't read", () => {
  for (
    const [args, message] of [
      [["--sise=3"], "did you mean --size?"],
      [["--size"], "expected a value"],
      [["--size=0x10"], "expected a number"],
      [["--size=Infinity"], "expected a number"],
      [["--size=1 2"], "expected a number"],
      [["--units=1,,2"], "numbers separated by commas"],
      [["--kind=c"], "expected one of a, b"],
      [["--drop=maybe"], "expected --drop or --no-drop"],
      [["--no-size=3"], "no such option"],
      [["stray"], "expected only options"],
      [["--", "stray"], "expected only options"],
      [["--__proto__=1"], "no such option"],
    ] as [string[], string][]
  ) {
    assertThrows(() => parse(...args), UsageError, message, String(args));
  }
});

Deno.test("describeOptions() keeps within the width and shows defaults", () => {
  const text = describeOptions([
    ...SPECS,
    {
      name: "long",
      kind: "text",
      help: "word ".repeat(40).trim(),
      default: "x",
    },
  ], 80);
  assert(text.split("\n").every((line) => line.length <= 80), text);
  assert(text.includes("[x]"));
});

Deno.test("every configuration field but the split has its option, with the exercise's default", () => {
  const values = parseOptions([], CONFIG_OPTIONS);
  assertEquals(mergeConfig(givenConfig(values)), { ...DEFAULT_CONFIG });
  assertEquals(CONFIG_OPTIONS.length + 1, Object.keys(DEFAULT_CONFIG).length);
});

Deno.test("mergeConfig() lets later parts win and refuses unknown fields", () => {
  assertEquals(mergeConfig({ epochs: 3 }, { epochs: 4 }).epochs, 4);
  assertThrows(() => mergeConfig({ epoch: 3 } as never), UsageError, "epoch");
  assertThrows(
    () => mergeConfig({ padding: "valid", kernelSize: 31 }),
    UsageError,
    "at most the window size",
  );
  assertThrows(
    () => mergeConfig({ lossStart: 30 }),
    UsageError,
    "output positions",
  );
});

Deno.test("givenSeriesOptions() reads columns by number, name, list and none", () => {
  const given = (...args: string[]) =>
    givenSeriesOptions(parseOptions(args, trainCommand.options));
  assertEquals(
    given(
      "--time-column=none",
      "--value-column=sales",
      "--date-column=0,1",
      "--delimiter=tab",
    ),
    {
      timeColumn: null,
      valueColumn: "sales",
      dateColumn: [0, 1],
      delimiter: "\t",
    },
  );
  assertThrows(
    () => given("--value-column=none"),
    UsageError,
    "--value-column",
  );
});

Deno.test("the committed schema is that of the options", () => {
  assertEquals(schema as unknown, configSchema(trainCommand.options));
});

Deno.test("printConfig() leaves out what a file can't set", () => {
  assertEquals(
    printConfig(
      new Map<string, string | number | boolean>([["json", true], [
        "window-size",
        9,
      ]]),
    ),
    '{\n  "windowSize": 9\n}',
  );
});
