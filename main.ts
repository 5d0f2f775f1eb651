/**
 * The program: picks the command, prints what it says, and turns its end into an exit code
 * (0 done, 1 failed, 2 wrong usage, 130 interrupted). The only file that prints or exits.
 * @module
 */

import cliProgress from "cli-progress";
import { runCommand } from "./lib/cli/commands.ts";
import type { ProgressBar, Terminal } from "./lib/cli/terminal.ts";
import { UsageError } from "./lib/errors.ts";

/** Ctrl-C and a polite kill end a run in order; a second one ends it at once. */
function interruption(): AbortSignal {
  const controller = new AbortController();
  const stop = () => {
    if (controller.signal.aborted) Deno.exit(130);
    controller.abort(new DOMException("interrupted", "AbortError"));
  };
  Deno.addSignalListener("SIGINT", stop);
  if (Deno.build.os !== "windows") Deno.addSignalListener("SIGTERM", stop);
  return controller.signal;
}

/** The bar now on the terminal: lines are printed above it. */
let shown: cliProgress.SingleBar | undefined;

function bar(total: number, unit: string): ProgressBar {
  if (!Deno.stderr.isTerminal()) return { update() {}, stop() {} };
  const single = new cliProgress.SingleBar({
    format: `{bar} {value}/{total} ${unit}{note}`,
    hideCursor: true,
    clearOnComplete: true,
    ...(Deno.noColor ? { barCompleteChar: "#", barIncompleteChar: "." } : {}),
  }, cliProgress.Presets.shades_classic);
  single.start(total, 0, { note: "" });
  shown = single;
  return {
    update: (done, note) => single.update(done, { note: note && `, ${note}` }),
    stop() {
      single.stop();
      shown = undefined;
    },
  };
}

const terminal: Terminal = {
  out: (line) => console.log(line),
  err(line) {
    if (shown) Deno.stderr.writeSync(new TextEncoder().encode("\r\x1b[K"));
    console.error(line);
  },
  bar,
  signal: interruption(),
};

/** One line on what went wrong, never a stack trace. */
function oneLine(error: unknown): string {
  const message = error instanceof Error
    ? error.message || error.name
    : String(error);
  return message.split("\n").map((line) => line.trim()).filter(Boolean).join(
    " ",
  );
}

/** What to do about a refused permission; the message of Deno's error says which. */
function hint(error: unknown): string {
  return error instanceof Deno.errors.NotCapable
    ? "; the tasks grant only what the defaults need: see Permissions in the README"
    : "";
}

try {
  await runCommand(Deno.args, terminal);
  Deno.exit(0);
} catch (error) {
  shown?.stop();
  const interrupted = terminal.signal.aborted &&
    (error === terminal.signal.reason ||
      (error as Error)?.cause === terminal.signal.reason);
  console.error(
    interrupted ? oneLine(error) : `error: ${oneLine(error)}${hint(error)}`,
  );
  Deno.exit(interrupted ? 130 : error instanceof UsageError ? 2 : 1);
}
