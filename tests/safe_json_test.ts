import { assertEquals, assertThrows } from "@std/assert";
import { formatJson, type Json, parseJsonObject } from "../lib/safe_json.ts";

const parse = (text: string) => parseJsonObject(new TextEncoder().encode(text));

Deno.test("parseJsonObject() reads what JSON.parse reads", () => {
  const value = { a: [1, '"[{\\', { b: null }], "ü": true, "": -0.5 };
  assertEquals(parse(JSON.stringify(value)), value);
});

Deno.test("parseJsonObject() counts brackets outside strings only", () => {
  assertEquals(parse(`{"a":"${"[".repeat(1e4)}\\"${"{".repeat(1e4)}"}`), {
    a: `${"[".repeat(1e4)}"${"{".repeat(1e4)}`,
  });
  parse(`${'{"a":'.repeat(63)}{}${"}".repeat(63)}`);
  assertThrows(
    () => parse(`${'{"a":'.repeat(64)}{}${"}".repeat(64)}`),
    SyntaxError,
    "nests more than 64 levels deep",
  );
});

Deno.test("parseJsonObject() survives a million brackets, commas or keys", () => {
  for (const text of ["[".repeat(1e6), `{"a":`.repeat(1e6), "]".repeat(1e6)]) {
    assertThrows(() => parse(text), SyntaxError);
  }
  const many = `{"a":[${"0,".repeat(1e6)}0]}`;
  assertEquals((parse(many).a as Json[]).length, 1e6 + 1);
});

Deno.test("parseJsonObject() refuses keys that reach a prototype, at any depth", () => {
  for (const key of ["__proto__", "constructor", "prototype"]) {
    for (const text of [`{"${key}":1}`, `{"a":[[{"b":{"${key}":{}}}]]}`]) {
      assertThrows(() => parse(text), SyntaxError, `forbidden key ${key}`);
    }
  }
  assertThrows(() => parse(`{"__pr\\u006fto__":1}`), SyntaxError, "forbidden");
});

Deno.test("parseJsonObject() refuses what isn't UTF-8 or no object", () => {
  assertThrows(
    () => parseJsonObject(new Uint8Array([0x7b, 0xff, 0x7d])),
    SyntaxError,
    "is not UTF-8",
  );
  for (const text of ["1", "[]", "null", '"a"']) {
    assertThrows(() => parse(text), SyntaxError, "is not a JSON object");
  }
  for (const text of ["", "{", "{}x", "\ufeff{}", "{'a':1}", "{a:1}", "NaN"]) {
    assertThrows(() => parse(text), SyntaxError, "is not JSON");
  }
});

Deno.test("formatJson() is read back as it was", () => {
  const values: Json[] = [
    {},
    [],
    { a: {} },
    { a: [], b: [1, 2], c: [{ d: 1 }, { e: [1] }], f: { g: { h: '\n"' } } },
    [null, true, 1e-300, "x"],
    { "__proto__x": [[1], [2]] },
  ];
  for (const value of values) {
    assertEquals(JSON.parse(formatJson(value)), value);
  }
});

Deno.test("formatJson() gives each record of a list its line", () => {
  assertEquals(
    formatJson({ units: [60, 60], history: [{ epoch: 1 }, { epoch: 2 }] }),
    `{
  "units": [60, 60],
  "history": [
    {"epoch":1},
    {"epoch":2}
  ]
}`,
  );
});
