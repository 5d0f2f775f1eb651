/**
 * `fetch`: downloads a series, checks it, and shows its first rows.
 * @module
 */

import { fetchDataset, TUTORIAL_URL } from "../fetch_dataset.ts";
import type { Command } from "./command.ts";
import { DATA_OPTIONS, givenSeriesOptions } from "./data_options.ts";
import type { ProgressBar } from "./terminal.ts";

/** Where names differ in more than case from the bundled sunspots.csv, as they must on macOS and Windows. */
const DEFAULT_OUTPUT = Deno.build.os === "linux"
  ? "data/Sunspots.csv"
  : "data/Sunspots-tutorial.csv";

/** The command. */
export const fetchCommand: Command = {
  options: [
    {
      name: "url",
      kind: "text",
      value: "URL",
      help: "what to download",
      default: TUTORIAL_URL,
    },
    {
      name: "sha256",
      kind: "text",
      value: "HEX",
      help: "hash that the file must have",
    },
    {
      name: "output",
      kind: "text",
      value: "FILE",
      help: "where it goes",
      default: DEFAULT_OUTPUT,
    },
    {
      name: "head",
      kind: "number",
      help: "first lines to show",
      default: "10",
    },
    {
      name: "allow-private",
      kind: "flag",
      help: "permit hosts in private networks",
    },
    {
      name: "max-megabytes",
      kind: "number",
      help: "largest file",
      default: "64",
    },
    {
      name: "timeout",
      kind: "number",
      help: "longest silence in seconds",
      default: "15",
    },
    ...DATA_OPTIONS.filter(({ name }) => name !== "data"),
    { name: "json", kind: "flag", help: "JSON on stdout" },
  ],
  async run(values, terminal) {
    let bar: ProgressBar | undefined;
    const megabytes = values.get("max-megabytes") as number | undefined;
    const timeout = values.get("timeout") as number | undefined;
    const sha256 = values.get("sha256") as string | undefined;
    try {
      const fetched = await fetchDataset(
        (values.get("url") as string | undefined) ?? TUTORIAL_URL,
        {
          ...givenSeriesOptions(values),
          output: (values.get("output") as string | undefined) ??
            DEFAULT_OUTPUT,
          head: (values.get("head") as number | undefined) ?? 10,
          allowPrivate: values.get("allow-private") === true,
          ...(megabytes !== undefined && { maxBytes: megabytes * 2 ** 20 }),
          ...(timeout !== undefined && { timeoutMs: timeout * 1000 }),
          ...(sha256 !== undefined && { sha256 }),
          signal: terminal.signal,
          onRetry: ({ attempt, reason }) =>
            terminal.err(`Try ${attempt} failed: ${reason}`),
          onProgress: ({ received, total }) => {
            bar ??= terminal.bar(total ?? 0, "bytes");
            bar.update(received, "");
          },
        },
      );
      bar?.stop();
      if (values.get("json") === true) {
        const {
          series: { name, values: { length }, sha256 },
          output,
          url,
          size,
          head,
        } = fetched;
        terminal.out(
          JSON.stringify({
            url,
            output,
            bytes: size,
            sha256,
            name,
            length,
            head,
          }),
        );
        return;
      }
      terminal.err(
        `Saved ${fetched.series.values.length} values of ${fetched.series.name} to ${fetched.output} (${fetched.size} bytes, SHA-256 ${fetched.series.sha256})`,
      );
      fetched.head.forEach((line) => terminal.out(line));
    } finally {
      bar?.stop();
    }
  },
};
