import type { ClassAd } from './ad.ts';
import { lowerName } from './bytes.ts';
import type { EvaluationContext } from './context.ts';
import { newEvaluation } from './evaluate.ts';
import type { Evaluation } from './evaluation.ts';
import { AdValue, Deferred, isTrue, type Slot, type Value } from './value.ts';

/**
 * The ads of one side of many matches, each in its place once; pairs are made by letting two of them refer to each
 * other. One evaluation serves all pairs: nothing is allocated for a pair.
 */
export interface Side {
  readonly places: readonly AdValue[];
  /** Requirements of each; UNDEFINED where there are none. */
  readonly requirements: readonly Slot[];
  /** Whether one of the ads has an attribute of that name, in lower-case bytes. */
  has(name: string): boolean;
}

export function sideOf(ads: readonly ClassAd[], side: 'left' | 'right'): Side {
  const places = ads.map((ad) => new AdValue(ad.flat(), null, side));
  const requirements = places.map(({ ad }) => {
    const index = ad.shape.indexOf('requirements');
    return index < 0 ? undefined : ad.slots[index];
  });
  const shapes = new Set(places.map(({ ad }) => ad.shape));
  const names = new Set([...shapes].flatMap((shape) => shape.byteNames.map(lowerName)));
  return { places, requirements, has: (name) => names.has(name) };
}

/** Evaluates in a place that refers to another. */
export class PairEvaluator {
  private readonly evaluation: Evaluation;

  constructor(context: EvaluationContext) {
    this.evaluation = newEvaluation(context);
  }

  /** The two must refer to each other. */
  value(slot: Slot, place: AdValue): Value {
    if (!(slot instanceof Deferred)) return slot;
    const { evaluation } = this;
    evaluation.reset();
    const value = evaluation.force(slot, place, -1);
    return evaluation.failure ?? value;
  }

  holds(slot: Slot, place: AdValue): boolean {
    return isTrue(this.value(slot, place));
  }
}

/** Whether the Requirements of both hold. */
export function bothHold(
  evaluator: PairEvaluator,
  left: { readonly place: AdValue; readonly requirements: Slot },
  right: { readonly place: AdValue; readonly requirements: Slot },
): boolean {
  left.place.other = right.place;
  right.place.other = left.place;
  return evaluator.holds(right.requirements, right.place) && evaluator.holds(left.requirements, left.place);
}
