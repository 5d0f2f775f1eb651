import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../lib/errors.ts";
import { generationPaths, runPaths } from "../lib/run_paths.ts";

Deno.test("runPaths() gives the run called best plain names", () => {
  assertEquals(runPaths("checkpoints/best", false), {
    parent: "checkpoints",
    best: "checkpoints/best",
    last: "checkpoints/last",
    historyCsv: "checkpoints/history.csv",
    historyJsonl: "checkpoints/history.jsonl",
    lock: "checkpoints/lock",
  });
});

Deno.test("runPaths() puts any other name in front, so that runs can share a folder", () => {
  assertEquals(runPaths("runs/wide", false), {
    parent: "runs",
    best: "runs/wide",
    last: "runs/wide.last",
    historyCsv: "runs/wide.history.csv",
    historyJsonl: "runs/wide.history.jsonl",
    lock: "runs/wide.lock",
  });
});

Deno.test("runPaths() finds the parent of any spelling", () => {
  const cases: [path: string, parent: string, best: string][] = [
    ["best", ".", "best"],
    ["best/", ".", "best"],
    ["./a//best///", "./a", "./a//best"],
    ["/best", "/", "/best"],
    ["/a/b.c/d", "/a/b.c", "/a/b.c/d"],
    ["../best", "..", "../best"],
    ["a b/ü", "a b", "a b/ü"],
    ["a\\best", ".", "a\\best"],
  ];
  for (const [path, parent, best] of cases) {
    const paths = runPaths(path, false);
    assertEquals([paths.parent, paths.best], [parent, best], path);
  }
});

Deno.test("runPaths() knows both slashes and drives on Windows", () => {
  const cases: [path: string, parent: string, last: string][] = [
    ["a\\best", "a", "a\\last"],
    ["a/best\\", "a", "a/last"],
    ["C:\\best", "C:\\", "C:\\last"],
    ["C:\\runs\\best", "C:\\runs", "C:\\runs\\last"],
  ];
  for (const [path, parent, last] of cases) {
    const paths = runPaths(path, true);
    assertEquals([paths.parent, paths.last], [parent, last], path);
  }
});

Deno.test("runPaths() refuses a path that ends in no name", () => {
  for (const path of ["", ".", "..", "/", "//", "a/..", "a/.", "a\n", "\0"]) {
    assertThrows(() => runPaths(path, false), UsageError, "Cannot use");
  }
});

Deno.test("runPaths() refuses the names that a run gives to other things", () => {
  for (
    const name of [
      "last",
      "LAST",
      "Best",
      "lock",
      "history.csv",
      "best.previous",
      "best.incoming",
      "wide.last",
      "x.lock",
    ]
  ) {
    assertThrows(
      () => runPaths(`runs/${name}`, false),
      UsageError,
      "expected another name such as runs/best",
    );
  }
});

Deno.test("runPaths() never gives two runs of one folder the same name", () => {
  const taken = new Map<string, string>();
  for (const name of ["best", "a", "b", "a.b", "BEST2", "lasting"]) {
    const paths = runPaths(`runs/${name}`, false);
    const { parent: _, ...own } = paths;
    for (
      const path of [
        ...Object.values(own),
        ...Object.values(generationPaths(paths.best, false)).slice(1),
        ...Object.values(generationPaths(paths.last, false)).slice(1),
      ]
    ) {
      assertEquals(taken.get(path) ?? name, name, path);
      taken.set(path, name);
    }
  }
});

Deno.test("generationPaths() takes any checkpoint for reading, a run's last one too", () => {
  assertEquals(generationPaths("checkpoints/last", false), {
    parent: "checkpoints",
    current: "checkpoints/last",
    previous: "checkpoints/last.previous",
    incoming: "checkpoints/last.incoming",
  });
});
