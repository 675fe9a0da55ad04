import type { ClassAd } from '../../classad/ad.ts';
import { type AttributeExpr, bare, type Expr } from '../../classad/expr.ts';
import { partsOf } from '../../classad/walk.ts';

/** By the name in lower case, each as it was first written. */
export interface References {
  /** Attributes of the ad itself: `MY.x`, or a bare name that the ad has. */
  readonly own: ReadonlyMap<string, string>;
  /** `TARGET.x`: attributes of the other ad. */
  readonly target: ReadonlyMap<string, string>;
  /** Bare names that this ad lacks: they are looked up in the other one. */
  readonly unresolved: ReadonlyMap<string, string>;
  /** Refers to the time or to chance, so that its value is not the ad's alone. */
  readonly changing: boolean;
}

const changingFunctions: ReadonlySet<string> = new Set(['time', 'random', 'currenttime', 'eval']);

/**
 * What an attribute's value depends on, through the ad's other attributes as well. `free` are names of the ad's own
 * that are not looked through and count as own even where the ad lacks them.
 */
export function referencesOf(ad: ClassAd, name: string, free: ReadonlySet<string> = new Set()): References {
  const own = new Map<string, string>();
  const target = new Map<string, string>();
  const unresolved = new Map<string, string>();
  let changing = false;
  const pending = [name.toLowerCase()];
  const seen = new Set<string>(pending);
  const refer = (written: string, scope: 'my' | 'target' | 'bare') => {
    const found = written.toLowerCase();
    const has = free.has(found) || ad.has(found);
    if (found === 'currenttime' && !has) changing = true;
    const names = scope === 'target' ? target : scope === 'my' || has ? own : unresolved;
    if (!names.has(found)) names.set(found, written);
    if (scope === 'target' || free.has(found) || seen.has(found)) return;
    seen.add(found);
    pending.push(found);
  };
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const expr = ad.get(next);
    if (expr !== undefined) walk(expr, refer, (called) => (changing ||= changingFunctions.has(called)));
  }
  return { own, target, unresolved, changing };
}

function walk(
  expr: Expr,
  refer: (name: string, scope: 'my' | 'target' | 'bare') => void,
  call: (name: string) => void,
): void {
  if (expr.kind === 'call') call(expr.name.toLowerCase());
  if (expr.kind === 'attribute') {
    const scope = scopeOf(expr);
    if (scope !== null) {
      refer(expr.name, scope);
      return;
    }
  }
  for (const part of partsOf(expr)) walk(part, refer, call);
}

/** Null for an attribute of something else: of an ad inside this one, or of what an expression gives. */
function scopeOf(expr: AttributeExpr): 'my' | 'target' | 'bare' | null {
  if (expr.scope === null) return expr.absolute ? 'my' : 'bare';
  const scope = bare(expr.scope);
  if (scope.kind !== 'attribute' || scope.scope !== null) return null;
  const name = scope.name.toLowerCase();
  if (name === 'my' || name === 'self') return 'my';
  return name === 'target' || name === 'other' ? 'target' : null;
}
