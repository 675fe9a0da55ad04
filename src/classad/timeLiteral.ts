import { daysOfDate } from './calendar.ts';
import { type Expr, literal } from './expr.ts';
import { AbsTime, RelTime, type Value } from './value.ts';

const zoneWithColon = /([+-])(\d{2}):(\d{2})$/;
const zoneWithout = /([+-])(\d{2})(\d{2})$/;

interface Zoned {
  readonly body: string;
  readonly offset: number | null;
}

/** Takes the zone off the end: `Z`, `±hhmm`, `±hh:mm`. */
function withoutZone(text: string): Zoned {
  const trimmed = text.replace(/[ \t\n\v\f\r]+$/, '');
  if (trimmed.length > 1 && /[zZ]$/.test(trimmed)) return { body: trimmed.slice(0, -1), offset: 0 };
  const match =
    (text.length > 5 ? zoneWithout.exec(text) : null) ?? (text.length > 6 ? zoneWithColon.exec(text) : null);
  if (match === null) return { body: text, offset: null };
  const magnitude = Number(match[2]) * 3600 + Number(match[3]) * 60;
  return { body: text.slice(0, match.index), offset: match[1] === '-' ? 0 - magnitude : magnitude };
}

/**
 * Reads the text of an absTime literal: a year of four digits, then up to five numbers of two, with anything but
 * digits between them. What is missing is 0, and so is a missing day: 2004 is the last day of 2003. Null: no time.
 */
export function parseAbsTime(text: string, zoneOffsetSeconds: (at: number) => number): AbsTime | null {
  const { body, offset } = withoutZone(text);
  let at = body.search(/\d/);
  if (at < 0 || at > body.length - 4) return null;
  const take = (length: number): number => Number.parseInt(body.slice(at, at + length), 10);
  const skip = (length: number): void => {
    at += length;
    while (at < body.length && !/\d/.test(body[at] ?? '')) at++;
  };
  const year = take(4);
  skip(4);
  const parts: number[] = [];
  while (parts.length < 5 && at <= body.length - 2) {
    parts.push(take(2));
    skip(2);
  }
  if (at < body.length) return null;
  const [month = 1, day = 0, hour = 0, minute = 0, second = 0] = parts;
  const seconds = localSeconds({ year, month, day, hour, minute, second });
  // The library takes this for the sign of a failure.
  if (seconds === -1) return null;
  const zone = offset ?? zoneOffsetSeconds(seconds);
  return new AbsTime(seconds - zone, zone);
}

interface Parts {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

/** Months and all else may be out of range and carry over. */
function localSeconds({ year, month, day, hour, minute, second }: Parts): number {
  const months = month - 1;
  const first = daysOfDate(year + Math.floor(months / 12), (((months % 12) + 12) % 12) + 1, 1);
  return (first + day - 1) * 86400 + hour * 3600 + minute * 60 + second;
}

const relTimePattern =
  /^\s*(-)?\s*(?:(\d*)\s*[dD+])?\s*(?:(\d*)\s*[hH:])?\s*(?:(\d*)\s*[mM:])?\s*(?:(\d*(?:\.\d*)?)\s*[sS]?)?\s*$/;

/** `[-][days+][[hh:]mm:]ss[.fff]` or `1d2h3m4.5s`, any part of which may be missing, in seconds; null: it is none. */
export function parseRelTime(text: string): number | null {
  const match = relTimePattern.exec(text);
  if (match === null) return null;
  const [, sign, days = '', hours = '', minutes = '', seconds = ''] = match;
  // A single colon is that of the minutes.
  const onlyHours = match[3] !== undefined && match[4] === undefined && !/[hH]/.test(text);
  const [hour, minute] = onlyHours ? ['', hours] : [hours, minutes];
  const number = (digits: string) => (digits === '' || digits === '.' ? 0 : Number(digits));
  const total = number(days) * 86400 + number(hour) * 3600 + number(minute) * 60 + number(seconds);
  return sign === undefined ? total : -total;
}

/**
 * `absTime("…")` and `relTime("…")` with a literal are values from the parse on. Undefined: not such a call;
 * null: such a call with a text that is no time.
 */
export function foldTimeLiteral(
  name: string,
  args: readonly Expr[],
  zoneOffsetSeconds: (at: number) => number,
): Expr | null | undefined {
  const [arg] = args;
  if (args.length !== 1 || arg?.kind !== 'literal' || typeof arg.value !== 'string') return undefined;
  const value = timeOf(name.toLowerCase(), arg.value, zoneOffsetSeconds);
  return value === undefined || value === null ? value : literal(value);
}

function timeOf(name: string, text: string, zoneOffsetSeconds: (at: number) => number): Value | null {
  if (name === 'abstime') return parseAbsTime(text, zoneOffsetSeconds);
  if (name !== 'reltime') return undefined;
  const seconds = parseRelTime(text);
  return seconds === null ? null : new RelTime(seconds);
}
