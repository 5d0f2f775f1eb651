/**
 * PyTorch and Keras as contestants: child processes that are asked for some steps at a time, so
 * that they take turns with the others.
 * @module
 */

import type { Contestant } from "./contestant.ts";
import kerasCode from "./keras_peer.py" with { type: "text" };
import torchCode from "./torch_peer.py" with { type: "text" };
import { startsOf, tensorsOf, type Workload } from "./workload.ts";

const CODE = { torch: torchCode, keras: kerasCode } as const;
/** A peer's name. */
export type PeerName = keyof typeof CODE;

/** How to start a peer. */
export interface PeerOptions {
  /** Which. */
  name: PeerName;
  /** Python interpreters; the first that has it is used. */
  pythons: readonly string[];
  /** Threads it may use. */
  threads: number;
}

/** What a peer answers. */
interface Answer {
  missing?: string;
  version?: string;
  loss?: number;
  ms?: number;
}

/** A running peer. */
interface Peer {
  ask(request: Record<string, unknown>): Promise<Answer>;
  close(): Promise<void>;
}

function base64(values: Float32Array<ArrayBuffer>): string {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength)
    .toBase64();
}

/** Starts a child that answers one line of JSON with one. */
function start(python: string, { name, threads }: PeerOptions): Peer {
  const child = new Deno.Command(python, {
    args: ["-c", CODE[name]],
    env: { OMP_NUM_THREADS: String(threads), CUDA_VISIBLE_DEVICES: "" },
    stdin: "piped",
    stdout: "piped",
    stderr: "null",
  }).spawn();
  const writer = child.stdin.getWriter();
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  return {
    async ask(request) {
      const line = new TextEncoder().encode(`${JSON.stringify(request)}\n`);
      // A child that has ended says why on stdout.
      await writer.write(line).catch(() => {});
      while (!text.includes("\n")) {
        const { value, done } = await reader.read();
        if (done) {
          throw new Error(
            `Cannot time ${name} in ${python}: it ended without an answer`,
          );
        }
        text += value;
      }
      const end = text.indexOf("\n");
      const answer = JSON.parse(text.slice(0, end)) as Answer;
      text = text.slice(end + 1);
      return answer;
    },
    async close() {
      await writer.close().catch(() => {});
      await reader.cancel();
      await child.status;
    },
  };
}

/** What a peer has to know of the workload: one batch, always the same. */
function request(workload: Workload, threads: number) {
  const { values: _, ...model } = workload.spec;
  const { inputs, targets } = tensorsOf(workload, startsOf(workload, 1));
  return {
    ...model,
    threads,
    weights: base64(workload.weights as Float32Array<ArrayBuffer>),
    inputs: base64(inputs),
    targets: base64(targets),
  };
}

/**
 * Starts a peer.
 *
 * @throws {Error} saying why none of the interpreters has it.
 */
export async function createPeer(
  workload: Workload,
  options: PeerOptions,
): Promise<Contestant> {
  const { name, pythons, threads } = options;
  const reasons: string[] = [];
  for (const python of pythons) {
    let peer: Peer | undefined;
    try {
      peer = start(python, options);
      const answer = await peer.ask(request(workload, threads));
      if (answer.missing === undefined) {
        return contestant(peer, answer, options);
      }
      reasons.push(`${python}: ${answer.missing}`);
    } catch (error) {
      reasons.push(
        `${python}: ${error instanceof Error ? error.message : error}`,
      );
    }
    await peer?.close();
  }
  throw new Error(
    `Cannot find ${name}: ${reasons.join("; ") || "no --python was given"}`,
  );
}

function contestant(
  peer: Peer,
  { version, loss }: Answer,
  { name, threads }: PeerOptions,
): Contestant {
  const count = `${threads} ${threads === 1 ? "thread" : "threads"}`;
  return {
    key: `${name}-${threads}`,
    label: `${version}, ${count}`,
    device: `CPU, ${count}`,
    firstLoss: loss!,
    run: async (steps) => (await peer.ask({ steps })).ms!,
    dispose: () => peer.close(),
  };
}
