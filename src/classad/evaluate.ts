import type { ClassAd } from './ad.ts';
import { compileDeferred } from './compile.ts';
import { type EvaluationContext, fixedContext } from './context.ts';
import { Evaluation, settled } from './evaluation.ts';
import type { Expr } from './expr.ts';
import { AdValue, Deferred, ERROR, type Value } from './value.ts';

export type { EvaluationContext } from './context.ts';

export interface EvaluateOptions {
  /** The ad in which names are looked up. */
  readonly ad?: ClassAd;
  /** The other side, for TARGET and, in old semantics, for names that the ad lacks. */
  readonly target?: ClassAd;
  /** Default: fixedContext. */
  readonly context?: EvaluationContext;
}

/** Compiled once, however often it is evaluated. */
const compiled = new WeakMap<Expr, Deferred>();

export function deferredOf(expr: Expr): Deferred {
  const known = compiled.get(expr);
  if (known !== undefined) return known;
  const made = new Deferred(expr);
  compiled.set(expr, made);
  return made;
}

export function newEvaluation(context: EvaluationContext): Evaluation {
  return new Evaluation(context, compileDeferred);
}

/** Puts two ads on the two sides of a match. */
export function pair(left: ClassAd, right: ClassAd): { readonly left: AdValue; readonly right: AdValue } {
  const leftSide = new AdValue(left.flat(), null, 'left');
  const rightSide = new AdValue(right.flat(), null, 'right');
  leftSide.other = rightSide;
  rightSide.other = leftSide;
  return { left: leftSide, right: rightSide };
}

function placeOf({ ad, target }: EvaluateOptions): AdValue | null {
  if (ad === undefined) return null;
  return target === undefined ? new AdValue(ad.flat(), null) : pair(ad, target).left;
}

function run(deferred: Deferred, home: AdValue | null, context: EvaluationContext): Value {
  const evaluation = newEvaluation(context);
  try {
    evaluation.rooted = home !== null;
    return settled(evaluation, evaluation.force(deferred, home, -1));
  } catch (error) {
    // The limits keep far from it, unless the caller stands deep in a stack of its own.
    if (error instanceof RangeError) return ERROR;
    throw error;
  }
}

/** The value of an expression. Never throws; what goes wrong is ERROR. Bounded by the limits of the context. */
export function evaluate(expr: Expr, options: EvaluateOptions = {}): Value {
  return run(deferredOf(expr), placeOf(options), options.context ?? fixedContext);
}

/** The value of an attribute of an ad; UNDEFINED if it has none of that name. */
export function evaluateAttribute(
  ad: ClassAd,
  name: string,
  options: Omit<EvaluateOptions, 'ad'> = {},
): Value {
  const flat = ad.flat();
  const index = flat.slotIndex(name);
  if (index < 0) return undefined;
  const slot = flat.slots[index];
  if (!(slot instanceof Deferred)) return slot;
  return run(slot, placeOf({ ...options, ad }), options.context ?? fixedContext);
}
