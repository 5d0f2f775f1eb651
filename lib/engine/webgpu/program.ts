/**
 * A plan made real on a device: buffers, pipelines and bind groups, made once; then replayed.
 * @module
 */

import { GpuError, UnsupportedModelError } from "../../errors.ts";
import type { GpuHandle } from "../device.ts";
import {
  type BufferName,
  TEXTURE_ROW,
  TEXTURE_WIDTH,
  type TextureName,
  textureRows,
  type TextureView,
} from "./memory.ts";
import type { Plan, Stage } from "./plan.ts";

/** Compiled pipelines of each device by their text: layers and engines of the same shape share them. */
const pipelines = new WeakMap<
  GpuHandle,
  Map<string, Promise<GPUComputePipeline>>
>();

/** Where a stage's sizes are bound. */
const SIZES_BINDING = 9;

/** A stage ready to be dispatched. */
export interface Dispatch {
  pipeline: GPUComputePipeline;
  group: GPUBindGroup;
  grid: readonly [x: number, y: number];
  /** What to bring up to date first: the weights' texture, or nothing. As a record: Deno takes twice as long to read a list. */
  copy:
    | [
      source: GPUTexelCopyBufferInfo,
      destination: GPUTexelCopyTextureInfo,
      size: { width: number; height: number },
    ]
    | undefined;
}

/** Bytes in a row of a texture. */
const ROW_BYTES = 4 * TEXTURE_ROW;

/** Compiles a stage, or finds it compiled. */
function compile(
  handle: GpuHandle,
  stage: Stage,
): Promise<GPUComputePipeline> {
  const { what, code, entryPoint, constants, sizes } = stage;
  let declaration = "";
  if (sizes) {
    const members = Object.keys(sizes).map((name) => `${name}: u32`);
    declaration = `struct Sizes { ${members.join(", ")} }\n` +
      `@group(0) @binding(${SIZES_BINDING}) var<uniform> sizes: Sizes;\n`;
  }
  const key = JSON.stringify([entryPoint, constants, declaration, code]);
  let known = pipelines.get(handle);
  if (!known) pipelines.set(handle, known = new Map());
  let pipeline = known.get(key);
  if (!pipeline) {
    pipeline = handle.compile(what, declaration + code, {
      entryPoint,
      constants,
    });
    known.set(key, pipeline);
  }
  return pipeline;
}

/** The buffers and textures of one engine, and the way to its dispatches. */
export class Program {
  readonly #buffers = new Map<BufferName, GPUBuffer>();
  readonly #textures = new Map<TextureName, GPUTexture>();
  readonly #sizes: GPUBuffer[] = [];
  #bytes = 0;
  readonly #handle: GpuHandle;
  readonly #plan: Plan;

  /** @throws {UnsupportedModelError} if a buffer or texture is larger than the adapter takes. */
  constructor(handle: GpuHandle, plan: Plan) {
    this.#handle = handle;
    this.#plan = plan;
    const { device } = handle;
    const { limits } = device;
    const check = (
      name: string,
      bytes: number,
      limit: number,
      what: string,
    ) => {
      if (bytes > limit) {
        throw new UnsupportedModelError(
          `Cannot train on the GPU: the ${name} of a batch take ${bytes} bytes, the adapter takes ${limit} in one ${what}; a smaller batch would fit`,
        );
      }
    };
    const bufferLimit = Math.min(
      limits.maxStorageBufferBindingSize,
      limits.maxBufferSize,
    );
    const buffers = Object.entries(plan.memory.sizes) as [BufferName, number][];
    const textures = Object.entries(plan.memory.textures);
    for (const [name, size] of buffers) {
      check(name, 4 * size, bufferLimit, "buffer");
    }
    for (const [name, { rows }] of textures) {
      const most = limits.maxTextureDimension2D;
      check(name, rows * ROW_BYTES, most * ROW_BYTES, "texture");
    }
    for (const [name, size] of buffers) {
      this.#bytes += 4 * size;
      this.#buffers.set(
        name,
        device.createBuffer({
          label: name,
          size: 4 * size,
          usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC |
            GPUBufferUsage.COPY_DST,
        }),
      );
    }
    for (const [name, { rows, layers }] of textures) {
      this.#bytes += rows * layers * ROW_BYTES;
      this.#textures.set(
        name as TextureName,
        device.createTexture({
          label: name,
          size: [TEXTURE_WIDTH, rows, layers],
          format: "rgba32float",
          usage: GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.COPY_SRC |
            GPUTextureUsage.COPY_DST,
        }),
      );
    }
  }

  /** A buffer that the plan gave a size. */
  buffer(name: BufferName): GPUBuffer {
    return this.#buffers.get(name)!;
  }

  /** Bytes of GPU memory in all buffers and textures. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Float32s that {@linkcode copyOutput} copies. */
  get outputSize(): number {
    const { output, memory: { textures } } = this.#plan;
    return textures.activations
      ? textureRows(output.size) * TEXTURE_ROW
      : output.size;
  }

  /** Records a copy of the network's output to a buffer, `at` float32s from its start. */
  copyOutput(encoder: GPUCommandEncoder, buffer: GPUBuffer, at: number): void {
    const { offset, size, layer } = this.#plan.output;
    const texture = this.#textures.get("activations");
    if (texture) {
      encoder.copyTextureToBuffer(
        { texture, origin: { x: 0, y: 0, z: layer } },
        { buffer, offset: 4 * at, bytesPerRow: ROW_BYTES },
        { width: TEXTURE_WIDTH, height: textureRows(size) },
      );
    } else {
      encoder.copyBufferToBuffer(
        this.buffer("activations"),
        4 * offset,
        buffer,
        4 * at,
        4 * size,
      );
    }
  }

  #view({ texture, layer }: TextureView): GPUTextureView {
    return this.#textures.get(texture)!.createView(
      layer === "all" ? { dimension: "2d-array" } : {
        dimension: "2d",
        baseArrayLayer: layer,
        arrayLayerCount: 1,
      },
    );
  }

  /** The copy that shows the weights as they are. */
  #showWeights(): Dispatch["copy"] {
    return [
      { buffer: this.buffer("weights"), bytesPerRow: ROW_BYTES },
      { texture: this.#textures.get("weights")! },
      {
        width: TEXTURE_WIDTH,
        height: this.#plan.memory.textures.weights!.rows,
      },
    ];
  }

  /** A small uniform buffer with a stage's sizes. */
  #sizesEntry(sizes: Record<string, number>): GPUBindGroupEntry {
    const data = Uint32Array.from(Object.values(sizes));
    const buffer = this.#handle.device.createBuffer({
      label: "sizes",
      size: data.byteLength,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    this.#handle.device.queue.writeBuffer(buffer, 0, data);
    this.#bytes += buffer.size;
    this.#sizes.push(buffer);
    return { binding: SIZES_BINDING, resource: { buffer } };
  }

  /** Makes a stage's dispatch. @throws {GpuError} if it doesn't compile. */
  async prepare(stage: Stage): Promise<Dispatch> {
    const { device } = this.#handle;
    const most = device.limits.maxComputeWorkgroupsPerDimension;
    if (stage.grid.some((n) => n > most)) {
      throw new UnsupportedModelError(
        `Cannot train on the GPU: the ${stage.what} takes ${
          stage.grid.join(" x ")
        } workgroups, the adapter takes ${most} a side; a smaller batch would fit`,
      );
    }
    const pipeline = await compile(this.#handle, stage);
    device.pushErrorScope("validation");
    const group = device.createBindGroup({
      label: stage.what,
      layout: pipeline.getBindGroupLayout(0),
      entries: [
        ...stage.sizes ? [this.#sizesEntry(stage.sizes)] : [],
        ...Object.entries(stage.buffers).map(([binding, view]) => ({
          binding: Number(binding),
          resource: {
            buffer: this.buffer(view.buffer),
            offset: 4 * view.offset,
            size: 4 * view.size,
          },
        })),
        ...Object.entries(stage.textures).map(([binding, view]) => ({
          binding: Number(binding),
          resource: this.#view(view),
        })),
      ],
    });
    const error = await device.popErrorScope();
    if (error) {
      throw new GpuError(
        `Cannot bind the buffers of the ${stage.what}: ${error.message.trim()}`,
      );
    }
    return {
      pipeline,
      group,
      grid: stage.grid,
      copy: stage.showsWeights ? this.#showWeights() : undefined,
    };
  }

  /** Frees the buffers. */
  dispose(): void {
    for (const buffer of this.#buffers.values()) buffer.destroy();
    for (const buffer of this.#sizes) buffer.destroy();
    for (const texture of this.#textures.values()) texture.destroy();
  }
}

/** Records dispatches, in as few passes as the copies between them allow. */
export function record(
  encoder: GPUCommandEncoder,
  dispatches: readonly Dispatch[],
  times = 1,
): void {
  let pass: GPUComputePassEncoder | undefined;
  for (let time = 0; time < times; time++) {
    for (const { pipeline, group, grid, copy } of dispatches) {
      if (copy) {
        pass?.end();
        pass = undefined;
        encoder.copyBufferToTexture(...copy);
      }
      pass ??= encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(grid[0], grid[1]);
    }
  }
  pass?.end();
}
