import type { PlainValue } from './ad.ts';
import { fromBytes } from './bytes.ts';
import { fixedContext } from './context.ts';
import { newEvaluation } from './evaluate.ts';
import type { Evaluation } from './evaluation.ts';
import {
  AbsTime,
  type AdValue,
  ErrorValue,
  ListValue,
  Real,
  RelTime,
  type Slot,
  type Value,
} from './value.ts';

/**
 * A value in JavaScript's own terms: text, numbers (a large integer as a bigint), booleans, arrays, objects. A real
 * becomes a number, a time its seconds; UNDEFINED and ERROR become null. What is inside a list or an ad is evaluated
 * with the fixed context.
 */
export function plainOf(value: Value): PlainValue {
  return plainIn(newEvaluation(fixedContext), value);
}

function plainIn(evaluation: Evaluation, value: Value): PlainValue {
  if (value === undefined || value instanceof ErrorValue) return null;
  if (typeof value === 'string') return fromBytes(value);
  if (typeof value !== 'object') return value;
  if (value instanceof Real) return value.value;
  if (value instanceof AbsTime || value instanceof RelTime) return value.seconds;
  const inner = (slot: Slot, home: AdValue | null) =>
    evaluation.charge(1) ? plainIn(evaluation, evaluation.valueOf(slot, home, 0)) : null;
  if (value instanceof ListValue) return value.items.map((slot) => inner(slot, value.home));
  return Object.fromEntries(
    value.ad.shape.names.map((name, index) => [name, inner(value.ad.slots[index], value)]),
  );
}
