/**
 * The measured peak of WebAssembly's float32 SIMD on one thread or several: a loop of nothing
 * but multiply-adds, written as bytes because it is ten instructions long.
 * @module
 */

/** Opcodes, https://webassembly.github.io/spec/core/binary/instructions.html */
const LOCAL_GET = 0x20, LOCAL_SET = 0x21, LOCAL_TEE = 0x22;
const I32_CONST = 0x41, I32_SUB = 0x6b, F32_CONST = 0x43;
const LOOP = 0x03, BR_IF = 0x0d, END = 0x0b, EMPTY = 0x40;
const SPLAT = [0xfd, 0x13], EXTRACT = [0xfd, 0x1f, 0];
const MUL = [0xfd, 0xe6, 0x01], ADD = [0xfd, 0xe4, 0x01];
const RELAXED_MADD = [0xfd, 0x85, 0x02];
const I32 = 0x7f, F32 = 0x7d, V128 = 0x7b;

/** Independent chains: enough to hide a multiply-add's latency, few enough for 16 registers. */
const CHAINS = 12;
/** Rounds of the chains in the loop's body. */
const UNROLL = 4;
/** Operations of one turn of the loop. */
export const FLOPS_PER_TURN = 2 * 4 * CHAINS * UNROLL;

/** A number in LEB128; all here are below 2^14. */
const leb = (n: number) => n < 128 ? [n] : [(n & 127) | 128, n >> 7];
const section = (id: number, bytes: number[]) => [
  id,
  ...leb(bytes.length),
  ...bytes,
];
const float = (x: number) => [
  F32_CONST,
  ...new Uint8Array(Float32Array.of(x).buffer),
];

/**
 * The module: `run(turns: i32): f32`.
 *
 * @param relaxed With `f32x4.relaxed_madd`; else with a product and a sum.
 */
export function peakModule(relaxed: boolean): Uint8Array<ArrayBuffer> {
  const m = 1, c = 2, chain = (i: number) => 3 + i;
  const chains = Array.from({ length: CHAINS }, (_, i) => chain(i));
  const turn = chains.flatMap((x) => [
    ...[LOCAL_GET, x, LOCAL_GET, m],
    ...(relaxed ? [LOCAL_GET, c, ...RELAXED_MADD] : [
      ...MUL,
      LOCAL_GET,
      c,
      ...ADD,
    ]),
    ...[LOCAL_SET, x],
  ]);
  const set = (local: number, x: number) => [
    ...float(x),
    ...SPLAT,
    LOCAL_SET,
    local,
  ];
  const body = [
    ...[1, CHAINS + 2, V128],
    ...set(m, 0.999),
    ...set(c, 0.5),
    ...chains.flatMap((x) => set(x, x)),
    ...[LOOP, EMPTY],
    ...Array.from({ length: UNROLL }, () => turn).flat(),
    ...[LOCAL_GET, 0, I32_CONST, 1, I32_SUB, LOCAL_TEE, 0, BR_IF, 0, END],
    ...chains.flatMap((x, i) => [LOCAL_GET, x, ...(i > 0 ? ADD : [])]),
    ...EXTRACT,
    END,
  ];
  return Uint8Array.of(
    ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
    ...section(1, [1, 0x60, 1, I32, 1, F32]),
    ...section(3, [1, 0]),
    ...section(7, [1, 3, 0x72, 0x75, 0x6e, 0, 0]),
    ...section(10, [1, ...leb(body.length), ...body]),
  );
}

/** A Worker's whole program: runs the loop for a while and answers with its turns per ms. */
function workerProgram() {
  const scope = self as unknown as {
    onmessage: (event: MessageEvent) => void;
    postMessage(message: unknown): void;
  };
  scope.onmessage = ({ data: { bytes, ms } }) => {
    const { exports } = new WebAssembly.Instance(
      new WebAssembly.Module(bytes),
    );
    const run = exports.run as (turns: number) => number;
    const turns = 200_000;
    // The first calls run before the compiler has optimised the loop.
    const warm = performance.now();
    while (performance.now() - warm < ms / 2) run(turns);
    let done = 0;
    const began = performance.now();
    do {
      run(turns);
      done += turns;
    } while (performance.now() - began < ms);
    scope.postMessage(done / (performance.now() - began));
  };
}

/** How to measure. */
export interface WasmPeakOptions {
  /** Threads at the same time. */
  threads: number;
  /** Fused multiply-adds, or a product and a sum. */
  relaxed: boolean;
  /** How long. */
  ms: number;
}

/** Measures GFLOPS of all threads together. */
export async function measureWasmPeak(
  { threads, relaxed, ms }: WasmPeakOptions,
): Promise<number> {
  const url = URL.createObjectURL(
    new Blob([`(${workerProgram})()`], { type: "text/javascript" }),
  );
  const workers = Array.from(
    { length: threads },
    () => new Worker(url, { type: "module" }),
  );
  try {
    const rates = await Promise.all(
      workers.map((worker) =>
        new Promise<number>((resolve, reject) => {
          worker.onmessage = ({ data }) => resolve(data);
          worker.onerror = (event) => {
            event.preventDefault();
            reject(new Error(event.message));
          };
          worker.postMessage({ bytes: peakModule(relaxed), ms });
        })
      ),
    );
    return rates.reduce((a, b) => a + b) * FLOPS_PER_TURN / 1e6;
  } finally {
    for (const worker of workers) worker.terminate();
    URL.revokeObjectURL(url);
  }
}
