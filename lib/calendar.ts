/**
 * The calendar that a series keeps: reads dates, infers the step between them, continues them.
 * Beside series in the flow: forecasts and reports label their values with it.
 *
 * Moments are milliseconds since 1970-01-01 UTC in the proleptic Gregorian calendar, years 1 to 9999;
 * in a series without dates they are the values of its time column.
 * @module
 */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;
/** Steps of at least this length may be calendar months. */
const SHORTEST_MONTH = 27 * DAY;
/** How many of the first dates decide what the calendar is. */
const SAMPLE = 1_001;
/** How much a step of a plain time column may differ from the usual one, as a part of it: covers months counted in days. */
const LOOSE = 0.15;

/** The smallest part that a date states. */
export type Precision = "year" | "month" | "day" | "minute" | "second";

/** How a series' moments follow one another. */
export type Calendar =
  | {
    /** No dates: the time column's own numbers. */
    kind: "index";
    /** Usual difference of two time steps. */
    step: number;
  }
  | {
    /** Always the same duration: seconds to weeks. */
    kind: "fixed";
    /** Duration of a step in milliseconds. */
    step: number;
    /** What the dates state. */
    precision: Precision;
  }
  | {
    /** Whole months: monthly, quarterly, yearly. */
    kind: "month";
    /** Months per step. */
    step: number;
    /** Day of the month, cut to the month's length: 31 is the month's end. */
    day: number;
    /** What the dates state. */
    precision: Precision;
  };

/** The moments of a series with the calendar they keep. */
export interface Dated {
  /** How the moments follow one another. */
  readonly calendar: Calendar;
  /** Time steps, `[n]`. */
  readonly times: Float64Array;
  /** Dates in milliseconds UTC, `[n]`, where the series has them. */
  readonly dates: Float64Array | undefined;
}

/** A day of the Gregorian calendar. */
interface Civil {
  year: number;
  /** 1 to 12. */
  month: number;
  /** 1 to 31. */
  day: number;
}

/** Days from 1970-01-01 to a day; https://howardhinnant.github.io/date_algorithms.html#days_from_civil */
function toDays({ year, month, day }: Civil): number {
  const y = month <= 2 ? year - 1 : year;
  const era = Math.floor(y / 400);
  const yearOfEra = y - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) -
    Math.floor(yearOfEra / 100) + dayOfYear;
  return era * 146_097 + dayOfEra - 719_468;
}

/** The day that lies `days` after 1970-01-01; https://howardhinnant.github.io/date_algorithms.html#civil_from_days */
function toCivil(days: number): Civil {
  const z = days + 719_468;
  const era = Math.floor(z / 146_097);
  const dayOfEra = z - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1_460) + Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra -
    (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const m = Math.floor((5 * dayOfYear + 2) / 153);
  const month = m < 10 ? m + 3 : m - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * m + 2) / 5) + 1,
  };
}

/** Days of a month, 28 to 31. */
function monthLength(year: number, month: number): number {
  if (month === 2) {
    return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  }
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}

/** A moment's day, its month counted from year 0, and its milliseconds after midnight. */
function split(moment: number) {
  const days = Math.floor(moment / DAY);
  const civil = toCivil(days);
  return {
    ...civil,
    months: civil.year * 12 + civil.month - 1,
    rest: moment - days * DAY,
  };
}

/** Whether a date stands on a month calendar's day. */
function onDay(day: number, date: Civil): boolean {
  return date.day === Math.min(day, monthLength(date.year, date.month));
}

/** ISO 8601 dates, to any precision from the year to the second, with `-`, `/` or `.` between the parts. */
const ISO =
  /^(\d{4})(?:[-/.](\d{1,2})(?:[-/.](\d{1,2})(?:[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:[.,]0+)?)?(Z|[+-]\d{2}:?\d{2})?)?)?)?$/;
const ISO_PARTS = ["YYYY", "MM", "DD", "HH", "mm", "ss", "zone"];

/** What each token of a date format matches. */
const TOKENS: Record<string, string> = {
  YYYY: "(\\d{4})",
  MMM: "([A-Za-z]{3})",
  MM: "(\\d{1,2})",
  DD: "(\\d{1,2})",
  HH: "(\\d{1,2})",
  mm: "(\\d{1,2})",
  ss: "(\\d{1,2})",
};
const MONTH_NAMES = "jan feb mar apr may jun jul aug sep oct nov dec".split(
  " ",
);

/**
 * Reads the dates of a column, all of the same format and precision.
 *
 * @example
 * ```ts
 * import { DateReader } from "@sunspots/sunspots";
 * const reader = new DateReader("DD.MM.YYYY");
 * reader.read("31.07.2018"); // 1532995200000
 * ```
 */
export class DateReader {
  readonly #pattern: RegExp;
  readonly #parts: readonly string[];
  #precision: Precision | undefined;

  /** What `read` takes, for messages. */
  readonly expected: string;

  /**
   * Makes a reader.
   *
   * @param format Of the tokens YYYY, MM, MMM (Jan), DD, HH, mm, ss and any characters between; ISO 8601 without it.
   * @throws {RangeError} if the format has no year or a token twice.
   */
  constructor(format?: string) {
    if (format === undefined) {
      this.#pattern = ISO;
      this.#parts = ISO_PARTS;
      this.expected = "a date such as 2018-07-31, 2018-07 or 2018-07-31 18:00";
      return;
    }
    const parts: string[] = [];
    const pattern = format.replace(
      /YYYY|MMM|MM|DD|HH|mm|ss|[^]/g,
      (token) => {
        const source = TOKENS[token];
        if (source === undefined) {
          return token.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
        }
        parts.push(token === "MMM" ? "MM" : token);
        return source;
      },
    );
    // With nothing between two numbers only their full lengths tell them apart.
    const packed = /(YYYY|MM|DD|HH|mm|ss){2}/.test(format);
    if (!parts.includes("YYYY") || new Set(parts).size !== parts.length) {
      throw new RangeError(
        `Cannot read dates as ${
          JSON.stringify(format)
        }: expected YYYY once and MM or MMM, DD, HH, mm, ss at most once`,
      );
    }
    this.#pattern = new RegExp(
      `^${packed ? pattern.replaceAll("{1,2}", "{2}") : pattern}$`,
    );
    this.#parts = parts;
    this.expected = `a date like ${format}`;
  }

  /** What the dates read so far state; a day before the first one. */
  get precision(): Precision {
    return this.#precision ?? "day";
  }

  /** Reads a date. @returns its moment, or NaN if the text is no such date or not of the first one's precision. */
  read(text: string): number {
    const match = this.#pattern.exec(text);
    if (match === null) return NaN;
    let [year, month, day, hour, minute, second, offset] = [
      0,
      1,
      1,
      0,
      0,
      0,
      0,
    ];
    let precision: Precision = "year";
    for (const [i, part] of this.#parts.entries()) {
      const found = match[i + 1];
      if (found === undefined) continue;
      if (part === "YYYY") {
        year = Number(found);
      } else if (part === "MM") {
        const name = MONTH_NAMES.indexOf(found.toLowerCase());
        month = name >= 0 ? name + 1 : Number(found);
        if (precision === "year") precision = "month";
      } else if (part === "DD") {
        day = Number(found);
        if (precision === "year" || precision === "month") precision = "day";
      } else if (part === "HH") {
        hour = Number(found);
        if (precision !== "second") precision = "minute";
      } else if (part === "mm") {
        minute = Number(found);
        if (precision !== "second") precision = "minute";
      } else if (part === "ss") {
        second = Number(found);
        precision = "second";
      } else if (found !== "Z") {
        const minutes = Number(found.slice(-2));
        const hours = Number(found.slice(1, 3));
        if (hours > 14 || minutes > 59) return NaN;
        offset = (found.startsWith("-") ? -1 : 1) * (hours * 60 + minutes);
      }
    }
    if (
      year < 1 || !(month >= 1 && month <= 12) || day < 1 ||
      day > monthLength(year, month) || hour > 23 || minute > 59 || second > 59
    ) return NaN;
    this.#precision ??= precision;
    if (precision !== this.#precision) return NaN;
    return toDays({ year, month, day }) * DAY + hour * HOUR +
      (minute - offset) * MINUTE + second * 1_000;
  }
}

/** The middle one of some numbers, the smaller of two. */
function median(numbers: number[]): number {
  numbers.sort((a, b) => a - b);
  return numbers[(numbers.length - 1) >> 1] ?? 0;
}

/**
 * Infers a calendar from the first of its dates: the step is the median one; a step of about a month or more is
 * counted in months if most dates stand on the same day of the month, or at its end.
 *
 * The dates need not keep the calendar: see {@link stepsBetween}.
 *
 * @param dates Milliseconds UTC, at least 2.
 */
export function inferCalendar(
  dates: Float64Array,
  precision: Precision,
): Calendar {
  const sample = Array.from(dates.subarray(0, SAMPLE));
  const step = median(differences(sample)) || DAY;
  if (precision === "year" || precision === "month" || step >= SHORTEST_MONTH) {
    const days = sample.map(split);
    const ends = days.filter((d) => onDay(31, d)).length;
    const counts = new Map<number, number>();
    for (const d of days) counts.set(d.day, (counts.get(d.day) ?? 0) + 1);
    const usual = [...counts].reduce((a, b) => b[1] > a[1] ? b : a)[0];
    const day = ends > days.length / 2 ? 31 : usual;
    const months = median(differences(days.map((d) => d.months))) || 1;
    if (days.filter((d) => onDay(day, d)).length > days.length / 2) {
      return { kind: "month", step: months, day, precision };
    }
  }
  return { kind: "fixed", step, precision };
}

/** The calendar of a series without dates, from the first of its time steps, at least 2. */
export function inferIndex(times: Float64Array): Calendar {
  const step = median(differences(Array.from(times.subarray(0, SAMPLE))));
  return { kind: "index", step: step || 1 };
}

/** The positive differences between neighbours. */
function differences(moments: number[]): number[] {
  return moments.slice(1).map((m, i) => m - moments[i]!).filter((d) => d > 0);
}

/**
 * Counts the calendar's steps from one moment to a later one.
 *
 * @returns a whole number, or NaN if one of the moments is not on the calendar.
 */
export function stepsBetween(
  calendar: Calendar,
  moments: readonly [from: number, to: number],
): number {
  const [from, to] = moments;
  if (calendar.kind === "month") {
    const a = split(from);
    const b = split(to);
    const count = (b.months - a.months) / calendar.step;
    return Number.isInteger(count) && a.rest === b.rest &&
        onDay(calendar.day, a) && onDay(calendar.day, b)
      ? count
      : NaN;
  }
  const steps = (to - from) / calendar.step;
  const count = Math.round(steps);
  const slack = calendar.kind === "index" ? LOOSE * Math.max(count, 1) : 0;
  return Math.abs(steps - count) <= slack ? count : NaN;
}

/** The moment that lies `count` steps after `moment`, by the calendar. */
export function addSteps(
  calendar: Calendar,
  moment: number,
  count: number,
): number {
  if (calendar.kind !== "month") return moment + count * calendar.step;
  const { months, rest } = split(moment);
  const target = months + count * calendar.step;
  const year = Math.floor(target / 12);
  const month = target - year * 12 + 1;
  const day = Math.min(calendar.day, monthLength(year, month));
  return toDays({ year, month, day }) * DAY + rest;
}

/**
 * The moments that follow a series, by its own calendar: after 2018-07-31 of a month-end series come
 * 2018-08-31 and 2018-09-30.
 *
 * @param count How many.
 * @returns `[count]`: dates in milliseconds UTC, or time steps in a series without dates.
 * @throws {RangeError} if the series is empty.
 */
export function continueDates(series: Dated, count: number): Float64Array {
  const last = (series.dates ?? series.times).at(-1);
  if (last === undefined) {
    throw new RangeError("Cannot continue a series: it has no values");
  }
  return Float64Array.from(
    { length: count },
    (_, i) => addSteps(series.calendar, last, i + 1),
  );
}

/** How many characters of an ISO date and time each precision shows. */
const SHOWN: Record<Precision, number> = {
  year: 4,
  month: 7,
  day: 10,
  minute: 16,
  second: 19,
};

/**
 * Writes a moment in ISO 8601 as precisely as the series' dates, times of day with `Z` (they are UTC); a time step as
 * the number it is.
 */
export function formatDate(calendar: Calendar, moment: number): string {
  if (calendar.kind === "index") {
    return String(Number(moment.toPrecision(12)));
  }
  const { year, month, day, rest } = split(moment);
  const pad = (n: number, width = 2) => String(n).padStart(width, "0");
  const time = [HOUR, MINUTE, 1_000].map((unit, i) =>
    pad(Math.floor(rest / unit) % (i === 0 ? 24 : 60))
  );
  const { precision } = calendar;
  return `${pad(year, 4)}-${pad(month)}-${pad(day)}T${time.join(":")}`
    .slice(0, SHOWN[precision]) +
    (precision === "minute" || precision === "second" ? "Z" : "");
}

/** Names of the usual steps, in milliseconds. */
const DURATIONS: readonly (readonly [length: number, name: string])[] = [
  [7 * DAY, "week"],
  [DAY, "day"],
  [HOUR, "hour"],
  [MINUTE, "minute"],
  [1_000, "second"],
];

/** Says what one step is: `1 month`, `7 days`, `2 hours`, `1 step`. */
export function describeStep(calendar: Calendar, count = 1): string {
  const amount = (n: number, unit: string) =>
    `${n.toLocaleString("en")} ${unit}${n === 1 ? "" : "s"}`;
  if (calendar.kind === "index") return amount(count, "step");
  const length = calendar.step * count;
  if (calendar.kind === "month") {
    return length % 12 === 0
      ? amount(length / 12, "year")
      : amount(length, "month");
  }
  const [unit, name] = DURATIONS.find(([unit]) => length % unit === 0) ??
    [1_000, "second"];
  return amount(length / unit, name);
}
