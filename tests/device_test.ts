import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  describe,
  describeAdapter,
  type GpuHandle,
  openDevice,
} from "../lib/engine/device.ts";
import { GpuError } from "../lib/errors.ts";
import { whyNoProcesses } from "./faults/processes.ts";

/** The adapter, or why the tests that need one can't run. */
const found = await openDevice().then(
  (handle) => {
    handle.close();
    return handle.adapter;
  },
  (error: Error) => error.message,
);
const missing = typeof found === "string";
const ignored = missing ? ` (ignored: ${found})` : "";

function gpuTest(name: string, fn: (handle: GpuHandle) => Promise<void>) {
  Deno.test({
    name: name + ignored,
    ignore: missing,
    async fn() {
      const handle = await openDevice();
      try {
        await fn(handle);
      } finally {
        handle.close();
      }
    },
  });
}

/** An adapter as far as `describeAdapter()` looks at it. */
function adapter(
  info: Partial<GPUAdapterInfo>,
  storageBuffers: number,
  features: string[],
): GPUAdapter {
  return {
    info: {
      vendor: "",
      architecture: "",
      device: "",
      description: "",
      isFallbackAdapter: false,
      ...info,
    },
    limits: { maxStorageBuffersPerShaderStage: storageBuffers },
    features: new Set(features),
  } as unknown as GPUAdapter;
}

Deno.test("describeAdapter() tells a graphics card from software", () => {
  const card = describeAdapter(adapter(
    { vendor: "4318", description: "NVIDIA H100" },
    1048576,
    ["shader-f16"],
  ));
  assertEquals([card.vendor, card.software, card.openGl], [
    "NVIDIA",
    false,
    false,
  ]);
  for (
    const description of [
      "llvmpipe (LLVM 15.0.6, 256 bits)",
      "SwiftShader Device",
    ]
  ) {
    assert(
      describeAdapter(adapter({ description }, 32, ["shader-f16"])).software,
    );
  }
});

Deno.test({
  name: "describeAdapter() sees the OpenGL fall-back on Linux",
  ignore: Deno.build.os !== "linux",
  fn() {
    const words = describeAdapter(adapter({ vendor: "65541" }, 16, []));
    assert(words.openGl);
    assertStringIncludes(describe(words), "OpenGL");
  },
});

gpuTest(
  "openDevice() passes its self-check and names the adapter",
  (handle) => {
    handle.check();
    assert(describe(handle.adapter).length > 0);
    return Promise.resolve();
  },
);

gpuTest("compile() reports the compiler's message", async (handle) => {
  await assertRejects(
    () => handle.compile("broken", "@compute fn main(] {}"),
    GpuError,
    'Cannot compile the shader "broken"',
  );
  await assertRejects(
    () =>
      handle.compile(
        "mistyped",
        "@compute @workgroup_size(1) fn main() { let x: u32 = 1.5; }",
      ),
    GpuError,
    "AbstractFloat",
  );
  handle.check();
});

gpuTest("guard() reports a buffer over the limit", async (handle) => {
  handle.device.createBuffer({ size: 2 ** 45, usage: GPUBufferUsage.STORAGE });
  await assertRejects(
    () => handle.guard(handle.device.queue.onSubmittedWorkDone()),
    GpuError,
    "GPUValidationError",
  );
  assertThrows(() => handle.check(), GpuError);
});

gpuTest("guard() reports a lost device", async (handle) => {
  const buffer = handle.device.createBuffer({
    size: 16,
    usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
  });
  handle.device.destroy();
  await assertRejects(
    () => handle.guard(buffer.mapAsync(GPUMapMode.READ)),
    GpuError,
    "lost",
  );
});

gpuTest("close() is safe to call twice, and ends the handle", (handle) => {
  handle.close();
  handle.close();
  assertThrows(() => handle.check(), GpuError, "closed");
  return Promise.resolve();
});

const limited = Deno.build.os !== "linux" || missing || !found.software ||
    whyNoProcesses() !== undefined
  ? " (ignored: needs a software adapter on Linux and --allow-run, --allow-read, --allow-write)"
  : "";

Deno.test({
  name:
    `createWebgpuEngine() names the GPU's lack of memory, with a remedy${limited}`,
  ignore: limited !== "",
  async fn() {
    const { code, stdout, stderr } = await new Deno.Command("sh", {
      args: [
        "-c",
        'ulimit -d 1500000 && exec "$@"',
        "sh",
        Deno.execPath(),
        "run",
        "--no-prompt",
        "--no-check",
        "--allow-env=DENO_WEBGPU_BACKEND,XDG_RUNTIME_DIR",
        new URL("faults/gpu_memory.ts", import.meta.url).href,
      ],
    }).output();
    const said = new TextDecoder().decode(stdout);
    assertEquals(code, 0, said + new TextDecoder().decode(stderr));
    assertMatch(
      said,
      /^filled \d+\nGpuError: Cannot go on with the GPU \(.+\): GPUOutOfMemoryError: [^\n]+; use a smaller --batch-size, or --engine wasm\n$/,
    );
  },
});
