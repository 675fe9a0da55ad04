import { ClassAd, exprOf } from './ad.ts';
import { fromBytes, lowerBytes } from './bytes.ts';
import type { EvaluationContext } from './context.ts';
import { evaluate } from './evaluate.ts';
import { type AttributeExpr, bare, type Expr } from './expr.ts';
import { unparse } from './unparse.ts';
import type { Value } from './value.ts';
import { operandsOf, partsOf } from './walk.ts';

/** One of the conditions that are joined by `&&` at the top of an expression. */
export interface Clause {
  readonly expr: Expr;
  /** As HTCondor prints it in an ad, without parentheses around it. */
  readonly text: string;
  /** What it comes to for a target. */
  holds(target: ClassAd, context: EvaluationContext): Value;
}

/**
 * The conditions of an attribute, Requirements for example: all of them must hold. Parentheses around the whole and
 * around a chain of conditions are looked through. Empty where the ad has no such attribute.
 */
export function clausesOf(ad: ClassAd, attribute: string): Clause[] {
  const expr = ad.get(attribute);
  if (expr === undefined) return [];
  const clauses: Clause[] = [];
  const pending: Expr[] = [expr];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const inner = bare(next);
    if (inner.kind === 'binary' && inner.operator === '&&') {
      pending.push(...operandsOf(inner, '&&').toReversed());
    } else {
      clauses.push(clauseOf(ad, inner));
    }
  }
  return clauses;
}

function clauseOf(ad: ClassAd, expr: Expr): Clause {
  return {
    expr,
    text: unparse(expr, 'old'),
    holds: (target, context) => evaluate(expr, { ad, target, context }),
  };
}

export interface References {
  /** Names that the ad itself has or is asked for by MY. */
  readonly internal: readonly string[];
  /** Names that are left to the other side. */
  readonly external: readonly string[];
  /** The same with the scopes that they were written with, sorted: `other.Memory`. */
  readonly externalFull: readonly string[];
}

const ownScopes: ReadonlySet<string> = new Set(['my', 'self']);
const otherScopes: ReadonlySet<string> = new Set(['target', 'other']);

/**
 * The attributes that an expression (or all expressions of an ad) refers to, without the scope, each once, in the
 * order of their appearance. A bare name is internal if the ad has it, else external. With an ad, what its own
 * attributes refer to in turn is included.
 */
export function references(subject: Expr | ClassAd, ad: ClassAd | null = null): References {
  const home = subject instanceof ClassAd ? subject : ad;
  const collector = new ReferenceCollector(home);
  if (subject instanceof ClassAd) for (const slot of subject.flat().slots) collector.visit(exprOf(slot));
  else collector.visit(subject);
  return {
    internal: [...collector.internal.values()],
    external: [...collector.external.values()],
    externalFull: [...collector.externalFull.values()].toSorted(),
  };
}

class ReferenceCollector {
  /** Lower-case name to the name as first written. */
  readonly internal = new Map<string, string>();
  readonly external = new Map<string, string>();
  readonly externalFull = new Map<string, string>();
  private readonly home: ClassAd | null;

  constructor(home: ClassAd | null) {
    this.home = home;
  }

  visit(root: Expr): void {
    const pending: Expr[] = [root];
    for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
      if (next.kind === 'attribute') {
        const followed = this.reference(next);
        if (followed !== null) pending.push(followed);
      } else {
        pending.push(...partsOf(next).toReversed());
      }
    }
  }

  /** Notes a reference; returns what is to be looked at next. */
  private reference(expr: AttributeExpr): Expr | null {
    const scope = expr.scope === null ? null : bare(expr.scope);
    if (scope === null) return this.noteName(expr.name);
    if (scope.kind === 'attribute' && scope.scope === null) {
      const name = lowerBytes(scope.name);
      if (otherScopes.has(name)) return this.noteExternal(expr.name, `${scope.name}.${expr.name}`);
      if (ownScopes.has(name)) return this.noteInternal(expr.name);
    }
    return scope;
  }

  private noteName(name: string): Expr | null {
    const owned = this.home?.has(fromBytes(name)) ?? false;
    return owned ? this.noteInternal(name) : this.noteExternal(name);
  }

  private noteExternal(name: string, full = name): null {
    const lower = lowerBytes(name);
    if (!this.externalFull.has(lowerBytes(full))) this.externalFull.set(lowerBytes(full), fromBytes(full));
    if (!this.external.has(lower)) this.external.set(lower, fromBytes(name));
    return null;
  }

  private noteInternal(name: string): Expr | null {
    const lower = lowerBytes(name);
    if (this.internal.has(lower)) return null;
    this.internal.set(lower, fromBytes(name));
    return this.home?.get(fromBytes(name)) ?? null;
  }
}
