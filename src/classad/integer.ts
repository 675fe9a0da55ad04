/**
 * Signed 64-bit integers that wrap, as `number` while safe, else as `bigint`. Each operation tries the number first
 * and falls back to bigint only where the exact result may have left the safe range.
 */
export type Integer = number | bigint;

export const integerMax = 9223372036854775807n;
export const integerMin = -9223372036854775808n;

/** Wraps to 64 bits and returns the canonical form. */
export function wrap(value: bigint): Integer {
  const wrapped = BigInt.asIntN(64, value);
  const small = Number(wrapped);
  return Number.isSafeInteger(small) ? small : wrapped;
}

/** The x86 conversion of a double to a 64-bit integer: truncates; out of range and NaN give the minimum. */
export function integerOfReal(value: number): Integer {
  if (Number.isSafeInteger(value)) return value + 0;
  if (!(value >= -(2 ** 63) && value < 2 ** 63)) return integerMin;
  const truncated = Math.trunc(value);
  return Number.isSafeInteger(truncated) ? truncated + 0 : wrap(BigInt(truncated));
}

/** An integer where the library keeps 32 bits of it: the rest is cut off. */
export function int32Of(value: Integer): number {
  if (typeof value === 'number' && (value | 0) === value) return value;
  return Number(BigInt.asIntN(32, BigInt(value)));
}

/** The x86 conversion of a double to 32 bits: truncates; out of range and NaN give the minimum. */
export function int32OfReal(value: number): number {
  const truncated = Math.trunc(value);
  return truncated >= -2147483648 && truncated <= 2147483647 ? truncated + 0 : -2147483648;
}

export function add(left: Integer, right: Integer): Integer {
  if (typeof left === 'number' && typeof right === 'number') {
    const sum = left + right;
    if (Number.isSafeInteger(sum)) return sum;
  }
  return wrap(BigInt(left) + BigInt(right));
}

export function subtract(left: Integer, right: Integer): Integer {
  if (typeof left === 'number' && typeof right === 'number') {
    const difference = left - right;
    if (Number.isSafeInteger(difference)) return difference;
  }
  return wrap(BigInt(left) - BigInt(right));
}

export function multiply(left: Integer, right: Integer): Integer {
  if (typeof left === 'number' && typeof right === 'number') {
    const product = left * right;
    if (Number.isSafeInteger(product)) return product + 0;
  }
  return wrap(BigInt(left) * BigInt(right));
}

/** Truncates toward zero; null for a division by zero; MIN / -1 is MAX, as the library has it. */
export function divide(left: Integer, right: Integer): Integer | null {
  if (right === 0) return null;
  if (typeof left === 'number' && typeof right === 'number') {
    // Both are safe, so the quotient of doubles truncates right except next to an integer; the remainder decides.
    return (left - (left % right)) / right + 0;
  }
  if (left === integerMin && right === -1) return integerMax;
  return wrap(BigInt(left) / BigInt(right));
}

/** Takes the sign of the dividend; null for zero. */
export function remainder(left: Integer, right: Integer): Integer | null {
  if (right === 0) return null;
  if (typeof left === 'number' && typeof right === 'number') return (left % right) + 0;
  return wrap(BigInt(left) % BigInt(right));
}

export function negate(value: Integer): Integer {
  return typeof value === 'number' ? 0 - value : wrap(-value);
}

export function complement(value: Integer): Integer {
  return typeof value === 'number' ? -1 - value : wrap(~value);
}

function isInt32(value: Integer): value is number {
  return typeof value === 'number' && (value | 0) === value;
}

export function bitAnd(left: Integer, right: Integer): Integer {
  return isInt32(left) && isInt32(right) ? left & right : wrap(BigInt(left) & BigInt(right));
}

export function bitOr(left: Integer, right: Integer): Integer {
  return isInt32(left) && isInt32(right) ? left | right : wrap(BigInt(left) | BigInt(right));
}

export function bitXor(left: Integer, right: Integer): Integer {
  return isInt32(left) && isInt32(right) ? left ^ right : wrap(BigInt(left) ^ BigInt(right));
}

/** Shift counts are taken modulo 64, as x86 does. */
export function shiftLeft(left: Integer, right: Integer): Integer {
  return wrap(BigInt(left) << (BigInt(right) & 63n));
}

export function shiftRight(left: Integer, right: Integer): Integer {
  return wrap(BigInt(left) >> (BigInt(right) & 63n));
}

/** -1, 0 or 1. */
export function compareIntegers(left: Integer, right: Integer): number {
  if (left < right) return -1;
  return left > right ? 1 : 0;
}

/** Reads `[+-]digits` as strtoll does but for what lies outside of 64 bits, which the lexer of the library reads as 0. */
export function integerLiteral(digits: string): Integer {
  const small = Number(digits);
  if (Number.isSafeInteger(small)) return small + 0;
  const large = BigInt(digits);
  return large > integerMax || large < integerMin ? 0 : wrap(large);
}
