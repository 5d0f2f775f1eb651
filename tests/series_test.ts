import {
  assertAlmostEquals,
  assertEquals,
  assertInstanceOf,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import { continueDates, formatDate } from "../lib/calendar.ts";
import { parseColumn } from "../lib/columns.ts";
import { DataError, UsageError } from "../lib/errors.ts";
import {
  type ParseOptions,
  parseSeries,
  parseSeriesStream,
} from "../lib/series.ts";
import { resolveSplit } from "../lib/split.ts";
import silso from "./testdata/SN_m_tot_V2.0.csv" with { type: "text" };
import bundled from "../data/sunspots.csv" with { type: "text" };
import elnino from "../data/elnino.csv" with { type: "text" };

const HEADER = ",Date,Spots\n";
const MONTHS = HEADER +
  "0,2018-05-31,13.1\n1,2018-06-30,15.6\n2,2018-07-31,1.6\n";

/** The message of the error that parsing ends with. */
function refused(
  text: string,
  options: ParseOptions = {},
  kind: typeof DataError | typeof UsageError = DataError,
): string {
  const error = assertThrows(
    () => parseSeries(text, { source: "a.csv", ...options }),
    kind,
  );
  assertStrictEquals(error.message.includes("\n"), false, error.message);
  return error.message;
}

Deno.test("parseSeries() reads the bundled series as the exercise does", () => {
  const series = parseSeries(bundled, { source: "bundled" });
  assertStrictEquals(series.name, "Monthly Mean Total Sunspot Number");
  assertStrictEquals(series.values.length, 3235);
  assertEquals(Array.from(series.times.slice(0, 3)), [0, 1, 2]);
  assertStrictEquals(series.times.at(-1), 3234);
  assertEquals(Array.from(series.values.slice(0, 3)), [96.7, 104.3, 116.7]);
  assertStrictEquals(series.filled, 0);
  assertEquals(
    Array.from(
      continueDates(series, 3),
      (date) => formatDate(series.calendar, date),
    ),
    ["2018-08-31", "2018-09-30", "2018-10-31"],
  );
});

Deno.test("parseSeries() reads SILSO's own file, semicolons and year and month apart", () => {
  const series = parseSeries(silso, {
    delimiter: ";",
    header: false,
    timeColumn: 2,
    dateColumn: [0, 1],
    valueColumn: 3,
    missing: ["-1"],
  });
  assertEquals(
    Array.from(series.values),
    Array.from(parseSeries(bundled).values.slice(0, 72)),
  );
  assertStrictEquals(series.name, "column 4");
  assertAlmostEquals(series.times[0]!, 1749.042);
  assertStrictEquals(
    formatDate(series.calendar, series.dates![71]!),
    "1754-12",
  );
  assertEquals(
    Array.from(
      continueDates(series, 2),
      (date) => formatDate(series.calendar, date),
    ),
    ["1755-01", "1755-02"],
  );
});

Deno.test("parseSeries() reads SILSO's decimal years without dates", () => {
  const series = parseSeries(silso, {
    delimiter: ";",
    header: false,
    timeColumn: 2,
    dateColumn: null,
    valueColumn: 3,
  });
  assertStrictEquals(series.dates, undefined);
  assertStrictEquals(series.values.length, 72);
});

Deno.test("parseSeries() reads the second example by the columns' names", () => {
  const series = parseSeries(elnino, {
    dateColumn: "month",
    valueColumn: "sst",
  });
  assertStrictEquals(series.values.length, 732);
  assertStrictEquals(series.values[0], 23.11);
  assertStrictEquals(series.times.at(-1), 731);
  assertStrictEquals(
    formatDate(series.calendar, series.dates!.at(-1)!),
    "2010-12",
  );
});

Deno.test("parseSeries() takes BOM, CRLF, quotes, blanks and a missing last line end", () => {
  const expected = Array.from(parseSeries(MONTHS).values);
  const texts = [
    "\ufeff" + MONTHS,
    MONTHS.replaceAll("\n", "\r\n"),
    MONTHS.trimEnd(),
    MONTHS.replace(/^(\d),(.*),(.*)$/gm, '"$1","$2","$3"'),
    MONTHS.replace("Spots", '"Spots, ""monthly""\nmean"'),
    MONTHS.replaceAll(/,(?=\d)/g, " , "),
    MONTHS.replaceAll("\n", "\n\n"),
  ];
  for (const text of texts) {
    assertEquals(Array.from(parseSeries(text).values), expected, text);
  }
});

Deno.test("parseSeries() reads a value column alone and numbers its rows", () => {
  const series = parseSeries("3\n1.5\n-4e0\n", {
    header: false,
    valueColumn: 0,
  });
  assertEquals(Array.from(series.values), [3, 1.5, -4]);
  assertEquals(Array.from(series.times), [0, 1, 2]);
  assertStrictEquals(series.dates, undefined);
});

Deno.test("parseSeries() names source, line, column and expectation of a bad row", () => {
  assertStrictEquals(
    refused(MONTHS.replace("15.6", "15,6")),
    'Cannot read a.csv: line 3: 4 fields, expected 3 ("", "Date", "Spots")',
  );
  assertStrictEquals(
    refused(MONTHS.replace("15.6", "x")),
    'Cannot read a.csv: line 3: column "Spots": "x" is not a number, expected one such as 96.7',
  );
  assertStringIncludes(
    refused(MONTHS.replace("2018-06-30", "2018-06-31")),
    'line 3: column "Date": "2018-06-31" is not a date like those before it, expected a date such as',
  );
  assertStringIncludes(
    refused(MONTHS.replace("\n1,", "\none,")),
    'line 3: column "": "one" is not a number, expected a time step',
  );
  assertStringIncludes(
    refused(MONTHS.replace("15.6", '1"5.6')),
    "line 3: a quote inside",
  );
  assertStringIncludes(
    refused(MONTHS.replace("15.6", '"15.6')),
    "line 3: a quoted field without its end",
  );
  assertStringIncludes(
    refused(HEADER + '"0\n",2018-05-31,1\n\n\n1,2018-06-30,x\n'),
    "line 6: ",
  );
});

Deno.test("parseSeries() writes foreign text into one line of message", () => {
  const message = refused(MONTHS.replace("15.6", '"\u001b[31m\u2028\nx"'));
  assertStringIncludes(message, '"\\u001b[31m\\u2028\\nx"');
});

Deno.test("parseSeries() refuses infinities and numbers beyond 32-bit floats", () => {
  assertStringIncludes(refused(MONTHS.replace("15.6", "Infinity")), "line 3");
  assertStringIncludes(refused(MONTHS.replace("15.6", "1e999")), "too large");
  assertStringIncludes(refused(MONTHS.replace("15.6", "1e308")), "too large");
  assertStringIncludes(refused(MONTHS.replace("15.6", "0x1f")), "not a number");
  const { values } = parseSeries(MONTHS.replace("15.6", "-3.4e38"));
  assertStrictEquals(values[1], -3.4e38);
});

Deno.test("parseSeries() refuses empty files, headers alone and one row", () => {
  assertStringIncludes(refused(""), "it is empty");
  assertStringIncludes(refused("\n\r\n"), "it is empty");
  assertStringIncludes(refused(HEADER), "no row of data, expected at least 2");
  assertStringIncludes(refused(HEADER + "0,2018-05-31,1\n"), "1 row of data");
});

Deno.test("parseSeries() refuses missing values with their positions", () => {
  const text = HEADER + [
    "0,2018-01-31,1",
    "1,2018-02-28,",
    "2,2018-03-31,NaN",
    "3,2018-04-30,NA",
    "4,2018-05-31,5",
  ].join("\n");
  assertStringIncludes(
    refused(text),
    'column "Spots" has 3 missing values (lines 3, 4, 5), expected none; use --fill linear or --fill previous',
  );
  const linear = parseSeries(text, { fill: "linear" });
  assertEquals(Array.from(linear.values), [1, 2, 3, 4, 5]);
  assertStrictEquals(linear.filled, 3);
  const previous = parseSeries(text, { fill: "previous" });
  assertEquals(Array.from(previous.values), [1, 1, 1, 1, 5]);
});

Deno.test("parseSeries() takes further marks for a missing value, numbers by their value", () => {
  const text = MONTHS.replace("15.6", " -1.00");
  assertStrictEquals(parseSeries(text).values[1], -1);
  assertStringIncludes(refused(text, { missing: ["-1"] }), "1 missing value (");
  const odd = MONTHS.replace("15.6", "Gone");
  const series = parseSeries(odd, { missing: ["gone"], fill: "previous" });
  assertStrictEquals(series.values[1], 13.1);
});

Deno.test("parseSeries() refuses to fill what has nothing before or after it", () => {
  const first = MONTHS.replace("13.1", "");
  assertStringIncludes(refused(first, { fill: "linear" }), "first value");
  assertStringIncludes(refused(first, { fill: "previous" }), "first value");
  const last = MONTHS.replace(",1.6", ",");
  assertStringIncludes(refused(last, { fill: "linear" }), "last value");
  assertStrictEquals(parseSeries(last, { fill: "previous" }).values[2], 15.6);
});

Deno.test("parseSeries() refuses double, unordered and irregular dates by line", () => {
  assertStringIncludes(
    refused(MONTHS + "3,2018-07-31,2\n"),
    "line 5: 2018-07-31 is there a second time, expected each date once",
  );
  assertStringIncludes(
    refused(MONTHS + "3,2018-06-30,2\n"),
    "line 5: 2018-06-30 comes after 2018-07-31, expected increasing dates",
  );
  assertStringIncludes(
    refused(MONTHS + "3,2018-08-30,2\n"),
    "line 5: 2018-08-30 follows 2018-07-31, expected 2018-08-31 as the step is 1 month",
  );
  assertStringIncludes(
    refused(MONTHS + "2,2018-08-31,2\n1,2018-09-30,2\n"),
    "line 6: time step 1 comes after 2, expected increasing ones",
  );
});

Deno.test("parseSeries() refuses a gap by line, or fills it", () => {
  const text = MONTHS + "3,2018-10-31,4.6\n";
  assertStringIncludes(
    refused(text),
    "line 5: 2018-10-31 follows 2018-07-31, expected 2018-08-31: 2 months missing; use --fill",
  );
  const series = parseSeries(text, { fill: "linear" });
  assertEquals(
    Array.from(series.values, (v) => Math.round(v * 10) / 10),
    [13.1, 15.6, 1.6, 2.6, 3.6, 4.6],
  );
  assertEquals(
    Array.from(series.dates!, (date) => formatDate(series.calendar, date)),
    [
      "2018-05-31",
      "2018-06-30",
      "2018-07-31",
      "2018-08-31",
      "2018-09-30",
      "2018-10-31",
    ],
  );
  assertStrictEquals(series.filled, 2);
});

Deno.test("parseSeries() refuses a gap in time steps without dates, or fills it", () => {
  const text = "t,y\n0,1\n1,2\n4,8\n5,9\n";
  const options = { valueColumn: "y" };
  assertStringIncludes(refused(text, options), "line 4: 4 follows 1");
  assertStringIncludes(
    refused("t,y\n0,1\n1,2\n2.5,8\n3.5,9\n", options),
    "line 4: 2.5 follows 1, expected 2 as the step is 1",
  );
  const { times, values } = parseSeries(text, { ...options, fill: "linear" });
  assertEquals(Array.from(times), [0, 1, 2, 3, 4, 5]);
  assertEquals(Array.from(values), [1, 2, 4, 6, 8, 9]);
});

Deno.test("parseSeries() won't invent more rows than there are", () => {
  const text = "t,d,y\n0,0001-01-01,1\n1,0001-01-02,2\n2,9999-12-31,3\n" +
    "3,9999-12-31,4\n";
  const message = refused(text, { fill: "linear" });
  assertStringIncludes(message, "line 4: 3,652,");
  assertStringIncludes(message, "expected no more missing rows");
});

Deno.test("parseSeries() refuses columns that aren't there, with those that are", () => {
  const usage = (options: ParseOptions, text = MONTHS) =>
    refused(text, options, UsageError);
  assertStrictEquals(
    usage({ valueColumn: 3 }),
    'Cannot use --value-column 3: a.csv has 3 columns ("", "Date", "Spots"), expected a number from 0 to 2 or a name that only one column has',
  );
  assertStringIncludes(usage({ valueColumn: "spots" }), '"Spots"');
  assertStringIncludes(usage({ timeColumn: -1 }), "--time-column -1");
  assertStringIncludes(usage({ dateColumn: 1.5 }), "--date-column 1.5");
  assertStringIncludes(usage({ dateColumn: 2 }), "it is the value column");
  assertStringIncludes(
    usage({ valueColumn: "a" }, "a,a\n1,2\n"),
    "a name that only one column has",
  );
  assertStringIncludes(usage({}, silso), 'is it --delimiter ";"?');
  assertStringIncludes(
    usage({ delimiter: ";", timeColumn: 2, valueColumn: 3 }, silso),
    'line 1 looks like data ("1749.042", "96.7")',
  );
  assertStringIncludes(usage({ delimiter: "" }), "--delimiter");
  assertStringIncludes(usage({ delimiter: '"' }), "--delimiter");
  assertStringIncludes(usage({ dateFormat: "DD" }), "--date-format");
  assertStringIncludes(
    usage({ fill: "zero" as unknown as "none" }),
    "--fill zero",
  );
});

Deno.test("parseSeries() takes a column that is named by a number", () => {
  const text = "date,2020\n2018-07,1\n2018-08,2\n";
  const series = parseSeries(text, { dateColumn: 0, valueColumn: "2020" });
  assertStrictEquals(series.name, "2020");
});

Deno.test("parseSeries() makes the name printable", () => {
  const text = MONTHS.replace("Spots", '"\u001b[31mSun\nspots"');
  assertStrictEquals(parseSeries(text).name, "[31mSun spots");
});

Deno.test("parseSeries() refuses an empty line within a single column", () => {
  assertStringIncludes(
    refused("y\n1\n\n3\n", { valueColumn: 0 }),
    "line 3: empty, expected a value",
  );
});

Deno.test("parseSeries() takes a line that is too long for a forgotten quote or no CSV", () => {
  const long = "x".repeat(1_100_000);
  assertStringIncludes(
    refused(`${HEADER}0,${long}`),
    "line 2: longer than 1,000,000 characters",
  );
  const open = MONTHS + '3,"' + "2018-08-31,1\n".repeat(100_000);
  assertStringIncludes(refused(open), "line 5: a quoted field without its end");
});

Deno.test("parseSeriesStream() gives the same series however the text is cut", async () => {
  const whole = parseSeries(bundled);
  for (const size of [1, 7, 4_096]) {
    const text = size === 1 ? bundled.slice(0, 5_000) : bundled;
    const end = text.lastIndexOf("\n") + 1;
    const pieces = Array.from(
      { length: Math.ceil(end / size) },
      (_, i) => text.slice(i * size, Math.min((i + 1) * size, end)),
    );
    const series = await parseSeriesStream(ReadableStream.from(pieces));
    assertEquals(
      Array.from(series.values),
      Array.from(whole.values.subarray(0, series.values.length)),
    );
  }
});

Deno.test("parseSeriesStream() stops reading at the first bad row", async () => {
  let pulled = 0;
  async function* endless() {
    yield HEADER;
    for (;; pulled++) yield await Promise.resolve("x,y,z\n".repeat(100));
  }
  const error = await assertRejects(() => parseSeriesStream(endless()));
  assertInstanceOf(error, DataError);
  assertStrictEquals(pulled, 0);
});

Deno.test("parseSeriesStream() counts the rows", async () => {
  const rows: number[] = [];
  const text = Array.from({ length: 250_000 }, (_, i) => `${i}\n`).join("");
  const series = await parseSeriesStream(ReadableStream.from([text]), {
    header: false,
    valueColumn: 0,
    onProgress: (count) => rows.push(count),
  });
  assertEquals(rows, [100_000, 200_000, 250_000]);
  assertStrictEquals(series.values[249_999], 249_999);
});

Deno.test("resolveSplit() takes an index, a fraction and a date", () => {
  const series = parseSeries(bundled);
  assertStrictEquals(resolveSplit(series, 3000), 3000);
  assertStrictEquals(resolveSplit(series, "3000"), 3000);
  assertStrictEquals(resolveSplit(series, "0.8"), 2588);
  assertStrictEquals(resolveSplit(series, "80%"), 2588);
  assertStrictEquals(resolveSplit(series, "1999-01-31"), 3000);
  assertStrictEquals(resolveSplit(series, "1999-01"), 3000);
  assertStrictEquals(resolveSplit(series, "1999-02-01"), 3001);
});

Deno.test("resolveSplit() refuses what leaves nothing on one side", () => {
  const series = parseSeries(MONTHS);
  const wrong = [
    "0",
    "3",
    "1.0",
    "0.0",
    "1.5",
    "0.1",
    "100%",
    "-1",
    "soon",
    "",
    "2018-05-31",
    "2019-01-01",
    "1e999",
    NaN,
  ];
  for (const split of wrong) {
    assertThrows(() => resolveSplit(series, split), UsageError, "--split-time");
  }
  const plain = parseSeries("1\n2\n3\n", { header: false, valueColumn: 0 });
  assertThrows(() => resolveSplit(plain, "2018-05-31"), UsageError, "no dates");
});

Deno.test("parseColumn() tells numbers, names and none apart", () => {
  assertStrictEquals(parseColumn("2"), 2);
  assertStrictEquals(parseColumn("Spots"), "Spots");
  assertStrictEquals(parseColumn("-1"), "-1");
  assertStrictEquals(parseColumn("none"), null);
});
