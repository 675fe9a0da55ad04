import { equalFolded } from '../bytes.ts';
import { realPrefix } from '../convert.ts';
import { integerOfReal } from '../integer.ts';
import { ERROR, ErrorValue, ListValue, Real, type Value } from '../value.ts';
import { type Builtin, type BuiltinTable, unary, variadic } from './builtin.ts';

const space = /^[ \t\n\v\f\r]+|[ \t\n\v\f\r]+$/g;

/** Items of a string list: separated by any of the delimiters, trimmed, empty ones left out. */
export function itemsOf(list: string, delimiters: string): string[] {
  const items: string[] = [];
  let start = 0;
  for (let at = 0; at <= list.length; at++) {
    if (at < list.length && !delimiters.includes(list[at] ?? '')) continue;
    const item = list.slice(start, at).replaceAll(space, '');
    if (item !== '') items.push(item);
    start = at + 1;
  }
  return items;
}

const defaultDelimiters = ', ';
const memberDelimiters = ', \t\r\n';

type Same = (left: string, right: string) => boolean;
const exact: Same = (left, right) => left === right;

/** A string, an empty one for UNDEFINED; null for everything else. */
function textOf(value: Value): string | null {
  return value === undefined ? '' : typeof value === 'string' ? value : null;
}

function listQuestion(answer: (subject: string, list: string, delimiters: string) => boolean): Builtin {
  return variadic(2, 3, (values) => {
    const [subject, list, delimiters] = values;
    const subjectText = textOf(subject);
    const listText = textOf(list);
    const delimitersText = delimiters === undefined ? memberDelimiters : textOf(delimiters);
    if (subjectText === null || listText === null || delimitersText === null) return ERROR;
    if (subject === undefined && list === undefined) return undefined;
    return answer(subjectText, listText, delimitersText);
  });
}

function member(same: Same): Builtin {
  return listQuestion((item, list, delimiters) =>
    itemsOf(list, delimiters).some((candidate) => same(candidate, item)),
  );
}

/** The empty string is a subset; a list of nothing but delimiters is not. */
function subset(same: Same): Builtin {
  return listQuestion((part, list, delimiters) => {
    if (part === '') return true;
    const whole = itemsOf(list, delimiters);
    const wanted = itemsOf(part, delimiters);
    return wanted.length > 0 && wanted.every((item) => whole.some((candidate) => same(candidate, item)));
  });
}

function strings(values: readonly Value[]): readonly string[] | null {
  const texts: string[] = [];
  for (const value of values) {
    if (typeof value !== 'string') return null;
    texts.push(value);
  }
  return texts;
}

function size(values: readonly Value[]): Value {
  const texts = strings(values);
  if (texts === null) return ERROR;
  const [list = '', delimiters = defaultDelimiters] = texts;
  return itemsOf(list, delimiters).length;
}

interface Summary {
  readonly start: number;
  readonly step: (item: number, total: number) => number;
  readonly whenEmpty: Value;
  readonly average?: boolean;
}

const plainInteger = /^[-+0-9]*$/;

/** An integer if all items look like ones, even where the result is none: the average of 1 and 2 is 1. */
function summary({ start, step, whenEmpty, average = false }: Summary): Builtin {
  return variadic(1, 2, (values) => {
    const texts = strings(values);
    if (texts === null) return ERROR;
    const [list = '', delimiters = defaultDelimiters] = texts;
    const items = itemsOf(list, delimiters);
    if (items.length === 0) return whenEmpty;
    let total = start;
    for (const item of items) {
      const number = realPrefix(item);
      if (number === null) return ERROR;
      total = step(number, total);
    }
    if (average) total /= items.length;
    return items.every((item) => plainInteger.test(item)) ? integerOfReal(total) : new Real(total);
  });
}

const floatMax = 3.4028234663852886e38;
const floatMin = 1.1754943508222875e-38;

function intersect(values: readonly Value[]): Value {
  if (values.some((value) => value instanceof ErrorValue)) return ERROR;
  if (values.some((value) => value === undefined)) return undefined;
  const texts = strings(values);
  if (texts === null) return ERROR;
  const [left = '', right = '', given = ''] = texts;
  const delimiters = given === '' ? ' ,' : given;
  const split = (list: string) => splitPlainly(list, delimiters);
  const wanted = new Set(split(right));
  return split(left).some((item) => wanted.has(item));
}

/** Without trimming. */
function splitPlainly(list: string, delimiters: string): string[] {
  const items: string[] = [];
  let start = 0;
  for (let at = 0; at <= list.length; at++) {
    if (at < list.length && !delimiters.includes(list[at] ?? '')) continue;
    if (at > start) items.push(list.slice(start, at));
    start = at + 1;
  }
  return items;
}

function isSpace(char: string): boolean {
  return ' \t\n\v\f\r'.includes(char);
}

/** Spaces among the separators run together; two of another kind with nothing between have an empty item. */
function split(values: readonly Value[]): Value {
  const texts = strings(values);
  if (texts === null) return ERROR;
  const [text = '', separators = ', \t'] = texts;
  const items: string[] = [];
  let start = 0;
  let previous = '';
  for (let at = 0; at < text.length; at++) {
    const char = text[at] ?? '';
    if (!separators.includes(char)) continue;
    if (at > start) items.push(text.slice(start, at));
    else if (previous === char) items.push('');
    if (!isSpace(char)) previous = char;
    start = at + 1;
  }
  if (start < text.length) items.push(text.slice(start));
  return new ListValue(items, null, true);
}

function splitAt(whenMissing: (text: string) => readonly string[]): Builtin {
  return unary((value) => {
    if (typeof value !== 'string') return ERROR;
    const at = value.indexOf('@');
    return new ListValue(at < 0 ? whenMissing(value) : [value.slice(0, at), value.slice(at + 1)], null, true);
  });
}

export const stringListBuiltins: BuiltinTable = [
  ['stringlistmember', member(exact)],
  ['stringlistimember', member(equalFolded)],
  ['stringlistsubsetmatch', subset(exact)],
  ['stringlistisubsetmatch', subset(equalFolded)],
  ['stringlistsize', variadic(1, 2, size)],
  ['stringlistsum', summary({ start: 0, step: (item, total) => item + total, whenEmpty: new Real(0) })],
  [
    'stringlistavg',
    summary({ start: 0, step: (item, total) => item + total, whenEmpty: new Real(0), average: true }),
  ],
  ['stringlistmin', summary({ start: floatMax, step: Math.min, whenEmpty: undefined })],
  // The start is the least positive float, not the least one: the maximum of negative numbers is about 0.
  ['stringlistmax', summary({ start: floatMin, step: Math.max, whenEmpty: undefined })],
  ['stringlistsintersect', variadic(2, 3, intersect)],
  ['split', variadic(1, 2, split)],
  ['splitusername', splitAt((text) => [text, ''])],
  ['splitslotname', splitAt((text) => ['', text])],
];
