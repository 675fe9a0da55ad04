import { dateTimeOf } from './calendar.ts';
import { int32OfReal } from './integer.ts';
import type { AbsTime } from './value.ts';

/** Enough to tell an exact half; more than JavaScript is bound to give, but V8 does. */
const exactDigits = 60;

/** Rounds as C does: to even where the exact value lies in the middle; JavaScript rounds up there. */
function exponential(value: number, digits: number): string {
  const rounded = value.toExponential(digits);
  const more = value.toExponential(digits + 2);
  const mark = more.indexOf('e');
  if (more.slice(mark - 2, mark) !== '50') return rounded;
  const exact = value.toExponential(exactDigits);
  const exactMark = exact.indexOf('e');
  const tail = exact.slice(exactMark - exactDigits + digits, exactMark);
  if (!/^50*$/.test(tail)) return rounded;
  const kept = exact.slice(0, exactMark - exactDigits + digits);
  return Number(kept.at(-1)) % 2 === 0 ? kept + exact.slice(exactMark) : rounded;
}

function exponentText(exponent: number): string {
  const digits = String(Math.abs(exponent)).padStart(2, '0');
  return `E${exponent < 0 ? '-' : '+'}${digits}`;
}

/** printf's `%1.15E`. */
function fixedExponential(value: number): string {
  const [mantissa = '', exponent = ''] = exponential(value, 15).split('e');
  return mantissa + exponentText(Number(exponent));
}

/** printf's `%.16G`, with `.0` where it would look like an integer. */
function shortest16(value: number): string {
  const [mantissa = '', exponentDigits = ''] = exponential(value, 15).split('e');
  const exponent = Number(exponentDigits);
  if (exponent < -4 || exponent >= 16) {
    return mantissa.replace(/\.?0+$/, '') + exponentText(exponent);
  }
  const negative = mantissa.startsWith('-');
  const digits = mantissa.replace(/[-.]/g, '');
  let text: string;
  if (exponent < 0) text = `0.${'0'.repeat(-exponent - 1)}${digits}`;
  else text = `${digits.slice(0, exponent + 1)}.${digits.slice(exponent + 1)}`;
  text = text.replace(/0+$/, '');
  return (negative ? '-' : '') + (text.endsWith('.') ? `${text}0` : text);
}

/** A real as the library prints it. */
export function formatReal(value: number, syntax: 'old' | 'new'): string {
  if (Number.isNaN(value)) return 'real("NaN")';
  if (value === Number.POSITIVE_INFINITY) return 'real("INF")';
  if (value === Number.NEGATIVE_INFINITY) return 'real("-INF")';
  if (value === 0) return Object.is(value, -0) ? '-0.0' : '0.0';
  return syntax === 'new' ? fixedExponential(value) : shortest16(value);
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** `Y-MM-DDThh:mm:ss±hh:mm`, in the time's own zone; Greenwich is `-00:00`. */
export function formatAbsTime(time: AbsTime): string {
  const at = dateTimeOf(time.seconds + time.offset);
  const zone = Math.abs(time.offset);
  const sign = time.offset > 0 ? '+' : '-';
  const date = `${at.year}-${two(at.month)}-${two(at.day)}`;
  const clock = `${two(at.hour)}:${two(at.minute)}:${two(at.second)}`;
  return `${date}T${clock}${sign}${two(Math.floor(zone / 3600))}:${two(Math.floor((zone % 3600) / 60))}`;
}

/** The seconds of a span as the library takes them where it wants whole ones: 32 bits. */
export function wholeSeconds(seconds: number): number {
  return int32OfReal(seconds);
}

function padded(value: number): string {
  return value < 0 ? `-${String(-value).padStart(1, '0')}` : two(value);
}

/** `[-][days+][hh:][mm:]ss`, leading parts left out while they are zero; computed in 32 bits, as the library does. */
export function formatRelTime(seconds: number): string {
  const sign = seconds < 0 ? '-' : '';
  const magnitude = Math.abs(seconds);
  const whole = int32OfReal(magnitude);
  const fraction = magnitude - Math.floor(magnitude);
  const days = Math.trunc(whole / 86400) + 0;
  const hours = Math.trunc((whole % 86400) / 3600) + 0;
  const minutes = Math.trunc(((whole % 86400) % 3600) / 60) + 0;
  const rest = (((whole % 86400) % 3600) % 60) + 0;
  const last = fraction === 0 ? padded(rest) : withFraction(rest + fraction);
  if (days !== 0) return `${sign}${days}+${padded(hours)}:${padded(minutes)}:${last}`;
  if (hours !== 0) return `${sign}${padded(hours)}:${padded(minutes)}:${last}`;
  return minutes === 0 ? `${sign}${last}` : `${sign}${padded(minutes)}:${last}`;
}

/** printf's `%02g`: six significant digits. */
function withFraction(seconds: number): string {
  return String(Number(seconds.toPrecision(6))).padStart(2, '0');
}
