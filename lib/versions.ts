/**
 * What a run was made with, for checkpoints and reports.
 * @module
 */

import manifest from "../deno.json" with { type: "json" };

/** Version of this program. */
export const VERSION: string = manifest.version;

/** Versions of program, runtime and TensorFlow.js. */
export function versions(): Record<string, string> {
  const tfjs = manifest.imports["@tensorflow/tfjs"];
  return {
    sunspots: VERSION,
    deno: Deno.version.deno,
    tfjs: tfjs.slice(tfjs.lastIndexOf("@") + 1),
  };
}
