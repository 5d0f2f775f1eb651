import { assertEquals, assertStrictEquals, assertThrows } from "@std/assert";
import {
  addSteps,
  type Calendar,
  continueDates,
  DateReader,
  describeStep,
  formatDate,
  inferCalendar,
  inferIndex,
  stepsBetween,
} from "../lib/calendar.ts";

const read = (text: string, format?: string) =>
  new DateReader(format).read(text);

/** A series of the given dates, with the calendar inferred from them. */
function dated(...texts: string[]) {
  const reader = new DateReader();
  const dates = Float64Array.from(texts, (text) => reader.read(text));
  const calendar = inferCalendar(dates, reader.precision);
  return { dates, calendar, times: dates.map((_, i) => i) };
}

/** The dates that follow, as text. */
function next(series: ReturnType<typeof dated>, count: number): string[] {
  return Array.from(
    continueDates(series, count),
    (moment) => formatDate(series.calendar, moment),
  );
}

Deno.test("DateReader reads ISO dates as Date.UTC does, from year 1 to 9999", () => {
  for (const text of ["1749-01-31", "2000-02-29", "1600-02-29", "9999-12-31"]) {
    assertStrictEquals(read(text), Date.parse(`${text}T00:00Z`), text);
  }
  assertStrictEquals(read("0001-01-01"), Date.parse("0001-01-01T00:00Z"));
  assertStrictEquals(read("2018-07"), Date.UTC(2018, 6, 1));
  assertStrictEquals(read("2018"), Date.UTC(2018, 0, 1));
  assertStrictEquals(read("2018/7/1"), Date.UTC(2018, 6, 1));
  assertStrictEquals(
    read("2018-07-31T23:30+02:00"),
    Date.UTC(2018, 6, 31, 21, 30),
  );
  assertStrictEquals(
    read("2018-07-31 23:30:15-0130"),
    Date.UTC(2018, 7, 1, 1, 0, 15),
  );
});

Deno.test("DateReader refuses what is no date", () => {
  const texts = [
    "",
    "hello",
    "2018-02-29",
    "1900-02-29",
    "2018-13-01",
    "2018-00-01",
    "2018-04-31",
    "0000-01-01",
    "2018-01-01T24:00",
    "2018-01-01T12:60",
    "2018-01-01T12:00+25:00",
    "2018-01-01T12:00:00.5",
    "18-01-01",
    "2018-01-01x",
    "١٩٤٩-01-01",
  ];
  for (const text of texts) assertStrictEquals(read(text), NaN, text);
});

Deno.test("DateReader refuses a date of another precision than the first", () => {
  const reader = new DateReader();
  reader.read("2018-07");
  assertStrictEquals(reader.precision, "month");
  assertStrictEquals(reader.read("2018-08-01"), NaN);
  assertStrictEquals(reader.read("2018"), NaN);
});

Deno.test("DateReader reads the formats it is given", () => {
  const day = Date.UTC(2018, 6, 31);
  assertStrictEquals(read("31.07.2018", "DD.MM.YYYY"), day);
  assertStrictEquals(read("7/31/2018", "MM/DD/YYYY"), day);
  assertStrictEquals(read("20180731", "YYYYMMDD"), day);
  assertStrictEquals(read("2018731", "YYYYMMDD"), NaN);
  assertStrictEquals(read("Jul 31, 2018", "MMM DD, YYYY"), day);
  assertStrictEquals(read("Foo 31, 2018", "MMM DD, YYYY"), NaN);
  assertStrictEquals(
    read("31.07.2018 (06h)", "DD.MM.YYYY (HHh)"),
    day + 6 * 3_600_000,
  );
  assertThrows(() => new DateReader("DD.MM"), RangeError, "YYYY once");
  assertThrows(() => new DateReader("YYYY MM MMM"), RangeError, "at most once");
});

Deno.test("continueDates() keeps to the month's end", () => {
  const series = dated("2018-05-31", "2018-06-30", "2018-07-31");
  assertEquals(series.calendar, {
    kind: "month",
    step: 1,
    day: 31,
    precision: "day",
  });
  assertEquals(next(series, 7), [
    "2018-08-31",
    "2018-09-30",
    "2018-10-31",
    "2018-11-30",
    "2018-12-31",
    "2019-01-31",
    "2019-02-28",
  ]);
});

Deno.test("continueDates() keeps to any day of the month, cut to its length", () => {
  assertEquals(
    next(dated("2019-10-30", "2019-11-30", "2019-12-30", "2020-01-30"), 2),
    ["2020-02-29", "2020-03-30"],
  );
  assertEquals(next(dated("2019-11-01", "2019-12-01"), 2), [
    "2020-01-01",
    "2020-02-01",
  ]);
});

Deno.test("continueDates() continues months, quarters, years, weeks, days, hours and minutes", () => {
  const cases: [string[], string[]][] = [
    [["2018-06", "2018-07"], ["2018-08", "2018-09"]],
    [["2017-12-31", "2018-03-31", "2018-06-30"], ["2018-09-30", "2018-12-31"]],
    [["2018-06-30", "2018-09-30"], ["2018-12-31", "2019-03-31"]],
    [["2016", "2017", "2018"], ["2019", "2020"]],
    [["2016-02-29", "2017-02-28", "2018-02-28"], ["2019-02-28", "2020-02-29"]],
    [["2018-07-18", "2018-07-25"], ["2018-08-01", "2018-08-08"]],
    [["2000-02-27", "2000-02-28"], ["2000-02-29", "2000-03-01"]],
    [["2018-07-31T22:00", "2018-07-31T23:00"], [
      "2018-08-01T00:00Z",
      "2018-08-01T01:00Z",
    ]],
    [["2018-07-31T23:40:00", "2018-07-31T23:50:00"], [
      "2018-08-01T00:00:00Z",
      "2018-08-01T00:10:00Z",
    ]],
  ];
  for (const [dates, expected] of cases) {
    assertEquals(next(dated(...dates), 2), expected, dates.join());
  }
});

Deno.test("inferCalendar() counts a four-week step in days", () => {
  const series = dated("2018-01-01", "2018-01-29", "2018-02-26", "2018-03-26");
  assertEquals(series.calendar.kind, "fixed");
  assertEquals(next(series, 1), ["2018-04-23"]);
});

Deno.test("inferCalendar() isn't misled by a gap or a double", () => {
  const { calendar, dates } = dated(
    "2018-01-31",
    "2018-02-28",
    "2018-02-28",
    "2018-03-31",
    "2018-07-31",
    "2018-08-31",
  );
  assertEquals(describeStep(calendar), "1 month");
  assertStrictEquals(stepsBetween(calendar, [dates[1]!, dates[2]!]), 0);
  assertStrictEquals(stepsBetween(calendar, [dates[3]!, dates[4]!]), 4);
});

Deno.test("stepsBetween() is NaN off the calendar", () => {
  const { calendar } = dated("2018-01-31", "2018-02-28", "2018-03-31");
  const moments = [read("2018-03-31"), read("2018-04-29")] as const;
  assertStrictEquals(stepsBetween(calendar, moments), NaN);
  const daily = dated("2018-01-01", "2018-01-02");
  assertStrictEquals(
    stepsBetween(daily.calendar, [
      read("2018-01-02"),
      read("2018-01-02T12:00"),
    ]),
    NaN,
  );
});

Deno.test("inferIndex() takes time steps that are about the same", () => {
  const years = Float64Array.of(1749.042, 1749.123, 1749.204, 1749.288);
  const calendar = inferIndex(years);
  assertStrictEquals(stepsBetween(calendar, [1749.204, 1749.288]), 1);
  assertStrictEquals(stepsBetween(calendar, [1749.204, 1749.371]), 2);
  assertStrictEquals(stepsBetween(calendar, [1749.204, 1749.33]), NaN);
  const series = { calendar: inferIndex(Float64Array.of(5, 6, 7)) };
  const times = Float64Array.of(5, 6, 7);
  assertEquals(
    Array.from(continueDates({ ...series, times, dates: undefined }, 2)),
    [8, 9],
  );
});

Deno.test("addSteps() and stepsBetween() agree over 400 years of month ends", () => {
  const calendar: Calendar = {
    kind: "month",
    step: 1,
    day: 31,
    precision: "day",
  };
  const start = Date.UTC(1700, 0, 31);
  for (let count = 0; count < 4_800; count++) {
    const moment = addSteps(calendar, start, count);
    assertStrictEquals(moment, Date.UTC(1700, count + 1, 0));
    assertStrictEquals(stepsBetween(calendar, [start, moment]), count);
  }
});

Deno.test("formatDate() writes years with four digits and time steps as numbers", () => {
  const { calendar } = dated("0099-01-31", "0099-02-28");
  assertStrictEquals(formatDate(calendar, read("0099-01-31")), "0099-01-31");
  assertStrictEquals(formatDate({ kind: "index", step: 1 }, 3235), "3235");
  assertStrictEquals(
    formatDate({ kind: "index", step: 0.1 }, 0.1 + 0.2),
    "0.3",
  );
});

Deno.test("describeStep() speaks of months, days and hours", () => {
  assertStrictEquals(describeStep({ kind: "index", step: 1 }, 3), "3 steps");
  const { calendar } = dated("2018-01-01", "2018-01-02");
  assertStrictEquals(describeStep(calendar), "1 day");
  assertStrictEquals(describeStep(calendar, 14), "2 weeks");
  assertStrictEquals(
    describeStep(dated("2018-01", "2018-04").calendar, 4),
    "1 year",
  );
});
