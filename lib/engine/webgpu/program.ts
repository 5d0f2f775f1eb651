/**
 * A plan made real on a device: buffers, pipelines and bind groups, made once; then replayed.
 * @module
 */

import { GpuError, UnsupportedModelError } from "../../errors.ts";
import type { GpuHandle } from "../device.ts";
import { ceil64 } from "./device_layout.ts";
import { type BufferName, stretches, type TextureName } from "./memory.ts";
import type { Plan } from "./plan.ts";
import type { Stage } from "./stage.ts";

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

/** Bytes in a texel. */
const TEXEL = 16;

/** The names that a shader asks for, each once: what `pattern` captures. */
function names(code: string, pattern: RegExp): string[] {
  return [...new Set(code.matchAll(pattern).map((match) => match[1]!))];
}

/** The members of `sizes` that a stage's code names. */
function sizesOf({ code }: Stage): string[] {
  return names(code, /\bsizes\.([A-Z0-9_]+)/g);
}

/** Compiles a stage, or finds it compiled. */
function compile(
  handle: GpuHandle,
  stage: Stage,
): Promise<GPUComputePipeline> {
  const { what, code, entryPoint, facts } = stage;
  const members = sizesOf(stage).map((name) => `${name}: u32`);
  const declaration = members.length === 0
    ? ""
    : `struct Sizes { ${members.join(", ")} }\n` +
      `@group(0) @binding(${SIZES_BINDING}) var<uniform> sizes: Sizes;\n`;
  const constants = Object.fromEntries(
    names(code, /^override ([A-Z0-9_]+)/gm).filter((name) => name in facts)
      .map((name) => [name, facts[name]!]),
  );
  const key = JSON.stringify([entryPoint, constants, code]);
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
    for (const [name, { width, height }] of textures) {
      const most = limits.maxTextureDimension2D;
      check(
        name,
        width * height * TEXEL,
        most * height * TEXEL,
        "texture",
      );
    }
    for (const [name, size] of buffers) {
      this.#bytes += 4 * size;
      this.#buffers.set(
        name,
        device.createBuffer({
          label: name,
          size: 4 * size,
          usage: GPUBufferUsage.STORAGE | GPUBufferUsage.UNIFORM |
            GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST,
        }),
      );
    }
    for (const [name, { width, height }] of textures) {
      this.#bytes += width * height * TEXEL;
      this.#textures.set(
        name as TextureName,
        device.createTexture({
          label: name,
          size: [width, height],
          format: "rgba32float",
          usage: GPUTextureUsage.STORAGE_BINDING | GPUTextureUsage.COPY_SRC |
            GPUTextureUsage.COPY_DST,
        }),
      );
    }
    for (const one of plan.ones) this.#setOnes(one);
  }

  /** A buffer that the plan gave a size. */
  buffer(name: BufferName): GPUBuffer {
    return this.#buffers.get(name)!;
  }

  /** Bytes of GPU memory in all buffers and textures. */
  get bytes(): number {
    return this.#bytes;
  }

  /** Sets a column of a tensor to 1; what else its vec4s hold becomes 0. */
  #setOnes({ tensor, column }: Plan["ones"][number]): void {
    const { queue } = this.#handle.device;
    const { buffer: name, offset, rows, columns } = tensor;
    const texture = this.#textures.get(name);
    if (!texture) {
      const data = new Float32Array(rows * columns);
      for (let i = column; i < data.length; i += columns) data[i] = 1;
      queue.writeBuffer(this.buffer(name), 4 * offset, data);
      return;
    }
    const data = new Float32Array(4 * texture.height);
    for (let i = column % 4; i < data.length; i += 4) data[i] = 1;
    for (const { x, height } of stretches(tensor)) {
      queue.writeTexture(
        { texture, origin: [x + Math.floor(column / 4), 0] },
        data,
        { bytesPerRow: TEXEL },
        [1, height],
      );
    }
  }

  /** Float32s from row to row of what {@linkcode copyOutput} copies. */
  get outputStride(): number {
    const { columns } = this.#plan.output;
    return this.#textures.size > 0 ? ceil64(columns) : columns;
  }

  /** Float32s that {@linkcode copyOutput} copies. */
  get outputSize(): number {
    return this.#plan.output.rows * this.outputStride;
  }

  /** Records a copy of the network's output to a buffer, `at` float32s from its start. */
  copyOutput(encoder: GPUCommandEncoder, buffer: GPUBuffer, at: number): void {
    const { output } = this.#plan;
    const texture = this.#textures.get(output.buffer);
    if (!texture) {
      const { offset, rows, columns } = output;
      encoder.copyBufferToBuffer(
        this.buffer(output.buffer),
        4 * offset,
        buffer,
        4 * at,
        4 * rows * columns,
      );
      return;
    }
    const stride = this.outputStride;
    for (const { x, first, height } of stretches(output)) {
      encoder.copyTextureToBuffer(
        { texture, origin: [x, 0] },
        { buffer, offset: 4 * (at + first * stride), bytesPerRow: 4 * stride },
        [output.columns / 4, height],
      );
    }
  }

  /** The copy that shows the weights as they are. */
  #showWeights(): Dispatch["copy"] {
    const { memory, layout } = this.#plan;
    return [
      { buffer: this.buffer("weights"), bytesPerRow: 4 * layout.stride },
      { texture: this.#textures.get("weights")! },
      memory.textures.weights!,
    ];
  }

  /** A small uniform buffer with a stage's sizes. */
  #sizesEntry(stage: Stage): GPUBindGroupEntry[] {
    const members = sizesOf(stage);
    if (members.length === 0) return [];
    const data = Uint32Array.from(members, (name) => stage.facts[name] ?? 0);
    const buffer = this.#handle.device.createBuffer({
      label: "sizes",
      size: data.byteLength,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    this.#handle.device.queue.writeBuffer(buffer, 0, data);
    this.#bytes += buffer.size;
    this.#sizes.push(buffer);
    return [{ binding: SIZES_BINDING, resource: { buffer } }];
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
        ...this.#sizesEntry(stage),
        ...Object.entries(stage.buffers).map(([binding, view]) => ({
          binding: Number(binding),
          resource: {
            buffer: this.buffer(view.buffer),
            offset: 4 * view.offset,
            size: 4 * view.size,
          },
        })),
        ...Object.entries(stage.textures).map(([binding, name]) => ({
          binding: Number(binding),
          resource: this.#textures.get(name)!.createView(),
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
