import { AdBuilder, type ClassAd, elementSlot } from './ad.ts';
import { lowerName } from './bytes.ts';
import type { Code } from './code.ts';
import type { Evaluation } from './evaluation.ts';
import { type AttributeExpr, attribute, type Expr } from './expr.ts';
import type { Shape } from './shape.ts';
import { AdValue, Deferred, ERROR, ErrorValue, ListValue, type Slot, type Value } from './value.ts';

type Compile = (expr: Expr, nesting: number) => Code;

/**
 * How a name is found. In the ad itself (with its chained parent), then in the ads around it. In a match, around both
 * sides stands the context of the match, which knows TARGET, OTHER, MY, LEFT and RIGHT; and in old semantics a bare
 * name that is nowhere in sight is looked up in the other side. An attribute is evaluated in the ad that has it.
 * Some names have a meaning where no attribute of that name comes first: self, parent, root, toplevel, and in old
 * semantics MY and CurrentTime.
 */
export function compileAttribute(expr: AttributeExpr, nesting: number, compile: Compile): Code {
  const name = lowerName(expr.name);
  if (expr.absolute) return absolute(name, nesting);
  if (expr.scope === null) return unscoped(name, nesting);
  const general = scoped(name, compile(expr.scope, nesting + 1), nesting);
  if (expr.scope.kind !== 'attribute' || expr.scope.scope !== null || expr.scope.absolute) return general;
  const scopeName = lowerName(expr.scope.name);
  if (scopeName === 'target' || scopeName === 'other') return ofTarget(name, scopeName, general, nesting);
  return scopeName === 'my' ? ofMy(name, general, nesting) : general;
}

/** A name in one ad, with the shape that was seen last. */
function finder(name: string): (ad: ClassAd) => number {
  let shape: Shape | null = null;
  let index = -1;
  return (ad) => {
    if (ad.shape === shape) return index;
    shape = ad.shape;
    index = shape.indexOf(name);
    return index;
  };
}

function unscoped(name: string, nesting: number): Code {
  const find = finder(name);
  const findOther = finder(name);
  return (evaluation) => {
    const { here } = evaluation;
    if (here === null) return undefined;
    const index = find(here.ad);
    if (index >= 0) {
      const slot = here.ad.slots[index];
      return slot instanceof Deferred ? evaluation.force(slot, here, nesting) : slot;
    }
    const around = lookAround(evaluation, here, name, nesting);
    if (around !== notFound) return around;
    const { other } = here;
    if (other === null || !evaluation.old) return undefined;
    const otherIndex = findOther(other.ad);
    return otherIndex < 0 ? undefined : evaluation.valueOf(other.ad.slots[otherIndex], other, nesting);
  };
}

const notFound: unique symbol = Symbol('not found');

/** Names beyond the ad itself, which lacks the name: special ones, the ads around, the context of a match. */
function lookAround(
  evaluation: Evaluation,
  here: AdValue,
  name: string,
  nesting: number,
): Value | typeof notFound {
  const special = specialOf(evaluation, here, name);
  if (special !== notFound) return special;
  let outermost = here;
  while (outermost.parent !== null) {
    outermost = outermost.parent;
    const index = outermost.ad.shape.indexOf(name);
    if (index >= 0) return evaluation.valueOf(outermost.ad.slots[index], outermost, nesting);
  }
  return outermost.other === null ? notFound : inMatch(outermost, name);
}

const specialNames: ReadonlySet<string> = new Set([
  'self',
  'parent',
  'root',
  'toplevel',
  'my',
  'currenttime',
]);

function specialOf(evaluation: Evaluation, here: AdValue, name: string): Value | typeof notFound {
  if (!specialNames.has(name)) return notFound;
  switch (name) {
    case 'self':
      return here;
    case 'parent':
      return here.parent ?? undefined;
    case 'root':
    case 'toplevel':
      return evaluation.rooted ? rootOf(here) : evaluation.failWithoutRoot();
    case 'my':
      return evaluation.old ? here : notFound;
    default:
      return evaluation.old ? evaluation.context.nowSeconds : notFound;
  }
}

/** The outermost ad; in a match that is the match itself. */
function rootOf(here: AdValue): AdValue {
  let root = here;
  while (root.parent !== null) root = root.parent;
  return root.other === null ? root : matchRoot(root, root.other);
}

/** The ad that a match is: the two sides and a few expressions about them. */
function matchRoot(side: AdValue, other: AdValue): AdValue {
  const builder = new AdBuilder();
  const requirements = (scope: string) => attribute('requirements', attribute(scope));
  const rank = (scope: string) => attribute('rank', attribute(scope));
  builder.setSlot('LEFT', side.side === 'left' ? side : other);
  builder.setSlot('RIGHT', side.side === 'left' ? other : side);
  builder.setExpr('symmetricMatch', {
    kind: 'binary',
    operator: '&&',
    left: requirements('RIGHT'),
    right: requirements('LEFT'),
  });
  builder.setExpr('leftMatchesRight', requirements('RIGHT'));
  builder.setExpr('rightMatchesLeft', requirements('LEFT'));
  builder.setExpr('leftRankValue', rank('LEFT'));
  builder.setExpr('rightRankValue', rank('RIGHT'));
  return new AdValue(builder.build(), null);
}

/** What the context of a match knows, seen from one side. */
function inMatch(side: AdValue, name: string): Value | typeof notFound {
  switch (name) {
    case 'target':
    case 'other':
      return side.other ?? undefined;
    case 'my':
    case 'ad':
      return side;
    case 'left':
      return (side.side === 'left' ? side : side.other) ?? undefined;
    case 'right':
      return (side.side === 'right' ? side : side.other) ?? undefined;
    default:
      return notFound;
  }
}

/** A name in an ad that was named by an expression: never falls through to the other side. */
function inAd(evaluation: Evaluation, ad: AdValue, index: number, name: string, nesting: number): Value {
  if (index >= 0) {
    const slot = ad.ad.slots[index];
    return slot instanceof Deferred ? evaluation.force(slot, ad, nesting) : slot;
  }
  const around = lookAround(evaluation, ad, name, nesting);
  return around === notFound ? undefined : around;
}

function scoped(name: string, scope: Code, nesting: number): Code {
  const find = finder(name);
  return (evaluation) => {
    const container = scope(evaluation);
    if (container instanceof AdValue) {
      return inAd(evaluation, container, find(container.ad), name, nesting);
    }
    return selectFrom(evaluation, container, name, nesting);
  };
}

/** `value.name`: a list is mapped over its elements, which are evaluated in the ad that refers to them. */
function selectFrom(evaluation: Evaluation, container: Value, name: string, nesting: number): Value {
  if (container === undefined || container instanceof ErrorValue) return container;
  if (container instanceof AdValue) {
    return inAd(evaluation, container, container.ad.shape.indexOf(name), name, nesting);
  }
  if (!(container instanceof ListValue)) return ERROR;
  const items: Slot[] = [];
  const { rooted } = evaluation;
  evaluation.rooted = true;
  for (const slot of container.items) {
    if (!evaluation.charge(1)) return ERROR;
    const element =
      slot instanceof Deferred ? evaluation.run(slot, evaluation.here, nesting, container.home) : slot;
    items.push(elementSlot(selectFrom(evaluation, element, name, nesting + 1)));
  }
  evaluation.rooted = rooted;
  return new ListValue(items, null);
}

function ofTarget(name: string, scopeName: string, general: Code, nesting: number): Code {
  const find = finder(name);
  const findScope = finder(scopeName);
  return (evaluation) => {
    const { here } = evaluation;
    if (here === null || here.other === null || findScope(here.ad) >= 0) return general(evaluation);
    const { other } = here;
    return inAd(evaluation, other, find(other.ad), name, nesting);
  };
}

function ofMy(name: string, general: Code, nesting: number): Code {
  const find = finder(name);
  const findScope = finder('my');
  return (evaluation) => {
    const { here } = evaluation;
    if (here === null || !evaluation.old || findScope(here.ad) >= 0) return general(evaluation);
    return inAd(evaluation, here, find(here.ad), name, nesting);
  };
}

/** `.name`: in the outermost ad. */
function absolute(name: string, nesting: number): Code {
  return (evaluation) => {
    const { here } = evaluation;
    if (here === null || !evaluation.rooted) return evaluation.failWithoutRoot();
    const root = rootOf(here);
    return inAd(evaluation, root, root.ad.shape.indexOf(name), name, nesting);
  };
}

/**
 * What a reference refers to, unevaluated: the expression of the attribute, or its value where it is a literal or a
 * name with a meaning of its own. Null: nothing. As in the library, what is evaluated next stands in the ad where the
 * attribute was found, or, if it was not, in the outermost one that was searched.
 */
export function findAttribute(
  evaluation: Evaluation,
  expr: AttributeExpr,
  nesting: number,
): Deferred | { readonly value: Value } | null {
  const { here } = evaluation;
  if (here === null) return null;
  const name = lowerName(expr.name);
  if (expr.scope !== null) {
    if (isContextOfMatch(here, expr.scope)) {
      evaluation.here = rootOf(here);
      return null;
    }
    const scope = evaluation.run(new Deferred(expr.scope), here, nesting);
    return scope instanceof AdValue ? findIn(evaluation, scope, name) : null;
  }
  if (expr.absolute) return findIn(evaluation, rootOf(here), name);
  const found = findIn(evaluation, here, name);
  if (found !== null || here.other === null || !evaluation.old) return found;
  return findIn(evaluation, here.other, name);
}

/** Whether a scope is `parent` of a side of a match: the context of the match, which has no attributes of its own. */
export function isContextOfMatch(here: AdValue | null, scope: Expr): boolean {
  if (here === null || here.parent !== null || here.other === null) return false;
  return scope.kind === 'attribute' && scope.scope === null && lowerName(scope.name) === 'parent';
}

function findIn(
  evaluation: Evaluation,
  start: AdValue,
  name: string,
): Deferred | { readonly value: Value } | null {
  const special = start.ad.shape.indexOf(name) >= 0 ? notFound : specialOf(evaluation, start, name);
  if (special !== notFound) {
    evaluation.here = start;
    return { value: special };
  }
  let last = start;
  for (let current: AdValue | null = start; current !== null; current = current.parent) {
    const index = current.ad.shape.indexOf(name);
    if (index >= 0) {
      evaluation.here = current;
      const slot = current.ad.slots[index];
      return slot instanceof Deferred ? slot : { value: slot };
    }
    last = current;
  }
  const matched = last.other === null ? notFound : inMatch(last, name);
  evaluation.here = rootOf(last);
  return matched === notFound ? null : { value: matched };
}
