import type { Code } from '../code.ts';
import type { Evaluation } from '../evaluation.ts';
import type { Expr } from '../expr.ts';
import { Deferred, type ListValue, type Slot, type Value } from '../value.ts';

/** Where a call stands: its arguments as they were written, and how many nodes are around it. */
export interface CallSite {
  readonly exprs: readonly Expr[];
  readonly nesting: number;
}

export interface Builtin {
  /** Arguments, at least and at most; any other number is ERROR. */
  readonly least: number;
  readonly most: number;
  bind(args: readonly Code[], site: CallSite): Code;
}

export type BuiltinTable = readonly (readonly [name: string, builtin: Builtin])[];

/** A function of one value. */
export function unary(compute: (value: Value, evaluation: Evaluation, nesting: number) => Value): Builtin {
  return {
    least: 1,
    most: 1,
    bind([arg = absent], { nesting }) {
      return (evaluation) => compute(arg(evaluation), evaluation, nesting);
    },
  };
}

export function binary(
  compute: (left: Value, right: Value, evaluation: Evaluation, nesting: number) => Value,
): Builtin {
  return {
    least: 2,
    most: 2,
    bind([first = absent, second = absent], { nesting }) {
      return (evaluation) => {
        const left = first(evaluation);
        return compute(left, second(evaluation), evaluation, nesting);
      };
    },
  };
}

/** A function of so many values, all evaluated. */
export function variadic(
  least: number,
  most: number,
  compute: (values: readonly Value[], evaluation: Evaluation, nesting: number) => Value,
): Builtin {
  return {
    least,
    most,
    bind(args, { nesting }) {
      return (evaluation) =>
        compute(
          args.map((arg) => arg(evaluation)),
          evaluation,
          nesting,
        );
    },
  };
}

const absent: Code = () => undefined;

/** Elements of a list are evaluated in the ad in which the function is called, not where the list was written. */
export function elementsOf(evaluation: Evaluation, list: ListValue, nesting: number): Iterable<Value> {
  return elements(evaluation, list, nesting);
}

function* elements(evaluation: Evaluation, list: ListValue, nesting: number): Generator<Value, void, void> {
  for (const slot of list.items) yield elementOf(evaluation, list, slot, nesting);
}

function elementOf(evaluation: Evaluation, list: ListValue, slot: Slot, nesting: number): Value {
  evaluation.charge(1);
  return slot instanceof Deferred ? evaluation.run(slot, evaluation.here, nesting, list.home) : slot;
}
