import { assert, assertEquals } from "@std/assert";
import { cannotRun } from "./program.ts";

const ROOT = new URL("..", import.meta.url);

/** One file of the program: whom it imports, types included. */
type Graph = Map<string, string[]>;

/** The program's own files, as `deno info` sees them. */
async function imports(): Promise<Graph> {
  const graph: Graph = new Map();
  for (const entry of ["main.ts", "lib/mod.ts"]) {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", entry],
      cwd: ROOT,
    }).output();
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    const { modules } = JSON.parse(new TextDecoder().decode(stdout));
    const own = (specifier: string) =>
      specifier.startsWith(ROOT.href) && !specifier.includes("/lib/jsr/")
        ? specifier.slice(ROOT.href.length)
        : undefined;
    for (const { specifier, dependencies = [] } of modules) {
      const file = own(specifier);
      if (file === undefined || !file.endsWith(".ts")) continue;
      const found = dependencies.flatMap((
        d: Record<string, { specifier?: string } | undefined>,
      ) => [d.code?.specifier, d.type?.specifier].flatMap((s) => s ? [s] : []))
        .map((s: string) => own(s) ?? s);
      graph.set(file, [...new Set<string>(found)]);
    }
  }
  return graph;
}

/** A circle of imports, if there is one. */
function findCycle(graph: Graph): string[] | undefined {
  const done = new Set<string>();
  const visit = (file: string, path: string[]): string[] | undefined => {
    if (path.includes(file)) return [...path.slice(path.indexOf(file)), file];
    if (done.has(file)) return undefined;
    for (const next of graph.get(file) ?? []) {
      const cycle = visit(next, [...path, file]);
      if (cycle) return cycle;
    }
    done.add(file);
    return undefined;
  };
  for (const file of graph.keys()) {
    const cycle = visit(file, []);
    if (cycle) return cycle;
  }
  return undefined;
}

/** Rooms that know neither files nor GPUs: they compute from what they are given. */
const PURE =
  /^lib\/(errors|config|alignment|layout|random|windows|initializers|metrics|bootstrap|schedule|averaging|calendar|series|scale|rollout|evaluate|backtest|conformal|forecast|forecast_table|ensemble|report|callbacks|train|presets|baselines\/.*|plot\/.*)\.ts$/;

/** The only rooms that may touch files, the network or the environment. */
const OUTSIDE =
  /^(main\.ts|lib\/(dataset|download|fetch_dataset|file_system|run_lock|run_paths|generations|replace_file|members|pretrained|versions|doctor|private_address)\.ts|lib\/(doctor|cli)\/.*\.ts|lib\/engine\/(device|wasm\/.*|webgpu\/.*)\.ts)$/;

Deno.test({
  name: `imports run one way, without a circle${cannotRun}`,
  ignore: cannotRun !== "",
  async fn() {
    const graph = await imports();
    assert(
      graph.size > 50 && graph.get("main.ts")!.includes("lib/cli/commands.ts"),
    );
    assertEquals(findCycle(graph), undefined);
  },
});

Deno.test({
  name: `each room imports only what it may${cannotRun}`,
  ignore: cannotRun !== "",
  async fn() {
    const wrong: string[] = [];
    for (const [file, found] of await imports()) {
      for (const other of found) {
        const tfjs = other.includes("@tensorflow/");
        if (PURE.test(file) && tfjs) wrong.push(`${file} knows tfjs`);
        if (
          tfjs &&
          !/^lib\/(engine\/.*|layers|model|file_io|checkpoint_handler|model_json)\.ts$/
            .test(file)
        ) {
          wrong.push(`${file} knows tfjs`);
        }
        if (
          other.startsWith("lib/cli/") && !/^(main\.ts|lib\/cli\/)/.test(file)
        ) {
          wrong.push(`${file} knows the command line (${other})`);
        }
        if (
          other.startsWith("lib/engine/wasm/") &&
          !/^lib\/(engine|doctor)/.test(file)
        ) {
          wrong.push(`${file} knows the insides of an engine (${other})`);
        }
      }
    }
    assertEquals(wrong, []);
  },
});

Deno.test({
  name:
    `lib never prints or exits, and only the outer rooms touch Deno${cannotRun}`,
  ignore: cannotRun !== "",
  async fn() {
    const wrong: string[] = [];
    for (const file of (await imports()).keys()) {
      const text = (await Deno.readTextFile(new URL(file, ROOT)))
        .replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, "");
      if (
        file !== "main.ts" &&
        /\bconsole\.|\bDeno\.exit\b|\bDeno\.std(out|err)\b/.test(text)
      ) {
        wrong.push(`${file} prints or exits`);
      }
      if (!OUTSIDE.test(file) && /\bDeno\.(?!errors\b)/.test(text)) {
        wrong.push(`${file} uses Deno`);
      }
    }
    assertEquals(wrong, []);
  },
});
