import { createWasmEngine } from "../lib/engine/wasm/engine.ts";
import { conformance } from "./engine_conformance.ts";

conformance(
  "WebAssembly engine, relaxed SIMD",
  (spec, weights) => createWasmEngine(spec, weights, { threads: 1 }),
  { ignore: "" },
);
