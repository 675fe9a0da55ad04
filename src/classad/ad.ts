import { lowerName, toBytes } from './bytes.ts';
import { type Expr, literal } from './expr.ts';
import { wholeSeconds } from './formatValue.ts';
import { wrap } from './integer.ts';
import { type Shape, shapeOf } from './shape.ts';
import { Deferred, ERROR, ErrorValue, Real, RelTime, type Slot, type Value } from './value.ts';

/**
 * An immutable ad: names, compared without regard to ASCII case, and what stands for each. Attributes that it lacks
 * are taken from its chained parent, if it has one, and evaluated as its own.
 */
export class ClassAd {
  /** Own attributes: the names in their order, and a slot for each. */
  readonly shape: Shape;
  readonly slots: readonly Slot[];
  readonly parent: ClassAd | null;
  private merged: ClassAd | null = null;

  constructor(shape: Shape, slots: readonly Slot[], parent: ClassAd | null = null) {
    this.shape = shape;
    this.slots = slots;
    this.parent = parent;
  }

  /** The expression of an attribute, own or of the chained parent; undefined if there is none. */
  get(name: string): Expr | undefined {
    const index = this.slotIndex(name);
    return index < 0 ? undefined : exprOf(this.flat().slots[index]);
  }

  has(name: string): boolean {
    return this.slotIndex(name) >= 0;
  }

  /** Where the attribute stands among the slots of `flat()`; -1: nowhere. */
  slotIndex(name: string): number {
    return this.flat().shape.indexOf(lowerName(toBytes(name)));
  }

  /** Names as written, the chained parent's first; in the order of their first appearance. */
  names(): readonly string[] {
    return this.flat().shape.names;
  }

  /** The same ad with the chained parent's attributes copied in; made once. */
  flat(): ClassAd {
    if (this.parent === null) return this;
    if (this.merged !== null) return this.merged;
    const layers: ClassAd[] = [this];
    for (let next: ClassAd | null = this.parent; next !== null; next = next.parent) layers.push(next);
    const builder = new AdBuilder();
    for (const layer of layers.toReversed()) {
      for (let i = 0; i < layer.slots.length; i++)
        builder.setSlot(layer.shape.byteNames[i] ?? '', layer.slots[i]);
    }
    this.merged = builder.build();
    return this.merged;
  }
}

/**
 * Collects attributes; a name given again replaces the earlier one in its place. Single use. With the shape of an ad
 * of the same kind as a hint, names that come as they came there cost no table of their own.
 */
export class AdBuilder {
  private readonly hint: Shape | null;
  private readonly slots: Slot[] = [];
  /** Null as long as the names so far are those of the hint. */
  private names: string[] | null;
  private readonly indexes = new Map<string, number>();

  constructor(hint: Shape | null = null) {
    this.hint = hint;
    this.names = hint === null ? [] : null;
  }

  /** The name in bytes. */
  setSlot(name: string, slot: Slot): void {
    if (this.names === null) {
      if (this.hint?.byteNames[this.slots.length] === name) {
        this.slots.push(slot);
        return;
      }
      this.names = this.hint?.byteNames.slice(0, this.slots.length) ?? [];
      this.names.forEach((known, index) => {
        this.indexes.set(lowerName(known), index);
      });
    }
    const lower = lowerName(name);
    const found = this.indexes.get(lower);
    if (found !== undefined) {
      this.slots[found] = slot;
      return;
    }
    this.indexes.set(lower, this.slots.length);
    this.names.push(name);
    this.slots.push(slot);
  }

  setExpr(name: string, expr: Expr): void {
    this.setSlot(name, slotOf(expr));
  }

  get size(): number {
    return this.slots.length;
  }

  build(parent: ClassAd | null = null): ClassAd {
    // A copy takes no more room than it needs.
    return new ClassAd(this.shape(), this.slots.slice(), parent);
  }

  private shape(): Shape {
    if (this.names !== null) return shapeOf(this.names);
    if (this.hint === null) return shapeOf([]);
    return this.slots.length === this.hint.byteNames.length
      ? this.hint
      : shapeOf(this.hint.byteNames.slice(0, this.slots.length));
  }
}

/** Literals are kept as values, which saves their evaluation; everything else waits. */
export function slotOf(expr: Expr): Slot {
  // A literal relTime prints as one and evaluates to a real: it stays an expression.
  return expr.kind === 'literal' && !(expr.value instanceof RelTime) ? expr.value : new Deferred(expr);
}

/** A value as an element of a list that is made of values. A span becomes a literal one, of whole seconds. */
export function elementSlot(value: Value): Slot {
  return value instanceof RelTime ? new Deferred(literal(new RelTime(wholeSeconds(value.seconds)))) : value;
}

export function exprOf(slot: Slot): Expr {
  return slot instanceof Deferred ? slot.expr : literal(slot);
}

export type PlainValue =
  | string
  | number
  | bigint
  | boolean
  | null
  | undefined
  | Real
  | readonly PlainValue[]
  | { readonly [name: string]: PlainValue };

function isExpr(value: object): value is Expr {
  return 'kind' in value && typeof value.kind === 'string' && exprKinds.has(value.kind);
}

const exprKinds: ReadonlySet<string> = new Set<Expr['kind']>([
  'literal',
  'attribute',
  'unary',
  'binary',
  'elvis',
  'ternary',
  'subscript',
  'call',
  'parentheses',
  'list',
  'ad',
]);

/**
 * An expression for a plain value: a string; a boolean; an integer (a whole number or a bigint); a real (any other
 * number, or `new Real(2)`); null or undefined for UNDEFINED; an array for a list; an object for a nested ad.
 */
export function exprOfPlain(value: PlainValue | Expr | ClassAd): Expr {
  if (value === null || value === undefined) return literal(undefined);
  switch (typeof value) {
    case 'string':
      return literal(toBytes(value));
    case 'boolean':
      return literal(value);
    case 'bigint':
      return literal(wrap(value));
    case 'number':
      return literal(numberValue(value));
    default:
      break;
  }
  if (value instanceof Real || value instanceof ErrorValue) return literal(value);
  if (value instanceof ClassAd) return { kind: 'ad', ad: value };
  if (isArray(value)) return { kind: 'list', items: value.map(exprOfPlain) };
  if (isExpr(value)) return value;
  return { kind: 'ad', ad: adFromValues(value) };
}

function isArray(value: object): value is readonly PlainValue[] {
  return Array.isArray(value);
}

function numberValue(value: number): Value {
  if (Number.isSafeInteger(value)) return value + 0;
  return Number.isNaN(value) ? ERROR : new Real(value);
}

export type AttributeRecord = Readonly<Record<string, PlainValue | Expr | ClassAd>>;

/** An ad from plain values and expressions, see `exprOfPlain`. Of names that differ only in case the last counts. */
export function adFromValues(record: AttributeRecord): ClassAd {
  return withEntries(record, null);
}

/** A new ad with the attributes of the record before those of the old one, which stays as it is. */
export function withAttributes(ad: ClassAd, record: AttributeRecord): ClassAd {
  return withEntries(record, ad);
}

function withEntries(record: AttributeRecord, parent: ClassAd | null): ClassAd {
  const builder = new AdBuilder();
  for (const [name, value] of Object.entries(record)) builder.setExpr(toBytes(name), exprOfPlain(value));
  return builder.build(parent);
}

export const emptyAd: ClassAd = new ClassAd(shapeOf([]), []);
