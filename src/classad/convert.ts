import { formatAbsTime, formatRelTime, wholeSeconds } from './formatValue.ts';
import { type Integer, integerOfReal } from './integer.ts';
import { unparseBytes } from './unparse.ts';
import { AbsTime, AdValue, ERROR, ErrorValue, ListValue, Real, RelTime, type Value } from './value.ts';

/** A value as a string value: a string as it is, all else as the library prints it; UNDEFINED and ERROR stay. */
export function toStringValue(value: Value): string | undefined | ErrorValue {
  if (typeof value === 'string' || value === undefined || value instanceof ErrorValue) return value;
  if (value instanceof AbsTime) return formatAbsTime(value);
  if (value instanceof RelTime) return formatRelTime(wholeSeconds(value.seconds));
  return unparseBytes(value, 'new');
}

const decimalPrefix = /^[ \t\n\v\f\r]*([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)/;
const hexadecimalPrefix = /^[ \t\n\v\f\r]*([+-]?)0[xX]([0-9a-fA-F]*)(?:\.([0-9a-fA-F]*))?(?:[pP]([+-]?\d+))?/;
const specialPrefix = /^[ \t\n\v\f\r]*([+-]?)(inf(?:inity)?|nan)/i;

/** What C's strtod reads at the start of a text; null: nothing. */
export function realPrefix(text: string): number | null {
  const special = specialPrefix.exec(text);
  if (special !== null) {
    const magnitude = special[2]?.toLowerCase() === 'nan' ? Number.NaN : Number.POSITIVE_INFINITY;
    return special[1] === '-' ? -magnitude : magnitude;
  }
  const hexadecimal = hexadecimalPrefix.exec(text);
  if (hexadecimal !== null) {
    const [, sign, whole = '', fraction = '', power = '0'] = hexadecimal;
    if (whole !== '' || fraction !== '') {
      const digits = whole + fraction;
      const magnitude = Number(`0x${digits}`) * 2 ** (Number(power) - 4 * fraction.length);
      return sign === '-' ? -magnitude : magnitude;
    }
  }
  const decimal = decimalPrefix.exec(text);
  return decimal === null ? null : Number(decimal[1]);
}

/** A value as a real; null where it has none: UNDEFINED, ERROR, lists, ads, texts that begin with no number. */
export function toReal(value: Value): number | null {
  switch (typeof value) {
    case 'number':
      return value;
    case 'bigint':
      return Number(value);
    case 'boolean':
      return value ? 1 : 0;
    case 'string':
      return realPrefix(value);
    default:
      if (value instanceof Real) return value.value;
      if (value instanceof RelTime) return wholeSeconds(value.seconds);
      return value instanceof AbsTime ? value.seconds : null;
  }
}

/** A value as an integer: reals are truncated, a text is read as a number first. */
export function toInteger(value: Value): Integer | null {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  const real = toReal(value);
  return real === null ? null : integerOfReal(real);
}

/** UNDEFINED as it is, else ERROR: what a conversion gives for a value that it cannot take. */
export function unconvertible(value: Value): Value {
  return value === undefined ? undefined : ERROR;
}

export function isContainer(value: Value): value is ListValue | AdValue {
  return value instanceof ListValue || value instanceof AdValue;
}
