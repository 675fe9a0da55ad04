import type { ClassAd } from './ad.ts';
import { type EvaluationContext, fixedContext } from './context.ts';
import { evaluateAttribute } from './evaluate.ts';
import { matchAds } from './matcher.ts';
import { isTrue, numberOf } from './value.ts';

/**
 * Whether the Requirements of an ad hold for a target: true, or a number that is not zero. Missing, UNDEFINED and
 * ERROR do not hold.
 */
export function requirementsHold(
  ad: ClassAd,
  target: ClassAd,
  context: EvaluationContext = fixedContext,
): boolean {
  return isTrue(evaluateAttribute(ad, 'Requirements', { target, context }));
}

/** Both ways; in the expressions LEFT is the one and RIGHT the other. */
export function symmetricMatch(
  left: ClassAd,
  right: ClassAd,
  context: EvaluationContext = fixedContext,
): boolean {
  return matchAds([left], [right], { context, raw: true }).count === 1;
}

/** The Rank of an ad for a target; what is no number counts as 0. */
export function rankOf(ad: ClassAd, target: ClassAd, context: EvaluationContext = fixedContext): number {
  const rank = numberOf(evaluateAttribute(ad, 'Rank', { target, context }));
  return rank === null || Number.isNaN(rank) ? 0 : rank;
}
