import { compareBytes, compareFolded, lowerBytes, upperBytes } from '../bytes.ts';
import { toStringValue } from '../convert.ts';
import type { Evaluation } from '../evaluation.ts';
import { type Integer, int32Of } from '../integer.ts';
import { naturalCompare } from '../naturalCompare.ts';
import { ERROR, ErrorValue, ListValue, type Value } from '../value.ts';
import { type Builtin, type BuiltinTable, elementsOf, unary, variadic } from './builtin.ts';

/** A string that a function made, unless it is too long. */
export function madeString(evaluation: Evaluation, text: string): Value {
  evaluation.charge(text.length >> 6);
  return text.length > evaluation.context.limits.stringBytesMax ? evaluation.fail('string too long') : text;
}

function concatenate(values: readonly Value[], evaluation: Evaluation): Value {
  let text = '';
  for (const value of values) {
    const part = toStringValue(value);
    if (typeof part !== 'string') return part;
    text += part;
  }
  return madeString(evaluation, text);
}

/** Undefined items are left out, but nothing but undefined ones is undefined. No separator while the text is empty. */
function joinItems(separator: Value, items: readonly Value[], evaluation: Evaluation): Value {
  const between = toStringValue(separator);
  if (between instanceof ErrorValue) return between;
  let text = '';
  let missing = between === undefined;
  let found = false;
  for (const item of items) {
    const part = toStringValue(item);
    if (part instanceof ErrorValue) return part;
    if (part === undefined) {
      missing = true;
      continue;
    }
    if (text !== '') text += between ?? '';
    text += part;
    found = true;
  }
  return missing && !found ? undefined : madeString(evaluation, text);
}

function join(values: readonly Value[], evaluation: Evaluation, nesting: number): Value {
  const last = values.at(-1);
  if (values.length <= 2 && last instanceof ListValue) {
    const items = [...elementsOf(evaluation, last, nesting)];
    return joinItems(values.length === 2 ? values[0] : '', items, evaluation);
  }
  return values.length === 0 ? '' : joinItems(values[0], values.slice(1), evaluation);
}

function changeCase(change: (bytes: string) => string): Builtin {
  return unary((value) => {
    const text = toStringValue(value);
    return typeof text === 'string' ? change(text) : text;
  });
}

function isInteger(value: Value): value is Integer {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** Like Perl's: what is negative counts from the end. */
function substring([text, offset, length]: readonly Value[], given: number): Value {
  if (text === undefined || offset === undefined || (given > 2 && length === undefined)) return undefined;
  if (typeof text !== 'string' || !isInteger(offset) || (given > 2 && !isInteger(length))) return ERROR;
  const start = int32Of(offset);
  const from = start < 0 ? Math.max(0, text.length + start) : Math.min(start, text.length);
  if (!isInteger(length)) return text.slice(from);
  const count = int32Of(length);
  if (count === 0) return '';
  const to = count < 0 ? text.length + count : from + count;
  return to <= from ? '' : text.slice(from, to);
}

function compared(compare: (left: string, right: string) => Value): Builtin {
  return variadic(2, 2, ([left, right]) => {
    if (left === undefined || right === undefined) return undefined;
    const a = toStringValue(left);
    const b = toStringValue(right);
    return typeof a === 'string' && typeof b === 'string' ? compare(a, b) : ERROR;
  });
}

function inRange([version, least, most]: readonly Value[]): Value {
  if (least === undefined || most === undefined) return undefined;
  const [v, low, high] = [toStringValue(version), toStringValue(least), toStringValue(most)];
  if (typeof v !== 'string' || typeof low !== 'string' || typeof high !== 'string') return ERROR;
  return naturalCompare(low, v) <= 0 && naturalCompare(v, high) <= 0;
}

export const stringBuiltins: BuiltinTable = [
  ['strcat', variadic(0, Number.POSITIVE_INFINITY, concatenate)],
  ['join', variadic(0, Number.POSITIVE_INFINITY, join)],
  ['toupper', changeCase(upperBytes)],
  ['tolower', changeCase(lowerBytes)],
  ['substr', variadic(2, 3, (values) => substring(values, values.length))],
  ['strcmp', compared(compareBytes)],
  ['stricmp', compared((left, right) => Math.sign(compareFolded(left, right)))],
  ['versioncmp', compared(naturalCompare)],
  ['versionlt', compared((left, right) => naturalCompare(left, right) < 0)],
  ['versionle', compared((left, right) => naturalCompare(left, right) <= 0)],
  ['versiongt', compared((left, right) => naturalCompare(left, right) > 0)],
  ['versionge', compared((left, right) => naturalCompare(left, right) >= 0)],
  ['versioneq', compared((left, right) => naturalCompare(left, right) === 0)],
  ['version_in_range', variadic(3, 3, inRange)],
];
