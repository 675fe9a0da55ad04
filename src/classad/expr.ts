import type { ClassAd } from './ad.ts';
import type { Value } from './value.ts';

export const unaryOperators = ['-', '+', '!', '~'] as const;
export type UnaryOperator = (typeof unaryOperators)[number];

export const binaryOperators = [
  '||',
  '&&',
  '|',
  '^',
  '&',
  '==',
  '!=',
  '=?=',
  '=!=',
  '<',
  '<=',
  '>',
  '>=',
  '<<',
  '>>',
  '>>>',
  '+',
  '-',
  '*',
  '/',
  '%',
] as const;
export type BinaryOperator = (typeof binaryOperators)[number];

/** The syntax tree; immutable. Parentheses are kept, so that printing gives back what was written. */
export type Expr =
  | LiteralExpr
  | AttributeExpr
  | UnaryExpr
  | BinaryExpr
  | ElvisExpr
  | TernaryExpr
  | SubscriptExpr
  | CallExpr
  | ParenthesesExpr
  | ListExpr
  | AdExpr;

export interface LiteralExpr {
  readonly kind: 'literal';
  /** Never a list or an ad: those are nodes of their own. */
  readonly value: Value;
}

export interface AttributeExpr {
  readonly kind: 'attribute';
  /** `scope.name`; null for a bare name. */
  readonly scope: Expr | null;
  /** Bytes, as written. */
  readonly name: string;
  /** `.name`: looked up in the outermost ad. */
  readonly absolute: boolean;
}

export interface UnaryExpr {
  readonly kind: 'unary';
  readonly operator: UnaryOperator;
  readonly operand: Expr;
}

export interface BinaryExpr {
  readonly kind: 'binary';
  readonly operator: BinaryOperator;
  readonly left: Expr;
  readonly right: Expr;
}

/** `left ?: right`: right if left is UNDEFINED. */
export interface ElvisExpr {
  readonly kind: 'elvis';
  readonly left: Expr;
  readonly right: Expr;
}

export interface TernaryExpr {
  readonly kind: 'ternary';
  readonly condition: Expr;
  readonly whenTrue: Expr;
  readonly whenFalse: Expr;
}

export interface SubscriptExpr {
  readonly kind: 'subscript';
  readonly base: Expr;
  readonly index: Expr;
}

export interface CallExpr {
  readonly kind: 'call';
  readonly name: string;
  readonly args: readonly Expr[];
}

export interface ParenthesesExpr {
  readonly kind: 'parentheses';
  readonly inner: Expr;
}

export interface ListExpr {
  readonly kind: 'list';
  readonly items: readonly Expr[];
}

export interface AdExpr {
  readonly kind: 'ad';
  readonly ad: ClassAd;
}

export function literal(value: Value): LiteralExpr {
  return { kind: 'literal', value };
}

export function attribute(name: string, scope: Expr | null = null): AttributeExpr {
  return { kind: 'attribute', scope, name, absolute: false };
}

/** The expression without the parentheses around it. */
export function bare(expr: Expr): Expr {
  let inner = expr;
  while (inner.kind === 'parentheses') inner = inner.inner;
  return inner;
}

/**
 * A chain of binary operators is as deep to the left as it is long, and may be longer than the stack is deep: the
 * walks over the tree take the left spine in a loop. Returns the leftmost operand and the steps from there up.
 */
export function leftSpine(expr: BinaryExpr): { readonly first: Expr; readonly steps: readonly BinaryExpr[] } {
  const steps: BinaryExpr[] = [];
  let node: Expr = expr;
  while (node.kind === 'binary') {
    steps.push(node);
    node = node.left;
  }
  steps.reverse();
  return { first: node, steps };
}
