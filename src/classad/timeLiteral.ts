import { daysOfDate } from './calendar.ts';
import { type Expr, literal } from './expr.ts';
import { AbsTime, RelTime, type Value } from './value.ts';

const absTimePattern =
  /^\D*(\d{4})(?:\D*(\d{2}))?(?:\D*(\d{2}))?(?:\D*(\d{2}))?(?:\D*(\d{2}))?(?:\D*(\d{2}))?/;

/** Reads the text of an absTime literal; null: it is none. */
export function parseAbsTime(text: string, zoneOffsetSeconds: (at: number) => number): AbsTime | null {
  const zone = /(?:Z|([+-])(\d{2}):?(\d{2}))\s*$/i.exec(text);
  const hasZone = zone !== null && /\d{4}.*\d{2}.*\d{2}/.test(text.slice(0, zone.index));
  const body = hasZone ? text.slice(0, zone.index) : text;
  const match = absTimePattern.exec(body);
  if (match === null) return null;
  const [year, month, day, hour, minute, second] = match.slice(1).map((part) => (part ? Number(part) : null));
  const local =
    daysOfDate(year ?? 0, month ?? 1, day ?? 1) * 86400 +
    (hour ?? 0) * 3600 +
    (minute ?? 0) * 60 +
    (second ?? 0);
  if (!Number.isFinite(local)) return null;
  if (!hasZone) {
    const offset = zoneOffsetSeconds(local);
    return new AbsTime(local - offset, offset);
  }
  const magnitude = Number(zone[2] ?? 0) * 3600 + Number(zone[3] ?? 0) * 60;
  const offset = zone[1] === '-' ? 0 - magnitude : magnitude;
  return new AbsTime(local - offset, offset);
}

/** `[-][days+]hh:mm:ss[.fff]` or `1d2h3m4.5s`, in seconds; null: it is none. */
export function parseRelTime(text: string): number | null {
  const clock = /^\s*(-)?\s*(?:(\d+)\+)?(?:(?:(\d+):)?(\d+):)?(\d+(?:\.\d*)?)\s*$/.exec(text);
  if (clock !== null) {
    const [, sign, days, hours, minutes, seconds] = clock;
    const total =
      Number(days ?? 0) * 86400 +
      Number(hours ?? 0) * 3600 +
      Number(minutes ?? 0) * 60 +
      Number(seconds ?? 0);
    return sign === undefined ? total : 0 - total;
  }
  const units = /^\s*(-)?\s*(?:(\d+)d)?\s*(?:(\d+)h)?\s*(?:(\d+)m)?\s*(?:(\d+(?:\.\d*)?)s)?\s*$/i.exec(text);
  if (units === null || !/\d/.test(text)) return null;
  const [, sign, days, hours, minutes, seconds] = units;
  const total =
    Number(days ?? 0) * 86400 + Number(hours ?? 0) * 3600 + Number(minutes ?? 0) * 60 + Number(seconds ?? 0);
  return sign === undefined ? total : 0 - total;
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
