import { daysOfDate } from '../calendar.ts';
import type { Value } from '../value.ts';

/** Fields of a date and time; any of them may be out of its range, as callers may give them by hand. */
export interface BrokenDownTime {
  readonly year: number;
  /** From 1. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
}

const dayNames = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday'] as const;
const monthNames = [
  'January',
  'February',
  'March',
  'April',
  'May',
  'June',
  'July',
  'August',
  'September',
  'October',
  'November',
  'December',
] as const;

function floorMod(value: number, by: number): number {
  return ((value % by) + by) % by;
}

interface Facts extends BrokenDownTime {
  readonly weekday: number;
  readonly dayOfYear: number;
}

interface Field {
  readonly text: string;
  /** What fills it up to the width when no flag says so, and that width. */
  readonly pad: '0' | ' ' | '';
  readonly width: number;
}

function number(value: number, width: number, pad: '0' | ' ' = '0'): Field {
  return { text: String(value), pad, width };
}

function text(value: string): Field {
  return { text: value, pad: ' ', width: 0 };
}

function twelve(hour: number): number {
  return hour % 12 === 0 ? 12 : hour % 12;
}

/** Year and week after ISO 8601. */
function isoWeek(facts: Facts): { readonly year: number; readonly week: number } {
  const monday = floorMod(facts.weekday + 6, 7);
  const week = Math.floor((facts.dayOfYear - monday + 10) / 7);
  const daysIn = (year: number) => daysOfDate(year + 1, 1, 1) - daysOfDate(year, 1, 1);
  const weeksIn = (year: number) => {
    const first = floorMod(daysOfDate(year, 1, 1) + 3, 7);
    return first === 3 || (first === 2 && daysIn(year) === 366) ? 53 : 52;
  };
  if (week < 1) return { year: facts.year - 1, week: weeksIn(facts.year - 1) };
  return week > weeksIn(facts.year) ? { year: facts.year + 1, week: 1 } : { year: facts.year, week };
}

/** Formats made of others. */
const composed: ReadonlyMap<string, string> = new Map([
  ['c', '%a %b %e %H:%M:%S %Y'],
  ['D', '%m/%d/%y'],
  ['x', '%m/%d/%y'],
  ['F', '%Y-%m-%d'],
  ['R', '%H:%M'],
  ['T', '%H:%M:%S'],
  ['X', '%H:%M:%S'],
  ['r', '%I:%M:%S %p'],
]);

function fieldOf(specifier: string, facts: Facts): Field | null {
  switch (specifier) {
    case 'a':
      return text(dayNames[facts.weekday]?.slice(0, 3) ?? '?');
    case 'A':
      return text(dayNames[facts.weekday] ?? '?');
    case 'b':
    case 'h':
      return text(monthNames[facts.month - 1]?.slice(0, 3) ?? '?');
    case 'B':
      return text(monthNames[facts.month - 1] ?? '?');
    case 'C':
      return number(Math.floor(facts.year / 100), 2);
    case 'd':
      return number(facts.day, 2);
    case 'e':
      return number(facts.day, 2, ' ');
    case 'g':
      return number(floorMod(isoWeek(facts).year, 100), 2);
    case 'G':
      return number(isoWeek(facts).year, 1);
    case 'H':
      return number(facts.hour, 2);
    case 'I':
      return number(twelve(facts.hour), 2);
    case 'j':
      return number(facts.dayOfYear + 1, 3);
    case 'k':
      return number(facts.hour, 2, ' ');
    case 'l':
      return number(twelve(facts.hour), 2, ' ');
    case 'm':
      return number(facts.month, 2);
    case 'M':
      return number(facts.minute, 2);
    case 'p':
      return text(facts.hour >= 12 ? 'PM' : 'AM');
    case 'P':
      return text(facts.hour >= 12 ? 'pm' : 'am');
    case 's':
      return number(secondsOf(facts), 1);
    case 'S':
      return number(facts.second, 2);
    case 'u':
      return number(facts.weekday === 0 ? 7 : facts.weekday, 1);
    case 'U':
      return number(Math.floor((facts.dayOfYear - facts.weekday + 7) / 7), 2);
    case 'V':
      return number(isoWeek(facts).week, 2);
    case 'w':
      return number(facts.weekday, 1);
    case 'W':
      return number(Math.floor((facts.dayOfYear - floorMod(facts.weekday + 6, 7) + 7) / 7), 2);
    case 'y':
      return number(floorMod(facts.year, 100), 2);
    case 'Y':
      return number(facts.year, 1);
    case 'z':
      return text('+0000');
    case 'Z':
      return text('UTC');
    case 'n':
      return text('\n');
    case 't':
      return text('\t');
    case '%':
      return text('%');
    default:
      return null;
  }
}

function secondsOf(facts: BrokenDownTime): number {
  const days = daysOfDate(facts.year, facts.month, facts.day);
  return days * 86400 + facts.hour * 3600 + facts.minute * 60 + facts.second;
}

const conversion = /%([_\-0^#]*)(\d*)([EO]?)([A-Za-z%])/g;
const widthMax = 1000;

function laidOut(field: Field, flags: string, widthGiven: string): string {
  let shown = field.text;
  if (flags.includes('^')) shown = shown.toUpperCase();
  if (flags.includes('#'))
    shown = shown === 'UTC' || /^[AP]M$/.test(shown) ? shown.toLowerCase() : shown.toUpperCase();
  const flag = /[_\-0](?!.*[_\-0])/.exec(flags)?.[0];
  const pad = flag === '_' ? ' ' : flag === '0' ? '0' : field.pad;
  if (flag === '-' && widthGiven === '') return shown;
  const width = widthGiven === '' ? field.width : Math.min(Number(widthGiven), widthMax);
  return shown.startsWith('-') && pad === '0'
    ? `-${shown.slice(1).padStart(width - 1, '0')}`
    : shown.padStart(width, pad);
}

function expand(format: string, facts: Facts): string {
  return format.replaceAll(
    conversion,
    (whole, flags: string, width: string, modifier: string, specifier: string) => {
      if (modifier !== '' && !/[CdeHIcmMSuUVwWxXyYg]/.test(specifier)) return whole;
      const inner = composed.get(specifier);
      const field = inner === undefined ? fieldOf(specifier, facts) : text(expand(inner, facts));
      return field === null ? whole : laidOut(field, flags, width);
    },
  );
}

/** What does not fit into the library's buffer is lost there. */
const lengthMax = 1022;

/** strftime in the C locale. The zone is Greenwich whatever the time's own: the fields are already in that one. */
export function formatBrokenDown(time: BrokenDownTime, format: string): Value {
  const days = daysOfDate(time.year, time.month, time.day);
  const facts: Facts = {
    ...time,
    weekday: floorMod(days + 4, 7),
    dayOfYear: days - daysOfDate(time.year, 1, 1),
  };
  const shown = expand(format, facts);
  return shown.length > lengthMax ? '' : shown;
}
