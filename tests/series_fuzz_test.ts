/**
 * Hostile series and options by the ten thousand: either the right result, or a DataError or UsageError of one line.
 * The seed is fixed; a failure prints the smallest case it found.
 * @module
 */

import {
  assert,
  assertEquals,
  assertGreaterOrEqual,
  assertLess,
  assertStrictEquals,
} from "@std/assert";
import fc from "fast-check";
import { continueDates, formatDate, stepsBetween } from "../lib/calendar.ts";
import { type Config, DEFAULT_CONFIG, validateConfig } from "../lib/config.ts";
import { type Column } from "../lib/columns.ts";
import { DataError, UsageError } from "../lib/errors.ts";
import { isPrivateHost } from "../lib/private_address.ts";
import { applyScaling, fitScaling, invertScaling } from "../lib/scale.ts";
import {
  type ParseOptions,
  parseSeries,
  parseSeriesStream,
  type Series,
} from "../lib/series.ts";
import { parseSeriesOptions } from "../lib/series_options.ts";
import { resolveSplit } from "../lib/split.ts";
import { decodeText } from "../lib/text_decode.ts";

/** A whole number from the environment, if the run may read it: for long campaigns. */
function fromEnvironment(variable: string, otherwise: number): number {
  const { state } = Deno.permissions.querySync({ name: "env", variable });
  return state === "granted"
    ? Number(Deno.env.get(variable) ?? otherwise)
    : otherwise;
}

const SEED = fromEnvironment("FUZZ_SEED", 1_749);
/** How many times the usual number of cases. */
const FACTOR = fromEnvironment("FUZZ_FACTOR", 1);
/** Cases tried so far, all properties together. */
let cases = 0;

function check<T extends unknown[]>(
  runs: number,
  property: fc.IProperty<T> | fc.IAsyncProperty<T>,
): Promise<void> | void {
  const numRuns = runs * FACTOR;
  cases += numRuns;
  return fc.assert(property, { numRuns, seed: SEED });
}

/** What holds for every series that is let in. */
function assertSound(series: Series): void {
  const { times, values, dates, calendar, filled } = series;
  const moments = dates ?? times;
  assert(values.length >= 2);
  assertStrictEquals(times.length, values.length);
  assertStrictEquals(moments.length, values.length);
  assert(Number.isInteger(filled) && filled >= 0 && filled < values.length);
  for (let i = 0; i < values.length; i++) {
    assert(Number.isFinite(Math.fround(values[i]!)), `value ${values[i]}`);
    assert(Number.isFinite(times[i]!), `time ${times[i]}`);
    if (i === 0) continue;
    assert(times[i]! >= times[i - 1]!, `times ${times[i - 1]}, ${times[i]}`);
    assertStrictEquals(
      stepsBetween(calendar, [moments[i - 1]!, moments[i]!]),
      1,
    );
  }
  for (const moment of continueDates(series, 3)) {
    assert(formatDate(calendar, moment).length > 0);
  }
}

/** Runs something that may refuse, but only clearly. @returns its result, or undefined after a clear refusal. */
function orRefusal<T>(run: () => T): T | undefined {
  try {
    return run();
  } catch (error) {
    assertClear(error);
    return undefined;
  }
}

function assertClear(error: unknown): void {
  if (!(error instanceof DataError || error instanceof UsageError)) throw error;
  const { message } = error;
  assert(/^Cannot /.test(message), message);
  // deno-lint-ignore no-control-regex
  assert(!/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/.test(message), message);
  assert(message.length < 1_000, message);
}

const DAY = 86_400_000;
const iso = (moment: number, length: number) =>
  new Date(moment).toISOString().slice(0, length);

/** Calendars, each made without the code under test: moment number i of one that begins at a year and month. */
const CALENDARS: Record<
  string,
  { at: (year: number, month: number, i: number) => number; length: number }
> = {
  monthEnd: { at: (y, m, i) => Date.UTC(y, m + i + 1, 0), length: 10 },
  monthStart: { at: (y, m, i) => Date.UTC(y, m + i, 1), length: 10 },
  month: { at: (y, m, i) => Date.UTC(y, m + i, 1), length: 7 },
  quarterEnd: { at: (y, m, i) => Date.UTC(y, m + 3 * i + 1, 0), length: 10 },
  year: { at: (y, _, i) => Date.UTC(y + i, 0, 1), length: 4 },
  week: { at: (y, m, i) => Date.UTC(y, m, 5) + 7 * i * DAY, length: 10 },
  day: { at: (y, m, i) => Date.UTC(y, m, 7) + i * DAY, length: 10 },
  hour: { at: (y, m, i) => Date.UTC(y, m, 7) + i * DAY / 24, length: 16 },
  tenMinutes: {
    at: (y, m, i) => Date.UTC(y, m, 7) + i * DAY / 144,
    length: 19,
  },
};

/** A number as a file may spell it. */
const numberText = fc.oneof(
  fc.integer({ min: -1_000, max: 1_000 }).map(String),
  fc.float({ noNaN: true, noDefaultInfinity: true }).map(String),
  fc.double({ min: -400, max: 400, noNaN: true }).map((x) => x.toFixed(1)),
  fc.constantFrom("+5", "5.", ".5", "-0", "1E3", "1e-300", "00012", "3.4e38"),
);

/** Anything that a cell may hold. */
const junk = fc.oneof(
  fc.constantFrom(
    ...["", " ", "NaN", "NA", "null", "Infinity", "-inf", "1e308", "1e39"],
    ...["1,5", '"', '""', "'", "\0", "\r", "\n", "x\ny", "\ufeff", "\ud800"],
    ...["2018-02-30", "0", "-1", "9999-12-31", "0001-01-01", "__proto__"],
    ...["2018", "2018-07", "2018-07-31T00:00Z", "constructor", "\u001b[31m"],
  ),
  fc.string(),
  fc.string({ unit: "binary" }),
  numberText,
);

/** Mostly null. */
const seldom = <T>(arbitrary: fc.Arbitrary<T>): fc.Arbitrary<T | null> =>
  fc.oneof(
    { weight: 3, arbitrary: fc.constant(null) },
    { weight: 1, arbitrary },
  );

/** A file whose contents are known. */
interface Made {
  text: string;
  options: ParseOptions;
  values: number[];
  dates: number[] | undefined;
  next: string | undefined;
  /** 0-based line of each row, and all lines, to break them. */
  lines: string[];
  rows: number[];
}

const quote = (text: string) => `"${text.replaceAll('"', '""')}"`;

const made: fc.Arbitrary<Made> = fc.record({
  values: fc.array(numberText, { minLength: 2, maxLength: 30 }),
  calendar: fc.constantFrom(...Object.keys(CALENDARS), "none"),
  year: fc.integer({ min: 1_000, max: 9_000 }),
  month: fc.integer({ min: 0, max: 11 }),
  delimiter: fc.constantFrom(",", ";", "\t", "|", " "),
  header: fc.boolean(),
  byName: fc.boolean(),
  crlf: fc.boolean(),
  bom: fc.boolean(),
  lastLineEnd: fc.boolean(),
  blankLines: fc.boolean(),
  quoted: fc.boolean(),
  padded: fc.boolean(),
  withTime: fc.boolean(),
  extra: fc.array(fc.string({ maxLength: 5 }), { maxLength: 2 }),
  order: fc.infiniteStream(fc.nat()).map((stream) => stream.take(5)),
}).map((plan) => {
  const { delimiter, header } = plan;
  const calendar = CALENDARS[plan.calendar];
  const values = plan.values.map(Number);
  const moment = (i: number) => calendar!.at(plan.year, plan.month, i);
  const kinds = ["value"];
  if (calendar !== undefined) kinds.push("date");
  if (plan.withTime) kinds.push("time");
  for (const i of plan.extra.keys()) kinds.push(`extra ${i}`);
  const keys = new Map([...plan.order].map((n, i) => [kinds[i], n]));
  kinds.sort((a, b) => (keys.get(a) ?? 0) - (keys.get(b) ?? 0));
  const cell = (kind: string, i: number): string => {
    const text = kind === "value"
      ? plan.values[i]!
      : kind === "time"
      ? String(i + 7)
      : kind === "date"
      ? iso(moment(i), calendar!.length)
      : plan.extra[Number(kind.at(-1))]!;
    const padded = plan.padded && delimiter !== " " ? ` ${text}` : text;
    const bare = !plan.quoted && padded !== "" &&
      !/["\r\n]/.test(padded) && !padded.includes(delimiter);
    return bare ? padded : quote(padded);
  };
  const write = (cells: string[]) => cells.join(delimiter);
  const lines: string[] = [];
  const rows: number[] = [];
  if (header) lines.push(write(kinds.map(quote)));
  for (const i of values.keys()) {
    if (plan.blankLines && kinds.length > 1) lines.push("");
    rows.push(lines.length);
    lines.push(write(kinds.map((kind) => cell(kind, i))));
  }
  const end = plan.crlf ? "\r\n" : "\n";
  const text = (plan.bom ? "\ufeff" : "") + lines.join(end) +
    (plan.lastLineEnd ? end : "");
  const column = (kind: string): Column =>
    plan.byName && header ? kind : kinds.indexOf(kind);
  const options: ParseOptions = {
    delimiter,
    header,
    valueColumn: column("value"),
    dateColumn: calendar === undefined ? null : column("date"),
    timeColumn: plan.withTime ? column("time") : null,
  };
  const dates = calendar && values.map((_, i) => moment(i));
  const next = calendar && iso(moment(values.length), calendar.length);
  return { text, options, values, dates, next, lines, rows };
});

/** Cuts at any places. */
function pieces<
  T extends { slice(from: number, to?: number): T; length: number },
>(
  whole: T,
  cuts: readonly number[],
): T[] {
  const places = cuts.map((c) => c % (whole.length + 1)).sort((a, b) => a - b);
  return [0, ...places].map((from, i) => whole.slice(from, places[i]));
}

Deno.test("parseSeries() reads back any series in any layout", () => {
  check(
    6_000,
    fc.property(made, ({ text, options, values, dates, next }) => {
      const series = parseSeries(text, options);
      assertSound(series);
      assertEquals(Array.from(series.values), values);
      assertEquals(series.dates && Array.from(series.dates), dates);
      assertStrictEquals(series.filled, 0);
      if (next !== undefined && next.length > 4 && values.length >= 3) {
        const [moment] = continueDates(series, 1);
        const written = formatDate(series.calendar, moment!);
        assertStrictEquals(written.replace(/Z$/, ""), next);
      }
    }),
  );
});

Deno.test("parseSeriesStream() reads back the same from bytes cut anywhere", async () => {
  await check(
    2_000,
    fc.asyncProperty(made, fc.array(fc.nat()), async (file, cuts) => {
      const bytes = new TextEncoder().encode(file.text);
      const chunks = ReadableStream.from(pieces(bytes, cuts));
      const series = await parseSeriesStream(
        decodeText(chunks, "a.csv"),
        file.options,
      );
      assertEquals(Array.from(series.values), file.values);
    }),
  );
});

Deno.test("parseSeries() names the line at which a row is missing, twice there or moved", () => {
  check(
    2_000,
    fc.property(
      made.filter((file) => file.dates !== undefined && file.rows.length >= 6),
      fc.nat(),
      fc.constantFrom("drop", "double", "swap"),
      fc.constantFrom("none", "linear", "previous" as const),
      (file, place, how, fill) => {
        const { rows, values } = file;
        // Neither end: a series may begin and end anywhere. Nor the first steps, which tell the calendar.
        const at = 3 + place % (rows.length - 4);
        const lines = file.lines.slice();
        const line = lines[rows[at]!]!;
        if (how === "drop") lines.splice(rows[at]!, 1);
        if (how === "double") lines.splice(rows[at]! + 1, 0, line);
        if (how === "swap") {
          lines[rows[at]!] = lines[rows[at - 1]!]!;
          lines[rows[at - 1]!] = line;
        }
        const options = { ...file.options, timeColumn: null, fill };
        const text = lines.join("\n");
        if (how === "drop" && fill !== "none") {
          const series = parseSeries(text, options);
          assertSound(series);
          assertStrictEquals(series.filled, 1);
          assertEquals(Array.from(series.dates!), file.dates);
          const [before, after] = [values[at - 1]!, values[at + 1]!];
          const rise = fill === "linear" ? (after - before) / 2 : 0;
          assertStrictEquals(series.values[at], before + rise);
          return;
        }
        let message = "";
        try {
          parseSeries(text, options);
        } catch (error) {
          assertClear(error);
          assert(error instanceof DataError);
          message = error.message;
        }
        const shift = file.lines.length > rows.length + 1 ? 1 : 0;
        const expected = how === "swap"
          ? [rows[at - 1]! + 1, rows[at]! + 1]
          : how === "double"
          ? [rows[at]! + 2]
          : [rows[at]! + 1 + shift];
        assert(
          expected.some((n) => message.includes(`: line ${n}: `)),
          `${message}, expected line ${expected}`,
        );
      },
    ),
  );
});

Deno.test("parseSeries() lets a damaged file in whole, or refuses it in one line", () => {
  const damage = fc.record({
    row: fc.nat(),
    column: fc.nat(),
    cell: junk,
    where: fc.nat(),
    insert: seldom(junk),
    cut: seldom(fc.nat()),
  });
  const options = fc.record({
    fill: fc.constantFrom("none", "linear", "previous" as const),
    missing: fc.array(junk, { maxLength: 2 }),
    delimiter: fc.constantFrom(",", ";", "\t", '"', "", "\n", ",,"),
    header: fc.boolean(),
    valueColumn: fc.oneof(fc.integer({ min: -2, max: 5 }), junk),
    dateColumn: fc.oneof(
      fc.integer({ min: -2, max: 5 }),
      junk,
      fc.array(fc.nat(3), { maxLength: 3 }),
      fc.constant(null),
    ),
    timeColumn: fc.oneof(fc.double(), fc.constantFrom(0, 1, 2, null), junk),
    dateFormat: fc.oneof(
      fc.constantFrom("YYYY", "DD.MM.YYYY", "YYYYMMDD", "MM YY", "YYYY(MM"),
      junk,
    ),
  }, { requiredKeys: [] });
  let sound = 0;
  check(
    7_000,
    fc.property(made, damage, seldom(options), (file, harm, odd) => {
      const lines = file.lines.slice();
      const row = harm.row % lines.length;
      const cells = lines[row]!.split(file.options.delimiter!);
      cells[harm.column % cells.length] = harm.cell;
      lines[row] = cells.join(file.options.delimiter);
      let text = lines.join("\n");
      if (harm.insert !== null) {
        const at = harm.where % text.length;
        text = text.slice(0, at) + harm.insert + text.slice(at);
      }
      if (harm.cut !== null) text = text.slice(0, harm.cut % text.length);
      const series = orRefusal(() =>
        parseSeries(text, { source: "a.csv", ...file.options, ...odd })
      );
      if (series !== undefined) {
        sound++;
        assertSound(series);
      }
    }),
  );
  // The property isn't empty: a good part of the files is still good.
  assertGreaterOrEqual(sound, 300);
});

Deno.test("decodeText() and parseSeriesStream() take any bytes, or refuse them in one line", async () => {
  const bytes = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.array(fc.constantFrom(...'0129.-,;"\r\n\t eN\0é\ufeff'), {
      maxLength: 200,
    }).map((chars) => new TextEncoder().encode(chars.join(""))),
    fc.string().map((text) =>
      new Uint8Array(
        Uint16Array.from(
          `\ufeff${text}`,
          (c) => c.charCodeAt(0),
        ).buffer,
      )
    ),
  );
  await check(
    3_000,
    fc.asyncProperty(bytes, fc.array(fc.nat()), async (whole, cuts) => {
      const text = decodeText(
        ReadableStream.from(pieces(whole, cuts)),
        "a.csv",
      );
      try {
        assertSound(
          await parseSeriesStream(text, { header: false, valueColumn: 0 }),
        );
      } catch (error) {
        assertClear(error);
      }
    }),
  );
});

Deno.test("resolveSplit() leaves values on both sides, or refuses in one line", () => {
  const text = Array.from(
    { length: 40 },
    (_, i) => `${i},${iso(Date.UTC(1_750, i + 1, 0), 10)},${i % 7}`,
  ).join("\n");
  const series = parseSeries(text, { header: false });
  const split = fc.oneof(
    junk,
    fc.double(),
    fc.integer({ min: -5, max: 50 }),
    fc.date().map((date) => String(date.getTime())),
    fc.integer({ min: 0, max: 150 }).map((percent) => `${percent}%`),
    fc.integer({ min: 1_740, max: 1_760 }).map((year) => `${year}-05`),
  );
  check(
    1_000,
    fc.property(split, (value) => {
      const index = orRefusal(() => resolveSplit(series, value));
      if (index === undefined) return;
      assert(Number.isInteger(index) && index >= 1 && index <= 39, `${index}`);
    }),
  );
});

Deno.test("fitScaling() comes back to the values, or refuses in one line", () => {
  const value = fc.double({ min: -3.4e38, max: 3.4e38, noNaN: true });
  check(
    500,
    fc.property(
      fc.array(fc.oneof(value, fc.integer())),
      fc.constantFrom("none", "standard", "minmax" as const),
      (values, kind) => {
        const scaling = orRefusal(() => fitScaling(kind, values));
        if (scaling === undefined) return;
        const largest = Math.max(...values.map(Math.abs), 0);
        const back = invertScaling(scaling, applyScaling(scaling, values));
        for (const [i, x] of values.entries()) {
          assert(Math.abs(back[i]! - x) <= 1e-12 * largest, `${x} ${back[i]}`);
        }
      },
    ),
  );
});

Deno.test("validateConfig() lets a configuration in, or refuses it in one line", () => {
  const odd = fc.oneof(
    fc.constantFrom(
      ...[NaN, Infinity, -Infinity, -0, 0, -1, 1, 0.5, 1e308, 2 ** 53],
      ...[undefined, null, "", "30", true, [], [0], [60, NaN], {}],
      ..."causal same valid sgd adam huber mae val_mae __proto__".split(" "),
    ),
    fc.double(),
    fc.integer({ min: 1, max: 100 }),
    fc.array(fc.integer({ min: -1, max: 5_000 }), { maxLength: 20 }),
    fc.string(),
  );
  const keys = Object.keys(DEFAULT_CONFIG) as (keyof Config)[];
  let accepted = 0;
  check(
    3_000,
    fc.property(
      fc.array(fc.tuple(fc.constantFrom(...keys), odd), { maxLength: 3 }),
      (changes) => {
        const config = { ...DEFAULT_CONFIG, ...Object.fromEntries(changes) };
        const before = structuredClone(config);
        if (orRefusal(() => (validateConfig(config as Config), true))) {
          accepted++;
        }
        assertEquals(config, before);
      },
    ),
  );
  assertGreaterOrEqual(accepted, 300);
});

Deno.test("parseSeriesOptions() makes of any JSON options that parseSeries() can take", () => {
  const keys =
    "timeColumn valueColumn dateColumn delimiter header dateFormat fill missing __proto__ x"
      .split(" ");
  const json = fc.oneof(
    fc.jsonValue(),
    fc.dictionary(
      fc.constantFrom(...keys),
      fc.oneof(fc.jsonValue(), junk, fc.nat(3), fc.constantFrom("none", [0])),
    ),
  );
  let read = 0;
  check(
    1_000,
    fc.property(json, (value) => {
      let options: ParseOptions;
      try {
        options = parseSeriesOptions(JSON.parse(JSON.stringify(value)));
      } catch (error) {
        assert(error instanceof TypeError);
        assert(error.message.startsWith("Cannot read series options: "));
        return;
      }
      read++;
      orRefusal(() => parseSeries("1,2018-06,3\n2,2018-07,4\n", options));
    }),
  );
  assertGreaterOrEqual(read, 100);
});

Deno.test("isPrivateHost() sees through every spelling of an address", () => {
  const spelled = fc.tuple(
    fc.constantFrom(10, 127, 0),
    fc.nat(255),
    fc.nat(255),
    fc.nat(255),
  ).chain(([a, b, c, d]) => {
    const hex = (n: number) => n.toString(16).padStart(2, "0");
    return fc.constantFrom(
      `${a}.${b}.${c}.${d}`,
      `${a}.${b}.${c * 256 + d}`,
      `${((a * 256 + b) * 256 + c) * 256 + d}`,
      `0x${hex(a)}.0x${hex(b)}.0x${hex(c)}.0x${hex(d)}`,
      `0${a.toString(8)}.${b}.${c}.${d}`,
      `[::ffff:${a}.${b}.${c}.${d}]`,
      `[::ffff:${hex(a)}${hex(b)}:${hex(c)}${hex(d)}]`,
      `[64:ff9b::${hex(a)}${hex(b)}:${hex(c)}${hex(d)}]`,
      `[2002:${hex(a)}${hex(b)}:${hex(c)}${hex(d)}::1]`,
    );
  });
  check(
    500,
    fc.property(spelled, fc.string(), (host, text) => {
      const { hostname } = new URL(`http://${host}/`);
      assert(isPrivateHost(hostname), hostname);
      assertStrictEquals(typeof isPrivateHost(text), "boolean");
    }),
  );
});

const MILLIONS = 10;
// Minutes long: only in a campaign.
if (FACTOR >= MILLIONS) {
  Deno.test(`parseSeriesStream() reads ${MILLIONS} million rows in bounded memory`, async () => {
    const count = MILLIONS * 1e6;
    const start = Date.UTC(1_000, 0);
    async function* rows() {
      yield ",Date,Value\n";
      for (let i = 0; i < count;) {
        let text = "";
        for (const end = i + 1_000; i < end; i++) {
          text += `${i},${iso(start + i * DAY / 24, 16)},${i % 977}\n`;
        }
        yield await Promise.resolve(text);
      }
    }
    const before = Deno.memoryUsage().rss;
    let most = 0;
    let calls = 0;
    const series = await parseSeriesStream(rows(), {
      onProgress() {
        calls++;
        most = Math.max(most, Deno.memoryUsage().rss - before);
      },
    });
    assertStrictEquals(series.values.length, count);
    assertStrictEquals(series.values[count - 1], (count - 1) % 977);
    assertGreaterOrEqual(calls, 100);
    // Times, values, dates and lines, and as much again while one of them grows.
    assertLess(most, 2 * 4 * 8 * count + 2 ** 28);
    console.log(
      `${MILLIONS} million rows: ${Math.round(most / 2 ** 20)} MiB more`,
    );
  });
}

Deno.test("the fuzzer tries at least 20,000 cases", () => {
  console.log(`fuzz cases tried: ${cases.toLocaleString("en")}, seed ${SEED}`);
  assertGreaterOrEqual(cases, 20_000);
});
