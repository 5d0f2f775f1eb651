/**
 * `export` and `import`: weights to and from Keras's `.weights.h5` files.
 * @module
 */

import { saveCheckpoint } from "../checkpoint.ts";
import { CheckpointError, UsageError } from "../errors.ts";
import { readKerasWeights, writeKerasWeights } from "../keras_h5.ts";
import { writeOutput } from "./output_file.ts";
import { lockRun } from "../run_lock.ts";
import {
  chooseCheckpoint,
  DEFAULT_CHECKPOINT,
  SHIPPED_CHECKPOINT,
} from "./checkpoint_options.ts";
import type { Command } from "./command.ts";
import type { OptionSpec, OptionValues } from "./options.ts";

const FORMAT: OptionSpec = {
  name: "format",
  kind: "choice",
  choices: ["keras"],
  help: "Keras 3's .weights.h5",
  default: "keras",
};

const DEFAULT_FILE = "checkpoints/sunspots.weights.h5";

const fileOption = (help: string): OptionSpec => ({
  name: "file",
  kind: "text",
  value: "FILE",
  help,
  default: DEFAULT_FILE,
});

function givenFile(values: OptionValues): string {
  const file = (values.get("file") as string | undefined) ?? DEFAULT_FILE;
  if (!file.endsWith(".weights.h5")) {
    throw new UsageError(
      `Cannot use --file ${file}: Keras takes only names that end in .weights.h5`,
    );
  }
  return file;
}

/** `export`. */
export const exportCommand: Command = {
  options: [
    {
      name: "checkpoint",
      kind: "text",
      value: "FOLDER",
      help: "weights to export",
      default: `${DEFAULT_CHECKPOINT}, else ${SHIPPED_CHECKPOINT}`,
    },
    FORMAT,
    fileOption("where they go"),
  ],
  async run(values, terminal) {
    const file = givenFile(values);
    const { path, checkpoints } = await chooseCheckpoint(
      values.get("checkpoint") as string | undefined,
    );
    const { meta, weights, warning } = checkpoints[0]!;
    if (warning) terminal.err(warning);
    await writeOutput(file, await writeKerasWeights(meta.config, weights));
    terminal.out(
      `Wrote ${weights.length} weights of ${path} to ${file}; in Keras: model.load_weights("${file}")`,
    );
  },
};

/** `import`. */
export const importCommand: Command = {
  options: [
    fileOption("where they come from"),
    FORMAT,
    {
      name: "like",
      kind: "text",
      value: "FOLDER",
      help: "checkpoint whose model and series the weights are for",
      default: `${DEFAULT_CHECKPOINT}, else ${SHIPPED_CHECKPOINT}`,
    },
    {
      name: "checkpoint",
      kind: "text",
      value: "FOLDER",
      help: "where they go",
      default: "checkpoints/imported",
    },
  ],
  async run(values, terminal) {
    const file = givenFile(values);
    const path = (values.get("checkpoint") as string | undefined) ??
      "checkpoints/imported";
    const { checkpoints } = await chooseCheckpoint(
      values.get("like") as string | undefined,
    );
    const { meta, model } = checkpoints[0]!;
    let bytes: Uint8Array;
    try {
      bytes = await Deno.readFile(file);
    } catch (cause) {
      throw new CheckpointError(
        `Cannot read ${file}: ${
          cause instanceof Error ? cause.message : cause
        }`,
        { cause },
      );
    }
    const weights = await readKerasWeights(meta.config, bytes);
    using _lock = await lockRun(path);
    await saveCheckpoint(path, {
      meta: {
        ...meta,
        epoch: 0,
        iterations: 0,
        metrics: {},
        best: null,
        history: [],
        engine: "keras",
        adapter: file,
        created: new Date().toISOString(),
      },
      model,
      weights,
    }, { weightsOnly: true });
    terminal.out(
      `Read ${weights.length} weights from ${file} into ${path}; next: deno task eval --checkpoint ${path}`,
    );
  },
};
