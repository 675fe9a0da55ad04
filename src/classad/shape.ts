import { compareFolded, detached, fromBytes, lowerName } from './bytes.ts';

/**
 * The names of an ad in their order, shared by all ads that have the same ones: the thousands of ads of a pool come
 * from a few programs and have a few shapes. Code that looks a name up remembers the shape it saw last and the slot
 * it found there, so that the next lookup in an ad of that shape is a comparison and an index.
 */
export class Shape {
  /** Names in bytes, as written. */
  readonly byteNames: readonly string[];
  private readonly slotOf: ReadonlyMap<string, number>;
  private decoded: readonly string[] | null = null;
  private order: readonly number[] | null = null;

  constructor(byteNames: readonly string[]) {
    this.byteNames = byteNames;
    this.slotOf = new Map(byteNames.map((name, index) => [lowerName(name), index]));
  }

  /** Slot of a name in lower-case bytes; -1 if it is not there. */
  indexOf(lowerName: string): number {
    return this.slotOf.get(lowerName) ?? -1;
  }

  /** Names as text. */
  get names(): readonly string[] {
    this.decoded ??= this.byteNames.map(fromBytes);
    return this.decoded;
  }

  /** The slots in the order in which the library prints them: by the length of the name, then by the alphabet. */
  get printOrder(): readonly number[] {
    const name = (slot: number) => this.byteNames[slot] ?? '';
    this.order ??= this.byteNames
      .map((_name, slot) => slot)
      .toSorted((a, b) => name(a).length - name(b).length || compareFolded(name(a), name(b)));
    return this.order;
  }
}

/** Shapes kept for sharing; beyond that the table starts anew, so that ever new names cost bounded memory. */
const shapesMax = 4096;
const interned = new Map<string, Shape>();

/** The shape of these names, no two equal but for case; shared. */
export function shapeOf(byteNames: readonly string[]): Shape {
  const key = byteNames.join('\n');
  const known = interned.get(key);
  if (known !== undefined) return known;
  if (interned.size >= shapesMax) interned.clear();
  // Shapes live long, and a name may be a part of the text of many ads.
  const shape = new Shape(byteNames.map(detached));
  interned.set(key, shape);
  return shape;
}
