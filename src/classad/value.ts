import type { ClassAd } from './ad.ts';
import { fromBytes } from './bytes.ts';
import type { Code } from './code.ts';
import type { Expr } from './expr.ts';

/**
 * What an expression evaluates to. Values are cheap: UNDEFINED, booleans, strings and integers are JavaScript
 * primitives, so most of them need no allocation and compare with `===`.
 *
 * - UNDEFINED is `undefined`, ERROR is an `ErrorValue`.
 * - An integer is a `number` while it is a safe integer, else a `bigint` (64 bits, wrapping). Never both forms.
 * - A string holds one byte (0 to 255) in each UTF-16 unit, as the language counts bytes. `stringOf` decodes it.
 */
export type Value =
  | undefined
  | boolean
  | number
  | bigint
  | string
  | Real
  | AbsTime
  | RelTime
  | ListValue
  | AdValue
  | ErrorValue;

export const valueKinds = [
  'undefined',
  'error',
  'boolean',
  'integer',
  'real',
  'string',
  'absTime',
  'relTime',
  'list',
  'ad',
] as const;
export type ValueKind = (typeof valueKinds)[number];

/** A floating point number; integers are plain numbers, so a real needs a box of its own. */
export class Real {
  readonly kind = 'real';
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** An instant: seconds since 1970 and the zone it is shown in, as seconds east of Greenwich. */
export class AbsTime {
  readonly kind = 'absTime';
  readonly seconds: number;
  readonly offset: number;
  constructor(seconds: number, offset: number) {
    this.seconds = seconds;
    this.offset = offset;
  }
}

/** A span in seconds. */
export class RelTime {
  readonly kind = 'relTime';
  readonly seconds: number;
  constructor(seconds: number) {
    this.seconds = seconds;
  }
}

export class ErrorValue {
  readonly kind = 'error';
  /** For people; two errors are the same value whatever their reasons. */
  readonly reason: string;
  constructor(reason: string) {
    this.reason = reason;
  }
}

/** An expression that waits to be evaluated: an attribute's right side or an element of a list. */
export class Deferred {
  readonly kind = 'deferred';
  readonly expr: Expr;
  /** Made at the first evaluation. */
  code: Code | null = null;
  /** Nodes of the expression, charged to the step budget; 0 until compiled. */
  size = 0;
  /** Nested calls that one evaluation needs; 0 until compiled. */
  depth = 0;
  constructor(expr: Expr) {
    this.expr = expr;
  }
}

/** Where a value may be given at once or left as an expression. */
export type Slot = Value | Deferred;

/** A list: elements stay unevaluated until they are used, in the ad where the list was written. */
export class ListValue {
  readonly kind = 'list';
  readonly items: readonly Slot[];
  readonly home: AdValue | null;
  /** Made by a function, not written: `=?=` takes the two for different kinds. */
  readonly made: boolean;
  constructor(items: readonly Slot[], home: AdValue | null, made = false) {
    this.items = items;
    this.home = home;
    this.made = made;
  }
}

/**
 * An ad in its place: names that the ad lacks are looked up in the ads around it. The two sides of a match refer
 * to each other by `other`, which is the one mutable field: a matcher pairs one side with many.
 */
export class AdValue {
  readonly kind = 'ad';
  readonly ad: ClassAd;
  readonly parent: AdValue | null;
  readonly side: 'left' | 'right' | null;
  other: AdValue | null = null;
  constructor(ad: ClassAd, parent: AdValue | null, side: 'left' | 'right' | null = null) {
    this.ad = ad;
    this.parent = parent;
    this.side = side;
  }
}

export const ERROR = new ErrorValue('error');

export function isError(value: Value): value is ErrorValue {
  return value instanceof ErrorValue;
}

export function kindOf(value: Value): ValueKind {
  switch (typeof value) {
    case 'undefined':
      return 'undefined';
    case 'boolean':
      return 'boolean';
    case 'number':
    case 'bigint':
      return 'integer';
    case 'string':
      return 'string';
    default:
      return value.kind;
  }
}

/** The truth of a value that may stand for a boolean: a boolean, an integer, a real. Null: it may not. */
export function truthOf(value: Value): boolean | null {
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return value !== 0;
  if (typeof value === 'bigint') return true;
  if (value instanceof Real) return value.value !== 0;
  return null;
}

/** True, or a number that is not zero. UNDEFINED, ERROR and all else is not. */
export function isTrue(value: Value): boolean {
  return value === true || truthOf(value) === true;
}

/** An integer, real or boolean as a number (a large integer loses digits); null for everything else. */
export function numberOf(value: Value): number | null {
  switch (typeof value) {
    case 'number':
      return value;
    case 'bigint':
      return Number(value);
    case 'boolean':
      return value ? 1 : 0;
    default:
      return value instanceof Real ? value.value : null;
  }
}

/** The text of a string value; null for every other kind. */
export function stringOf(value: Value): string | null {
  return typeof value === 'string' ? fromBytes(value) : null;
}
