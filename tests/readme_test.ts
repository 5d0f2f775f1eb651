import { assert, assertEquals } from "@std/assert";
import { cannotRun, withFolder } from "./program.ts";

const ROOT = new URL("..", import.meta.url);
const readme = cannotRun
  ? ""
  : await Deno.readTextFile(new URL("README.md", ROOT));

/** The commands of the README's `sh` blocks, one a line. */
function commands(): string[] {
  return [...readme.matchAll(/^```sh\n([\s\S]*?)^```/gm)]
    .flatMap(([, block]) => block!.trim().split("\n"))
    .filter((line) => line !== "" && !line.startsWith("#"));
}

/**
 * A command as its argument lists for Deno: `parallel` is spelled out, so that its line is tested where it isn't
 * installed; the suite doesn't run itself; training is short where the README doesn't say for how long.
 */
function spelledOut(command: string): string[][] {
  const parallel = /^parallel -j \d+ (.*) ::: (.*)$/.exec(command);
  if (parallel) {
    const [, template, values] = parallel;
    return values!.split(" ").flatMap((value) =>
      spelledOut(template!.replace("{}", value))
    );
  }
  const words = command.replace(/^npx -y deno@\S+/, "deno").split(" ");
  assertEquals(words.slice(0, 2), ["deno", "task"], command);
  const [, , task, ...rest] = words;
  if (task === "test" || task === "ok") return [];
  if (
    task === "train" &&
    !rest.some((word) => word === "--epochs" || word === "--print-config")
  ) {
    rest.push("--epochs", "1");
  }
  return [["task", task!, ...rest]];
}

/** Copies what git would check out, without the suite. */
async function copyProject(to: string): Promise<void> {
  const copy = async (from: URL, target: string) => {
    await Deno.mkdir(target, { recursive: true });
    for await (const { name, isDirectory, isFile } of Deno.readDir(from)) {
      if (isDirectory) {
        await copy(new URL(`${name}/`, from), `${target}/${name}`);
      } else if (isFile) {
        await Deno.copyFile(new URL(name, from), `${target}/${name}`);
      }
    }
  };
  for (const folder of ["lib", "data", "checkpoints/pretrained"]) {
    await copy(new URL(`${folder}/`, ROOT), `${to}/${folder}`);
  }
  for (const file of ["deno.json", "deno.lock", "main.ts"]) {
    await Deno.copyFile(new URL(file, ROOT), `${to}/${file}`);
  }
}

Deno.test({
  name:
    `every command in the README works, in order, in a fresh copy${cannotRun}`,
  ignore: cannotRun !== "",
  fn: () =>
    withFolder(async (folder) => {
      await copyProject(folder);
      const all = commands();
      assert(all.length > 10, "the README has lost its commands");
      for (const command of all) {
        for (const args of spelledOut(command)) {
          const { code, stderr } = await new Deno.Command(Deno.execPath(), {
            args,
            cwd: folder,
            stdin: "null",
            env: { NO_COLOR: "1" },
          }).output();
          assertEquals(
            code,
            0,
            `${command}\n${new TextDecoder().decode(stderr)}`,
          );
        }
      }
    }),
});

Deno.test({
  name: `the README's manifests name what their schedulers give${cannotRun}`,
  ignore: cannotRun !== "",
  fn() {
    assert(
      /#SBATCH --array=0-\d+/.test(readme) &&
        readme.includes('"$SLURM_ARRAY_TASK_ID"'),
    );
    const yaml = /```yaml\n([\s\S]*?)```/.exec(readme)![1]!;
    for (
      const [, field] of [
        ["apiVersion", /^apiVersion: batch\/v1$/m],
        ["kind", /^kind: Job$/m],
        ["completionMode", /^ {2}completionMode: Indexed$/m],
        ["restartPolicy", /^ {6}restartPolicy: Never$/m],
        ["index", /"\$JOB_COMPLETION_INDEX"/],
      ] as [string, RegExp][]
    ) assert(field.test(yaml), String(field));
    assert(!yaml.includes("\t"));
  },
});

Deno.test({
  name: `the README names every file of the program${cannotRun}`,
  ignore: cannotRun !== "",
  async fn() {
    const missing: string[] = [];
    const visit = async (folder: string) => {
      for await (
        const { name, isDirectory } of Deno.readDir(new URL(folder, ROOT))
      ) {
        if (isDirectory) {
          if (name !== "jsr") await visit(`${folder}${name}/`);
        } else if (/\.(ts|wgsl)$/.test(name) && !readme.includes(`${name}\``)) {
          missing.push(folder + name);
        }
      }
    };
    await visit("lib/");
    assertEquals(missing, []);
  },
});
