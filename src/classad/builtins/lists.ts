import { isContainer } from '../convert.ts';
import type { Evaluation } from '../evaluation.ts';
import * as operators from '../operators.ts';
import { AdValue, ERROR, ErrorValue, ListValue, Real, type Value } from '../value.ts';
import { type Builtin, type BuiltinTable, binary, elementsOf, unary, variadic } from './builtin.ts';

function memberOf(same: (left: Value, right: Value) => Value, strict: boolean): Builtin {
  return binary((wanted, list, evaluation, nesting) => {
    if (list === undefined || (!strict && wanted === undefined)) return undefined;
    if (!(list instanceof ListValue) || isContainer(wanted)) return ERROR;
    if (!strict && wanted instanceof ErrorValue) return ERROR;
    for (const element of elementsOf(evaluation, list, nesting)) {
      if (same(element, wanted) === true) return true;
    }
    return false;
  });
}

function isNumber(value: Value): boolean {
  return (
    typeof value === 'number' ||
    typeof value === 'bigint' ||
    typeof value === 'boolean' ||
    value instanceof Real
  );
}

/** The numbers and booleans of a list, without its undefined elements; a value instead where there is no such list. */
function numbersOf(list: Value, evaluation: Evaluation, nesting: number): Value[] | ErrorValue | undefined {
  if (list === undefined) return undefined;
  if (!(list instanceof ListValue)) return ERROR;
  const numbers: Value[] = [];
  for (const element of elementsOf(evaluation, list, nesting)) {
    if (element === undefined) continue;
    if (!isNumber(element)) return ERROR;
    numbers.push(element);
  }
  return numbers;
}

/** One number is its own sum, even if it is a boolean. */
function sumOf(numbers: readonly Value[]): Value {
  const [first = 0, ...rest] = numbers;
  return rest.reduce(operators.add, first);
}

function sum(list: Value, evaluation: Evaluation, nesting: number): Value {
  const numbers = numbersOf(list, evaluation, nesting);
  return Array.isArray(numbers) ? sumOf(numbers) : numbers;
}

function average(list: Value, evaluation: Evaluation, nesting: number): Value {
  const numbers = numbersOf(list, evaluation, nesting);
  if (!Array.isArray(numbers)) return numbers;
  return numbers.length === 0 ? 0 : operators.divide(sumOf(numbers), new Real(numbers.length));
}

/** Numbers as a comparison leaves them in the library: both reals if one is, and no booleans. */
function levelled(left: Value, right: Value): readonly [Value, Value] {
  const toNumber = (value: Value) => (typeof value === 'boolean' ? Number(value) : value);
  const [a, b] = [toNumber(left), toNumber(right)];
  if (!(a instanceof Real || b instanceof Real)) return [a, b];
  const toReal = (value: Value) => (value instanceof Real ? value : new Real(Number(value)));
  return [toReal(a), toReal(b)];
}

function extreme(beats: (left: Value, right: Value) => Value): Builtin {
  return unary((list, evaluation, nesting) => {
    const numbers = numbersOf(list, evaluation, nesting);
    if (!Array.isArray(numbers)) return numbers;
    const [first, ...rest] = numbers;
    return rest.reduce((best, next) => {
      const [a, b] = levelled(best, next);
      return beats(b, a) === true ? b : a;
    }, first);
  });
}

const comparisons: ReadonlyMap<string, (left: Value, right: Value) => Value> = new Map([
  ['<', operators.less],
  ['<=', operators.lessOrEqual],
  ['==', operators.equal],
  ['!=', operators.notEqual],
  ['>', operators.greater],
  ['>=', operators.greaterOrEqual],
  ['is', operators.identical],
  ['isnt', operators.notIdentical],
]);

/** Stops at the first element that cannot be compared: an undefined result is false, any other ERROR. */
function compareEach(all: boolean): Builtin {
  return variadic(3, 3, ([operator, list, wanted], evaluation, nesting) => {
    if (operator === undefined) return undefined;
    const compare = typeof operator === 'string' ? comparisons.get(operator) : undefined;
    if (compare === undefined) return ERROR;
    if (list === undefined) return undefined;
    if (!(list instanceof ListValue)) return ERROR;
    for (const element of elementsOf(evaluation, list, nesting)) {
      const result = compare(element, wanted);
      if (result === undefined) return false;
      if (typeof result !== 'boolean') return ERROR;
      if (result !== all) return result;
    }
    return all;
  });
}

function size(value: Value): Value {
  if (value === undefined) return undefined;
  if (typeof value === 'string') return value.length;
  if (value instanceof ListValue) return value.items.length;
  return value instanceof AdValue ? value.ad.slots.length : ERROR;
}

export const listBuiltins: BuiltinTable = [
  ['member', memberOf(operators.equal, false)],
  ['identicalmember', memberOf(operators.identical, true)],
  ['size', unary(size)],
  ['sum', unary(sum)],
  ['avg', unary(average)],
  ['min', extreme(operators.less)],
  ['max', extreme(operators.greater)],
  ['anycompare', compareEach(false)],
  ['allcompare', compareEach(true)],
];
