import { lowerName } from './bytes.ts';
import { bare, type Expr } from './expr.ts';
import { scopeNames, unsteadyFunctions } from './names.ts';
import { partsOf } from './walk.ts';

const plain: ReadonlySet<Expr['kind']> = new Set([
  'literal',
  'attribute',
  'unary',
  'binary',
  'elvis',
  'ternary',
  'call',
  'parentheses',
  'subscript',
]);

/** The attributes of TARGET that an expression refers to, if it refers to nothing else; else null. */
export function targetAttributes(expr: Expr): readonly string[] | null {
  const names = new Set<string>();
  const pending: Expr[] = [expr];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (!plain.has(next.kind)) return null;
    if (next.kind === 'call' && unsteadyFunctions.has(lowerName(next.name))) return null;
    if (next.kind !== 'attribute') {
      pending.push(...partsOf(next));
      continue;
    }
    const scope = next.scope === null ? null : bare(next.scope);
    if (scope?.kind !== 'attribute' || scope.scope !== null || scope.absolute) return null;
    const scopeName = lowerName(scope.name);
    if (scopeName !== 'target' && scopeName !== 'other') return null;
    const name = lowerName(next.name);
    if (scopeNames.has(name)) return null;
    names.add(name);
  }
  return [...names];
}
