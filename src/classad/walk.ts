import { exprOf } from './ad.ts';
import { type Expr, leftSpine } from './expr.ts';

/** The expressions right inside one, in the order of the text; those of a nested ad as well. */
export function partsOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'literal':
      return [];
    case 'attribute':
      return expr.scope === null ? [] : [expr.scope];
    case 'unary':
      return [expr.operand];
    case 'binary': {
      const { first, steps } = leftSpine(expr);
      return [first, ...steps.map((step) => step.right)];
    }
    case 'elvis':
      return [expr.left, expr.right];
    case 'ternary':
      return [expr.condition, expr.whenTrue, expr.whenFalse];
    case 'subscript':
      return [expr.base, expr.index];
    case 'call':
      return expr.args;
    case 'parentheses':
      return [expr.inner];
    case 'list':
      return expr.items;
    default:
      return expr.ad.flat().slots.map(exprOf);
  }
}

/** The operands of a chain of one operator, in order: `a && b && c`; those in parentheses as they are. */
export function operandsOf(expr: Expr, operator: '&&' | '||'): readonly Expr[] {
  const operands: Expr[] = [];
  const pending: Expr[] = [expr];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (next.kind === 'binary' && next.operator === operator) pending.push(next.right, next.left);
    else operands.push(next);
  }
  return operands;
}
