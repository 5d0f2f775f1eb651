/**
 * Builds relaxed.wasm and plain.wasm from `assembly/` with the AssemblyScript compiler
 * (https://www.assemblyscript.org/compiler.html); with `--check` it compares them with the files that are
 * there. A tool for developers, run by `deno task build:wasm` and `deno task check:wasm` at the
 * repository's root; nothing imports it.
 * @module
 */

import asc from "assemblyscript/asc";

const FOLDER = "lib/engine/wasm";

/** The shared memory's size is decided by the engine; the module only states what is possible. */
const OPTIONS = [
  ...["--optimizeLevel", "3", "--shrinkLevel", "0", "--noAssert"],
  ...["--runtime", "stub", "--use", "abort="],
  ...["--importMemory", "--sharedMemory"],
  ...["--initialMemory", "1", "--maximumMemory", "65536"],
  // The math tables lie from here on, before the plan.
  ...["--memoryBase", "64"],
  // AS112: vectors in signatures; none of these functions is exported.
  ...["--disableWarning", "112"],
];

/**
 * Compiles one build.
 *
 * @throws {SyntaxError} with the compiler's messages.
 */
async function compile(features: string): Promise<Uint8Array<ArrayBuffer>> {
  let wasm: Uint8Array<ArrayBuffer> | undefined;
  let messages = "";
  const stream = {
    write: (text: string | Uint8Array) => {
      messages += typeof text === "string"
        ? text
        : new TextDecoder().decode(text);
      return true;
    },
  };
  const { error } = await asc.main(
    ["index.ts", "--outFile", "out.wasm", "--enable", features, ...OPTIONS],
    {
      stdout: stream,
      stderr: stream,
      // The compiler probes for files that aren't there, such as its configuration.
      readFile: (name: string) => {
        const own = [...Deno.readDirSync(`${FOLDER}/assembly`)]
          .some((entry) => entry.name === name);
        return own ? Deno.readTextFileSync(`${FOLDER}/assembly/${name}`) : null;
      },
      writeFile: (name: string, contents: string | Uint8Array) => {
        if (name === "out.wasm" && typeof contents !== "string") {
          wasm = Uint8Array.from(contents);
        }
      },
      listFiles: () => [],
    },
  );
  if (error || messages || !wasm) {
    throw new SyntaxError(
      `Cannot compile ${FOLDER}/assembly:\n${messages}`,
      { cause: error },
    );
  }
  return wasm;
}

if (import.meta.main) {
  for (
    const [name, features] of [
      ["relaxed", "threads,simd,relaxed-simd"],
      ["plain", "threads,simd"],
    ] as const
  ) {
    const path = `${FOLDER}/${name}.wasm`;
    const wasm = await compile(features);
    if (!Deno.args.includes("--check")) {
      Deno.writeFileSync(path, wasm);
      continue;
    }
    const committed = Deno.readFileSync(path);
    if (
      committed.length !== wasm.length ||
      committed.some((byte, i) => byte !== wasm[i])
    ) {
      throw new Error(
        `Cannot vouch for ${path}: it isn't what its source compiles to, expected the output of deno task build:wasm`,
      );
    }
  }
}
