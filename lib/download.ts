/**
 * URL -> bytes, with time-outs, tries, a size limit and no way to other schemes or private addresses. Before dataset
 * in the flow.
 * @module
 */

import { lookup } from "node:dns/promises";
import { DataError, UsageError } from "./errors.ts";
import { isPrivateHost } from "./private_address.ts";
import { oneLine } from "./quote.ts";
import { concat } from "./text_decode.ts";

/** How far a download may go. */
export interface DownloadOptions {
  /** Permit hosts that aren't public: this machine, private networks. @default {false} */
  allowPrivate?: boolean;
  /** Most bytes to take. @default {67_108_864} */
  maxBytes?: number;
  /** Longest wait in milliseconds for the answer, and then for each next piece. @default {15_000} */
  timeoutMs?: number;
  /** Longest time in milliseconds for one try. @default {300_000} */
  totalTimeoutMs?: number;
  /** Tries in all; only failures that may pass are tried again. @default {3} */
  tries?: number;
  /** Wait in milliseconds before the second try, doubled before each next one. @default {1_000} */
  backoffMs?: number;
  /** Called with each piece that arrives; `total` where the server tells it. */
  onProgress?: (progress: DownloadProgress) => void;
  /** Called before another try, with the reason in a line. */
  onRetry?: (retry: { attempt: number; reason: string }) => void;
  /** Stops the download. */
  signal?: AbortSignal;
}

/** How far a download is. */
export interface DownloadProgress {
  /** Bytes that arrived in this try. */
  received: number;
  /** Bytes in all, where the server tells. */
  total: number | undefined;
}

/** What a download brought. */
export interface Download {
  /** The body. */
  bytes: Uint8Array<ArrayBuffer>;
  /** Where it came from after redirects. */
  url: string;
}

const MAX_REDIRECTS = 5;
/** Longest wait in seconds that a server may ask for by Retry-After. */
const MAX_RETRY_AFTER = 30;
/** Statuses of a passing trouble, besides 5xx; https://www.rfc-editor.org/rfc/rfc9110#name-status-codes */
const PASSING = new Set([408, 425, 429]);

/** A failure that may pass. */
class PassingError extends Error {
  constructor(message: string, readonly waitMs = 0, options?: ErrorOptions) {
    super(message, options);
  }
}

/**
 * Downloads a file into memory.
 *
 * Each redirect is checked as the first address is: http may lead to https, nothing leads to another scheme or, without
 * `allowPrivate`, to a private address. Host names are resolved for this check where the net permission allows it;
 * whoever controls the name could still answer differently a moment later.
 *
 * @throws {UsageError} for a URL that can't be meant.
 * @throws {DataError} if the download fails, with the reason of the last try.
 */
export async function download(
  url: string,
  options: DownloadOptions = {},
): Promise<Download> {
  const { tries = 3, backoffMs = 1_000, onRetry, signal } = options;
  const address = parseUrl(url);
  for (let attempt = 1;; attempt++) {
    signal?.throwIfAborted();
    try {
      return await tryDownload(address, options);
    } catch (error) {
      if (!(error instanceof PassingError)) throw error;
      if (attempt >= tries) {
        throw new DataError(
          `Cannot download ${address.href}: ${error.message} (${tries} tries), expected the file`,
          { cause: error.cause },
        );
      }
      onRetry?.({ attempt: attempt + 1, reason: error.message });
      await sleep(
        Math.max(backoffMs * 2 ** (attempt - 1), error.waitMs),
        signal,
      );
    }
  }
}

/** Checks the address that a person gave. */
function parseUrl(text: string): URL {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new UsageError(
      `Cannot download ${
        oneLine(text)
      }: expected a URL that begins with http:// or https://`,
    );
  }
  if (url.username !== "" || url.password !== "") {
    throw new UsageError(
      `Cannot download from ${url.host}: expected a URL without user name and password`,
    );
  }
  return url;
}

function sleep(ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = () => {
      clearTimeout(timer);
      reject(signal!.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
  });
}

/** Ends a try that is silent or takes too long. */
class Watch {
  readonly #controller = new AbortController();
  readonly #total: ReturnType<typeof setTimeout>;
  readonly #silenceMs: number;
  #silence: ReturnType<typeof setTimeout> | undefined;
  readonly #forward: () => void;
  readonly #outer: AbortSignal | undefined;

  constructor(options: DownloadOptions) {
    const { timeoutMs = 15_000, totalTimeoutMs = 300_000, signal } = options;
    this.#silenceMs = timeoutMs;
    this.#total = setTimeout(
      () => this.#end(`it took longer than ${totalTimeoutMs / 1_000} s`),
      totalTimeoutMs,
    );
    this.#outer = signal;
    this.#forward = () => this.#controller.abort(signal?.reason);
    signal?.addEventListener("abort", this.#forward, { once: true });
    this.heard();
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  /** The server gave a sign of life. */
  heard(): void {
    clearTimeout(this.#silence);
    this.#silence = setTimeout(
      () => this.#end(`no answer for ${this.#silenceMs / 1_000} s`),
      this.#silenceMs,
    );
  }

  #end(reason: string): void {
    this.#controller.abort(new PassingError(reason));
  }

  stop(): void {
    clearTimeout(this.#total);
    clearTimeout(this.#silence);
    this.#outer?.removeEventListener("abort", this.#forward);
  }
}

/** One try. */
async function tryDownload(
  first: URL,
  options: DownloadOptions,
): Promise<Download> {
  const watch = new Watch(options);
  try {
    let url = first;
    for (let redirects = 0;; redirects++) {
      await refusePrivate(url, options);
      const response = await request(url, watch);
      const location = response.headers.get("location");
      if (location === null || response.status < 300 || response.status > 399) {
        return {
          bytes: await readBody(url, response, { ...options, watch }),
          url: url.href,
        };
      }
      await response.body?.cancel();
      if (redirects >= MAX_REDIRECTS) {
        throw new DataError(
          `Cannot download ${first.href}: more than ${MAX_REDIRECTS} redirects, expected the file`,
        );
      }
      url = redirected(url, location);
    }
  } finally {
    watch.stop();
  }
}

/** Where a redirect leads, if it may. */
function redirected(from: URL, location: string): URL {
  const to = URL.parse(location, from);
  const permitted = from.protocol === "https:" ? /^https:$/ : /^https?:$/;
  if (to === null || !permitted.test(to.protocol)) {
    throw new DataError(
      `Cannot download ${from.href}: it redirects to ${
        JSON.stringify(location.slice(0, 200))
      }, expected an address with ${from.protocol}//`,
    );
  }
  to.username = "";
  to.password = "";
  return to;
}

/** Refuses hosts that aren't public. */
async function refusePrivate(
  url: URL,
  options: DownloadOptions,
): Promise<void> {
  if (options.allowPrivate) return;
  const addresses = [url.hostname, ...await resolve(url.hostname)];
  const found = addresses.find(isPrivateHost);
  if (found !== undefined) {
    throw new DataError(
      `Cannot download ${url.href}: ${url.hostname} is a private address${
        found === url.hostname ? "" : ` (${found})`
      }, expected a public one; use --allow-private if it is meant`,
    );
  }
}

/** The addresses of a host name; none if it can't be resolved or may not be: then the request itself says so. */
async function resolve(host: string): Promise<string[]> {
  if (
    Deno.permissions.querySync({ name: "net", host }).state !== "granted"
  ) return [];
  try {
    const found = await lookup(host.replace(/^\[|\]$/g, ""), { all: true });
    return found.map(({ address }) => address);
  } catch (error) {
    // Resolvers fail with a code such as ENOTFOUND; anything else is a mistake of ours.
    if (error instanceof Error && "code" in error) return [];
    throw error;
  }
}

async function request(url: URL, watch: Watch): Promise<Response> {
  try {
    const response = await fetch(url, {
      redirect: "manual",
      signal: watch.signal,
      headers: { accept: "text/csv, text/plain, */*;q=0.1" },
    });
    watch.heard();
    return response;
  } catch (error) {
    throw networkError(url, error, watch);
  }
}

/** Tells failures of the network, which may pass, from a missing permission and from an abort. */
function networkError(url: URL, error: unknown, watch: Watch): unknown {
  if (watch.signal.aborted) return watch.signal.reason;
  if (error instanceof Deno.errors.NotCapable) {
    return new DataError(
      `Cannot download ${url.href}: this run has no permission for ${url.host}, expected --allow-net=${url.host}`,
      { cause: error },
    );
  }
  if (error instanceof TypeError || error instanceof Deno.errors.Http) {
    // Deno's message begins with the URL, which is named already.
    const reason = innermost(error).replaceAll(/\s+/g, " ")
      .replace(/^error sending request for url \(.*?\): /, "");
    return new PassingError(reason, 0, { cause: error });
  }
  return error;
}

/** The message at the bottom of a chain of causes. */
function innermost(error: Error): string {
  return error.cause instanceof Error ? innermost(error.cause) : error.message;
}

/** Reads the body of the last answer. */
async function readBody(
  url: URL,
  response: Response,
  options: DownloadOptions & { watch: Watch },
): Promise<Uint8Array<ArrayBuffer>> {
  const { maxBytes = 64 * 2 ** 20, onProgress, watch } = options;
  const stop = async (error: Error): Promise<never> => {
    await response.body?.cancel();
    throw error;
  };
  const refuse = (fact: string) =>
    stop(new DataError(`Cannot download ${url.href}: ${fact}`));
  const { status } = response;
  if (status >= 500 || PASSING.has(status)) {
    const wait = Number(response.headers.get("retry-after") ?? 0);
    await stop(
      new PassingError(
        `the server answered ${status}`,
        wait > 0 ? Math.min(wait, MAX_RETRY_AFTER) * 1_000 : 0,
      ),
    );
  }
  if (status !== 200) {
    await refuse(`the server answered ${status}, expected 200`);
  }
  const page = "the server answered with an HTML page, expected CSV";
  if (/^text\/html|xhtml/i.test(response.headers.get("content-type") ?? "")) {
    await refuse(page);
  }
  const length = response.headers.get("content-length");
  const total = length !== null && /^\d+$/.test(length) &&
      response.headers.get("content-encoding") === null
    ? Number(length)
    : undefined;
  const tooLarge = (size: string) =>
    `${size} bytes, expected at most ${maxBytes.toLocaleString("en")}`;
  if (total !== undefined && total > maxBytes) {
    await refuse(tooLarge(total.toLocaleString("en")));
  }
  const parts: Uint8Array[] = [];
  let received = 0;
  try {
    for await (const part of response.body ?? []) {
      watch.heard();
      received += part.length;
      if (received > maxBytes) {
        throw new DataError(
          `Cannot download ${url.href}: ${
            tooLarge(`more than ${maxBytes.toLocaleString("en")}`)
          }`,
        );
      }
      parts.push(part);
      onProgress?.({ received, total });
    }
  } catch (error) {
    throw networkError(url, error, watch);
  }
  if (total !== undefined && received !== total) {
    throw new PassingError(
      `it broke off after ${received.toLocaleString("en")} of ${
        total.toLocaleString("en")
      } bytes`,
    );
  }
  const bytes = concat(parts);
  // Log-in pages of networks come under any type.
  const start = new TextDecoder().decode(bytes.subarray(0, 512));
  if (/^\s*<(!doctype\s+html|html)/i.test(start)) {
    throw new DataError(`Cannot download ${url.href}: ${page}`);
  }
  return bytes;
}
