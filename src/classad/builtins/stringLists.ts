import { equalFolded } from '../bytes.ts';
import { ERROR, type Value } from '../value.ts';
import { type Builtin, type BuiltinTable, variadic } from './builtin.ts';

/** Items of a string list: separated by any of the delimiters, trimmed, empty ones left out. */
export function itemsOf(list: string, delimiters: string): string[] {
  const items: string[] = [];
  let item = '';
  for (const char of `${list}${delimiters[0] ?? ''}`) {
    if (delimiters.includes(char)) {
      const trimmed = item.trim();
      if (trimmed !== '') items.push(trimmed);
      item = '';
    } else {
      item += char;
    }
  }
  const last = item.trim();
  if (last !== '') items.push(last);
  return items;
}

const defaultDelimiters = ', ';

function memberOf(same: (left: string, right: string) => boolean): Builtin {
  return variadic(2, 3, (values) => {
    const [item, list, delimiters = defaultDelimiters] = values;
    if (item === undefined || list === undefined) return undefined;
    if (typeof item !== 'string' || typeof list !== 'string' || typeof delimiters !== 'string') return ERROR;
    return itemsOf(list, delimiters).some((candidate) => same(candidate, item));
  });
}

function size(values: readonly Value[]): Value {
  const [list, delimiters = defaultDelimiters] = values;
  if (typeof list !== 'string' || typeof delimiters !== 'string') return ERROR;
  return itemsOf(list, delimiters).length;
}

export const stringListBuiltins: BuiltinTable = [
  ['stringlistmember', memberOf((left, right) => left === right)],
  ['stringlistimember', memberOf(equalFolded)],
  ['stringlistsize', variadic(1, 2, size)],
];
