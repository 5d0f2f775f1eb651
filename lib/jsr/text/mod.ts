/**
 * Stand-in for `jsr:@std/text`: the same standard library as packed on npm, for machines that reach
 * only the npm registry. Takes the place of the JSR package by the `links` line of deno.json.
 * @module
 */

// @ts-types="./mod.d.ts"
export * from "npm:deno-std@1.4.0/text/closest_string.js";
