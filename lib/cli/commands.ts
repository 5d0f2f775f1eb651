/**
 * The commands by name: help, parsing, and the one call that runs a command line.
 * @module
 */

import { closestString } from "@std/text";
import { UsageError } from "../errors.ts";
import type { Command } from "./command.ts";
import { CONFIG_OPTION, readConfigFile } from "./config_file.ts";
import { describeOptions, parseOptions } from "./options.ts";
import type { Terminal } from "./terminal.ts";

/** Each command's module, loaded when it's asked for: TensorFlow.js and the charts take time to start. */
const COMMANDS: Record<
  string,
  { summary: string; load: () => Promise<Command> }
> = {
  fetch: {
    summary: "download the exercise's Sunspots.csv",
    load: async () => (await import("./fetch_command.ts")).fetchCommand,
  },
  train: {
    summary: "train a forecaster, keep its best weights",
    load: async () => (await import("./train_command.ts")).trainCommand,
  },
  eval: {
    summary: "load the best weights and judge them",
    load: async () => (await import("./eval_command.ts")).evalCommand,
  },
  backtest: {
    summary:
      "forecast from every origin of the validation part, beside baselines",
    load: async () => (await import("./backtest_command.ts")).backtestCommand,
  },
  forecast: {
    summary: "continue the series, with intervals",
    load: async () => (await import("./forecast_command.ts")).forecastCommand,
  },
  report: {
    summary: "everything about a checkpoint on one HTML page",
    load: async () => (await import("./report_command.ts")).reportCommand,
  },
  "ensemble merge": {
    summary: "join members that were trained apart",
    load: async () =>
      (await import("./ensemble_command.ts")).ensembleMergeCommand,
  },
  export: {
    summary: "write weights for Keras",
    load: async () => (await import("./keras_command.ts")).exportCommand,
  },
  import: {
    summary: "read weights from Keras",
    load: async () => (await import("./keras_command.ts")).importCommand,
  },
  doctor: {
    summary: "check GPU, engines and checkpoints, for a bug report",
    load: async () => (await import("./doctor_command.ts")).doctorCommand,
  },
};

const OVERVIEW =
  `sunspots: train, judge and use a Conv1D-LSTM forecaster on WebGPU or WebAssembly

Usage: sunspots COMMAND [options]      sunspots COMMAND --help

${
    Object.entries(COMMANDS).map(([name, { summary }]) =>
      `  ${name.padEnd(16)}${summary}`
    )
      .join("\n")
  }`;

/**
 * Runs one command line.
 *
 * @param args Command name and its options.
 * @throws {UsageError} if the command line is wrong; whatever the command throws.
 */
export async function runCommand(
  args: readonly string[],
  terminal: Terminal,
): Promise<void> {
  // One command has two words.
  const words = args[0] === "ensemble" && args[1] === "merge" ? 2 : 1;
  const name = args.length === 0 ? undefined : args.slice(0, words).join(" ");
  const rest = args.slice(words);
  const help = (words: readonly string[]) =>
    words.includes("--help") || words.includes("-h");
  if (name === undefined || name === "help" || name.startsWith("-")) {
    if (name !== undefined && name !== "help" && !help([name])) {
      throw new UsageError(
        `Cannot run ${name}: expected a command before the options`,
      );
    }
    terminal.out(OVERVIEW);
    if (name === undefined) {
      throw new UsageError("Cannot run nothing: expected a command");
    }
    return;
  }
  const entry = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (!entry) {
    throw new UsageError(
      `Cannot run ${name}: no such command, did you mean ${
        closestString(name, Object.keys(COMMANDS))
      }?`,
    );
  }
  const command = await entry.load();
  if (help(rest)) {
    terminal.out(
      `sunspots ${name}: ${entry.summary}\n\nOptions:\n${
        describeOptions(command.options)
      }`,
    );
    return;
  }
  const given = parseOptions(rest, command.options);
  const file = given.get(CONFIG_OPTION.name) as string | undefined;
  const configured = file === undefined
    ? new Map()
    : await readConfigFile(file, command.options);
  await command.run(new Map([...configured, ...given]), terminal);
}
