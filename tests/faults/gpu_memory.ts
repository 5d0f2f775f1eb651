/**
 * A program that fills the GPU's memory, frees some, and then wants to train a model that needs more. To be run on a
 * software adapter under a limit of memory: prints `filled N` and the error that came.
 * @module
 */

import { DEFAULT_CONFIG } from "../../lib/config.ts";
import { openDevice } from "../../lib/engine/device.ts";
import { createWebgpuEngine } from "../../lib/engine/webgpu/engine.ts";
import { initialWeights } from "../../lib/initializers.ts";

const FILL = 2 ** 25;

const handle = await openDevice();
const filled: GPUBuffer[] = [];
for (;;) {
  handle.device.pushErrorScope("out-of-memory");
  const buffer = handle.device.createBuffer({
    size: FILL,
    usage: GPUBufferUsage.STORAGE,
  });
  if (await handle.device.popErrorScope()) break;
  filled.push(buffer);
  if (filled.length * FILL > 2 ** 33) throw new Error("found no limit");
}
console.log(`filled ${filled.length}`);
filled.pop()?.destroy();
// Some 300 MB in a batch, most of it in two textures.
const spec = {
  ...DEFAULT_CONFIG,
  windowSize: 100,
  batchSize: 300,
  values: new Float32Array(1000),
};
try {
  const engine = await createWebgpuEngine(
    spec,
    initialWeights(DEFAULT_CONFIG, 1),
    { handle },
  );
  engine.dispose();
} catch (error) {
  console.log(`${(error as Error).name}: ${(error as Error).message}`);
} finally {
  handle.close();
}
