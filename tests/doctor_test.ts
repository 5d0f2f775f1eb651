import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { describeDiagnosis } from "../lib/cli/doctor_command.ts";
import type { Diagnosis } from "../lib/doctor.ts";
import { gatherCheckpoint } from "../lib/doctor/checkpoint_facts.ts";
import { checkEngine } from "../lib/doctor/engine_check.ts";
import { type Facts, readFindings } from "../lib/doctor/findings.ts";
import {
  deviation,
  KNOWN_LOSSES,
  KNOWN_MAES,
  KNOWN_STEPS,
  knownSpec,
  knownStarts,
  knownWeights,
} from "../lib/doctor/known_steps.ts";
import { gatherSystem } from "../lib/doctor/system_facts.ts";
import type { TrainEngine } from "../lib/engine/engine.ts";
import { createWasmEngine } from "../lib/engine/wasm/engine.ts";
import { cannotRun, withFolder } from "./program.ts";
import { twinGradient, twinState, twinUpdate } from "./twin.ts";

const wasm = (weights: Float32Array) =>
  createWasmEngine(knownSpec(), weights, { threads: 1, relaxed: false });

/** A machine on which everything is as it should be. */
function sound(): Facts {
  const engine = {
    name: "wasm, plain SIMD, 1 thread",
    adapter: "WebAssembly SIMD, 1 thread",
    works: true,
    deviation: 1e-6,
    ms_per_step: 12,
  };
  return {
    system: {
      ...gatherSystem(),
      os: "linux",
      relaxed_simd: true,
      environment: { DENO_WEBGPU_BACKEND: null },
      permissions: { "env DENO_WEBGPU_BACKEND": "granted" },
    },
    gpu: {
      works: true,
      adapter: {
        vendor: "NVIDIA",
        architecture: "",
        device: "",
        description: "NVIDIA H100",
        software: false,
        openGl: false,
      },
      limits: { maxBufferSize: 2 ** 31 },
      features: ["shader-f16"],
    },
    engines: [engine],
    auto: {
      engine: "webgpu",
      adapter: "NVIDIA H100",
      reason: "the graphics card is there",
      works: true,
      ms_per_step: 0.4,
    },
    checkpoints: [{
      path: "checkpoints/best",
      state: "verified",
      epoch: 7,
      monitor: "val_mae",
      value: 14,
    }],
    can_train: true,
  };
}

Deno.test("the known answers are the twin's", () => {
  const spec = knownSpec();
  const state = twinState(knownWeights(), spec);
  const starts = knownStarts(KNOWN_STEPS);
  for (let step = 0; step < KNOWN_STEPS; step++) {
    const batch = starts.subarray(
      step * spec.batchSize,
      (step + 1) * spec.batchSize,
    );
    const { loss, mae, gradient } = twinGradient(spec, state.weights, batch);
    assertAlmostEquals(loss, KNOWN_LOSSES[step]!, 1e-8);
    assertAlmostEquals(mae, KNOWN_MAES[step]!, 1e-8);
    twinUpdate(state, gradient, spec);
  }
});

Deno.test("deviation() is the largest relative one, and NaN where a number is", () => {
  const metrics = () => ({
    loss: Float32Array.from(KNOWN_LOSSES),
    mae: Float32Array.from(KNOWN_MAES),
  });
  assert(deviation(metrics()) < 1e-7);
  const off = metrics();
  off.mae[2]! *= 1.01;
  assertAlmostEquals(deviation(off), 0.01, 1e-6);
  const missing = metrics();
  missing.loss[1] = NaN;
  assert(Number.isNaN(deviation(missing)));
});

Deno.test("checkEngine() passes a sound engine and times it", async () => {
  const check = await checkEngine(() => wasm(knownWeights()), {
    name: "wasm",
    budgetMs: 1,
  });
  assert(check.works, check.problem);
  assert(check.deviation! < 1e-5, `${check.deviation}`);
  assert(check.ms_per_step! > 0);
});

Deno.test("checkEngine() convicts an engine whose weights are off by a thousandth", async () => {
  const weights = knownWeights().map((w) => w * 1.001);
  const check = await checkEngine(() => wasm(weights), { name: "wasm" });
  assertEquals(check.works, false);
  assertStringIncludes(check.problem!, "wrong results");
  assertEquals(check.ms_per_step, undefined);
});

Deno.test("checkEngine() reports what an engine throws, frees it, and lets itself be called off", async () => {
  let freed = 0;
  const broken = {
    adapter: "none",
    trainEpoch: () => Promise.reject(new Error("the device was lost")),
    dispose: () => freed++,
  } as unknown as TrainEngine;
  const check = await checkEngine(() => Promise.resolve(broken), {
    name: "webgpu",
  });
  assertEquals([check.works, check.problem, freed], [
    false,
    "the device was lost",
    1,
  ]);
  const signal = AbortSignal.abort(new Error("called off"));
  await assertRejects(
    () =>
      checkEngine(() => Promise.resolve(broken), { name: "webgpu", signal }),
    Error,
    "called off",
  );
});

Deno.test("readFindings() has nothing to say on a sound machine", () => {
  assertEquals(readFindings(sound()).map(({ level }) => level), ["ok"]);
});

Deno.test("readFindings() names what is wrong, with a remedy for each", () => {
  const problem = "Cannot use the GPU: no adapter found";
  const adapter = {
    vendor: "Mesa",
    architecture: "",
    device: "",
    description: "llvmpipe",
    software: true,
    openGl: false,
  };
  const gpu = { works: true, limits: {}, features: [] } as const;
  const broken = { name: "webgpu, hardware kernels", works: false, problem };
  const cases: [change: (facts: Facts) => void, words: string][] = [
    [(f) => f.gpu = { works: false, problem }, "no adapter found"],
    [(f) => f.gpu = { ...gpu, features: [], adapter }, "software"],
    [
      (f) =>
        f.gpu = { ...gpu, features: [], adapter: { ...adapter, openGl: true } },
      "OpenGL",
    ],
    [
      (f) => f.engines.push(broken),
      "webgpu, hardware kernels doesn't work",
    ],
    [(f) => f.auto = { ...f.auto, works: false, problem }, "--engine auto"],
    [(f) => f.system.relaxed_simd = false, "relaxed SIMD"],
    [
      (f) => f.system.permissions = { "env DENO_WEBGPU_BACKEND": "denied" },
      "Vulkan",
    ],
    [
      (f) =>
        f.checkpoints[0] = {
          path: "checkpoints/best",
          state: "damaged",
          problem: "weights.bin is damaged",
        },
      "weights.bin",
    ],
    [
      (f) => f.checkpoints = [{ path: "checkpoints/best", state: "absent" }],
      "no checkpoint",
    ],
  ];
  for (const [change, words] of cases) {
    const facts = sound();
    change(facts);
    const found = readFindings(facts).filter(({ level }) => level !== "ok");
    assertEquals(found.length, 1, words);
    assertStringIncludes(found[0]!.finding, words);
    assert(found[0]!.remedy !== "", words);
  }
});

Deno.test("readFindings() says so when nothing can train", () => {
  const facts = sound();
  facts.engines[0] = { name: "tfjs, processor", works: false, problem: "no" };
  facts.auto = { ...facts.auto, works: false, problem: "no" };
  facts.can_train = false;
  assertStringIncludes(
    readFindings(facts)[0]!.finding,
    "nothing on this machine can train",
  );
});

Deno.test("describeDiagnosis() fits a screen and shows what matters", () => {
  const facts = sound();
  const text = describeDiagnosis(
    { ...facts, findings: readFindings(facts) } satisfies Diagnosis,
  );
  for (
    const part of [
      `Deno ${Deno.version.deno}`,
      "NVIDIA H100",
      "buffers of 2 GiB",
      "right",
      "--engine auto  webgpu",
      "about 0.4 ms a step",
      "verified, epoch 7",
    ]
  ) assertStringIncludes(text, part);
  assert(text.split("\n").length <= 30);
});

const canRead =
  Deno.permissions.querySync({ name: "read" }).state === "granted";
Deno.test({
  name: `gatherCheckpoint() tells absent from damaged${
    canRead ? "" : " (ignored: needs --allow-read and --allow-write)"
  }`,
  ignore: !canRead || cannotRun !== "",
  fn: () =>
    withFolder(async (folder) => {
      const path = `${folder}/best`;
      assertEquals((await gatherCheckpoint(path)).state, "absent");
      await Deno.mkdir(path);
      await Deno.writeTextFile(`${path}/meta.json`, "{");
      const { state, problem } = await gatherCheckpoint(path);
      assertEquals(state, "damaged");
      assertStringIncludes(problem!, path);
    }),
});

Deno.test({
  name: `doctor ends well where there is no Vulkan at all${cannotRun}`,
  ignore: cannotRun !== "",
  async fn() {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "--no-prompt",
        "--allow-read=checkpoints",
        "--allow-env=DENO_WEBGPU_BACKEND,NO_COLOR,VK_DRIVER_FILES,VK_ICD_FILENAMES,XDG_RUNTIME_DIR",
        "main.ts",
        "doctor",
        "--json",
      ],
      cwd: new URL("..", import.meta.url),
      env: {
        NO_COLOR: "1",
        VK_DRIVER_FILES: "/nonexistent",
        VK_ICD_FILENAMES: "/nonexistent",
      },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).output();
    const text = new TextDecoder();
    assertEquals(code, 0, text.decode(stderr));
    const diagnosis = JSON.parse(text.decode(stdout)) as Diagnosis;
    assertEquals(diagnosis.can_train, true);
    assertEquals(diagnosis.auto.works, true);
    if (Deno.build.os === "linux") {
      assertEquals(diagnosis.gpu.works, false);
      assertEquals(diagnosis.auto.engine, "wasm");
      assertEquals(
        diagnosis.system.environment.VK_DRIVER_FILES,
        "/nonexistent",
      );
    }
  },
});
