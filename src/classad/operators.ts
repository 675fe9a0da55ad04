import { compareFolded, equalFolded } from './bytes.ts';
import type { BinaryOperator, UnaryOperator } from './expr.ts';
import * as integers from './integer.ts';
import { AbsTime, AdValue, ERROR, ErrorValue, ListValue, Real, RelTime, type Value } from './value.ts';

/** The operators on values. All but `&&`, `||`, `=?=`, `=!=` are strict: ERROR beats UNDEFINED beats a value. */

function isInteger(value: Value): value is integers.Integer {
  return typeof value === 'number' || typeof value === 'bigint';
}

/** A boolean, integer or real, with booleans as 0 and 1; null for all else. */
function numeric(value: Value): integers.Integer | Real | null {
  if (typeof value === 'number' || typeof value === 'bigint') return value;
  if (typeof value === 'boolean') return value ? 1 : 0;
  return value instanceof Real ? value : null;
}

function toReal(value: integers.Integer | Real): number {
  return value instanceof Real ? value.value : Number(value);
}

/** What a strict operator does with the exceptional ones among its operands; null if there is none. */
function exceptional(left: Value, right: Value): ErrorValue | 'undefined' | null {
  if (left instanceof ErrorValue) return left;
  if (right instanceof ErrorValue) return right;
  return left === undefined || right === undefined ? 'undefined' : null;
}

type Ordering = (order: number) => boolean;

const orderings: Readonly<Record<'==' | '!=' | '<' | '<=' | '>' | '>=', Ordering>> = {
  '==': (order) => order === 0,
  '!=': (order) => order !== 0,
  '<': (order) => order < 0,
  '<=': (order) => order <= 0,
  '>': (order) => order > 0,
  '>=': (order) => order >= 0,
};

function orderOf(left: number, right: number): number {
  if (left === right) return 0;
  if (left < right) return -1;
  return left > right ? 1 : Number.NaN;
}

/** Everything but two plain numbers or two strings, which the callers take themselves. */
function compareOthers(left: Value, right: Value, holds: Ordering): Value {
  const exception = exceptional(left, right);
  if (exception !== null) return exception === 'undefined' ? undefined : exception;
  const a = numeric(left);
  const b = numeric(right);
  if (a !== null && b !== null) {
    if (a instanceof Real || b instanceof Real) return holds(orderOf(toReal(a), toReal(b)));
    return holds(integers.compareIntegers(a, b));
  }
  if (left instanceof AbsTime && right instanceof AbsTime) return holds(orderOf(left.seconds, right.seconds));
  if (left instanceof RelTime && right instanceof RelTime) return holds(orderOf(left.seconds, right.seconds));
  return ERROR;
}

export function equal(left: Value, right: Value): Value {
  if (typeof left === 'string' && typeof right === 'string') return equalFolded(left, right);
  if (typeof left === 'number' && typeof right === 'number') return left === right;
  return compareOthers(left, right, orderings['==']);
}

export function notEqual(left: Value, right: Value): Value {
  if (typeof left === 'string' && typeof right === 'string') return !equalFolded(left, right);
  if (typeof left === 'number' && typeof right === 'number') return left !== right;
  // NaN != NaN, whose order is neither.
  return compareOthers(left, right, orderings['!=']);
}

export function less(left: Value, right: Value): Value {
  if (typeof left === 'number' && typeof right === 'number') return left < right;
  if (typeof left === 'string' && typeof right === 'string') return compareFolded(left, right) < 0;
  return compareOthers(left, right, orderings['<']);
}

export function lessOrEqual(left: Value, right: Value): Value {
  if (typeof left === 'number' && typeof right === 'number') return left <= right;
  if (typeof left === 'string' && typeof right === 'string') return compareFolded(left, right) <= 0;
  return compareOthers(left, right, orderings['<=']);
}

export function greater(left: Value, right: Value): Value {
  if (typeof left === 'number' && typeof right === 'number') return left > right;
  if (typeof left === 'string' && typeof right === 'string') return compareFolded(left, right) > 0;
  return compareOthers(left, right, orderings['>']);
}

export function greaterOrEqual(left: Value, right: Value): Value {
  if (typeof left === 'number' && typeof right === 'number') return left >= right;
  if (typeof left === 'string' && typeof right === 'string') return compareFolded(left, right) >= 0;
  return compareOthers(left, right, orderings['>=']);
}

/** `=?=`: the same kind and the same value, strings with regard to case; ERROR for two lists or two ads. */
export function identical(left: Value, right: Value): boolean | ErrorValue {
  if (typeof left !== 'object' || typeof right !== 'object') return left === right;
  if (left instanceof ErrorValue) return right instanceof ErrorValue;
  if (left instanceof Real) return right instanceof Real && left.value === right.value;
  if (left instanceof AbsTime) {
    return right instanceof AbsTime && left.seconds === right.seconds && left.offset === right.offset;
  }
  if (left instanceof RelTime) return right instanceof RelTime && left.seconds === right.seconds;
  if (left instanceof ListValue)
    return right instanceof ListValue && right.made === left.made ? ERROR : false;
  return right instanceof AdValue ? ERROR : false;
}

export function notIdentical(left: Value, right: Value): boolean | ErrorValue {
  const same = identical(left, right);
  return same instanceof ErrorValue ? same : !same;
}

/** A real as the result of arithmetic: positive infinity is an error, negative infinity and NaN are not. */
function realResult(value: number): Value {
  return value === Number.POSITIVE_INFINITY ? ERROR : new Real(value);
}

type IntegerOperation = (left: integers.Integer, right: integers.Integer) => integers.Integer | null;
type RealOperation = (left: number, right: number) => number;
type TimeOperation = (left: Value, right: Value) => Value;

/** An arithmetic operator but for two plain numbers, which the callers take themselves. */
function arithmetic(
  left: Value,
  right: Value,
  onIntegers: IntegerOperation,
  onReals: RealOperation | null,
  onTimes: TimeOperation,
): Value {
  const exception = exceptional(left, right);
  if (exception !== null) return exception === 'undefined' ? undefined : exception;
  const a = numeric(left);
  const b = numeric(right);
  if (a === null || b === null) return onTimes(left, right);
  if (a instanceof Real || b instanceof Real) {
    return onReals === null ? ERROR : realResult(onReals(toReal(a), toReal(b)));
  }
  return onIntegers(a, b) ?? ERROR;
}

function addTimes(left: Value, right: Value): Value {
  if (left instanceof AbsTime && right instanceof RelTime) {
    return new AbsTime(left.seconds + integers.int32OfReal(right.seconds), left.offset);
  }
  if (left instanceof RelTime && right instanceof AbsTime) {
    return new AbsTime(right.seconds + integers.int32OfReal(left.seconds), right.offset);
  }
  if (left instanceof RelTime && right instanceof RelTime) return new RelTime(left.seconds + right.seconds);
  return ERROR;
}

function subtractTimes(left: Value, right: Value): Value {
  if (left instanceof AbsTime && right instanceof AbsTime) return new RelTime(left.seconds - right.seconds);
  if (left instanceof AbsTime && right instanceof RelTime) {
    return new AbsTime(left.seconds - integers.int32OfReal(right.seconds), left.offset);
  }
  if (left instanceof RelTime && right instanceof RelTime) return new RelTime(left.seconds - right.seconds);
  return ERROR;
}

/** A span times a number; booleans are no numbers here. */
function multiplyTimes(left: Value, right: Value): Value {
  if (left instanceof RelTime && (isInteger(right) || right instanceof Real)) {
    return new RelTime(left.seconds * toReal(right));
  }
  if (right instanceof RelTime && (isInteger(left) || left instanceof Real)) {
    return new RelTime(right.seconds * toReal(left));
  }
  return ERROR;
}

function divideTimes(left: Value, right: Value): Value {
  if (left instanceof RelTime && (isInteger(right) || right instanceof Real)) {
    return new RelTime(left.seconds / toReal(right));
  }
  return ERROR;
}

export function add(left: Value, right: Value): Value {
  if (typeof left === 'number' && typeof right === 'number') return integers.add(left, right);
  return arithmetic(left, right, integers.add, (a, b) => a + b, addTimes);
}

export function subtract(left: Value, right: Value): Value {
  if (typeof left === 'number' && typeof right === 'number') return integers.subtract(left, right);
  return arithmetic(left, right, integers.subtract, (a, b) => a - b, subtractTimes);
}

export function multiply(left: Value, right: Value): Value {
  if (typeof left === 'number' && typeof right === 'number') return integers.multiply(left, right);
  return arithmetic(left, right, integers.multiply, (a, b) => a * b, multiplyTimes);
}

export function divide(left: Value, right: Value): Value {
  return arithmetic(left, right, integers.divide, (a, b) => a / b, divideTimes);
}

export function remainder(left: Value, right: Value): Value {
  return arithmetic(left, right, integers.remainder, null, () => ERROR);
}

function bitwise(left: Value, right: Value, operation: IntegerOperation): Value {
  const exception = exceptional(left, right);
  if (exception !== null) return exception === 'undefined' ? undefined : exception;
  return isInteger(left) && isInteger(right) ? (operation(left, right) ?? ERROR) : ERROR;
}

/** `>>` of a negative number shifts in ones step by step: a negative count does nothing, 64 and more leave -1. */
function shiftRight(left: integers.Integer, right: integers.Integer): integers.Integer {
  if (left >= 0) return integers.shiftRight(left, right);
  if (right <= 0) return left;
  return right >= 64 ? -1 : integers.shiftRight(left, right);
}

/** `>>>` of a negative number: one step that clears the sign, then the rest of the count. */
function shiftRightUnsigned(left: integers.Integer, right: integers.Integer): integers.Integer {
  if (left >= 0) return integers.shiftRight(left, right);
  const cleared = integers.wrap(BigInt.asUintN(64, BigInt(left)) >> 1n);
  return integers.shiftRight(cleared, integers.subtract(right, 1));
}

export type StrictOperator = Exclude<BinaryOperator, '&&' | '||'>;

export const binaryOperations: Readonly<Record<StrictOperator, (left: Value, right: Value) => Value>> = {
  '|': (left, right) => bitwise(left, right, integers.bitOr),
  '^': (left, right) => bitwise(left, right, integers.bitXor),
  '&': (left, right) => bitwise(left, right, integers.bitAnd),
  '==': equal,
  '!=': notEqual,
  '=?=': identical,
  '=!=': notIdentical,
  '<': less,
  '<=': lessOrEqual,
  '>': greater,
  '>=': greaterOrEqual,
  '<<': (left, right) => bitwise(left, right, integers.shiftLeft),
  '>>': (left, right) => bitwise(left, right, shiftRight),
  '>>>': (left, right) => bitwise(left, right, shiftRightUnsigned),
  '+': add,
  '-': subtract,
  '*': multiply,
  '/': divide,
  '%': remainder,
};

function minus(value: Value): Value {
  if (value === undefined || value instanceof ErrorValue) return value;
  if (isInteger(value)) return integers.negate(value);
  if (value instanceof Real) return new Real(-value.value);
  return value instanceof RelTime ? new RelTime(-value.seconds) : ERROR;
}

function plus(value: Value): Value {
  if (value === undefined || isInteger(value)) return value;
  return value instanceof Real || value instanceof RelTime || value instanceof ErrorValue ? value : ERROR;
}

function complement(value: Value): Value {
  if (value === undefined || value instanceof ErrorValue) return value;
  return isInteger(value) ? integers.complement(value) : ERROR;
}

/** All but `!`, which depends on the semantics. */
export const unaryOperations: Readonly<Record<Exclude<UnaryOperator, '!'>, (value: Value) => Value>> = {
  '-': minus,
  '+': plus,
  '~': complement,
};
