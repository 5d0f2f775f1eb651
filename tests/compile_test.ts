import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import manifest from "../deno.json" with { type: "json" };
import { cannotRun, withFolder } from "./program.ts";

const ROOT = new URL("..", import.meta.url);

/** Runs Deno. */
async function deno(
  args: string[],
  options: { cwd: string | URL; env?: Record<string, string> },
): Promise<{ code: number; out: string; err: string }> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args,
    ...options,
    env: { NO_COLOR: "1", ...options.env },
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

/** The task's flags: what the binary may do. */
const flags = manifest.tasks.compile.split(" ").filter((word) =>
  /^--(allow|no-prompt)/.test(word)
);

Deno.test({
  name:
    `the bundled program trains, judges and forecasts in an empty folder${cannotRun}`,
  ignore: cannotRun !== "",
  fn: () =>
    withFolder(async (folder) => {
      const app = `${folder}/app.js`;
      const bundled = await deno([
        "bundle",
        "--quiet",
        "main.ts",
        "-o",
        app,
      ], {
        cwd: ROOT,
      });
      assertEquals(bundled.code, 0, bundled.err);
      const home = `${folder}/home`;
      await Deno.mkdir(home);
      const run = async (...args: string[]) => {
        const ended = await deno(
          ["run", "--no-config", ...flags, app, ...args],
          { cwd: home },
        );
        assertEquals(ended.code, 0, `${args}: ${ended.err}`);
        return ended;
      };
      const shipped = await run("eval", "--json");
      assertEquals(
        JSON.parse(shipped.out).checkpoint,
        "checkpoints/pretrained",
      );
      const [carried] = JSON.parse((await run("doctor", "--json")).out)
        .checkpoints.filter(({ path }: { path: string }) =>
          path === "checkpoints/pretrained"
        );
      assertEquals(carried.state, "verified");
      const train = [
        "--filters=4",
        "--lstm-units=4",
        "--shift=10",
        "--epochs=2",
      ];
      const trained = await run(
        "train",
        ...train,
        "--engine=wasm",
        "--threads=2",
        "--json",
      );
      const done = JSON.parse(trained.out.trim().split("\n").at(-1)!);
      assertEquals([done.engine, done.checkpoint], [
        "wasm",
        "checkpoints/best",
      ]);
      const judged = JSON.parse((await run("eval", "--json")).out);
      assert(Math.abs(judged.val_mae / done.best_val_mae - 1) < 1e-5);
      await run("forecast", "--months=3", "--output=checkpoints/forecast.png");
      const png = await Deno.readFile(`${home}/checkpoints/forecast.png`);
      assertEquals(new TextDecoder().decode(png.subarray(1, 4)), "PNG");
      assertEquals([...Deno.readDirSync(home)].map(({ name }) => name), [
        "checkpoints",
      ]);
    }),
});

Deno.test({
  name:
    `the compiled program embeds one file, and may touch only data and checkpoints where it runs${cannotRun}`,
  ignore: cannotRun !== "",
  fn: () =>
    withFolder(async (folder) => {
      const binary = `${folder}/sunspots`;
      const args = manifest.tasks.compile.split(" ").slice(1);
      args[args.indexOf("--output") + 1] = binary;
      // Where the runtime part can't be downloaded, Deno itself stands in: what is embedded is the same.
      const compiled = await deno(args, {
        cwd: ROOT,
        env: { DENORT_BIN: Deno.execPath() },
      });
      assertEquals(compiled.code, 0, compiled.err);
      const files = compiled.out + compiled.err;
      assertEquals(files.match(/^[├└]── .*$/gm)?.length, 1, files);
      assertStringIncludes(files, ".mjs");
      const bytes = await Deno.readFile(
        Deno.build.os === "windows" ? `${binary}.exe` : binary,
      );
      const text = new TextDecoder("latin1").decode(bytes);
      assertStringIncludes(text, '"allow_read":["./data","./checkpoints"]');
      assertStringIncludes(text, '"allow_write":["./data","./checkpoints"]');
      assertStringIncludes(text, '"allow_net":["storage.googleapis.com"]');
      assertStringIncludes(text, '"allow_run":null');
      const root = decodeURIComponent(ROOT.pathname);
      assert(
        !text.includes(root),
        `the build machine's ${root} is in the binary`,
      );
    }),
});
