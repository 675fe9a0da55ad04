import { elementSlot, exprOf } from '../ad.ts';
import { fromBytes } from '../bytes.ts';
import { toStringValue } from '../convert.ts';
import type { Evaluation } from '../evaluation.ts';
import { bare, type Expr } from '../expr.ts';
import { findAttribute } from '../lookup.ts';
import { type ParseOptions, parseExpression } from '../parse.ts';
import { ClassAdSyntaxError } from '../syntaxError.ts';
import { prettyBytes, unparseBytes } from '../unparse.ts';
import { AdValue, Deferred, ERROR, ErrorValue, isTrue, ListValue, truthOf, type Value } from '../value.ts';
import { type Builtin, type BuiltinTable, type CallSite, elementsOf, unary, variadic } from './builtin.ts';
import { unresolved } from './unresolved.ts';

const rememberedMax = 256;
const rememberedLengthMax = 4096;
/** Texts that eval() has parsed, by dialect, semantics and text; null: no expression. */
const remembered = new Map<string, Deferred | null>();

function parsed(text: string, options: ParseOptions): Deferred | null {
  const key = `${options.dialect} ${options.semantics} ${text}`;
  const known = remembered.get(key);
  if (known !== undefined) return known;
  let made: Deferred | null = null;
  try {
    made = new Deferred(parseExpression(fromBytes(text), options));
  } catch (error) {
    if (!(error instanceof ClassAdSyntaxError)) throw error;
  }
  if (text.length <= rememberedLengthMax) {
    if (remembered.size >= rememberedMax) remembered.clear();
    remembered.set(key, made);
  }
  return made;
}

/** Whatever the value, its text is parsed and evaluated here. */
function evaluateText(value: Value, evaluation: Evaluation, nesting: number): Value {
  const text = toStringValue(value);
  if (typeof text !== 'string') return ERROR;
  if (!evaluation.charge(text.length >> 3)) return ERROR;
  const { semantics, dialect, zoneOffsetSeconds } = evaluation.context;
  const deferred = parsed(text, { syntax: 'new', semantics, dialect, zoneOffsetSeconds });
  return deferred === null ? ERROR : evaluation.run(deferred, evaluation.here, nesting);
}

/** The text of an attribute's expression in the ad at hand; empty if it has none. */
function bindUnparse({ exprs }: CallSite) {
  const [expr] = exprs;
  if (expr?.kind !== 'attribute') return () => ERROR;
  const name = unparseBytes(expr, 'new').toLowerCase();
  return (evaluation: Evaluation): Value => {
    const { here } = evaluation;
    const index = here === null ? -1 : here.ad.shape.indexOf(name);
    return here === null || index < 0 ? '' : prettyBytes(exprOf(here.ad.slots[index]));
  };
}

/** The ad of an element, with the names of the other side in reach if it lies in one side of a match. */
function contextOf(element: AdValue): AdValue {
  let outermost = element;
  while (outermost.parent !== null) outermost = outermost.parent;
  if (outermost.other === null || outermost === element) return element;
  const context = new AdValue(element.ad, element.parent, null);
  context.other = outermost.other;
  return context;
}

/**
 * Evaluates an expression in each ad of a list. A bare attribute stands for its expression, if it is found where the
 * function is called.
 */
function inEachContext(finish: (results: readonly Value[]) => Value, whenUndefined: Value): Builtin {
  return {
    least: 2,
    most: 2,
    bind([, listCode], { exprs, nesting }) {
      const [expr] = exprs;
      const own = new Deferred(expr ?? { kind: 'literal', value: undefined });
      return (evaluation) => {
        const { rooted } = evaluation;
        evaluation.rooted = true;
        const found = expr?.kind === 'attribute' ? findAttribute(evaluation, expr, nesting) : null;
        const written = found === null ? evaluation.lexical : evaluation.here;
        const deferred = found instanceof Deferred ? found : own;
        const constant = found === null || found instanceof Deferred ? null : { value: found.value };
        evaluation.rooted = rooted;
        const list = listCode?.(evaluation);
        if (list === undefined) return whenUndefined;
        if (!(list instanceof ListValue)) return ERROR;
        const elements = [...elementsOf(evaluation, list, nesting)];
        evaluation.rooted = true;
        const results = elements.map((element): Value => {
          if (!(element instanceof AdValue)) return element === undefined ? undefined : ERROR;
          if (constant !== null) return constant.value;
          const result = evaluation.run(deferred, contextOf(element), nesting, written);
          return evaluation.forgive() ? ERROR : result;
        });
        evaluation.rooted = rooted;
        return finish(results);
      };
    },
  };
}

function userHome(args: readonly Value[], evaluation: Evaluation): Value {
  const [user, fallback] = args;
  const whenMissing = typeof fallback === 'string' && fallback !== '' ? fallback : undefined;
  if (typeof user !== 'string') return whenMissing ?? (user === undefined ? undefined : ERROR);
  return evaluation.context.userHome(user) ?? whenMissing;
}

/** There are no maps here: no user is in any. */
function userMap(args: readonly Value[]): Value {
  const [map, user, , fallback] = args;
  if (typeof map === 'string' && typeof user === 'string') return fallback;
  return map instanceof ErrorValue || user instanceof ErrorValue ? ERROR : fallback;
}

function isBareAttribute(expr: Expr | undefined): boolean {
  return expr !== undefined && bare(expr) === expr && expr.kind === 'attribute';
}

export const contextBuiltins: BuiltinTable = [
  ['eval', unary(evaluateText)],
  ['unparse', { least: 1, most: 1, bind: (_args, site) => bindUnparse(site) }],
  [
    'unresolved',
    {
      least: 1,
      most: 2,
      bind: (args, site) => (isBareAttribute(site.exprs[0]) ? unresolved(args, site) : () => ERROR),
    },
  ],
  [
    'evalineachcontext',
    inEachContext((results) => new ListValue(results.map(elementSlot), null, true), undefined),
  ],
  [
    'countmatches',
    inEachContext(
      (results) => results.filter((result) => truthOf(result) !== null && isTrue(result)).length,
      0,
    ),
  ],
  ['userhome', variadic(1, 2, userHome)],
  ['usermap', variadic(2, 4, userMap)],
];
