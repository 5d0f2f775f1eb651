import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStringIncludes,
} from "@std/assert";
import { loadCheckpoint } from "../lib/checkpoint.ts";
import { runCommand } from "../lib/cli/commands.ts";
import type { Terminal } from "../lib/cli/terminal.ts";
import {
  CheckpointError,
  DataError,
  DivergenceError,
  UsageError,
} from "../lib/errors.ts";
import { SMALL, withFolder } from "./program.ts";

const cannotWrite =
  (["read", "write"] as const).every((name) =>
      Deno.permissions.querySync({ name }).state === "granted"
    )
    ? ""
    : " (ignored: needs --allow-read and --allow-write)";

/** A terminal that remembers. */
class Recorder implements Terminal {
  readonly lines: string[] = [];
  readonly log: string[] = [];
  /** Bars shown and cleared. */
  readonly bars = { shown: 0, cleared: 0, updates: 0 };
  readonly controller = new AbortController();
  readonly signal = this.controller.signal;

  out(line: string): void {
    this.lines.push(line);
  }

  err(line: string): void {
    this.log.push(line);
    if (this.abortAt && line.includes(this.abortAt)) {
      this.controller.abort(new DOMException("interrupted", "AbortError"));
    }
  }

  bar() {
    this.bars.shown++;
    let stopped = false;
    return {
      update: () => void this.bars.updates++,
      stop: () => {
        if (!stopped) this.bars.cleared++;
        stopped = true;
      },
    };
  }

  /** @param abortAt Interrupts when a log line holds this text. */
  constructor(private readonly abortAt?: string) {}

  /** All results as one text. */
  get text(): string {
    return this.lines.join("\n");
  }

  /** Each result line as JSON. */
  // deno-lint-ignore no-explicit-any
  get records(): any[] {
    return this.lines.map((line) => JSON.parse(line));
  }
}

/** Runs one command to its end. */
async function run(...args: string[]): Promise<Recorder> {
  const terminal = new Recorder();
  await runCommand(args, terminal);
  assertEquals(terminal.bars.shown, terminal.bars.cleared);
  return terminal;
}

/** A test with a folder of its own. */
function test(title: string, fn: (folder: string) => Promise<void>): void {
  Deno.test({
    name: `${title}${cannotWrite}`,
    ignore: cannotWrite !== "",
    fn: () => withFolder(fn),
  });
}

const ENGINE = ["--engine=wasm", "--threads=1"];

Deno.test("runCommand() lists the commands, and refuses what is none", async () => {
  for (const args of [["help"], ["--help"], ["-h"]]) {
    assertStringIncludes((await run(...args)).text, "ensemble merge");
  }
  const usage = (message: string, ...args: string[]) =>
    assertRejects(() => run(...args), UsageError, message);
  await usage("Cannot run nothing");
  await usage("expected a command before the options", "--epochs=2");
  await usage("did you mean train?", "trian");
  await usage("no such command", "constructor");
  assertStringIncludes((await run("train", "--help")).text, "--window-size");
  assertStringIncludes(
    (await run("ensemble", "merge", "-h")).text,
    "--checkpoint",
  );
});

test("train, eval, backtest, forecast and report go from nothing to a page", async (folder) => {
  const checkpoint = `--checkpoint=${folder}/best`;
  const trained = await run(
    "train",
    ...SMALL,
    "--epochs=2",
    checkpoint,
    "--json",
    "--verbose",
  );
  const done = trained.records.at(-1);
  assertEquals(trained.records.map(({ epoch }) => epoch), [1, 2, undefined]);
  assertEquals([done.done, done.engine], [true, "wasm"]);
  assertEquals(trained.bars.shown > 0 && trained.bars.updates > 0, true);
  assert(
    trained.log.some((line) =>
      /^\d+ parameters, \d+ batches of up to \d+ windows an epoch; sunspots /
        .test(line)
    ),
  );

  const judged = await run("eval", checkpoint, ...ENGINE, "--json");
  const [evaluation] = judged.records;
  assert(Math.abs(evaluation.val_mae / done.best_val_mae - 1) < 1e-5);
  const words = await run("eval", checkpoint, ...ENGINE);
  assertStringIncludes(words.text, evaluation.val_mae.toFixed(2));
  assertStringIncludes(words.text, "persistence");

  const back = ["backtest", checkpoint, ...ENGINE, "--horizons=1,3"];
  const [summary] = (await run(...back, "--json")).records;
  assertEquals(
    Object.values(summary.horizons as Record<string, { horizon?: number }>)
      .length,
    2,
  );
  assertMatch((await run(...back, "--origins=40")).text, /persistence/);

  const ahead = ["forecast", checkpoint, ...ENGINE, "--months=5"];
  const [{ origin, forecast }] = (await run(...ahead, "--json")).records;
  assertEquals(origin, "2018-07-31");
  assertEquals(forecast.length, 5);
  assertEquals(forecast[0].date, "2018-08-31");
  assert(
    forecast.every((f: Record<string, number>) =>
      f.lower_95! <= f.lower_80! && f.upper_80! <= f.upper_95!
    ),
  );
  assertStringIncludes((await run(...ahead)).text, "2018-08");
  for (const end of ["csv", "json", "svg", "png", "html"]) {
    const output = `${folder}/f.${end}`;
    await run(...ahead, `--output=${output}`);
    const head = new TextDecoder().decode(
      (await Deno.readFile(output)).subarray(0, 20),
    );
    const begins: Record<string, string> = {
      csv: "date,mean,lower_80",
      json: "{",
      svg: "<svg",
      png: "PNG",
      html: "<!doctype",
    };
    assertStringIncludes(head.toLowerCase(), begins[end]!.toLowerCase());
  }
  await assertRejects(
    () => run(...ahead, `--output=${folder}/f.docx`),
    UsageError,
    "docx",
  );

  const page = `${folder}/report.html`;
  const report = await run(
    "report",
    checkpoint,
    ...ENGINE,
    "--horizons=1,2",
    "--months=6",
    `--output=${page}`,
  );
  assertStringIncludes(report.text, page);
  const html = await Deno.readTextFile(page);
  for (const text of [done.checkpoint, "Is it any good?", "persistence"]) {
    assertStringIncludes(html, text);
  }
});

test("train --resume goes on, says when nothing is left, and refuses other options", async (folder) => {
  const checkpoint = `--checkpoint=${folder}/best`;
  await assertRejects(
    () => run("train", "--resume", checkpoint),
    CheckpointError,
    "train without --resume first",
  );
  const first = await run("train", ...SMALL, "--epochs=1", checkpoint);
  assertStringIncludes(first.text, "next: deno task eval --checkpoint");
  const more = await run(
    "train",
    "--resume",
    "--epochs=2",
    checkpoint,
    "--json",
  );
  assertEquals(more.records.map(({ epoch }) => epoch), [2, undefined]);
  const none = await run("train", "--resume", checkpoint);
  assertMatch(none.log.join("\n"), /Nothing to do: 2 of 2 epochs are done/);
  await assertRejects(
    () => run("train", "--resume", "--batch-size=16", checkpoint),
    UsageError,
    "--batch-size was 32, is 16",
  );
});

test("train keeps what is finished when it is interrupted, and says where a loss blew up", async (folder) => {
  const checkpoint = `--checkpoint=${folder}/best`;
  const terminal = new Recorder("Epoch 1:");
  const thrown = await runCommand(
    ["train", ...SMALL, "--epochs=50", checkpoint],
    terminal,
  ).then(() => undefined, (error) => error);
  assertEquals(thrown, terminal.signal.reason);
  assertMatch(terminal.log.join("\n"), /go on with: train --resume/);
  const { meta } = await loadCheckpoint(`${folder}/best`);
  assertEquals(meta.epoch, 1);

  await assertRejects(
    () =>
      run(
        "train",
        ...SMALL,
        "--loss=mse",
        "--learning-rate=1e6",
        "--epochs=2",
        `--checkpoint=${folder}/wild`,
      ),
    DivergenceError,
    "in epoch 1, batch",
  );
});

test("train --print-config prints a file that --config takes again", async (folder) => {
  const given = await run(
    "train",
    ...SMALL,
    "--epochs=3",
    "--seed=9",
    "--print-config",
  );
  const file = `${folder}/run.json`;
  await Deno.writeTextFile(file, given.text);
  const again = await run("train", `--config=${file}`, "--print-config");
  assertEquals(JSON.parse(again.text), JSON.parse(given.text));
  const { seed, epochs, filters } = JSON.parse(given.text);
  assertEquals({ seed, epochs, filters }, { seed: 9, epochs: 3, filters: 4 });
  await Deno.writeTextFile(file, '{"batchsize": 3}');
  await assertRejects(
    () => run("train", `--config=${file}`, "--print-config"),
    UsageError,
    "batchSize",
  );
});

test("train --find-lr draws the loss by learning rate and suggests one", async (folder) => {
  const output = `${folder}/lr.svg`;
  const args = [
    "train",
    "--find-lr",
    ...SMALL,
    "--epochs=4",
    `--output=${output}`,
  ];
  const json = await run(...args, "--json");
  const points = json.records.slice(0, -1);
  assertEquals(points.length, 4);
  points.forEach(({ learning_rate }, i) =>
    assert(Math.abs(learning_rate / (1e-8 * 10 ** (i / 20)) - 1) < 1e-9)
  );
  assertEquals(json.records.at(-1).picture, output);
  assertStringIncludes(await Deno.readTextFile(output), "<svg");
  assertMatch((await run(...args)).text, /Suggested: --learning-rate \d/);
});

test("an ensemble is trained at once or apart, merged, judged and continued", async (folder) => {
  const ensemble = `--checkpoint=${folder}/ensemble`;
  const small = [...SMALL, "--epochs=1", "--seed=3"];
  await run("train", ...small, "--ensemble=2", ensemble);
  await run("train", ...small, "--ensemble-member=2", ensemble);
  const merged = await run("ensemble", "merge", ensemble);
  assertStringIncludes(`${merged.text}${merged.log}`, "3");
  const judged = await run("eval", ensemble, ...ENGINE, "--json");
  const [{ members, val_mae }] = judged.records;
  assertEquals(members.val_mae.length, 3);
  assert(val_mae <= members.mean);
  assertEquals(
    judged.log.flatMap((line) => /seed \d+/.exec(line) ?? []),
    ["seed 3", "seed 4", "seed 5"],
  );
  assertStringIncludes(
    (await run("eval", ensemble, ...ENGINE)).text,
    "Ensemble of 3: val_mae",
  );
  const ahead = await run(
    "forecast",
    ensemble,
    ...ENGINE,
    "--months=2",
    "--json",
  );
  assert(ahead.records[0].forecast[1].spread > 0);
  // The same command line with --resume trains only what is missing.
  const weights = () =>
    Deno.readFile(`${folder}/ensemble/member-1/weights.bin`);
  const before = await weights();
  await run("train", "--resume", ...small, "--ensemble=4", ensemble);
  assertEquals(await weights(), before);
  await assertRejects(
    () => run("train", "--ensemble=0", ensemble),
    UsageError,
    "whole number from 1 to 999",
  );
  await assertRejects(
    () => run("ensemble", "merge", `--checkpoint=${folder}/nowhere`),
    CheckpointError,
    "Cannot read the ensemble",
  );
});

test("export and import carry weights to Keras and back", async (folder) => {
  const best = `${folder}/best`, back = `${folder}/back`;
  const file = `--file=${folder}/w.weights.h5`;
  await run("train", ...SMALL, "--epochs=1", `--checkpoint=${best}`);
  await run("export", file, `--checkpoint=${best}`);
  await run("import", file, `--like=${best}`, `--checkpoint=${back}`);
  assertEquals(
    await Deno.readFile(`${back}/weights.bin`),
    await Deno.readFile(`${best}/weights.bin`),
  );
  await assertRejects(
    () => run("export", `--file=${folder}/w.h5`),
    UsageError,
    ".weights.h5",
  );
  await assertRejects(
    () => run("import", `--file=${folder}/none.weights.h5`),
    CheckpointError,
    "Cannot read",
  );
});

test("eval works in an empty place with the carried checkpoint, and refuses what can't be judged", async (folder) => {
  const shipped = "--checkpoint=checkpoints/pretrained";
  const { records, log } = await run("eval", shipped, ...ENGINE, "--json");
  assertEquals(records[0].checkpoint, "checkpoints/pretrained");
  assertMatch(log.join("\n"), /trained on .* \(bundled\)/);
  const short = `${folder}/short.csv`;
  const rows = Array.from({ length: 40 }, (_, i) => `${i},${i % 7}`);
  await Deno.writeTextFile(short, `t,y\n${rows.join("\n")}\n`);
  await assertRejects(
    () =>
      run(
        "eval",
        shipped,
        ...ENGINE,
        `--data=${short}`,
        "--value-column=y",
        "--date-column=none",
      ),
    DataError,
    "it has 40 values, expected at least",
  );
  await assertRejects(
    () => run("eval", `--checkpoint=${folder}/nothing`),
    CheckpointError,
    "nothing",
  );
});

test("a checkpoint's meta.json is a --config file that gives its run again", async (folder) => {
  const small = [...SMALL, "--epochs=1", "--seed=5"];
  const data = `${folder}/waves.csv`;
  const rows = Array.from(
    { length: 400 },
    (_, i) => `${i};${(50 + 40 * Math.sin(i / 9)).toFixed(3)}`,
  );
  await Deno.writeTextFile(data, `t;y\n${rows.join("\n")}\n`);
  const reading = [
    `--data=${data}`,
    "--delimiter=;",
    "--value-column=y",
    "--date-column=none",
    "--split-time=0.8",
  ];
  const first = `${folder}/first`, again = `${folder}/again`;
  await run("train", ...small, ...reading, `--checkpoint=${first}`);
  await run(
    "train",
    `--config=${first}/meta.json`,
    ...ENGINE,
    `--checkpoint=${again}`,
  );
  assertEquals(
    await Deno.readFile(`${again}/weights.bin`),
    await Deno.readFile(`${first}/weights.bin`),
  );

  // A series without a floor, and with one that was asked for.
  const ahead = ["forecast", `--checkpoint=${first}`, ...ENGINE, "--months=2"];
  const least = async (...args: string[]) => {
    const [{ forecast }] = (await run(...ahead, ...args, "--json")).records;
    return forecast[0].lower_95;
  };
  const free = await least("--min=none");
  assertEquals(await least(), free);
  assertEquals(await least("--min=1000"), 1000);
  await assertRejects(
    () => run(...ahead, "--min=low"),
    UsageError,
    "expected a number or none",
  );
  await assertRejects(
    () => run(...ahead, `--output=${folder}/nowhere/f.csv`),
    Error,
    "expected a file in a folder that is there",
  );
});

test("train --config refuses what is no configuration, and --threads what is no number of them", async (folder) => {
  const file = `${folder}/c.json`;
  const refused = async (text: string, message: string) => {
    await Deno.writeTextFile(file, text);
    await assertRejects(
      () => run("train", `--config=${file}`, "--print-config"),
      UsageError,
      message,
    );
  };
  await refused("{", "expected a JSON file of options");
  await refused("[1]", 'expected an object such as {"windowSize": 30}');
  await refused('{"nesterov": 1}', "expected true or false");
  await refused('{"windowSize": {}}', "expected a number");
  await refused('{"lstmUnits": {}}', "expected a list of numbers");
  await Deno.writeTextFile(file, '{"$schema": "s", "seed": null, "epochs": 7}');
  const { text } = await run("train", `--config=${file}`, "--print-config");
  assertEquals([JSON.parse(text).epochs, JSON.parse(text).seed], [7, 42]);
  await assertRejects(
    () => run("eval", "--threads=0"),
    UsageError,
    "expected a whole number from 1 to 8",
  );
});
