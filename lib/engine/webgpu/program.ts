/**
 * A plan made real on a device: buffers, pipelines and bind groups, made once; then replayed.
 * @module
 */

import { GpuError, UnsupportedModelError } from "../../errors.ts";
import type { GpuHandle } from "../device.ts";
import {
  type BufferName,
  type Plan,
  type Stage,
  TEXTURE_WIDTH,
  type TextureName,
  type View,
} from "./plan.ts";

/** Compiled pipelines of each device by their text: layers and engines of the same shape share them. */
const pipelines = new WeakMap<
  GpuHandle,
  Map<string, Promise<GPUComputePipeline>>
>();

/** Where a stage's sizes are bound. */
const SIZES_BINDING = 9;

/** Float32s of core WebGPU's `maxUniformBufferBindingSize`. */
const UNIFORM_WEIGHTS = 16_384;

/** A stage ready to be dispatched. */
export interface Dispatch {
  pipeline: GPUComputePipeline;
  group: GPUBindGroup;
  grid: readonly [x: number, y: number];
  /** Rows of textures to bring up to date first. As records: Deno takes twice as long to read a list. */
  copies: [
    source: GPUTexelCopyBufferInfo,
    destination: GPUTexelCopyTextureInfo,
    size: { width: number; height: number },
  ][];
}

/** Compiles a stage, or finds it compiled. */
function compile(
  handle: GpuHandle,
  stage: Stage,
  uniform: boolean,
): Promise<GPUComputePipeline> {
  const { what, code, entryPoint, constants, sizes, weights } = stage;
  let declaration = "";
  if (weights) {
    // Uniform weights are declared as long as they may be, so that matrices of all sizes share a shader.
    const [space, length] = uniform
      ? ["uniform", UNIFORM_WEIGHTS / 4]
      : ["storage, read", weights.size / 4];
    declaration +=
      `@group(0) @binding(0) var<${space}> weights: array<vec4f, ${length}>;\n`;
  }
  if (sizes) {
    const members = Object.keys(sizes).map((name) => `${name}: u32`);
    declaration += `struct Sizes { ${members.join(", ")} }\n` +
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

/** The buffers of one engine, and the way to its dispatches. */
export class Program {
  readonly buffers: Record<BufferName, GPUBuffer>;
  readonly #textures = new Map<TextureName, GPUTexture>();
  readonly #sizes: GPUBuffer[] = [];
  #bytes: number;
  readonly #handle: GpuHandle;
  readonly #uniformWeights: boolean;

  /** @throws {UnsupportedModelError} if a buffer is larger than the adapter takes. */
  constructor(handle: GpuHandle, plan: Plan, uniformWeights: boolean) {
    this.#handle = handle;
    this.#uniformWeights = uniformWeights;
    const { device } = handle;
    const limit = Math.min(
      device.limits.maxStorageBufferBindingSize,
      device.limits.maxBufferSize,
    );
    const entries = Object.entries({
      ...plan.sizes,
      // The last matrix is bound as long as any.
      weights: plan.sizes.weights + (uniformWeights ? UNIFORM_WEIGHTS : 0),
    }) as [BufferName, number][];
    for (const [name, size] of entries) {
      if (4 * size > limit) {
        throw new UnsupportedModelError(
          `Cannot train on the GPU: the ${name} of a batch take ${
            4 * size
          } bytes, the adapter takes ${limit} in one buffer; a smaller batch would fit`,
        );
      }
    }
    let bytes = 0;
    this.buffers = Object.fromEntries(entries.map(([name, size]) => {
      bytes += 4 * size;
      return [
        name,
        device.createBuffer({
          label: name,
          size: 4 * size,
          usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC |
            GPUBufferUsage.COPY_DST |
            (name === "weights" ? GPUBufferUsage.UNIFORM : 0),
        }),
      ];
    })) as Record<BufferName, GPUBuffer>;
    this.#bytes = bytes;
  }

  /** Bytes of GPU memory in all buffers and textures. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The texture that shows a buffer, made on first use. */
  #texture(name: TextureName): GPUTexture {
    let texture = this.#textures.get(name);
    if (!texture) {
      const { size } = this.buffers[name];
      texture = this.#handle.device.createTexture({
        label: name,
        size: [TEXTURE_WIDTH, size / (16 * TEXTURE_WIDTH)],
        format: "rgba32float",
        usage: GPUTextureUsage.TEXTURE_BINDING | GPUTextureUsage.COPY_DST,
      });
      this.#bytes += size;
      this.#textures.set(name, texture);
    }
    return texture;
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
    const uniform = this.#uniformWeights && stage.weights !== undefined &&
      stage.weights.size <= UNIFORM_WEIGHTS;
    const most = device.limits.maxComputeWorkgroupsPerDimension;
    if (stage.grid.some((n) => n > most)) {
      throw new UnsupportedModelError(
        `Cannot train on the GPU: the ${stage.what} takes ${
          stage.grid.join(" x ")
        } workgroups, the adapter takes ${most} a side; a smaller batch would fit`,
      );
    }
    const pipeline = await compile(this.#handle, stage, uniform);
    const entry = (binding: number, { buffer, offset, size }: View) => ({
      binding,
      resource: {
        buffer: this.buffers[buffer],
        offset: 4 * offset,
        size: 4 * size,
      },
    });
    const textures = Object.entries(stage.textures ?? {});
    device.pushErrorScope("validation");
    const copies = (stage.shown ?? []).map(
      ({ buffer, offset, size }): Dispatch["copies"][number] => {
        const row = Math.floor(offset / (4 * TEXTURE_WIDTH));
        const end = Math.ceil((offset + size) / (4 * TEXTURE_WIDTH));
        const bytesPerRow = 16 * TEXTURE_WIDTH;
        return [
          {
            buffer: this.buffers[buffer],
            bytesPerRow,
            offset: row * bytesPerRow,
          },
          { texture: this.#texture(buffer), origin: { x: 0, y: row } },
          { width: TEXTURE_WIDTH, height: end - row },
        ];
      },
    );
    const group = device.createBindGroup({
      label: stage.what,
      layout: pipeline.getBindGroupLayout(0),
      entries: [
        ...stage.weights
          ? [entry(0, {
            ...stage.weights,
            ...uniform ? { size: UNIFORM_WEIGHTS } : {},
          })]
          : [],
        ...stage.sizes ? [this.#sizesEntry(stage.sizes)] : [],
        ...Object.entries(stage.bindings).map(([binding, view]) =>
          entry(Number(binding), view)
        ),
        ...textures.map(([binding, name]) => ({
          binding: Number(binding),
          resource: this.#texture(name).createView(),
        })),
      ],
    });
    const error = await device.popErrorScope();
    if (error) {
      throw new GpuError(
        `Cannot bind the buffers of the ${stage.what}: ${error.message.trim()}`,
      );
    }
    return { pipeline, group, grid: stage.grid, copies };
  }

  /** Frees the buffers. */
  dispose(): void {
    for (const buffer of Object.values(this.buffers)) buffer.destroy();
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
    for (const { pipeline, group, grid, copies } of dispatches) {
      if (copies.length > 0) {
        pass?.end();
        pass = undefined;
        for (const copy of copies) encoder.copyBufferToTexture(...copy);
      }
      pass ??= encoder.beginComputePass();
      pass.setPipeline(pipeline);
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(grid[0], grid[1]);
    }
  }
  pass?.end();
}
