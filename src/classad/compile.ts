import { slotOf } from './ad.ts';
import type { Code } from './code.ts';
import type { Evaluation } from './evaluation.ts';
import { type BinaryExpr, type Expr, leftSpine } from './expr.ts';
import { builtinOf } from './functions.ts';
import { int32Of } from './integer.ts';
import { compileAttribute } from './lookup.ts';
import { binaryOperations, unaryOperations } from './operators.ts';
import { AdValue, type Deferred, ERROR, ErrorValue, ListValue, Real, RelTime, type Value } from './value.ts';

/** An expression that is deeper gets no code; evaluations are limited to less anyway. */
const nestingMax = 1000;

/** Fills in the code of an expression, its size in nodes, and its depth in nodes that are no literals. */
export function compileDeferred(deferred: Deferred): void {
  const measure = measureOf(deferred.expr);
  deferred.size = measure.size;
  deferred.depth = measure.depth;
  if (measure.depth > nestingMax) deferred.code = (evaluation) => evaluation.fail('nested too deep');
  else deferred.code = compile(deferred.expr, 0);
}

interface Measure {
  readonly size: number;
  readonly depth: number;
}

function childrenOf(expr: Expr): readonly Expr[] {
  switch (expr.kind) {
    case 'literal':
    case 'ad':
    case 'list':
      return [];
    case 'attribute':
      return expr.scope === null ? [] : [expr.scope];
    case 'unary':
      return [expr.operand];
    case 'binary':
    case 'elvis':
      return [expr.left, expr.right];
    case 'ternary':
      return [expr.condition, expr.whenTrue, expr.whenFalse];
    case 'subscript':
      return [expr.base, expr.index];
    case 'call':
      return expr.args;
    default:
      return [expr.inner];
  }
}

/** Without recursion: an expression may be deeper than the stack. */
function measureOf(expr: Expr): Measure {
  let size = 0;
  let depth = 0;
  const pending: [Expr, number][] = [[expr, 1]];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const [node, level] = next;
    size++;
    if (level > depth && node.kind !== 'literal') depth = level;
    for (const child of childrenOf(node)) pending.push([child, level + 1]);
  }
  return { size, depth };
}

/** `nesting`: how many nodes of the same expression are around this one. */
function compile(expr: Expr, nesting: number): Code {
  switch (expr.kind) {
    case 'literal':
      return constant(expr.value);
    case 'parentheses':
      return compile(expr.inner, nesting + 1);
    case 'attribute':
      return compileAttribute(expr, nesting, compile);
    case 'unary':
      return expr.operator === '!'
        ? compileNot(compile(expr.operand, nesting + 1))
        : compileUnary(unaryOperations[expr.operator], compile(expr.operand, nesting + 1));
    case 'binary':
      return compileBinary(expr, nesting);
    case 'elvis': {
      const left = compile(expr.left, nesting + 1);
      const right = compile(expr.right, nesting + 1);
      return (evaluation) => left(evaluation) ?? right(evaluation);
    }
    case 'ternary':
      return compileTernary(
        compile(expr.condition, nesting + 1),
        compile(expr.whenTrue, nesting + 1),
        compile(expr.whenFalse, nesting + 1),
      );
    case 'subscript':
      return compileSubscript(compile(expr.base, nesting + 1), compile(expr.index, nesting + 1), nesting);
    case 'call': {
      const builtin = builtinOf(expr.name);
      if (builtin === null || expr.args.length < builtin.least || expr.args.length > builtin.most) {
        return () => ERROR;
      }
      const args = expr.args.map((arg) => compile(arg, nesting + 1));
      return builtin.bind(args, { exprs: expr.args, nesting });
    }
    case 'list': {
      const items = expr.items.map(slotOf);
      return (evaluation) => new ListValue(items, evaluation.lexical);
    }
    default:
      return (evaluation) => new AdValue(expr.ad.flat(), evaluation.lexical);
  }
}

/** A literal relTime("…") evaluates to a real; only the function with a number gives a relTime. */
function constant(value: Value): Code {
  const result = value instanceof RelTime ? new Real(value.seconds) : value;
  return () => result;
}

function compileUnary(operation: (value: Value) => Value, operand: Code): Code {
  return (evaluation) => operation(operand(evaluation));
}

function compileNot(operand: Code): Code {
  return (evaluation) => {
    const value = operand(evaluation);
    if (value === undefined) return undefined;
    const truth = evaluation.truth(value);
    return truth === null ? errorOf(value) : !truth;
  };
}

function compileBinary(expr: BinaryExpr, nesting: number): Code {
  const { first, steps } = leftSpine(expr);
  let code = compile(first, nesting + steps.length);
  steps.forEach((step, index) => {
    code = combine(step, code, compile(step.right, nesting + steps.length - index));
  });
  return code;
}

function combine({ operator }: BinaryExpr, left: Code, right: Code): Code {
  if (operator === '&&') return compileAnd(left, right);
  if (operator === '||') return compileOr(left, right);
  const operation = binaryOperations[operator];
  return (evaluation) => operation(left(evaluation), right(evaluation));
}

/** A left side that is no boolean is an ERROR at once; UNDEFINED gives way to a right side that decides. */
function compileAnd(left: Code, right: Code): Code {
  return (evaluation) => {
    const first = left(evaluation);
    if (first === false) return false;
    const truth = first === undefined || first === true ? true : evaluation.truth(first);
    if (truth !== true) return truth ?? errorOf(first);
    const second = right(evaluation);
    if (first !== undefined) return asBoolean(evaluation, second);
    const decided = asBoolean(evaluation, second);
    return decided === true ? undefined : decided;
  };
}

function compileOr(left: Code, right: Code): Code {
  return (evaluation) => {
    const first = left(evaluation);
    if (first === true) return true;
    const truth = first === undefined || first === false ? false : evaluation.truth(first);
    if (truth !== false) return truth ?? errorOf(first);
    const second = right(evaluation);
    if (first !== undefined) return asBoolean(evaluation, second);
    const decided = asBoolean(evaluation, second);
    return decided === false ? undefined : decided;
  };
}

function errorOf(value: Value): ErrorValue {
  return value instanceof ErrorValue ? value : ERROR;
}

/** UNDEFINED stays; what cannot stand for a boolean is ERROR. */
function asBoolean(evaluation: Evaluation, value: Value): Value {
  if (typeof value === 'boolean' || value === undefined) return value;
  return evaluation.truth(value) ?? errorOf(value);
}

function compileTernary(condition: Code, whenTrue: Code, whenFalse: Code): Code {
  return (evaluation) => {
    const chosen = condition(evaluation);
    if (chosen === undefined) return undefined;
    const truth = evaluation.truth(chosen);
    if (truth === null) return errorOf(chosen);
    return truth ? whenTrue(evaluation) : whenFalse(evaluation);
  };
}

function compileSubscript(base: Code, index: Code, nesting: number): Code {
  return (evaluation) => {
    const container = base(evaluation);
    const key = index(evaluation);
    if (container instanceof ErrorValue) return container;
    if (key instanceof ErrorValue) return key;
    if (container === undefined || key === undefined) return undefined;
    if (container instanceof ListValue && (typeof key === 'number' || typeof key === 'bigint')) {
      const index = int32Of(key);
      if (index < 0 || index >= container.items.length) return ERROR;
      return evaluation.elementOf(container.items[index], container.home, nesting);
    }
    if (container instanceof AdValue && typeof key === 'string') {
      const slot = container.ad.shape.indexOf(key.toLowerCase());
      return slot < 0 ? undefined : evaluation.rootedValueOf(container.ad.slots[slot], container, nesting);
    }
    return ERROR;
  };
}
