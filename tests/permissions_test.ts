import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import manifest from "../deno.json" with { type: "json" };
import { cannotRun, withFolder } from "./program.ts";

const ROOT = new URL("..", import.meta.url);
const TASKS: Record<string, string> = manifest.tasks;

/** The program's tasks, which users run; the others are the developers'. */
const USER_TASKS = Object.entries(TASKS).filter(([, line]) =>
  line.startsWith("deno run ") && line.includes(" main.ts")
);

/** What `deno run` gets in a task, up to the program. */
function flags(line: string): string[] {
  const words = line.split(" ");
  return words.slice(2, words.findIndex((word) => word.endsWith(".ts")));
}

/** A program that tries what no task should be able to do, and says what it could. */
function probe(outside: string): string {
  return `
    const could = [];
    const attempt = async (what, fn) => {
      try { await fn(); could.push(what); } catch (error) {
        if (!(error instanceof Deno.errors.NotCapable)) could.push(what + ": " + error.message);
      }
    };
    await attempt("read outside", () => Deno.readTextFile(${
    JSON.stringify(outside)
  }));
    await attempt("read the sources", () => Deno.readTextFile("main.ts"));
    await attempt("write outside", () => Deno.writeTextFile(${
    JSON.stringify(outside)
  }, "x"));
    await attempt("write the sources", () => Deno.writeTextFile("main.ts.probe", "x"));
    await attempt("read an environment variable", () => Deno.env.get("HOME"));
    await attempt("list the environment", () => Deno.env.toObject());
    await attempt("run a program", () => new Deno.Command("true").output());
    await attempt("load a library", () => Deno.dlopen("libc.so.6", {}));
    await attempt("reach a host", () => fetch("http://127.0.0.1:8765/"));
    await attempt("listen", () => Deno.listen({ port: 0 }).close());
    await attempt("know the machine", () => Deno.hostname());
    console.log(JSON.stringify(could));
  `;
}

for (const [name, line] of USER_TASKS) {
  Deno.test({
    name: `the task ${name} may do nothing beyond its need${cannotRun}`,
    ignore: cannotRun !== "",
    fn: () =>
      withFolder(async (folder) => {
        const outside = `${folder}/outside.txt`;
        await Deno.writeTextFile(outside, "secret");
        const script = `${folder}/probe.js`;
        await Deno.writeTextFile(script, probe(outside));
        const { code, stdout, stderr } = await new Deno.Command(
          Deno.execPath(),
          {
            args: ["run", "--no-config", "--no-lock", ...flags(line), script],
            cwd: ROOT,
            stdin: "null",
          },
        ).output();
        assertEquals(code, 0, new TextDecoder().decode(stderr));
        assertEquals(JSON.parse(new TextDecoder().decode(stdout)), []);
        assertEquals(await Deno.readTextFile(outside), "secret");
      }),
  });
}

Deno.test("no task asks for everything, and none may prompt", () => {
  for (const [name, line] of Object.entries(TASKS)) {
    assert(!/ -A\b|--allow-all/.test(line), name);
    if (/deno (run|test|compile) /.test(line)) {
      assertStringIncludes(line, "--no-prompt", name);
    }
  }
  for (const [name, line] of USER_TASKS) {
    assert(
      !/--allow-(read|write|net|env)( |$)/.test(line),
      `${name} has an unbounded permission`,
    );
    assert(!/--allow-(run|ffi|sys)/.test(line) || name === "doctor", name);
  }
});

Deno.test({
  name: `the program says in one line what a task may not read${cannotRun}`,
  ignore: cannotRun !== "",
  fn: () =>
    withFolder(async (folder) => {
      const file = `${folder}/series.csv`;
      await Deno.writeTextFile(file, "i,value\n");
      const { code, stderr } = await new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          ...flags(TASKS.train!),
          "main.ts",
          "train",
          `--data=${file}`,
        ],
        cwd: ROOT,
        stdin: "null",
        env: { NO_COLOR: "1" },
      }).output();
      const said = new TextDecoder().decode(stderr).trim().split("\n")
        .filter((line) => line.startsWith("error: "));
      assertEquals(code, 1);
      assertEquals(said.length, 1);
      assertStringIncludes(said[0]!, file);
    }),
});
