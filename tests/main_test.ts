import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { cannotRun, SMALL, start, sunspots, withFolder } from "./program.ts";

/** A test that starts processes. */
function test(title: string, fn: (folder: string) => Promise<void>): void {
  Deno.test({
    name: `${title}${cannotRun}`,
    ignore: cannotRun !== "",
    fn: () => withFolder(fn),
  });
}

const lines = (text: string) => text.trim().split("\n");
const records = (out: string) => lines(out).map((line) => JSON.parse(line));

test("train keeps the best epoch, and eval finds the same val_mae in a new process", async (folder) => {
  const checkpoint = `${folder}/best`;
  const trained = await sunspots(
    folder,
    "train",
    ...SMALL,
    "--epochs=3",
    `--checkpoint=${checkpoint}`,
    "--json",
  );
  assertEquals(trained.code, 0, trained.err);
  const printed = records(trained.out);
  const epochs = printed.slice(0, -1);
  const done = printed.at(-1);
  assertEquals(epochs.map(({ epoch }) => epoch), [1, 2, 3]);
  assertEquals(Object.keys(epochs[0]), [
    "epoch",
    "loss",
    "mae",
    "val_loss",
    "val_mae",
    "improved",
    "seconds",
  ]);
  assertEquals(done.done, true);
  assertEquals(done.engine, "wasm");
  assertEquals(
    done.best_val_mae,
    Math.min(...epochs.map(({ val_mae }) => val_mae)),
  );
  assertEquals(epochs[done.best_epoch - 1].val_mae, done.best_val_mae);
  assertStringIncludes(trained.err, "Epoch 1: val_mae improved from None to");

  const evaluated = await sunspots(
    folder,
    "eval",
    `--checkpoint=${checkpoint}`,
    "--json",
  );
  assertEquals(evaluated.code, 0, evaluated.err);
  const { val_mae, val_loss, epoch, baselines, last_step } = JSON.parse(
    evaluated.out,
  );
  assertEquals(epoch, done.best_epoch);
  const best = epochs[done.best_epoch - 1];
  assert(Math.abs(val_mae / best.val_mae - 1) < 1e-5);
  assert(Math.abs(val_loss / best.val_loss - 1) < 1e-5);
  assert(baselines.persistence.val_mae > 10);
  assert(last_step.mae > 0 && last_step.rmse >= last_step.mae);

  const history = lines(await Deno.readTextFile(`${folder}/history.csv`));
  assertEquals(history[0], "epoch,loss,mae,val_loss,val_mae,improved,seconds");
  assertEquals(history.length, 4);
  assertEquals(
    records(await Deno.readTextFile(`${folder}/history.jsonl`)),
    epochs,
  );
});

test("train --resume goes on bit by bit: 2 + 2 epochs are 4 epochs", async (folder) => {
  const whole = `${folder}/whole`, parts = `${folder}/parts`;
  const run = async (...args: string[]) => {
    const end = await sunspots(folder, "train", ...args);
    assertEquals(end.code, 0, end.err);
  };
  await run(...SMALL, "--epochs=4", `--checkpoint=${whole}`);
  await run(...SMALL, "--epochs=2", `--checkpoint=${parts}`);
  await run("--resume", "--epochs=4", `--checkpoint=${parts}`);
  for (
    const file of ["weights.bin", "last/weights.bin", "last/optimizer.bin"]
  ) {
    const [of, name] = file.startsWith("last/")
      ? [".last", file.slice(5)]
      : ["", file];
    assertEquals(
      await Deno.readFile(`${parts}${of}/${name}`),
      await Deno.readFile(`${whole}${of}/${name}`),
      file,
    );
  }
  const metrics = async (path: string) =>
    records(await Deno.readTextFile(`${path}.history.jsonl`))
      .map(({ seconds: _, ...rest }) => rest);
  assertEquals(await metrics(parts), await metrics(whole));

  const differs = await sunspots(
    folder,
    "train",
    "--resume",
    "--momentum=0.5",
    "--engine=tfjs",
    "--epochs=5",
    `--checkpoint=${parts}`,
  );
  assertEquals(differs.code, 2);
  assertStringIncludes(
    differs.err,
    "--momentum was 0.9, is 0.5; --engine was wasm, is tfjs",
  );
});

test("train --no-save-weights-only keeps the optimizer beside the best weights", async (folder) => {
  for (
    const [option, kept] of [["--save-weights-only", false], [
      "--no-save-weights-only",
      true,
    ]]
  ) {
    const checkpoint = `${folder}/kept-${kept}`;
    const end = await sunspots(
      folder,
      "train",
      ...SMALL,
      "--epochs=1",
      String(option),
      `--checkpoint=${checkpoint}`,
    );
    assertEquals(end.code, 0, end.err);
    const names = [...Deno.readDirSync(checkpoint)].map(({ name }) => name);
    assertEquals(names.includes("optimizer.bin"), kept);
    assertEquals(
      (await sunspots(folder, "eval", `--checkpoint=${checkpoint}`)).code,
      0,
    );
  }
});

test("train --no-save-best-only says that the last epoch is what it saved", async (folder) => {
  const { code, out, err } = await sunspots(
    folder,
    "train",
    ...SMALL,
    "--epochs=2",
    "--no-save-best-only",
    `--checkpoint=${folder}/best`,
  );
  assertEquals(code, 0, err);
  assertMatch(
    out,
    /^Best epoch \d of 2: val_mae [\d.]+, the last epoch saved in \S+;/m,
  );
});

test("the same seed gives the same weights in two processes, another seed others", async (folder) => {
  const weights = async (name: string, seed: number) => {
    const checkpoint = `${folder}/${name}`;
    const end = await sunspots(
      folder,
      "train",
      ...SMALL,
      "--epochs=2",
      `--seed=${seed}`,
      `--checkpoint=${checkpoint}`,
    );
    assertEquals(end.code, 0, end.err);
    assertStringIncludes(end.err, `seed ${seed}`);
    return (await Deno.readFile(`${checkpoint}.last/weights.bin`)).toHex();
  };
  const first = await weights("a", 7);
  assertEquals(await weights("b", 7), first);
  assert(await weights("c", 8) !== first);
});

test("Ctrl-C saves, says how to go on and exits with 130", async (folder) => {
  const checkpoint = `${folder}/best`;
  const child = start(folder, [
    "train",
    ...SMALL,
    "--epochs=50000",
    `--checkpoint=${checkpoint}`,
    "--json",
  ]);
  const reader = child.stdout.getReader();
  await reader.read();
  child.kill("SIGINT");
  while (!(await reader.read()).done);
  const [{ code }, err] = await Promise.all([
    child.status,
    new Response(child.stderr).text(),
  ]);
  assertEquals(code, 130, err);
  assertStringIncludes(err, "go on with: train --resume");
  const evaluated = await sunspots(
    folder,
    "eval",
    `--checkpoint=${checkpoint}`,
  );
  assertEquals(evaluated.code, 0, evaluated.err);
  const last = JSON.parse(await Deno.readTextFile(`${folder}/last/meta.json`));
  const more = last.epoch + 1;
  const resumed = await sunspots(
    folder,
    "train",
    "--resume",
    `--epochs=${more}`,
    `--checkpoint=${checkpoint}`,
  );
  assertEquals(resumed.code, 0, resumed.err);
});

test("a diverging run stops with epoch, batch and gradient, and the best stands", async (folder) => {
  const checkpoint = `${folder}/best`;
  const end = await sunspots(
    folder,
    "train",
    ...SMALL,
    "--loss=mse",
    "--learning-rate=1000",
    "--epochs=3",
    `--checkpoint=${checkpoint}`,
  );
  assertEquals(end.code, 1);
  assertMatch(
    end.err,
    /error: Cannot go on training: the loss became \S+ in epoch \d+, batch \d+ of \d+; the largest gradient .* --clip-norm 1\n/,
  );
});

Deno.test({
  name:
    `wrong usage exits with 2 and one line that names the remedy${cannotRun}`,
  ignore: cannotRun !== "",
  fn: () =>
    withFolder(async (folder) => {
      for (
        const [args, said] of [
          [["trian"], "no such command, did you mean train?"],
          [["train", "--epoch=3"], "did you mean --epochs?"],
          [["train", "--epochs"], "expected a value"],
          [["train", "--epochs=three"], "expected a number"],
          [["train", "--epochs=0"], "expected a whole number from 1"],
          [["train", "--padding=full"], "expected one of causal, same, valid"],
          [
            ["train", "--window-size=4000"],
            "Cannot cut windows from the 3000 values",
          ],
          [["train", "--no-drop-remainder"], "--drop-remainder"],
          [["train", "--split-time=5000"], "--split"],
          [
            ["train", "--lstm-units=200", "--engine=wasm"],
            "use --engine tfjs or auto",
          ],
          [["train", "3000"], "expected only options"],
          [[], "expected a command"],
        ] as [string[], string][]
      ) {
        const end = await sunspots(
          folder,
          ...args,
          ...(args[0] === "train" ? [`--checkpoint=${folder}/best`] : []),
        );
        const expected = args.includes("--lstm-units=200") ? 1 : 2;
        assertEquals(end.code, expected, `${args}: ${end.err}`);
        const errors = lines(end.err).filter((line) =>
          line.startsWith("error: Cannot")
        );
        assertEquals(errors.length, 1, end.err);
        assertStringIncludes(errors[0]!, said);
        assert(!end.err.includes("    at "), end.err);
      }
    }),
});

Deno.test({
  name: `every command has --help on stdout${cannotRun}`,
  ignore: cannotRun !== "",
  fn: () =>
    withFolder(async (folder) => {
      const overview = await sunspots(folder, "--help");
      assertEquals(overview.code, 0);
      const commands = [...overview.out.matchAll(/^ {2}(\w+) {2,}/gm)].map((
        [, name],
      ) => name!);
      assert(commands.includes("train") && commands.includes("eval"));
      const helps = await Promise.all(
        commands.map((name) => sunspots(folder, name, "--help")),
      );
      for (const [i, { code, out }] of helps.entries()) {
        assertEquals(code, 0);
        assertStringIncludes(out, `sunspots ${commands[i]}: `);
        assertStringIncludes(out, "--");
      }
    }),
});
