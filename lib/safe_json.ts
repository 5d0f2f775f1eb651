/**
 * JSON from files that anybody may have written: bounded nesting, no keys that reach a prototype.
 * @module
 */

/** Any JSON value. */
export type Json = null | boolean | number | string | Json[] | JsonObject;
/** A JSON object. */
export interface JsonObject {
  /** Any field. */
  [key: string]: Json;
}

const MAX_DEPTH = 64;
const FORBIDDEN_KEYS = ["__proto__", "constructor", "prototype"];

/** Whether a parsed value is an object and not an array. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Deepest nesting of brackets outside strings, counted without recursion. */
function depth(text: string): number {
  let level = 0, deepest = 0, quoted = false;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (quoted) {
      if (c === 0x5c) i++;
      else if (c === 0x22) quoted = false;
    } else if (c === 0x22) quoted = true;
    else if (c === 0x5b || c === 0x7b) deepest = Math.max(deepest, ++level);
    else if (c === 0x5d || c === 0x7d) level--;
  }
  return deepest;
}

/**
 * Parses one JSON object.
 *
 * @throws {SyntaxError} with the reason, without the file's content, if the bytes aren't UTF-8 or JSON, nest more
 * than 64 deep, or hold a key that code could mistake for a prototype.
 */
export function parseJsonObject(bytes: Uint8Array): JsonObject {
  let text;
  try {
    text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true })
      .decode(bytes);
  } catch (cause) {
    throw new SyntaxError("is not UTF-8 text", { cause });
  }
  if (depth(text) > MAX_DEPTH) {
    throw new SyntaxError(`nests more than ${MAX_DEPTH} levels deep`);
  }
  let value: Json;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new SyntaxError("is not JSON", { cause });
  }
  if (!isJsonObject(value)) throw new SyntaxError("is not a JSON object");
  const open: Json[] = [value];
  for (let node = open.pop(); node !== undefined; node = open.pop()) {
    if (typeof node !== "object" || node === null) continue;
    for (const key of Array.isArray(node) ? [] : Object.keys(node)) {
      if (FORBIDDEN_KEYS.includes(key)) {
        throw new SyntaxError(`has the forbidden key ${key}`);
      }
    }
    for (const child of Object.values(node)) open.push(child);
  }
  return value;
}

/**
 * JSON to be read by people: objects a field a line, indented by 2; lists of objects an element a line;
 * other lists on one line. Parses to what went in.
 *
 * @param indent Spaces before each of its lines.
 */
export function formatJson(value: Json, indent = 0): string {
  const line = `\n${" ".repeat(indent + 2)}`;
  const end = `\n${" ".repeat(indent)}`;
  if (Array.isArray(value)) {
    return value.some((item) => typeof item === "object")
      ? `[${line}${
        value.map((item) => JSON.stringify(item)).join(`,${line}`)
      }${end}]`
      : `[${value.map((item) => JSON.stringify(item)).join(", ")}]`;
  }
  if (!isJsonObject(value)) return JSON.stringify(value);
  const fields = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .map(([key, field]) =>
      `${JSON.stringify(key)}: ${formatJson(field, indent + 2)}`
    );
  return fields.length === 0
    ? "{}"
    : `{${line}${fields.join(`,${line}`)}${end}}`;
}
