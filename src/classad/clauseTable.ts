import { allBits, type Bits, forEachBit, intersect, isEmpty, noBits, setBit, unite } from './bits.ts';
import { lowerBytes } from './bytes.ts';
import type { EvaluationContext } from './context.ts';
import { deferredOf } from './evaluate.ts';
import { bare, type Expr } from './expr.ts';
import { flatten, isFlattenable } from './flatten.ts';
import { scopeNames, unsteadyFunctions } from './names.ts';
import { PairEvaluator, type Side } from './side.ts';
import { unparseBytes } from './unparse.ts';
import { type AdValue, Deferred, isTrue, type Slot, type Value } from './value.ts';
import { operandsOf, partsOf } from './walk.ts';

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

interface Question {
  readonly slot: Slot;
  /** The answer depends on the other side alone: on these attributes of it. Null: it may depend on both. */
  readonly attributes: readonly string[] | null;
}

/** What a clause comes to for all ads of the other side. */
interface Answers {
  readonly holds: Bits;
  /** For these it depends on who asks: the attribute is an expression there. */
  readonly open: Bits;
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

  constructor(askers: Side, asked: Side, context: EvaluationContext) {
    this.askers = askers;
    this.asked = asked;
    this.context = context;
    this.evaluator = new PairEvaluator(context);
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
    const later: { readonly question: Question; readonly open: Bits }[] = [];
    for (const clause of clauses(requirements.expr)) {
      const open = this.restrict(row, clause, place);
      if (open !== null) later.push(open);
      if (isEmpty(row)) return row;
    }
    for (const { question, open } of later) this.askOpen(row, question, open, place);
    return row;
  }

  /** Takes out of the row whom the clause refuses; returns what has to be asked pair by pair. */
  private restrict(
    row: Bits,
    clause: Expr,
    place: AdValue,
  ): { readonly question: Question; readonly open: Bits } | null {
    const flat = bare(flatten(clause, place.ad, this.context));
    if (flat.kind === 'literal') {
      if (!isTrue(flat.value)) row.fill(0);
      return null;
    }
    const attributes = isFlattenable(place.ad) ? targetAttributes(flat) : null;
    if (attributes === null) {
      return { question: { slot: deferredOf(clause), attributes }, open: this.everyone };
    }
    const question = { slot: deferredOf(flat), attributes };
    const { holds, open } = this.answersTo(unparseBytes(flat, 'new'), question, place);
    intersect(row, holds);
    return isEmpty(open) ? null : { question: { slot: deferredOf(clause), attributes }, open };
  }

  private ask(slot: Slot, place: AdValue, index: number): Value {
    const other = this.asked.places[index];
    if (other === undefined) return undefined;
    place.other = other;
    other.other = place;
    return this.evaluator.value(slot, place);
  }

  private askOpen(row: Bits, { slot }: Question, open: Bits, place: AdValue): void {
    const candidates = row.slice();
    intersect(candidates, open);
    forEachBit(candidates, (index) => {
      if (!isTrue(this.ask(slot, place, index)))
        row[index >>> 5] = (row[index >>> 5] ?? 0) & ~(1 << (index & 31));
    });
  }

  /** Open ones are in `holds` too: they are decided later. */
  private answersTo(text: string, { slot, attributes }: Question, place: AdValue): Answers {
    const known = this.answers.get(text);
    if (known !== undefined) return known;
    const [only] = attributes ?? [];
    const answers =
      attributes?.length === 1 && only !== undefined
        ? this.byValue(slot, this.column(only), place)
        : this.oneByOne(slot, attributes ?? [], place);
    this.answers.set(text, answers);
    return answers;
  }

  private byValue(slot: Slot, column: Column, place: AdValue): Answers {
    const holds = column.open.slice();
    for (const { representative, members } of column.groups) {
      if (isTrue(this.ask(slot, place, representative))) unite(holds, members);
    }
    return { holds, open: column.open };
  }

  private oneByOne(slot: Slot, attributes: readonly string[], place: AdValue): Answers {
    const open = noBits(this.asked.places.length);
    for (const name of attributes) unite(open, this.column(name).open);
    const holds = open.slice();
    this.asked.places.forEach((_other, index) => {
      if (isTrue(this.ask(slot, place, index))) setBit(holds, index);
    });
    return { holds, open };
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
      const value = slot instanceof Deferred ? flatten(slot.expr, ad, this.context) : null;
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

const plain: ReadonlySet<Expr['kind']> = new Set([
  'literal',
  'attribute',
  'unary',
  'binary',
  'elvis',
  'ternary',
  'call',
  'parentheses',
]);

/** The attributes of TARGET that an expression refers to, if it refers to nothing else; else null. */
function targetAttributes(expr: Expr): readonly string[] | null {
  const names = new Set<string>();
  const pending: Expr[] = [expr];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (!plain.has(next.kind)) return null;
    if (next.kind === 'call' && unsteadyFunctions.has(lowerBytes(next.name))) return null;
    if (next.kind !== 'attribute') {
      pending.push(...partsOf(next));
      continue;
    }
    const scope = next.scope === null ? null : bare(next.scope);
    if (scope?.kind !== 'attribute' || scope.scope !== null || scope.absolute) return null;
    const scopeName = lowerBytes(scope.name);
    if (scopeName !== 'target' && scopeName !== 'other') return null;
    const name = lowerBytes(next.name);
    if (scopeNames.has(name)) return null;
    names.add(name);
  }
  return [...names];
}
