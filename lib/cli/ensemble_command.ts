/**
 * `ensemble merge`: joins members that were trained apart, on one machine or many.
 * @module
 */

import { mergeEnsemble } from "../members.ts";
import type { Command } from "./command.ts";

/** The command. */
export const ensembleMergeCommand: Command = {
  options: [{
    name: "checkpoint",
    kind: "text",
    value: "FOLDER",
    help: "folder with member-0, member-1, …",
    default: "checkpoints/ensemble",
  }],
  async run(values, terminal) {
    const path = (values.get("checkpoint") as string | undefined) ??
      "checkpoints/ensemble";
    const names = await mergeEnsemble(path);
    terminal.out(`Ensemble of ${names.length} in ${path}: ${names.join(", ")}`);
  },
};
