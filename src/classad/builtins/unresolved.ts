import { exprOf } from '../ad.ts';
import { compareFolded } from '../bytes.ts';
import type { Code } from '../code.ts';
import type { Evaluation } from '../evaluation.ts';
import type { AttributeExpr, Expr } from '../expr.ts';
import { findAttribute, isContextOfMatch } from '../lookup.ts';
import { isUsable, regexOf } from '../pcre/regex.ts';
import { unparseBytes } from '../unparse.ts';
import { AdValue, Deferred, ERROR, ErrorValue, ListValue, type Slot, type Value } from '../value.ts';
import { partsOf } from '../walk.ts';
import type { CallSite } from './builtin.ts';
import { occurs } from './regex.ts';

const noPattern = new ErrorValue('no pattern');
const namesMax = 10_000;

/**
 * `unresolved(attribute)`: the names that the expression of an attribute, and those it refers to, leave to the other
 * side, sorted; with a pattern: whether one of the names matches it, in either case.
 */
export function unresolved(args: readonly Code[], { exprs, nesting }: CallSite): Code {
  const [attribute] = exprs;
  const [, patternCode] = args;
  return (evaluation) => {
    if (attribute?.kind !== 'attribute') return ERROR;
    const found = findAttribute(evaluation, attribute, nesting);
    if (found === null) return ofList(evaluation, attribute, nesting) ? noNames(patternCode) : undefined;
    const pattern = patternCode?.(evaluation);
    if (patternCode !== undefined && typeof pattern !== 'string') return evaluation.failMildly(noPattern);
    const names = new Collector(evaluation, nesting).collect(found instanceof Deferred ? found : found.value);
    if (names === null) return pattern === undefined ? '' : false;
    if (typeof pattern !== 'string') return names.join(',');
    const regex = regexOf(pattern, { caseless: true, multiline: false, dotAll: false, extended: false });
    if (!isUsable(regex)) return ERROR;
    return names.some((name) => occurs(evaluation, regex, name, true) === true);
  };
}

/** Whether the scope is a list: what is selected from one has no names that are left open. */
function ofList(evaluation: Evaluation, { scope }: AttributeExpr, nesting: number): boolean {
  return scope !== null && evaluation.run(new Deferred(scope), evaluation.here, nesting) instanceof ListValue;
}

function noNames(pattern: Code | undefined): Value {
  return pattern === undefined ? '' : false;
}

class Collector {
  private readonly names = new Map<string, string>();
  private readonly visited = new Set<Deferred>();
  private readonly evaluation: Evaluation;
  private readonly nesting: number;

  constructor(evaluation: Evaluation, nesting: number) {
    this.evaluation = evaluation;
    this.nesting = nesting;
  }

  /** Null: a scope that is no ad, which ends the search. */
  collect(slot: Slot): readonly string[] | null {
    const pending: Expr[] = [exprOf(slot)];
    if (slot instanceof Deferred) this.visited.add(slot);
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (!this.evaluation.charge(1) || this.names.size > namesMax) return null;
      if (next.kind !== 'attribute') {
        pending.push(...partsOf(next).toReversed());
        continue;
      }
      const { here } = this.evaluation;
      const outcome = this.reference(next);
      this.evaluation.here = here;
      if (outcome === 'stop') return null;
      if (outcome !== null) pending.push(outcome);
    }
    return [...this.names.values()]
      .toSorted(compareFolded)
      .map((name) => (/^target\./i.test(name) ? name.slice(7) : name));
  }

  private note(name: string): void {
    const key = name.toLowerCase();
    if (!this.names.has(key)) this.names.set(key, name);
  }

  private reference(expr: AttributeExpr): Expr | 'stop' | null {
    if (expr.scope !== null) {
      // Around a side of a match stands the context of the match, which is nobody's.
      if (isContextOfMatch(this.evaluation.here, expr.scope)) {
        this.note(expr.name);
        return null;
      }
      const scope: Value = this.evaluation.run(new Deferred(expr.scope), this.evaluation.here, this.nesting);
      if (scope === undefined) {
        this.note(unparseBytes(expr, 'new'));
        return null;
      }
      if (!(scope instanceof AdValue)) return 'stop';
    }
    const found = findAttribute(this.evaluation, expr, this.nesting);
    if (found === null) {
      this.note(expr.name);
      return null;
    }
    if (!(found instanceof Deferred) || this.visited.has(found)) return null;
    this.visited.add(found);
    return found.expr;
  }
}
