import {
  allBits,
  type Bits,
  clearBit,
  forEachBit,
  intersect,
  isEmpty,
  noBits,
  setBit,
  unite,
  united,
} from './bits.ts';
import type { EvaluationContext } from './context.ts';
import { deferredOf } from './evaluate.ts';
import { bare, type Expr } from './expr.ts';
import { flatten, isFlattenable } from './flatten.ts';
import { PairEvaluator, type Side } from './side.ts';
import { targetAttributes } from './targetOnly.ts';
import { unparseBytes } from './unparse.ts';
import { type AdValue, Deferred, isTrue, type Slot, type Value } from './value.ts';
import { operandsOf } from './walk.ts';

export interface ClauseTable {
  /** The ads of the other side for which the Requirements of this one hold. */
  row(index: number): Bits;
}

/**
 * The Requirements of one side over the ads of the other. A clause that, once flattened, speaks of nothing but the
 * other side is the same question whoever asks it: its answers are kept by its text. If it asks for a single
 * attribute, it is answered once for each value that the attribute has.
 */
export function clauseTable(askers: Side, asked: Side, context: EvaluationContext): ClauseTable {
  const table = new Table(askers, asked, context);
  return { row: (index) => table.row(index) };
}

/** What has to be asked pair by pair, of these of the other side. */
interface OpenQuestion {
  readonly clause: Expr;
  readonly open: Bits;
}

/** What a clause comes to for all ads of the other side. */
interface Answers {
  /** The open ones are in it: they are decided later. */
  readonly holds: Bits;
  /** For these it depends on who asks: an attribute is an expression there. Null: for none. */
  readonly open: Bits | null;
}

/** Ads of the other side by the value that they have for an attribute. */
interface Column {
  readonly groups: readonly { readonly representative: number; readonly members: Bits }[];
  readonly open: Bits;
}

class Table {
  private readonly askers: Side;
  private readonly asked: Side;
  private readonly context: EvaluationContext;
  private readonly evaluator: PairEvaluator;
  private readonly answers = new Map<string, Answers>();
  private readonly columns = new Map<string, Column>();
  private readonly everyone: Bits;
  private readonly knownToAsked: (name: string) => boolean;
  private readonly knownToAskers: (name: string) => boolean;

  constructor(askers: Side, asked: Side, context: EvaluationContext) {
    this.askers = askers;
    this.asked = asked;
    this.context = context;
    this.evaluator = new PairEvaluator(context);
    this.knownToAsked = (name) => asked.has(name);
    this.knownToAskers = (name) => askers.has(name);
    this.everyone = allBits(asked.places.length);
  }

  row(index: number): Bits {
    const place = this.askers.places[index];
    const requirements = this.askers.requirements[index];
    if (place === undefined) return noBits(this.asked.places.length);
    if (!(requirements instanceof Deferred)) {
      return isTrue(requirements) ? this.everyone : noBits(this.asked.places.length);
    }
    const row = this.everyone.slice();
    const later: OpenQuestion[] = [];
    for (const clause of clauses(requirements.expr)) {
      const open = this.restrict(row, clause, place);
      if (open !== null) later.push({ clause, open });
      if (isEmpty(row)) return row;
    }
    for (const question of later) this.askOpen(row, question, place);
    return row;
  }

  /** Takes out of the row whom the clause refuses; returns those that have to be asked in pairs. */
  private restrict(row: Bits, clause: Expr, place: AdValue): Bits | null {
    if (!isFlattenable(place.ad)) return this.everyone;
    let open: Bits | null = null;
    for (const flat of clauses(flatten(clause, place.ad, this.context, this.knownToAsked))) {
      if (flat.kind === 'literal') {
        if (!isTrue(flat.value)) row.fill(0);
        continue;
      }
      const attributes = targetAttributes(flat);
      if (attributes === null) return this.everyone;
      const answers = this.answersTo(flat, attributes, place);
      intersect(row, answers.holds);
      open = open === null || answers.open === null ? (open ?? answers.open) : united(open, answers.open);
    }
    return open;
  }

  private ask(slot: Slot, place: AdValue, index: number): Value {
    const other = this.asked.places[index];
    if (other === undefined) return undefined;
    place.other = other;
    other.other = place;
    return this.evaluator.value(slot, place);
  }

  private askOpen(row: Bits, { clause, open }: OpenQuestion, place: AdValue): void {
    const slot = deferredOf(clause);
    const candidates = row.slice();
    intersect(candidates, open);
    forEachBit(candidates, (index) => {
      if (!isTrue(this.ask(slot, place, index))) clearBit(row, index);
    });
  }

  private answersTo(flat: Expr, attributes: readonly string[], place: AdValue): Answers {
    const text = unparseBytes(flat, 'new');
    const known = this.answers.get(text);
    if (known !== undefined) return known;
    const slot = new Deferred(flat);
    const [only] = attributes;
    const answers =
      attributes.length === 1 && only !== undefined
        ? this.byValue(slot, this.column(only), place)
        : this.oneByOne(slot, attributes, place);
    this.answers.set(text, answers);
    return answers;
  }

  private byValue(slot: Slot, column: Column, place: AdValue): Answers {
    const holds = column.open.slice();
    for (const { representative, members } of column.groups) {
      if (isTrue(this.ask(slot, place, representative))) unite(holds, members);
    }
    return { holds, open: isEmpty(column.open) ? null : column.open };
  }

  private oneByOne(slot: Slot, attributes: readonly string[], place: AdValue): Answers {
    const open = noBits(this.asked.places.length);
    for (const name of attributes) unite(open, this.column(name).open);
    const holds = open.slice();
    this.asked.places.forEach((_other, index) => {
      if (isTrue(this.ask(slot, place, index))) setBit(holds, index);
    });
    return { holds, open: isEmpty(open) ? null : open };
  }

  private column(name: string): Column {
    const known = this.columns.get(name);
    if (known !== undefined) return known;
    const size = this.asked.places.length;
    const open = noBits(size);
    const groups = new Map<unknown, { representative: number; members: Bits }>();
    this.asked.places.forEach(({ ad }, index) => {
      const at = ad.shape.indexOf(name);
      const slot = at < 0 ? undefined : ad.slots[at];
      const value =
        slot instanceof Deferred ? flatten(slot.expr, ad, this.context, this.knownToAskers) : null;
      if (slot instanceof Deferred && value?.kind !== 'literal') {
        setBit(open, index);
        return;
      }
      // An expression or a boxed value is a group of its own.
      const group = groups.get(slot) ?? { representative: index, members: noBits(size) };
      setBit(group.members, index);
      groups.set(slot, group);
    });
    const column = { groups: [...groups.values()], open };
    this.columns.set(name, column);
    return column;
  }
}

/** The conditions joined by `&&`, through the parentheses around them. */
function clauses(expr: Expr): readonly Expr[] {
  return operandsOf(bare(expr), '&&').flatMap((operand) => {
    const inner = bare(operand);
    return inner.kind === 'binary' && inner.operator === '&&' ? clauses(inner) : [inner];
  });
}
