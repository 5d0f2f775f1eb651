import {
  assert,
  assertAlmostEquals,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { loadCheckpoint, type LoadedCheckpoint } from "../lib/checkpoint.ts";
import { type Config, DEFAULT_CONFIG } from "../lib/config.ts";
import { loadDataset } from "../lib/dataset.ts";
import { useCpuBackend } from "../lib/engine/backend.ts";
import { openDevice } from "../lib/engine/device.ts";
import type { TrainEngine } from "../lib/engine/engine.ts";
import { type EngineChoice, selectEngine } from "../lib/engine/select.ts";
import { createTfjsEngine } from "../lib/engine/tfjs.ts";
import { createWasmEngine } from "../lib/engine/wasm/engine.ts";
import { createWebgpuEngine } from "../lib/engine/webgpu/engine.ts";
import { CheckpointError, DivergenceError, UsageError } from "../lib/errors.ts";
import { findLearningRate, suggestLearningRate } from "../lib/find_lr.ts";
import { openForecaster } from "../lib/forecaster.ts";
import { initialWeights } from "../lib/initializers.ts";
import { loadMembers, memberPath, mergeEnsemble } from "../lib/members.ts";
import {
  loadLast,
  type RunRequest,
  type RunResult,
  runTraining,
  splitWindows,
} from "../lib/run.ts";
import { runPaths } from "../lib/run_paths.ts";
import { applyScaling, fitScaling } from "../lib/scale.ts";
import type { Series } from "../lib/series.ts";
import { meanOverWindows, train, type TrainState } from "../lib/train.ts";
import { withFolder } from "./program.ts";

const cannotWrite =
  (["read", "write"] as const).every((name) =>
      Deno.permissions.querySync({ name }).state === "granted"
    )
    ? ""
    : " (ignored: needs --allow-read and --allow-write)";

/** A test with a folder of its own. */
function test(title: string, fn: (folder: string) => Promise<void>): void {
  Deno.test({
    name: `${title}${cannotWrite}`,
    ignore: cannotWrite !== "",
    fn: () => withFolder(fn),
  });
}

/** A network that the slowest engine trains in some milliseconds, on 300 months. */
const TINY: Config = {
  ...DEFAULT_CONFIG,
  windowSize: 8,
  batchSize: 16,
  shift: 4,
  filters: 3,
  kernelSize: 3,
  lstmUnits: [4],
  denseUnits: [],
  learningRate: 1e-5,
  splitTime: 200,
  epochs: 4,
};

/** The first 300 months of the bundled series. */
async function firstMonths(): Promise<Series> {
  const series = await loadDataset("bundled");
  return {
    ...series,
    values: series.values.slice(0, 300),
    times: series.times.slice(0, 300),
  };
}

/** Trains in a folder on one thread of WebAssembly, unless told otherwise. */
async function run(
  checkpoint: string,
  given: Partial<Config>,
  more: Partial<RunRequest> = {},
): Promise<RunResult> {
  return await runTraining({
    config: { ...TINY, ...given },
    series: await firstMonths(),
    seriesOptions: {},
    checkpoint,
    engine: "wasm",
    threads: 1,
    log: () => {},
    ...more,
  });
}

/** Everything of a checkpoint on which no clock has a part. */
function lasting({ weights, slots, meta }: LoadedCheckpoint) {
  return {
    weights,
    slots,
    epoch: meta.epoch,
    iterations: meta.iterations,
    metrics: meta.metrics,
    best: meta.best,
    extra: meta.extra,
    history: meta.history.map(({ seconds: _, ...record }) => record),
  };
}

const gpu = await openDevice().then((handle) => {
  handle.close();
  return "";
}, (error: Error) => ` (ignored: ${error.message})`);

const RECIPES: Record<string, Partial<Config>> = {
  "sgd with momentum": {},
  "adam and a cosine schedule, warmed up": {
    optimizer: "adam",
    learningRate: 1e-3,
    schedule: "cosine",
    warmupEpochs: 1,
    scale: "standard",
    outputScale: 1,
  },
  "the mean of the last three epochs": { averageEpochs: 3 },
};

for (const engine of ["wasm", "tfjs", "webgpu"] as const) {
  const missing = cannotWrite || (engine === "webgpu" ? gpu : "");
  for (const [name, recipe] of Object.entries(RECIPES)) {
    Deno.test({
      name:
        `runTraining() on ${engine}: interrupted after 2 epochs and resumed is 4 epochs, bit for bit: ${name}${missing}`,
      ignore: missing !== "",
      fn: () =>
        withFolder(async (folder) => {
          const [whole, parts] = [`${folder}/whole`, `${folder}/parts`];
          await run(whole, recipe, { engine });
          const stop = new AbortController();
          const reason = new Error("enough");
          const thrown = await run(parts, recipe, {
            engine,
            signal: stop.signal,
            onEpochEnd: ({ epoch }) => {
              if (epoch === 2) stop.abort(reason);
            },
          }).then(() => undefined, (error) => error);
          assertEquals(thrown, reason);
          const resume = await loadLast(parts);
          assertEquals(resume.meta.epoch, 2);
          await run(parts, recipe, { engine, resume });
          for (const path of ["", ".last"]) {
            assertEquals(
              lasting(await loadCheckpoint(parts + path)),
              lasting(await loadCheckpoint(whole + path)),
            );
          }
        }),
    });
  }
}

for (const kernels of ["software", "hardware"] as const) {
  Deno.test({
    name:
      `train() on WebGPU, ${kernels} kernels, goes on bit for bit from the state of 2 epochs${gpu}`,
    ignore: gpu !== "",
    async fn() {
      const { values } = await firstMonths();
      const handle = await openDevice();
      const spec = { ...TINY, values: Float32Array.from(values) };
      const windows = splitWindows(TINY, values.length);
      const states: TrainState[] = [];
      const go = async (engine: TrainEngine, epochsDone: number) => {
        states.length = 0;
        await train(engine, {
          config: TINY,
          ...windows,
          epochsDone,
          onEpochEnd: (_epoch, _logs, state) => {
            states.push(state);
            return Promise.resolve();
          },
        });
        return states.at(-1)!;
      };
      const make = () =>
        createWebgpuEngine(spec, initialWeights(TINY, 1), { handle, kernels });
      try {
        const first = await make();
        const { weights, slots } = await go(first, 0);
        const half = states[1]!;
        first.dispose();
        const second = await make();
        await second.writeState(half);
        const end = await go(second, 2);
        assertEquals(end.weights, weights);
        assertEquals(end.slots, slots);
        second.dispose();
      } finally {
        handle.close();
      }
    },
  });
}

test("runTraining() without saveBestOnly keeps the last epoch, with it the best", async (folder) => {
  // A rate at which the error soon grows again.
  const recipe = { learningRate: 3e-4, epochs: 6 };
  const { history, best } = await run(`${folder}/best`, recipe);
  assertEquals(
    best?.value,
    Math.min(...history.map(({ val_mae }) => val_mae)),
  );
  const kept = await loadCheckpoint(`${folder}/best`);
  assertEquals(kept.meta.epoch, best?.epoch);
  assertEquals(kept.meta.metrics.val_mae, best?.value);
  assert(best!.epoch < 6);
  await run(`${folder}/each`, { ...recipe, saveBestOnly: false });
  const last = await loadCheckpoint(`${folder}/each`);
  assertEquals(last.meta.epoch, 6);
  assertEquals(last.weights, (await loadLast(`${folder}/each`)).weights);
});

test("runTraining() writes the history of a run that was killed before it could", async (folder) => {
  const best = `${folder}/best`;
  const { historyCsv, historyJsonl } = runPaths(best);
  await run(best, {});
  const written = [historyCsv, historyJsonl].map((path) =>
    Deno.readTextFileSync(path)
  );
  Deno.writeTextFileSync(historyCsv, "epoch\n1\n");
  Deno.removeSync(historyJsonl);
  await run(best, {}, { resume: await loadLast(best) });
  assertEquals(
    [historyCsv, historyJsonl].map((path) => Deno.readTextFileSync(path)),
    written,
  );
});

test("loadLast() finds nothing to resume where the very first save was interrupted", async (folder) => {
  const { last } = runPaths(`${folder}/best`);
  Deno.mkdirSync(`${last}.incoming`);
  Deno.writeTextFileSync(`${last}.incoming/weights.bin`, "half");
  await assertRejects(
    () => loadLast(`${folder}/best`),
    CheckpointError,
    "train without --resume first",
  );
  await run(`${folder}/best`, {});
  assertEquals((await loadLast(`${folder}/best`)).meta.epoch, TINY.epochs);
});

test("runTraining() resumes only what is the same run, and lists every difference", async (folder) => {
  const path = `${folder}/best`;
  await run(path, { epochs: 1 });
  const resume = await loadLast(path);
  const refused = (given: Partial<Config>, more: Partial<RunRequest> = {}) =>
    assertRejects(() => run(path, given, { resume, ...more }), UsageError);
  const error = await refused({ batchSize: 8, learningRate: 2e-5 }, {
    engine: "tfjs",
    series: { ...await firstMonths(), sha256: "other", source: "other.csv" },
  });
  assertEquals(
    error.message,
    "Cannot resume with other settings: --batch-size was 16, is 8; --learning-rate was 0.00001, is 0.00002; " +
      "--data was bundled, is other.csv with other content; --engine was wasm, is tfjs; " +
      "leave them out, or train anew without --resume",
  );
  // More epochs are another run where every epoch depends on how many there are.
  const cosine = `${folder}/cosine`;
  await run(cosine, { epochs: 1, schedule: "cosine" });
  await assertRejects(
    async () =>
      await run(cosine, { epochs: 2, schedule: "cosine" }, {
        resume: await loadLast(cosine),
      }),
    UsageError,
    "--epochs was 1, is 2",
  );
  await assertRejects(
    () => loadLast(`${folder}/none`),
    CheckpointError,
    "Cannot resume: there is no checkpoint",
  );
});

test("runTraining() names epoch, batch and parameter of a divergence, and what was saved stays", async (folder) => {
  const path = `${folder}/best`;
  const error = await assertRejects(
    () => run(path, { loss: "mse", learningRate: 1e6 }),
    DivergenceError,
  );
  assertMatch(
    error.message,
    /the loss became (NaN|Infinity) in epoch \d+, batch \d+ of 3; the largest gradient in batch \d+ was \S+ \((conv1d|lstm|dense)\S*\/\S+\); try a smaller --learning-rate/,
  );
  assertEquals((await loadLast(path)).meta.epoch, 0);
});

test("runTraining() tells MAE in the series' units, however it was scaled", async (folder) => {
  const series = await firstMonths();
  for (const scale of ["standard", "minmax"] as const) {
    const recipe = { scale, outputScale: 1, epochs: 1 };
    const path = `${folder}/${scale}`;
    const { history } = await run(path, recipe);
    const { forecaster, validation } = {
      forecaster: await openForecaster([await loadCheckpoint(path)], {
        engine: "wasm",
        threads: 1,
      }),
      ...splitWindows({ ...TINY, ...recipe }, 300),
    };
    let sum = 0, count = 0;
    for (const start of validation) {
      const inputs = Float32Array.from(series.values.slice(start, start + 8));
      const outputs = await forecaster.network.predict(inputs);
      outputs.forEach((output, i) => {
        sum += Math.abs(output - series.values[start + i + 1]!);
        count++;
      });
    }
    forecaster[Symbol.dispose]();
    assertEquals(count, 8 * validation.length);
    assertAlmostEquals(sum / count / history[0]!.val_mae, 1, 1e-5);
  }
});

test("runTraining() with copies of the training part trains on them, judges without, and goes on bit for bit", async (folder) => {
  const recipe = {
    augmentScales: [0.8, 1.25],
    scale: "standard",
    outputScale: 1,
  } as const;
  const steps: number[] = [];
  const whole = await run(`${folder}/whole`, recipe, {
    onStart: (_selected, count) => steps.push(count),
  });
  const { training } = splitWindows(TINY, 300);
  assertEquals(steps, [Math.ceil(3 * training.length / TINY.batchSize)]);
  const path = `${folder}/parts`;
  await run(path, { ...recipe, epochs: 2 });
  const resume = await loadLast(path);
  const parts = await run(path, recipe, { resume });
  assertEquals(
    parts.history.map(({ loss, val_mae }) => [loss, val_mae]),
    whole.history.map(({ loss, val_mae }) => [loss, val_mae]),
  );
  const plain = await run(`${folder}/plain`, { ...recipe, augmentScales: [] });
  assert(plain.history[0]!.loss !== whole.history[0]!.loss);
  assertEquals((await loadCheckpoint(path)).meta.config.augmentScales, [
    0.8,
    1.25,
  ]);
});

test("runTraining() refuses windows that don't fit, before anything is written", async (folder) => {
  const refused = (given: Partial<Config>, message: string) =>
    assertRejects(() => run(`${folder}/best`, given), UsageError, message);
  await refused({ splitTime: 300 }, "it has 300 values");
  await refused({ splitTime: 5 }, "(the training part)");
  await refused({ splitTime: 295 }, "(the validation part)");
  assertEquals([...Deno.readDirSync(folder)], []);
});

test("loadMembers() and mergeEnsemble() refuse strangers, gaps and damage", async (folder) => {
  const ensemble = `${folder}/ensemble`;
  await Deno.mkdir(ensemble);
  const refused = (
    what: () => Promise<unknown>,
    message: string,
  ) => assertRejects(what, CheckpointError, message);
  await refused(() => mergeEnsemble(ensemble), "it has no members");
  const options = { epochs: 1 };
  await run(memberPath(ensemble, 10), { ...options, seed: 1 });
  await run(memberPath(ensemble, 9), { ...options, seed: 2, epochs: 2 });
  assertEquals(await mergeEnsemble(ensemble), ["member-9", "member-10"]);
  const members = await loadMembers(ensemble);
  assertEquals(members.map(({ meta }) => meta.seed), [2, 1]);

  // Its mean is the mean of its members, whichever came last.
  const inputs = Float32Array.from({ length: 16 }, (_, i) => 10 * i);
  const settings = { engine: "wasm", threads: 1 } as const;
  using mean = await openForecaster(members, settings);
  using first = await openForecaster([members[0]!], settings);
  using second = await openForecaster([members[1]!], settings);
  const [m, a, b] = [
    await mean.network.predict(inputs),
    await first.network.predict(inputs),
    await second.network.predict(inputs),
  ];
  m.forEach((value, i) => assertAlmostEquals(value, (a[i]! + b[i]!) / 2, 1e-4));
  assertEquals(await mean.members[1]!(inputs), b);
  assertEquals(await mean.members[0]!(inputs), a);
  await assertRejects(() => openForecaster([]), RangeError, "at least one");

  await run(memberPath(ensemble, 11), { ...options, batchSize: 8 });
  await refused(
    () => mergeEnsemble(ensemble),
    "they differ in more than the seed",
  );
  const list = `${ensemble}/ensemble.json`;
  for (
    const text of [
      "{",
      "null",
      '{"format":"sunspots-ensemble","members":[]}',
      '{"format":"sunspots-ensemble","members":["../best"]}',
      '{"format":"sunspots-ensemble","members":["member-9","member-9"]}',
    ]
  ) {
    await Deno.writeTextFile(list, text);
    await refused(() => loadMembers(ensemble), "ensemble.json");
  }
  await Deno.remove(list);
  await Deno.mkdir(list);
  await refused(() => loadMembers(ensemble), "Cannot read");
  await refused(() => loadMembers(`${folder}/nothing`), "nothing");
});

Deno.test("train() judges and hands over the mean weights, and trains on from its own", async () => {
  const { values } = await firstMonths();
  const config = { ...TINY, averageEpochs: 2, epochs: 3 };
  const engine = await createWasmEngine(
    { ...config, values: Float32Array.from(values) },
    initialWeights(config, 1),
    { threads: 1 },
  );
  const states: TrainState[] = [];
  const maes: number[] = [];
  const windows = splitWindows(config, values.length);
  await train(engine, {
    config,
    ...windows,
    unit: 10,
    onEpochEnd: (_epoch, { val_mae }, state) => {
      states.push(state);
      maes.push(val_mae);
      return Promise.resolve();
    },
  });
  const [first, second, third] = states;
  assertEquals(first!.judged, first!.weights);
  assertEquals(second!.judged, second!.weights);
  third!.judged.forEach((mean, i) =>
    assertAlmostEquals(
      mean,
      (second!.weights[i]! + third!.weights[i]!) / 2,
      1e-6,
    )
  );
  assertEquals((await engine.readState()).weights, third!.weights);
  await engine.writeState({ ...third!, weights: third!.judged });
  const { mae } = await engine.evaluate(windows.validation);
  assertAlmostEquals(
    maes[2]!,
    10 * meanOverWindows(mae, {
      windows: windows.validation.length,
      batchSize: config.batchSize,
    }),
    1e-6,
  );
  engine.dispose();
});

Deno.test("meanOverWindows() weights a smaller last batch by its size", () => {
  const counts = { windows: 5, batchSize: 2 };
  assertEquals(meanOverWindows(Float32Array.of(1, 2, 10), counts), 16 / 5);
});

Deno.test("findLearningRate() follows the exercise's schedule until the loss blows up", async () => {
  const { values } = await firstMonths();
  const config = {
    ...TINY,
    loss: "mse" as const,
    learningRate: 1e-8,
    epochs: 300,
    shift: 16,
  };
  const scaling = fitScaling("standard", values.subarray(0, 200));
  const spec = {
    ...config,
    values: Float32Array.from(applyScaling(scaling, values)),
  };
  const engine = await createWasmEngine(spec, initialWeights(config, 1), {
    threads: 1,
  });
  const { training } = splitWindows(config, values.length);
  const seen: number[] = [];
  const points = await findLearningRate(engine, {
    config,
    training,
    onEpochEnd: (epoch) => seen.push(epoch),
  });
  assert(points.length > 20 && points.length < 300);
  assertEquals(seen, points.map((_, i) => i + 1));
  points.forEach(({ learning_rate }, i) =>
    assertAlmostEquals(learning_rate / (1e-8 * 10 ** (i / 20)), 1, 1e-9)
  );
  const smallest = Math.min(...points.map(({ loss }) => loss));
  assert(!(points.at(-1)!.loss < 10 * smallest));
  const at = points.find(({ loss }) => loss === smallest)!;
  assertEquals(suggestLearningRate(points), at.learning_rate / 10);
  assertEquals(
    suggestLearningRate([{ learning_rate: 1, loss: NaN }]),
    undefined,
  );
  engine.dispose();
});

Deno.test("selectEngine() takes the engine that is named, or says why not", async () => {
  const spec = { ...TINY, values: new Float32Array(20) };
  for (const engine of ["wasm", "tfjs", "auto"] as EngineChoice[]) {
    const selected = await selectEngine(spec, initialWeights(TINY, 1), {
      engine,
    });
    if (engine !== "auto") assertEquals(selected.engine.name, engine);
    assert(selected.reason.length > 5);
    selected.dispose();
  }
  const wide = { ...spec, filters: 300 };
  await assertRejects(
    () => selectEngine(wide, initialWeights(wide, 1), { engine: "wasm" }),
    Error,
    "Cannot train on the wasm engine",
  );
  const fallback = await selectEngine(wide, initialWeights(wide, 1));
  assertEquals(fallback.engine.name, "tfjs");
  assertStringIncludes(fallback.reason, "for ");
  fallback.dispose();
});

Deno.test("the tfjs engine trains this network as the WebAssembly one does", async () => {
  const { values } = await firstMonths();
  const spec = { ...TINY, values: Float32Array.from(values) };
  const weights = initialWeights(TINY, 1);
  const { training } = splitWindows(TINY, values.length);
  const engines: TrainEngine[] = [
    createTfjsEngine(spec, weights, await useCpuBackend()),
    await createWasmEngine(spec, weights, { threads: 1 }),
  ];
  const [tfjs, wasm] = await Promise.all(
    engines.map((engine) => engine.trainEpoch(training)),
  );
  tfjs!.loss.forEach((loss, i) =>
    assertAlmostEquals(wasm!.loss[i]! / loss, 1, 1e-4)
  );
  engines.forEach((engine) => engine.dispose());
});
