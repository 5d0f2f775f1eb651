import {
  assert,
  assertEquals,
  assertLess,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { createHash } from "node:crypto";
import { BUNDLED, loadDataset } from "../lib/dataset.ts";
import { download } from "../lib/download.ts";
import { DataError, UsageError } from "../lib/errors.ts";
import { fetchDataset, type FetchOptions } from "../lib/fetch_dataset.ts";
import { denoFileSystem, type FileSystem } from "../lib/file_system.ts";
import { isPrivateHost } from "../lib/private_address.ts";

const granted = (descriptor: Deno.PermissionDescriptor) =>
  Deno.permissions.querySync(descriptor).state === "granted";
const files = granted({ name: "read" }) && granted({ name: "write" });
const net = files && granted({ name: "net", host: "127.0.0.1" });

/** A test that needs files. */
function fileTest(name: string, fn: () => Promise<void>) {
  const title = files ? name : `${name} (needs --allow-read --allow-write)`;
  Deno.test({ name: title, ignore: !files, fn });
}

/** A test that needs files and a server on this machine. */
function netTest(name: string, fn: () => Promise<void>) {
  const title = net
    ? name
    : `${name} (needs --allow-read --allow-write --allow-net=127.0.0.1)`;
  Deno.test({ name: title, ignore: !net, fn });
}

const OLD = "the old file\n";
const CSV = ",Date,Spots\n0,2018-06-30,15.6\n1,2018-07-31,1.6\n";
const SHA256 = createHash("sha256").update(CSV).digest("hex");
const csv = () =>
  new Response(CSV, { headers: { "content-type": "text/csv" } });

/** A folder that is gone after `use`. */
async function inFolder(use: (folder: string) => Promise<void>) {
  const folder = await Deno.makeTempDir();
  try {
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** A server for the time of `use`; counts its requests. */
async function withServer(
  handler: (request: Request, count: number) => Response | Promise<Response>,
  use: (url: string, requests: () => number) => Promise<void>,
) {
  let count = 0;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => handler(request, ++count),
  );
  try {
    await use(`http://127.0.0.1:${server.addr.port}`, () => count);
  } finally {
    await server.shutdown();
  }
}

/** A server that answers with raw bytes, then closes or stays silent; counts its connections. */
async function withRawServer(
  answer: { bytes: string; close: boolean },
  use: (url: string, requests: () => number) => Promise<void>,
) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const open: Deno.Conn[] = [];
  const serving = (async () => {
    for await (const connection of listener) {
      open.push(connection);
      await connection.read(new Uint8Array(4_096));
      await connection.write(new TextEncoder().encode(answer.bytes));
      if (answer.close) open.pop()!.close();
    }
  })();
  try {
    const { port } = listener.addr as Deno.NetAddr;
    await use(`http://127.0.0.1:${port}`, () => open.length);
  } finally {
    for (const connection of open) connection.close();
    listener.close();
    await serving;
  }
}

/** Fetches over an old file that must survive, with nothing left beside it. @returns the error's message. */
async function survives(
  url: string,
  options: Partial<FetchOptions> = {},
  kind: typeof DataError | typeof UsageError = DataError,
): Promise<string> {
  let message = "";
  await inFolder(async (folder) => {
    const output = `${folder}/old.csv`;
    await Deno.writeTextFile(output, OLD);
    const error = await assertRejects(
      () =>
        fetchDataset(url, {
          output,
          allowPrivate: true,
          backoffMs: 1,
          ...options,
        }),
      kind,
    );
    message = error.message;
    assertStrictEquals(message.includes("\n"), false, message);
    assertStrictEquals(await Deno.readTextFile(output), OLD);
    const names = (await Array.fromAsync(Deno.readDir(folder))).map((e) =>
      e.name
    );
    assertEquals(names, ["old.csv"]);
  });
  return message;
}

Deno.test("loadDataset() has the bundled series with no permission", async () => {
  const series = await loadDataset(BUNDLED);
  assertStrictEquals(series.values.length, 3235);
  assertStrictEquals(
    series.sha256,
    "914d22d0e150960623d22af67d3985d011994927942249aafadd7dc986cfccf8",
  );
});

Deno.test("loadDataset() refuses other schemes", async () => {
  for (const source of ["ftp://a.org/x.csv", "file:///x.csv", "s3://a/b"]) {
    await assertRejects(() => loadDataset(source), UsageError, source);
  }
});

fileTest("loadDataset() reads a file, and its hash", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/a.csv`;
    await Deno.writeTextFile(path, CSV);
    const series = await loadDataset(path);
    assertEquals(Array.from(series.values), [15.6, 1.6]);
    assertStrictEquals(series.source, path);
    assertStrictEquals(series.sha256, SHA256);
  });
});

fileTest("loadDataset() says that there is no file, or a folder", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/none.csv`;
    await assertRejects(() => loadDataset(path), DataError, "no such file");
    await assertRejects(() => loadDataset(folder), DataError, "is a folder");
  });
});

fileTest("loadDataset() closes a file whose first row is wrong", async () => {
  await inFolder(async (folder) => {
    const path = `${folder}/a.csv`;
    await Deno.writeTextFile(path, "a,b,c\n" + "x,y,z\n".repeat(200_000));
    await assertRejects(() => loadDataset(path), DataError, "line 2");
  });
});

fileTest(
  "loadDataset() takes UTF-8 and marked UTF-16, and no other bytes",
  async () => {
    await inFolder(async (folder) => {
      const path = `${folder}/a.csv`;
      const load = async (bytes: number[] | Uint8Array) => {
        await Deno.writeFile(path, Uint8Array.from(bytes));
        return await loadDataset(path);
      };
      const units = Array.from(CSV, (c) => c.charCodeAt(0));
      const good = [
        [0xef, 0xbb, 0xbf, ...units],
        [0xff, 0xfe, ...units.flatMap((u) => [u, 0])],
        [0xfe, 0xff, ...units.flatMap((u) => [0, u])],
      ];
      for (const bytes of good) {
        const series = await load(bytes);
        assertEquals(Array.from(series.values), [15.6, 1.6]);
        assertStrictEquals(series.name, "Spots");
      }
      const bad: [number[], string][] = [
        [units.flatMap((u) => [u, 0]), "NUL"],
        [[...units, 0xe9, 0x2c], `not UTF-8 (after byte ${units.length + 1})`],
        [[...units, 0xc3], "not UTF-8"],
        [[0xff, 0xfe, ...units.flatMap((u) => [u, 0]), 0x41], "not UTF-16LE"],
        [[0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a], "not UTF-8"],
        [[0x1f, 0x8b, 8, 0, 0, 0, 0, 0], "not UTF-8"],
        [[0, 0, 0, 0], "NUL"],
        [[0x41], "UsageError"],
        [[], "empty"],
      ];
      for (const [bytes, expected] of bad) {
        const error = await assertRejects(() => load(bytes)) as Error;
        assert(
          error instanceof DataError || error instanceof UsageError,
          `${error}`,
        );
        assertStringIncludes(`${error}`, expected);
      }
    });
  },
);

netTest("loadDataset() reads a URL", async () => {
  await withServer(csv, async (url) => {
    const series = await loadDataset(url, { allowPrivate: true });
    assertStrictEquals(series.sha256, SHA256);
    assertStrictEquals(series.source, url);
  });
});

netTest(
  "fetchDataset() writes the file, in a new folder, with progress",
  async () => {
    await inFolder(async (folder) => {
      await withServer(csv, async (url) => {
        const seen: unknown[] = [];
        const output = `${folder}/new/a.csv`;
        const fetched = await fetchDataset(url, {
          output,
          allowPrivate: true,
          sha256: SHA256.toUpperCase(),
          head: 2,
          onProgress: (progress) => seen.push(progress),
        });
        assertStrictEquals(await Deno.readTextFile(output), CSV);
        assertEquals(fetched.head, [",Date,Spots", "0,2018-06-30,15.6"]);
        assertStrictEquals(fetched.size, CSV.length);
        assertStrictEquals(fetched.series.values.length, 2);
        assertEquals(seen, [{ received: CSV.length, total: CSV.length }]);
      });
    });
  },
);

netTest(
  "fetchDataset() tries again after 500, and follows redirects",
  async () => {
    await inFolder(async (folder) => {
      const answer = (request: Request, count: number) => {
        const { pathname } = new URL(request.url);
        if (pathname === "/") return Response.redirect(`${request.url}a`, 302);
        if (pathname === "/a") {
          return new Response(null, {
            status: 308,
            headers: { location: "b" },
          });
        }
        // Each try begins with the two redirects.
        return count < 9 ? new Response("busy", { status: 500 }) : csv();
      };
      await withServer(answer, async (url, requests) => {
        const output = `${folder}/old.csv`;
        await Deno.writeTextFile(output, OLD);
        const reasons: string[] = [];
        const fetched = await fetchDataset(url, {
          output,
          allowPrivate: true,
          backoffMs: 1,
          onRetry: ({ attempt, reason }) =>
            reasons.push(`${attempt} ${reason}`),
        });
        assertStrictEquals(requests(), 9);
        assertStrictEquals(fetched.url, `${url}/b`);
        assertEquals(reasons, [
          "2 the server answered 500",
          "3 the server answered 500",
        ]);
        assertStrictEquals(await Deno.readTextFile(output), CSV);
      });
    });
  },
);

netTest("fetchDataset() keeps the old file after 404, at once", async () => {
  const answer = () => new Response("not here", { status: 404 });
  await withServer(answer, async (url, requests) => {
    assertStringIncludes(await survives(url), "answered 404, expected 200");
    assertStrictEquals(requests(), 1);
  });
});

netTest("fetchDataset() keeps the old file after three times 503", async () => {
  const answer = () => new Response("busy", { status: 503 });
  await withServer(answer, async (url, requests) => {
    assertStringIncludes(await survives(url), "answered 503");
    assertStrictEquals(requests(), 3);
  });
});

netTest(
  "fetchDataset() keeps the old file if the download breaks off",
  async () => {
    const head = "HTTP/1.1 200 OK\r\ncontent-type: text/csv\r\n";
    // As a length that isn't reached, as a chunk that isn't, and as an answer without headers' end.
    const answers = [
      `${head}content-length: ${CSV.length}\r\n\r\n${CSV.slice(0, 30)}`,
      `${head}transfer-encoding: chunked\r\n\r\n1e\r\n${CSV.slice(0, 30)}\r\n`,
      head,
      "",
    ];
    for (const bytes of answers) {
      await withRawServer({ bytes, close: true }, async (url) => {
        const reasons: string[] = [];
        const message = await survives(url, {
          onRetry: ({ reason }) => reasons.push(reason),
        });
        assertStringIncludes(message, "(3 tries)");
        assertStrictEquals(reasons.length, 2);
      });
    }
  },
);

netTest(
  "fetchDataset() gives up on a server that never answers, or stalls",
  async () => {
    const answers = [
      "",
      "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n0,1,2\n",
    ];
    for (const bytes of answers) {
      await withRawServer({ bytes, close: false }, async (url, requests) => {
        const message = await survives(url, { timeoutMs: 100 });
        assertStringIncludes(message, "no answer for 0.1 s");
        assertStrictEquals(requests(), 3);
      });
    }
  },
);

netTest(
  "fetchDataset() waits for a server that is slow, but never silent for long",
  async () => {
    await inFolder(async (folder) => {
      const parts = CSV.match(/[^]{1,3}/g)!;
      const answer = () => {
        const left = parts.slice();
        return new Response(
          new ReadableStream({
            async pull(controller) {
              await new Promise((resolve) => setTimeout(resolve, 100));
              const part = left.shift();
              if (part === undefined) return controller.close();
              controller.enqueue(new TextEncoder().encode(part));
            },
          }, { highWaterMark: 0 }),
        );
      };
      await withServer(answer, async (url) => {
        const output = `${folder}/a.csv`;
        await fetchDataset(url, {
          output,
          allowPrivate: true,
          timeoutMs: 1_200,
        });
        assertStrictEquals(await Deno.readTextFile(output), CSV);
      });
    });
  },
);

netTest("fetchDataset() gives up on a server that drips", async () => {
  const answer = () => {
    let timer: ReturnType<typeof setInterval>;
    return new Response(
      new ReadableStream({
        start(controller) {
          timer = setInterval(
            () => controller.enqueue(new TextEncoder().encode("1")),
            10,
          );
        },
        cancel: () => clearInterval(timer),
      }),
    );
  };
  await withServer(answer, async (url) => {
    const message = await survives(url, { totalTimeoutMs: 150, tries: 1 });
    assertStringIncludes(message, "longer than 0.15 s");
  });
});

netTest("fetchDataset() can't be reached where nobody listens", async () => {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr as Deno.NetAddr;
  listener.close();
  const message = await survives(`http://127.0.0.1:${port}/`);
  assertStringIncludes(message, "(3 tries)");
});

netTest(
  "fetchDataset() refuses HTML, by its type and by its look",
  async () => {
    const html = "<!DOCTYPE html>\n<html><body>Log in, please</body></html>";
    for (const type of ["text/html; charset=utf-8", "text/csv"]) {
      const answer = () =>
        new Response(html, { headers: { "content-type": type } });
      await withServer(answer, async (url, requests) => {
        assertStringIncludes(await survives(url), "an HTML page, expected CSV");
        assertStrictEquals(requests(), 1);
      });
    }
  },
);

netTest(
  "fetchDataset() refuses what is no series, and a wrong hash",
  async () => {
    const bodies: [BodyInit, string][] = [
      ["", "it is empty"],
      ["a,b,c\nx,y,z\n", "line 2"],
      [new Uint8Array(1_000), "NUL"],
      [CSV + '2,2018-08-31,"1', "quote"],
    ];
    for (const [body, expected] of bodies) {
      await withServer(() => new Response(body), async (url) => {
        assertStringIncludes(await survives(url), expected);
      });
    }
    await withServer(csv, async (url) => {
      const message = await survives(url, { sha256: "0".repeat(64) });
      assertStringIncludes(message, `its SHA-256 is ${SHA256}`);
    });
  },
);

netTest("fetchDataset() refuses 2 GB of zeros, announced or not", async () => {
  const size = 2 ** 31;
  for (const announced of [true, false]) {
    let sent = 0;
    const block = new Uint8Array(1 << 20);
    const answer = () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            if (sent >= size) return controller.close();
            sent += block.length;
            controller.enqueue(block);
          },
        }, { highWaterMark: 0 }),
        announced ? { headers: { "content-length": `${size}` } } : {},
      );
    await withServer(answer, async (url, requests) => {
      const message = await survives(url);
      assertStringIncludes(message, "expected at most 67,108,864");
      assertStrictEquals(requests(), 1);
    });
    assertLess(sent, announced ? 32 * 2 ** 20 : 128 * 2 ** 20);
  }
});

netTest(
  "fetchDataset() refuses redirects to other schemes, in circles and beyond its permission",
  async () => {
    const cases = [
      ["file:///etc/passwd", "it redirects to"],
      ["data:text/csv,1", "it redirects to"],
      ["ftp://example.org/a.csv", "it redirects to"],
      ["http://", "it redirects to"],
      ["/", "more than 5 redirects"],
    ];
    for (const [location, expected] of cases) {
      const answer = () =>
        new Response(null, { status: 302, headers: { location: location! } });
      await withServer(answer, async (url) => {
        assertStringIncludes(await survives(url), expected!);
      });
    }
    if (!granted({ name: "net", host: "example.org" })) {
      const answer = () => Response.redirect("http://example.org/", 302);
      await withServer(answer, async (url) => {
        assertStringIncludes(
          await survives(url),
          "expected --allow-net=example.org",
        );
      });
    }
  },
);

netTest("fetchDataset() asks no private address without leave", async () => {
  await withServer(csv, async (url, requests) => {
    const { port } = new URL(url);
    for (const host of ["127.0.0.1", "localhost", "2130706433", "[::1]"]) {
      const message = await survives(`http://${host}:${port}/`, {
        allowPrivate: false,
      });
      assertStringIncludes(message, "private address");
    }
    assertStrictEquals(requests(), 0);
  });
});

netTest("fetchDataset() refuses options that can't be meant", async () => {
  const url = "http://127.0.0.1:1/";
  const usage = (url: string, options: Partial<FetchOptions>) =>
    survives(url, options, UsageError);
  assertStringIncludes(await usage(url, { sha256: "abc" }), "--sha256 abc");
  assertStringIncludes(await usage(url, { head: -1 }), "--head -1");
  assertStringIncludes(await usage(url, { output: "." }), "it is a folder");
  assertStringIncludes(await usage("sunspots.csv", {}), "http://");
  assertStringIncludes(await usage("ftp://a.org/", {}), "http://");
  await usage("no\nurl\u001b[31m", {});
  const secret = await usage("http://me:secret@a.org/", {});
  assertStrictEquals(secret.includes("secret"), false);
});

netTest(
  "fetchDataset() keeps the old file if the disk fails at any step",
  async () => {
    const failing = (step: string): FileSystem => {
      const fail = () => Promise.reject(new Deno.errors.WriteZero("disk full"));
      return {
        ...denoFileSystem,
        ...(step === "rename" && { rename: fail }),
        async create(path) {
          if (step === "create") return await fail();
          const file = await denoFileSystem.create(path);
          return {
            ...file,
            ...(step === "write" && { write: fail }),
            ...(step === "sync" && { sync: fail }),
          };
        },
      };
    };
    await withServer(csv, async (url) => {
      for (const step of ["create", "write", "sync", "rename"]) {
        const message = await survives(
          url,
          { fileSystem: failing(step) },
          Deno.errors.WriteZero as unknown as typeof DataError,
        );
        assertStrictEquals(message, "disk full");
      }
    });
  },
);

netTest(
  "fetchDataset() removes what a killed process left, not what a living one writes",
  async () => {
    await inFolder(async (folder) => {
      const output = `${folder}/a.csv`;
      const stale = `${output}.${crypto.randomUUID()}.part`;
      const fresh = `${output}.${crypto.randomUUID()}.part`;
      for (const path of [stale, fresh]) await Deno.writeTextFile(path, "0,");
      const hourAgo = new Date(Date.now() - 3_600_000);
      await Deno.utime(stale, hourAgo, hourAgo);
      await withServer(csv, async (url) => {
        await fetchDataset(url, { output, allowPrivate: true });
      });
      const names = (await Array.fromAsync(Deno.readDir(folder))).map((e) =>
        `${folder}/${e.name}`
      );
      assertEquals(names.sort(), [output, fresh].sort());
    });
  },
);

netTest("download() ends when it is told to, also while it waits", async () => {
  const answer = () => new Response("busy", { status: 500 });
  await withServer(answer, async (url, requests) => {
    const controller = new AbortController();
    const error = await assertRejects(() =>
      download(url, {
        allowPrivate: true,
        backoffMs: 60_000,
        signal: controller.signal,
        onRetry: () => queueMicrotask(() => controller.abort()),
      })
    ) as Error;
    assertStrictEquals(error.name, "AbortError");
    assertStrictEquals(requests(), 1);
  });
  await withRawServer({ bytes: "", close: false }, async (url) => {
    const signal = AbortSignal.timeout(50);
    const error = await assertRejects(() =>
      download(url, { allowPrivate: true, signal })
    ) as Error;
    assertStrictEquals(error.name, "TimeoutError");
  });
});

/** Runs `use` with an internet in which each address answers as the table says. */
async function withInternet(
  answers: Record<string, Response>,
  use: () => Promise<void>,
) {
  const real = globalThis.fetch;
  globalThis.fetch = (input) => {
    const answer = answers[String(input)];
    assert(answer !== undefined, `${input} was asked`);
    return Promise.resolve(answer);
  };
  try {
    await use();
  } finally {
    globalThis.fetch = real;
  }
}

Deno.test("download() lets no public address lead to a private one, or from https to http", async () => {
  const cases = [
    ["http://169.254.169.254/latest", "169.254.169.254 is a private address"],
    ["https://[::ffff:10.0.0.1]/", "is a private address"],
    ["https://intranet.local/", "is a private address"],
    ["http://8.8.8.8/a.csv", "expected an address with https://"],
  ] as const;
  for (const [location, expected] of cases) {
    const from = location.startsWith("http://1") ? "http" : "https";
    const url = `${from}://8.8.4.4/`;
    const answer = new Response(null, { status: 302, headers: { location } });
    await withInternet({ [url]: answer }, async () => {
      await assertRejects(() => download(url), DataError, expected);
    });
  }
});

Deno.test("download() goes on from http to https, without the names in the address", async () => {
  const answers = {
    "http://8.8.4.4/": Response.redirect("https://u:p@8.8.8.8/a.csv", 301),
    "https://8.8.8.8/a.csv": csv(),
  };
  await withInternet(answers, async () => {
    const { url, bytes } = await download("http://8.8.4.4/");
    assertStrictEquals(url, "https://8.8.8.8/a.csv");
    assertStrictEquals(new TextDecoder().decode(bytes), CSV);
  });
});

Deno.test("isPrivateHost() knows this machine, its networks and reserved blocks", () => {
  const hosts = [
    ["localhost", "a.localhost", "LOCALHOST.", "printer.local", "db.internal"],
    ["0.0.0.0", "127.0.0.1", "127.255.255.255", "10.1.2.3", "100.64.0.1"],
    ["172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254"],
    ["224.0.0.1", "255.255.255.255", "198.18.0.1", "192.0.2.1"],
    ["[::]", "[::1]", "::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1"],
    ["[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::a00:1]"],
    ["[2002:7f00:1::]", "2001:db8::1", "[::ffff:c0a8:101]", "2001::1"],
  ].flat();
  for (const host of hosts) assert(isPrivateHost(host), host);
  const open = [
    ["storage.googleapis.com", "local.example.org", "8.8.8.8", "172.32.0.1"],
    ["100.128.0.1", "192.167.255.255", "[2607:f8b0::1]", "[::ffff:8.8.8.8]"],
    ["[64:ff9b::808:808]", "[2002:808:808::]", "2a00:1450:4001:80b::2010"],
  ].flat();
  for (const host of open) assertStrictEquals(isPrivateHost(host), false, host);
});
