import type { ClassAd } from './ad.ts';
import { type Bits, countBits, forEachBit, hasBit, intersect, noBits, setBit } from './bits.ts';
import { clauseTable } from './clauseTable.ts';
import { type EvaluationContext, fixedContext } from './context.ts';
import { classesOf } from './matchClasses.ts';
import { bothHold, PairEvaluator, sideOf } from './side.ts';

export interface MatcherOptions {
  readonly context?: EvaluationContext;
  /** Every pair by itself, without partial evaluation, index and classes. */
  readonly raw?: boolean;
}

/** Which left ads match which right ones, both ways. */
export interface Matches {
  /** Matching pairs. */
  readonly count: number;
  /** Right ads that a left ad matches, by index, ascending. */
  of(left: number): readonly number[];
  has(left: number, right: number): boolean;
  /** Left ads of one class match the same; classes are numbered from 0. */
  classOf(left: number): number;
}

/**
 * Matches many ads with many. Left ads that differ in nothing that matters are matched once; of Requirements each
 * clause is evaluated once for each ad of the other side and remembered by its text. The result is that of
 * `symmetricMatch` for each pair: Requirements that hold are those whose clauses all hold.
 */
export function matchAds(
  left: readonly ClassAd[],
  right: readonly ClassAd[],
  { context = fixedContext, raw = false }: MatcherOptions = {},
): Matches {
  return raw ? matchEachPair(left, right, context) : matchByClauses(left, right, context);
}

function matchesOf(classOf: (left: number) => number, rows: readonly Bits[], count: number): Matches {
  return {
    count,
    of(left) {
      const found: number[] = [];
      const row = rows[classOf(left)];
      if (row !== undefined) forEachBit(row, (index) => found.push(index));
      return found;
    },
    has(left, right) {
      const row = rows[classOf(left)];
      return row !== undefined && hasBit(row, right);
    },
    classOf,
  };
}

function matchEachPair(
  left: readonly ClassAd[],
  right: readonly ClassAd[],
  context: EvaluationContext,
): Matches {
  const evaluator = new PairEvaluator(context);
  const leftSide = sideOf(left, 'left');
  const rightSide = sideOf(right, 'right');
  const rights = rightSide.places.map((place, index) => ({
    place,
    requirements: rightSide.requirements[index],
  }));
  let count = 0;
  const rows = leftSide.places.map((place, index) => {
    const one = { place, requirements: leftSide.requirements[index] };
    const row = noBits(right.length);
    for (let at = 0; at < rights.length; at++) {
      const other = rights[at];
      if (other === undefined || !bothHold(evaluator, one, other)) continue;
      setBit(row, at);
      count++;
    }
    return row;
  });
  return matchesOf((index) => index, rows, count);
}

function matchByClauses(
  left: readonly ClassAd[],
  right: readonly ClassAd[],
  context: EvaluationContext,
): Matches {
  const classes = classesOf(left, right);
  const representatives = classes.representatives
    .map((index) => left[index])
    .filter((ad) => ad !== undefined);
  const leftSide = sideOf(representatives, 'left');
  const rightSide = sideOf(right, 'right');
  const forLeft = clauseTable(leftSide, rightSide, context);
  const forRight = clauseTable(rightSide, leftSide, context);
  const columns = transposed(
    right.map((_ad, index) => forRight.row(index)),
    representatives.length,
  );
  let count = 0;
  const rows = representatives.map((_ad, index) => {
    const row = forLeft.row(index).slice();
    intersect(row, columns[index] ?? row);
    count += countBits(row) * (classes.sizes[index] ?? 0);
    return row;
  });
  return matchesOf((index) => classes.classOf[index] ?? -1, rows, count);
}

/** Rows of right ads as rows of left ones. */
function transposed(rows: readonly Bits[], leftCount: number): readonly Bits[] {
  const columns = Array.from({ length: leftCount }, () => noBits(rows.length));
  rows.forEach((row, right) => {
    const word = right >>> 5;
    const bit = 1 << (right & 31);
    for (let at = 0; at < row.length; at++) {
      for (let rest = row[at] ?? 0; rest !== 0; rest &= rest - 1) {
        const column = columns[(at << 5) + 31 - Math.clz32(rest & -rest)];
        if (column !== undefined) column[word] = (column[word] ?? 0) | bit;
      }
    }
  });
  return columns;
}
