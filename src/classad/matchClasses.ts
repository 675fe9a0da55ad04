import type { ClassAd } from './ad.ts';
import { lowerName } from './bytes.ts';
import { bare, type Expr } from './expr.ts';
import { scopeNames, unsteadyFunctions } from './names.ts';
import type { Shape } from './shape.ts';
import { Deferred, Real, type Slot } from './value.ts';
import { partsOf } from './walk.ts';

/** Ads that are alike in all that a match can depend on. */
export interface MatchClasses {
  /** For each ad its class. */
  readonly classOf: Int32Array;
  /** For each class one of its ads. */
  readonly representatives: readonly number[];
  readonly sizes: readonly number[];
}

/**
 * Sorts ads into classes by the values of the attributes that count: Requirements, what it refers to, and what the
 * other side refers to. Attributes that are expressions are alike if they are the same object, as they are where a
 * reader has met the same text twice, or the same text.
 */
export function classesOf(ads: readonly ClassAd[], others: readonly ClassAd[]): MatchClasses {
  const names = significantNames(ads, others);
  if (names === null) return eachItsOwn(ads.length);
  const classOf = new Int32Array(ads.length);
  const representatives: number[] = [];
  const sizes: number[] = [];
  const root: Branch = new Map();
  const reader = new ProjectionReader(names);
  ads.forEach((ad, index) => {
    const found = reader.classOf(ad, root, representatives.length);
    classOf[index] = found;
    if (found === representatives.length) {
      representatives.push(index);
      sizes.push(0);
    }
    sizes[found] = (sizes[found] ?? 0) + 1;
  });
  return { classOf, representatives, sizes };
}

function eachItsOwn(count: number): MatchClasses {
  const indexes = Array.from({ length: count }, (_ad, index) => index);
  return { classOf: Int32Array.from(indexes), representatives: indexes, sizes: indexes.map(() => 1) };
}

type Branch = Map<unknown, Branch | number>;

/** What an ad of a class has for the names that count. */
interface Example {
  readonly projection: readonly Slot[];
  readonly classIndex: number;
}

/** So many for each Requirements. */
const examplesMax = 16;

class ProjectionReader {
  private readonly names: readonly string[];
  private shape: Shape | null = null;
  private indexes: readonly number[] = [];
  private readonly seen = new Map<Slot, Example[]>();
  /** Expressions by their text: the first of each stands for all. */
  private readonly canonical = new Map<Deferred, unknown>();
  private readonly texts = new Map<string, symbol>();

  constructor(names: readonly string[]) {
    this.names = names;
  }

  /**
   * The class of an ad, `next` for a new one. Most ads are just like one that was seen with the same Requirements;
   * for the others a tree is walked that has a level for each name.
   */
  classOf(ad: ClassAd, root: Branch, next: number): number {
    const { shape, slots } = ad.flat();
    if (shape !== this.shape) {
      this.shape = shape;
      this.indexes = this.names.map((name) => shape.indexOf(name));
    }
    const [first = -1] = this.indexes;
    const seen = first < 0 ? undefined : this.seen.get(slots[first]);
    if (seen !== undefined) {
      for (const example of seen) if (this.isLike(slots, example)) return example.classIndex;
    }
    const projection = this.indexes.map((index) => (index < 0 ? undefined : slots[index]));
    const classIndex = this.walk(projection, root, next);
    if (first >= 0 && seen === undefined) this.seen.set(slots[first], [{ projection, classIndex }]);
    else if (seen !== undefined && seen.length < examplesMax) seen.push({ projection, classIndex });
    return classIndex;
  }

  private isLike(slots: readonly Slot[], { projection }: Example): boolean {
    const { indexes } = this;
    for (let at = 0; at < indexes.length; at++) {
      const index = indexes[at] ?? -1;
      if ((index < 0 ? undefined : slots[index]) !== projection[at]) return false;
    }
    return true;
  }

  private walk(projection: readonly Slot[], root: Branch, next: number): number {
    let branch = root;
    const last = projection.length - 1;
    for (let level = 0; level < last; level++) {
      const key = this.keyOf(projection[level]);
      let down = branch.get(key);
      if (!(down instanceof Map)) {
        down = new Map();
        branch.set(key, down);
      }
      branch = down;
    }
    const key = this.keyOf(projection[last]);
    const leaf = branch.get(key);
    if (typeof leaf === 'number') return leaf;
    branch.set(key, next);
    return next;
  }

  private keyOf(slot: Slot): unknown {
    if (typeof slot !== 'object') return slot;
    if (!(slot instanceof Deferred))
      return slot instanceof Real ? this.keyOfText(realText(slot.value)) : slot;
    const known = this.canonical.get(slot);
    if (known !== undefined) return known;
    const key = this.keyOfText(JSON.stringify(slot.expr, textually));
    this.canonical.set(slot, key);
    return key;
  }

  private keyOfText(text: string): symbol {
    const key = this.texts.get(text) ?? Symbol('value');
    this.texts.set(text, key);
    return key;
  }
}

function realText(value: number): string {
  return Object.is(value, -0) ? 'real -0' : `real ${value}`;
}

/** What JSON has no words for. */
function textually(_name: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${value}n`;
  return typeof value === 'number' && (!Number.isFinite(value) || Object.is(value, -0))
    ? realText(value)
    : value;
}

/**
 * Names in lower case, by whose values ads are told apart; null: an expression may look at anything, and every ad is
 * a class of its own. Found by following the names from Requirements and from the other side on.
 */
function significantNames(ads: readonly ClassAd[], others: readonly ClassAd[]): readonly string[] | null {
  const names = new Set<string>(['requirements']);
  const seen = new Set<Deferred>();
  let steady = true;
  const follow = (slot: Slot) => {
    if (!(slot instanceof Deferred) || seen.has(slot)) return;
    seen.add(slot);
    steady &&= noteNames(slot.expr, names);
  };
  const flatAds = ads.map((ad) => ad.flat());
  for (const ad of others) for (const slot of ad.flat().slots) follow(slot);
  for (const name of names) {
    // The set grows while it is walked.
    let shape: Shape | null = null;
    let index = -1;
    let last: Slot;
    for (const ad of flatAds) {
      if (ad.shape !== shape) {
        ({ shape } = ad);
        index = shape.indexOf(name);
      }
      if (index < 0) continue;
      const slot = ad.slots[index];
      if (slot !== last) follow(slot);
      last = slot;
    }
  }
  // A name that no ad has tells nothing.
  const shapes = new Set(flatAds.map((ad) => ad.shape));
  const told = [...names].filter((name) => [...shapes].some((shape) => shape.indexOf(name) >= 0));
  return steady ? told : null;
}

/** Adds the names that an expression refers to. False: it may look at others too. */
function noteNames(root: Expr, names: Set<string>): boolean {
  const pending: Expr[] = [root];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.kind === 'call' && unsteadyFunctions.has(lowerName(next.name))) return false;
    if (next.kind !== 'attribute') {
      pending.push(...partsOf(next));
      continue;
    }
    const name = lowerName(next.name);
    if (scopeNames.has(name)) return false;
    names.add(name);
    const scope = next.scope === null ? null : bare(next.scope);
    if (scope !== null && !isSideName(scope)) pending.push(scope);
  }
  return true;
}

/** MY and TARGET before a dot. */
function isSideName(scope: Expr): boolean {
  return (
    scope.kind === 'attribute' &&
    scope.scope === null &&
    !scope.absolute &&
    /^(?:my|target|other)$/i.test(scope.name)
  );
}
