/**
 * A checkpoint as a `tf.io.IOHandler`: `model.save(checkpointHandler(path, …))` writes topology,
 * weights and everything that training knows, as one atomic generation.
 * @module
 */

import { type CheckpointMeta, saveCheckpoint } from "./checkpoint.ts";
import type { Model } from "./model.ts";
import type { ModelDescription } from "./model_json.ts";

/** The half of a `tf.io.IOHandler` that saves: what `model.save()` takes. */
export type ModelSaver = Required<
  Pick<Exclude<Parameters<Model["save"]>[0], string>, "save">
>;

/** What goes beside the model. */
export interface CheckpointParts {
  /** Words and numbers for `meta.json`. */
  meta: CheckpointMeta;
  /** Optimizer vectors; without them the checkpoint holds weights only. */
  slots?: readonly Float32Array[];
}

/**
 * Saves a model to a checkpoint folder.
 *
 * @throws {CheckpointError} from `save`, as `saveCheckpoint()`.
 */
export function checkpointHandler(
  path: string,
  { meta, slots }: CheckpointParts,
): ModelSaver {
  return {
    async save({ modelTopology, weightSpecs, weightData }) {
      const model = {
        modelTopology,
        weightSpecs,
      } as unknown as ModelDescription;
      const weights = new Float32Array(weightData as ArrayBuffer);
      await saveCheckpoint(
        path,
        { meta, model, weights, ...(slots && { slots }) },
        { weightsOnly: slots === undefined },
      );
      return {
        modelArtifactsInfo: {
          dateSaved: new Date(meta.created),
          modelTopologyType: "JSON",
        },
      };
    },
  };
}
