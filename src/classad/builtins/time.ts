import { AdBuilder } from '../ad.ts';
import { dateTimeOf } from '../calendar.ts';
import { toInteger } from '../convert.ts';
import type { Evaluation } from '../evaluation.ts';
import { wholeSeconds } from '../formatValue.ts';
import { type Integer, int32Of, int32OfReal } from '../integer.ts';
import { AbsTime, AdValue, ERROR, Real, RelTime, type Value } from '../value.ts';
import { type Builtin, type BuiltinTable, unary, variadic } from './builtin.ts';
import { type BrokenDownTime, formatBrokenDown } from './strftime.ts';

function isInteger(value: Value): value is Integer {
  return typeof value === 'number' || typeof value === 'bigint';
}

function localTime(evaluation: Evaluation, seconds: number): AbsTime {
  return new AbsTime(seconds, evaluation.context.zoneOffsetSeconds(seconds));
}

function now(evaluation: Evaluation): AbsTime {
  return localTime(evaluation, Math.floor(evaluation.context.nowSeconds));
}

/** A number of seconds, where the library keeps 32 bits of it; null for what is none. */
function secondsOf(value: Value): number | null {
  if (isInteger(value)) return int32Of(value);
  if (value instanceof Real) return int32OfReal(value.value);
  return value instanceof RelTime ? wholeSeconds(value.seconds) : null;
}

function absTime(args: readonly Value[], evaluation: Evaluation): Value {
  if (args.length === 0) return now(evaluation);
  const [time, zone] = args;
  const offset = args.length === 2 ? secondsOf(zone) : 0;
  if (offset === null) return ERROR;
  if (time === undefined || typeof time === 'string' || time instanceof AbsTime) return time;
  const seconds = secondsOf(time);
  if (seconds === null) return ERROR;
  if (args.length === 1) return localTime(evaluation, seconds);
  // The library takes this offset for the sign of a failure.
  if (offset === -1 && isInteger(time)) return evaluation.fail('an offset of -1');
  return new AbsTime(seconds, offset);
}

/** A text that is no literal gives 0. */
function relTime(args: readonly Value[]): Value {
  const [time] = args;
  if (args.length > 1) return ERROR;
  if (time === undefined || time instanceof RelTime) return time;
  if (time instanceof Real) return new RelTime(time.value);
  if (time instanceof AbsTime) return new RelTime(time.seconds);
  if (typeof time === 'string') return new RelTime(0);
  const seconds = secondsOf(time);
  return seconds === null ? ERROR : new RelTime(seconds);
}

type FieldOf = (at: ReturnType<typeof dateTimeOf>) => number;

/** A field of a time, shown in the zone of the evaluation whatever its own; some exist for spans too. */
function field(ofTime: FieldOf | null, ofSpan: ((seconds: number) => number) | null): Builtin {
  return unary((value, evaluation) => {
    if (value instanceof AbsTime && ofTime !== null) {
      const local = localTime(evaluation, value.seconds);
      return ofTime(dateTimeOf(local.seconds + local.offset));
    }
    if (value instanceof RelTime && ofSpan !== null)
      return Math.trunc(ofSpan(wholeSeconds(value.seconds))) + 0;
    return ERROR;
  });
}

function adOf(entries: readonly (readonly [string, Value])[]): AdValue {
  const builder = new AdBuilder();
  for (const [name, value] of entries) builder.setSlot(name, value);
  return new AdValue(builder.build(), null);
}

function splitSpan(seconds: number): AdValue {
  const magnitude = Math.abs(seconds);
  const whole = int32OfReal(magnitude);
  const parts = {
    days: Math.trunc(whole / 86400) + 0,
    hours: Math.trunc((whole % 86400) / 3600) + 0,
    minutes: Math.trunc((whole % 3600) / 60) + 0,
    seconds: (whole % 60) + (magnitude - Math.floor(magnitude)),
  };
  // The sign goes to the largest part.
  if (seconds < 0) {
    if (parts.days > 0) parts.days = -parts.days;
    else if (parts.hours > 0) parts.hours = -parts.hours;
    else if (parts.minutes > 0) parts.minutes = -parts.minutes;
    else parts.seconds = -parts.seconds;
  }
  return adOf([
    ['Type', 'RelativeTime'],
    ['Days', parts.days],
    ['Hours', parts.hours],
    ['Minutes', parts.minutes],
    ['Seconds', new Real(parts.seconds)],
  ]);
}

function timeOf(value: Value, evaluation: Evaluation): AbsTime | null {
  if (value instanceof AbsTime) return value;
  // An integer is taken whole, unlike everywhere else.
  if (isInteger(value)) return localTime(evaluation, Number(value));
  return value instanceof Real ? localTime(evaluation, int32OfReal(value.value)) : null;
}

function splitTime(value: Value, evaluation: Evaluation): Value {
  if (value === undefined) return undefined;
  if (value instanceof RelTime) return splitSpan(value.seconds);
  const time = timeOf(value, evaluation);
  if (time === null) return ERROR;
  const at = dateTimeOf(time.seconds + time.offset);
  return adOf([
    ['Type', 'AbsoluteTime'],
    ['Year', at.year],
    ['Month', at.month],
    ['Day', at.day],
    ['Hours', at.hour],
    ['Minutes', at.minute],
    ['Seconds', at.second],
    ['Offset', time.offset],
  ]);
}

/** The fields of an ad such as splitTime makes; what it lacks, or has as no integer, is 0. */
function fieldsOfAd(ad: AdValue, evaluation: Evaluation, nesting: number): BrokenDownTime {
  const read = (name: string): number | null => {
    const index = ad.ad.shape.indexOf(name);
    const value = index < 0 ? undefined : evaluation.valueOf(ad.ad.slots[index], ad, nesting);
    return isInteger(value) ? int32Of(value) : null;
  };
  const year = read('year');
  const month = read('month');
  return {
    year: year ?? 1900,
    month: month ?? 1,
    day: read('day') ?? 0,
    hour: read('hours') ?? 0,
    minute: read('minutes') ?? 0,
    second: read('seconds') ?? 0,
  };
}

function formatTime(args: readonly Value[], evaluation: Evaluation, nesting: number): Value {
  const [time, format] = args;
  let fields: BrokenDownTime;
  if (args.length === 0) {
    const local = now(evaluation);
    fields = dateTimeOf(local.seconds + local.offset);
  } else if (time instanceof AdValue) {
    fields = fieldsOfAd(time, evaluation, nesting);
  } else {
    const at = timeOf(time, evaluation);
    if (at === null) return ERROR;
    fields = dateTimeOf(at.seconds + at.offset);
  }
  if (args.length < 2) return formatBrokenDown(fields, '%c');
  return typeof format === 'string' ? formatBrokenDown(fields, format) : ERROR;
}

function interval(value: Value): Value {
  const seconds64 = toInteger(value);
  if (seconds64 === null) return ERROR;
  const total = int32Of(seconds64);
  const days = Math.trunc(total / 86400) + 0;
  const hours = Math.trunc((total % 86400) / 3600) + 0;
  const minutes = Math.trunc((total % 3600) / 60) + 0;
  const seconds = (total % 60) + 0;
  const two = (part: number) => String(Math.abs(part)).padStart(2, '0');
  if (days !== 0) return `${days}+${two(hours)}:${two(minutes)}:${two(seconds)}`;
  if (hours !== 0) return `${hours}:${two(minutes)}:${two(seconds)}`;
  return minutes === 0 ? String(seconds) : `${minutes}:${two(seconds)}`;
}

function dayTime(evaluation: Evaluation): Value {
  const local = now(evaluation);
  const at = dateTimeOf(local.seconds + local.offset);
  return new RelTime(at.hour * 3600 + at.minute * 60 + at.second);
}

export const timeBuiltins: BuiltinTable = [
  ['time', variadic(0, 0, (_args, evaluation) => Math.floor(evaluation.context.nowSeconds))],
  ['currenttime', variadic(0, 0, (_args, evaluation) => now(evaluation))],
  ['timezoneoffset', variadic(0, 0, (_args, evaluation) => new RelTime(now(evaluation).offset))],
  ['daytime', variadic(0, 0, (_args, evaluation) => dayTime(evaluation))],
  ['abstime', variadic(0, 2, absTime)],
  ['reltime', variadic(1, 2, relTime)],
  ['splittime', unary(splitTime)],
  ['formattime', variadic(0, 2, formatTime)],
  ['interval', unary(interval)],
  ['getyear', field((at) => at.year, null)],
  ['getmonth', field((at) => at.month, null)],
  ['getdayofyear', field((at) => at.dayOfYear, null)],
  ['getdayofmonth', field((at) => at.day, null)],
  ['getdayofweek', field((at) => at.weekday, null)],
  ['getdays', field(null, (seconds) => seconds / 86400)],
  [
    'gethours',
    field(
      (at) => at.hour,
      (seconds) => (seconds % 86400) / 3600,
    ),
  ],
  [
    'getminutes',
    field(
      (at) => at.minute,
      (seconds) => (seconds % 3600) / 60,
    ),
  ],
  [
    'getseconds',
    field(
      (at) => at.second,
      (seconds) => seconds % 60,
    ),
  ],
];
