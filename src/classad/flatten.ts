import type { ClassAd } from './ad.ts';
import { lowerName } from './bytes.ts';
import type { EvaluationContext } from './context.ts';
import { evaluate } from './evaluate.ts';
import { type AttributeExpr, attribute, bare, type CallExpr, type Expr, literal } from './expr.ts';
import { scopeNames as scopes, unsteadyFunctions } from './names.ts';
import { targetAttributes } from './targetOnly.ts';
import { AdValue, Deferred, ListValue, Real, RelTime, truthOf, type Value } from './value.ts';
import { partsOf } from './walk.ts';

/**
 * Partial evaluation of an expression in one side of a match, before the other is known: what depends on the ad alone
 * becomes a literal, a bare name that the ad lacks becomes TARGET's. The result has the same value as the expression
 * for every target. What cannot be known to be safe stays as it is. Where all targets are known beforehand, a name
 * (in lower-case bytes) that none of them has is UNDEFINED.
 */
export function flatten(
  expr: Expr,
  ad: ClassAd,
  context: EvaluationContext,
  knownToTargets: (name: string) => boolean = () => true,
): Expr {
  return isFlattenable(ad) ? new Flattener(ad.flat(), context, knownToTargets).flatten(expr, 0) : expr;
}

/** An ad with attributes of these names means something else by them; its expressions are left as they are. */
export function isFlattenable(ad: ClassAd): boolean {
  const { shape } = ad.flat();
  return renamed.every((name) => shape.indexOf(name) < 0);
}

const renamed = ['my', 'target', 'other'] as const;

/** Names that mean something where the ad has no attribute of that name. */
function isMeaningful(name: string): boolean {
  return scopes.has(name) || name === 'currenttime';
}

/** Not folded though their arguments are literals: they depend on more than these. */
const dependent: ReadonlySet<string> = new Set([
  ...unsteadyFunctions,
  'time',
  'currenttime',
  'daytime',
  'timezoneoffset',
  'userhome',
  'usermap',
  'debug',
  'abstime',
  'formattime',
]);

const depthMax = 100;
const inlinedSizeMax = 200;

class Flattener {
  private readonly ad: ClassAd;
  private readonly context: EvaluationContext;
  /** Attributes that are being flattened, or were and came to no literal. */
  private readonly opened = new Set<Deferred>();
  private inlinedSize = 0;

  private readonly knownToTargets: (name: string) => boolean;

  constructor(ad: ClassAd, context: EvaluationContext, knownToTargets: (name: string) => boolean) {
    this.ad = ad;
    this.context = context;
    this.knownToTargets = knownToTargets;
  }

  flatten(expr: Expr, depth: number): Expr {
    if (depth > depthMax) return expr;
    const part = (inner: Expr) => this.flatten(inner, depth + 1);
    switch (expr.kind) {
      case 'literal':
        // A literal span evaluates to a real.
        return expr.value instanceof RelTime ? literal(new Real(expr.value.seconds)) : expr;
      case 'attribute':
        return this.attribute(expr, depth);
      case 'parentheses': {
        const inner = part(expr.inner);
        return inner.kind === 'literal' ? inner : { kind: 'parentheses', inner };
      }
      case 'unary': {
        const operand = part(expr.operand);
        return this.folded({ ...expr, operand }, [operand]);
      }
      case 'binary': {
        const left = part(expr.left);
        const decided = this.decidedBy(expr.operator, left);
        if (decided !== null) return decided;
        const right = part(expr.right);
        return this.folded({ ...expr, left, right }, [left, right]);
      }
      case 'elvis': {
        const left = part(expr.left);
        if (left.kind === 'literal') return left.value === undefined ? part(expr.right) : left;
        return { ...expr, left, right: part(expr.right) };
      }
      case 'ternary': {
        const condition = part(expr.condition);
        const truth = condition.kind === 'literal' ? this.truth(condition.value) : null;
        if (truth !== null) return part(truth ? expr.whenTrue : expr.whenFalse);
        return { ...expr, condition, whenTrue: part(expr.whenTrue), whenFalse: part(expr.whenFalse) };
      }
      case 'call':
        return this.call(expr, depth);
      case 'subscript':
        return { ...expr, base: part(expr.base), index: part(expr.index) };
      default:
        // Lists and ads.
        return expr;
    }
  }

  private truth(value: Value): boolean | null {
    if (typeof value === 'boolean') return value;
    return this.context.semantics === 'old' ? truthOf(value) : null;
  }

  /** `false && x`, `true || x` */
  private decidedBy(operator: string, left: Expr): Expr | null {
    if (left.kind !== 'literal' || (operator !== '&&' && operator !== '||')) return null;
    const truth = this.truth(left.value);
    return truth === (operator === '||') ? literal(truth) : null;
  }

  private call(expr: CallExpr, depth: number): Expr {
    const name = lowerName(expr.name);
    // These look at their arguments as they were written.
    if (dependent.has(name)) return expr;
    const args = expr.args.map((arg) => this.flatten(arg, depth + 1));
    const [condition, whenTrue, whenFalse] = args;
    if (name === 'ifthenelse' && args.length === 3 && condition?.kind === 'literal') {
      const truth = truthOf(condition.value);
      const chosen = truth === true ? whenTrue : whenFalse;
      if (truth !== null && chosen !== undefined) return chosen;
    }
    return this.folded({ ...expr, args }, args);
  }

  /** Computes what has only literals inside. */
  private folded(expr: Expr, parts: readonly Expr[]): Expr {
    if (!parts.every((part) => part.kind === 'literal')) return expr;
    const value = evaluate(expr, { context: this.context });
    return isLiteral(value) ? literal(value) : expr;
  }

  private attribute(expr: AttributeExpr, depth: number): Expr {
    if (expr.absolute) return expr;
    const name = lowerName(expr.name);
    if (expr.scope === null) {
      const index = this.ad.shape.indexOf(name);
      if (index >= 0) return this.inlined(expr, index, depth);
      if (isMeaningful(name) || this.context.semantics === 'new') return expr;
      return this.ofTarget(attribute(expr.name, attribute('TARGET')), name);
    }
    const scope = bare(expr.scope);
    if (scope.kind !== 'attribute' || scope.scope !== null || scope.absolute) return expr;
    const scopeName = lowerName(scope.name);
    if (scopeName === 'target' || scopeName === 'other') return this.ofTarget(expr, name);
    if (scopeName !== 'my' || this.context.semantics === 'new') return expr;
    const index = this.ad.shape.indexOf(name);
    if (index >= 0) return this.inlined(expr, index, depth);
    return isMeaningful(name) ? expr : literal(undefined);
  }

  private ofTarget(expr: AttributeExpr, name: string): Expr {
    return isMeaningful(name) || this.knownToTargets(name) ? expr : literal(undefined);
  }

  /** The value of an own attribute if it is known, or what it asks of the target; else the reference. */
  private inlined(expr: AttributeExpr, index: number, depth: number): Expr {
    const slot = this.ad.slots[index];
    if (!(slot instanceof Deferred)) return isLiteral(slot) ? literal(slot) : expr;
    if (this.opened.has(slot)) return expr;
    this.opened.add(slot);
    const value = this.flatten(slot.expr, depth + 1);
    if (value.kind !== 'literal' && targetAttributes(value) === null) return expr;
    this.opened.delete(slot);
    if (value.kind === 'literal') return value;
    // What asks for nothing but the target may stand in the place of the name, if it is not large.
    this.inlinedSize += sizeOf(value);
    return this.inlinedSize > inlinedSizeMax ? expr : { kind: 'parentheses', inner: value };
  }
}

function sizeOf(expr: Expr): number {
  return partsOf(expr).reduce((sum, part) => sum + sizeOf(part), 1);
}

/** A literal would evaluate to it again. */
function isLiteral(value: Value): boolean {
  return !(value instanceof ListValue || value instanceof AdValue || value instanceof RelTime);
}
