import type { ClassAd } from './ad.ts';
import { clausesOf } from './analyze.ts';
import { type Bits, countBits, forEachBit, noBits, setBit } from './bits.ts';
import { type EvaluationContext, fixedContext } from './context.ts';
import { requirementsHold } from './match.ts';
import { isTrue } from './value.ts';

/** What one clause of a job's Requirements does to the offers. */
export interface ClauseAnalysis {
  readonly text: string;
  /** Offers for which it does not hold. */
  readonly refuses: number;
  /** Offers that nothing but this clause refuses. */
  readonly refusesAlone: number;
}

export interface Analysis {
  readonly offers: number;
  /** Offers that match both ways. */
  readonly matches: number;
  /** Offers that the job wants and that do not want the job. */
  readonly refusedByOffers: number;
  readonly clauses: readonly ClauseAnalysis[];
  /** The fewest clauses, by their places, without which at least one offer would match; null: none would do. */
  readonly relaxation: readonly number[] | null;
  /** Offers that would match then. */
  readonly matchesRelaxed: number;
}

/**
 * Tries each clause of a job's Requirements on each offer, in the manner of `condor_q -better-analyze`. The smallest
 * relaxation is the smallest set of clauses that some offer fails, among offers that want the job. O(clauses × offers).
 */
export function analyze(
  job: ClassAd,
  offers: readonly ClassAd[],
  context: EvaluationContext = fixedContext,
): Analysis {
  const clauses = clausesOf(job, 'Requirements');
  const willing = offers.map((offer) => requirementsHold(offer, job, context));
  const failures = offers.map(() => noBits(clauses.length));
  clauses.forEach((clause, at) => {
    offers.forEach((offer, index) => {
      const failed = failures[index];
      if (failed !== undefined && !isTrue(clause.holds(offer, context))) setBit(failed, at);
    });
  });
  const smallest = smallestRelaxation(failures, willing);
  return {
    offers: offers.length,
    matches: failures.filter((failed, index) => willing[index] === true && countBits(failed) === 0).length,
    refusedByOffers: failures.filter((failed, index) => willing[index] === false && countBits(failed) === 0)
      .length,
    clauses: clauses.map(({ text }, at) => ({
      text,
      refuses: failures.filter((failed) => places(failed).includes(at)).length,
      refusesAlone: failures.filter((failed) => countBits(failed) === 1 && places(failed)[0] === at).length,
    })),
    relaxation: smallest === null ? null : places(smallest),
    matchesRelaxed:
      smallest === null
        ? 0
        : failures.filter((failed, index) => willing[index] === true && isWithin(failed, smallest)).length,
  };
}

function places(bits: Bits): readonly number[] {
  const found: number[] = [];
  forEachBit(bits, (at) => found.push(at));
  return found;
}

function isWithin(bits: Bits, others: Bits): boolean {
  return bits.every((word, at) => (word & ~(others[at] ?? 0)) === 0);
}

/** Of the sets of failed clauses the smallest; of equals that which most offers share. */
function smallestRelaxation(failures: readonly Bits[], willing: readonly boolean[]): Bits | null {
  const counted = new Map<string, { readonly bits: Bits; offers: number }>();
  failures.forEach((bits, index) => {
    if (willing[index] !== true) return;
    const known = counted.get(bits.join());
    if (known === undefined) counted.set(bits.join(), { bits, offers: 1 });
    else known.offers++;
  });
  const [best] = [...counted.values()].toSorted(
    (a, b) => countBits(a.bits) - countBits(b.bits) || b.offers - a.offers,
  );
  return best?.bits ?? null;
}

/** The analysis for people. */
export function renderAnalysis(analysis: Analysis): string {
  const lines = [
    `${analysis.matches} of ${analysis.offers} offers match`,
    ...(analysis.refusedByOffers > 0
      ? [`${analysis.refusedByOffers} more would suit, but refuse the job`]
      : []),
    '',
    '  refused   alone  clause',
    ...analysis.clauses.map(
      ({ text, refuses, refusesAlone }, at) =>
        `${String(refuses).padStart(9)} ${String(refusesAlone).padStart(7)}  [${at}] ${text}`,
    ),
    '',
  ];
  if (analysis.relaxation === null) lines.push('no change of the job’s Requirements would help');
  else if (analysis.relaxation.length > 0) {
    const named = analysis.relaxation.map((at) => `[${at}]`).join(' and ');
    lines.push(`without ${named}, ${analysis.matchesRelaxed} would match`);
  }
  return `${lines.join('\n').trimEnd()}\n`;
}
