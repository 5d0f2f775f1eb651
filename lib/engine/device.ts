/**
 * Opens the GPU so that nothing fails silently: what adapter it is, whether it computes rightly,
 * and every later error as a `GpuError` at the next await. Under the WebGPU engines.
 * @module
 */

import { GpuError } from "../errors.ts";

/** Exact in float32: lane `i` gets `3 (255 - i) + 1` through workgroup memory. */
const SELF_CHECK = /* wgsl */ `
var<workgroup> shared_values: array<f32, 256>;
@group(0) @binding(0) var<storage, read_write> values: array<f32>;
@compute @workgroup_size(256)
fn main(@builtin(local_invocation_index) lane: u32) {
  shared_values[lane] = values[lane];
  workgroupBarrier();
  values[lane] = fma(shared_values[255u - lane], 3.0, 1.0);
}`;

/** PCI and Khronos vendor numbers, https://pcisig.com/membership/member-companies and vk.xml's VkVendorId. */
const VENDORS: Readonly<Record<string, string>> = {
  "4098": "AMD",
  "4203": "Apple",
  "4318": "NVIDIA",
  "5045": "ARM",
  "5140": "Microsoft",
  "6880": "Google",
  "20803": "Qualcomm",
  "32902": "Intel",
  "65541": "Mesa",
};

/** Limits worth having above core WebGPU's where the adapter offers more; none is needed. */
const RAISED = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupsPerDimension",
] as const;

/** What the adapter is, for people and for the choice of an engine. */
export interface AdapterDescription {
  /** Vendor's name where it is known, else its number. */
  vendor: string;
  /** Family of the chip, often empty. */
  architecture: string;
  /** The vendor's number of the device. */
  device: string;
  /** The driver's own words, such as `llvmpipe (LLVM 15.0.6, 256 bits)`. */
  description: string;
  /** Whether the processor does a graphics card's work. */
  software: boolean;
  /** Whether it is the OpenGL fall-back, tens of times slower than Vulkan on the same machine. */
  openGl: boolean;
}

/** Settings of {@linkcode GpuHandle.compile}. */
export interface CompileOptions {
  /** Which of the code's entry points; needed if there are several. */
  entryPoint?: string;
  /** Values of the code's `override` constants. */
  constants?: Record<string, number>;
}

/** An open device with its errors kept; several engines and a tfjs backend may share it. */
export interface GpuHandle {
  /** The device itself, as for `new WebGPUBackend(device, info)`. */
  readonly device: GPUDevice;
  /** The adapter's own record. */
  readonly info: GPUAdapterInfo;
  /** The same in words. */
  readonly adapter: AdapterDescription;
  /**
   * Throws what has gone wrong on the device since it was opened.
   * @throws {GpuError} naming the cause.
   */
  check(): void;
  /**
   * Awaits work on the device, then checks it.
   * @throws {GpuError} if the work was refused or the device failed meanwhile.
   */
  guard<T>(work: Promise<T>): Promise<T>;
  /**
   * Compiles one compute shader; `what` names it in errors.
   * @throws {GpuError} with the compiler's message.
   */
  compile(
    what: string,
    code: string,
    options?: CompileOptions,
  ): Promise<GPUComputePipeline>;
  /** Destroys the device; safe to call twice. */
  close(): void;
}

/** Sets a variable that nobody has set, where the permission for it is granted. */
function setDefault(variable: string, value: string): void {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  if (state === "granted" && !Deno.env.get(variable)) {
    Deno.env.set(variable, value);
  }
}

/** Tells Deno's WebGPU and the drivers below what they can't find out well. */
function prepareEnvironment(): void {
  if (Deno.build.os !== "linux") return;
  // Deno's WebGPU falls back to slow OpenGL in silence unless it is told to take Vulkan.
  setDefault("DENO_WEBGPU_BACKEND", "vulkan");
  // Mesa's device-select layer looks for a Wayland display; where no session has set this folder,
  // libwayland complains on stderr, and about a folder that isn't there it doesn't.
  setDefault("XDG_RUNTIME_DIR", "/nonexistent");
}

/** Puts an adapter's record in words. */
export function describeAdapter(adapter: GPUAdapter): AdapterDescription {
  const { vendor, architecture, device, description } = adapter.info;
  return {
    vendor: VENDORS[vendor] ?? vendor,
    architecture,
    device,
    description,
    software: adapter.info.isFallbackAdapter ||
      /llvmpipe|lavapipe|softpipe|swiftshader|basic render|software/i.test(
        description,
      ),
    // wgpu's GL backend stops at 16 storage buffers and has no 16-bit floats; every desktop Vulkan offers more.
    openGl: Deno.build.os === "linux" &&
      adapter.limits.maxStorageBuffersPerShaderStage <= 16 &&
      !adapter.features.has("shader-f16"),
  };
}

/** What to do about a missing adapter, in a line. */
function remedy(): string {
  return Deno.build.os === "linux"
    ? "install a Vulkan driver (for one in software on Debian: apt install mesa-vulkan-drivers libvulkan1) or use --engine wasm"
    : "update the graphics driver or use --engine wasm";
}

/** Lets the events of errors that have already happened arrive: they come a turn of the event loop later. */
function settle(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** The device's errors, kept from its first moment on. */
function watch(device: GPUDevice, name: string) {
  let failure: GpuError | undefined;
  let closed = false;
  const fail = (message: string) => {
    if (!closed) failure ??= new GpuError(message);
  };
  device.addEventListener("uncapturederror", (event) => {
    const { error } = event as GPUUncapturedErrorEvent;
    event.preventDefault();
    const remedy = error instanceof GPUOutOfMemoryError
      ? "; use a smaller --batch-size, or --engine wasm"
      : "";
    fail(
      `Cannot go on with the GPU (${name}): ${error.constructor.name}: ${error.message.trim()}${remedy}`,
    );
  });
  device.lost.then(({ reason, message }) =>
    fail(
      `Cannot go on with the GPU (${name}): the device was lost (${
        [reason, message].filter(Boolean).join(": ")
      })`,
    )
  );
  const check = () => {
    if (closed) throw new GpuError("Cannot use the GPU: it has been closed");
    if (failure) throw failure;
  };
  return {
    check,
    async guard<T>(work: Promise<T>): Promise<T> {
      let result: T;
      try {
        result = await work;
      } catch (cause) {
        await settle();
        check();
        throw new GpuError(
          `Cannot go on with the GPU (${name}): ${
            cause instanceof Error ? cause.message : cause
          }`,
          { cause },
        );
      }
      await settle();
      check();
      return result;
    },
    close(): void {
      closed = true;
      device.destroy();
    },
  };
}

/** Runs the self-check kernel and compares it with the known answer. */
async function selfCheck(handle: GpuHandle): Promise<void> {
  const { device } = handle;
  const size = 256 * 4;
  const values = device.createBuffer({
    size,
    usage: GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC |
      GPUBufferUsage.COPY_DST,
  });
  const read = device.createBuffer({
    size,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  try {
    const pipeline = await handle.compile("self-check", SELF_CHECK);
    device.queue.writeBuffer(
      values,
      0,
      Float32Array.from({ length: 256 }, (_, i) => i),
    );
    const encoder = device.createCommandEncoder();
    const pass = encoder.beginComputePass();
    pass.setPipeline(pipeline);
    pass.setBindGroup(
      0,
      device.createBindGroup({
        layout: pipeline.getBindGroupLayout(0),
        entries: [{ binding: 0, resource: { buffer: values } }],
      }),
    );
    pass.dispatchWorkgroups(1);
    pass.end();
    encoder.copyBufferToBuffer(values, 0, read, 0, size);
    device.queue.submit([encoder.finish()]);
    await handle.guard(read.mapAsync(GPUMapMode.READ));
    const result = new Float32Array(read.getMappedRange());
    const wrong = result.findIndex((v, i) => v !== 3 * (255 - i) + 1);
    if (wrong >= 0) {
      throw new GpuError(
        `Cannot trust the GPU (${
          describe(handle.adapter)
        }): the self-check gave ${result[wrong]} at ${wrong}, expected ${
          3 * (255 - wrong) + 1
        }; the adapter gives wrong results`,
      );
    }
  } finally {
    values.destroy();
    read.destroy();
  }
}

/** One line on the adapter, for logs and errors. */
export function describe(adapter: AdapterDescription): string {
  const name = [adapter.vendor, adapter.description || adapter.architecture]
    .filter(Boolean).join(" ");
  return `${name || "unnamed adapter"}${
    adapter.openGl ? ", OpenGL fall-back" : ""
  }${adapter.software ? ", software" : ""}`;
}

/**
 * Opens the best adapter's device, checked by a kernel with a known answer (milliseconds).
 *
 * @throws {GpuError} without an adapter, naming the remedy, or if it fails or computes wrongly.
 */
export async function openDevice(): Promise<GpuHandle> {
  prepareEnvironment();
  const adapter = await navigator.gpu?.requestAdapter({
    powerPreference: "high-performance",
  });
  if (!adapter) {
    throw new GpuError(`Cannot use the GPU: no adapter found, ${remedy()}`);
  }
  const words = describeAdapter(adapter);
  const requiredLimits = Object.fromEntries(
    RAISED.map((name) => [name, adapter.limits[name]]),
  );
  let device: GPUDevice;
  try {
    device = await adapter.requestDevice({ requiredLimits });
  } catch (cause) {
    throw new GpuError(
      `Cannot open the GPU (${describe(words)}): ${
        cause instanceof Error ? cause.message : cause
      }`,
      { cause },
    );
  }
  const { check, guard, close } = watch(device, describe(words));
  const handle: GpuHandle = {
    device,
    info: adapter.info,
    adapter: words,
    check,
    guard,
    close,
    async compile(what, code, options = {}) {
      device.pushErrorScope("validation");
      const module = device.createShaderModule({ label: what, code });
      const pipeline = device.createComputePipeline({
        label: what,
        layout: "auto",
        compute: { module, ...options },
      });
      const error = await device.popErrorScope();
      if (error) {
        throw new GpuError(
          `Cannot compile the shader "${what}" on ${
            describe(words)
          }: ${error.message.trim()}`,
        );
      }
      check();
      return pipeline;
    },
  };
  try {
    await selfCheck(handle);
  } catch (error) {
    handle.close();
    throw error;
  }
  return handle;
}
