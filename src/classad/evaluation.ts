import type { EvaluationContext } from './context.ts';
import { type AdValue, Deferred, ErrorValue, type Slot, truthOf, type Value } from './value.ts';

/** How the tree becomes code; set by compile.ts, which would else be imported in a circle. */
export type Compiler = (deferred: Deferred) => void;

/**
 * The state of one evaluation, and its budget. An evaluation that goes beyond a limit fails as a whole: whatever the
 * expression makes of the ERROR at that place, its result is ERROR.
 */
export class Evaluation {
  readonly context: EvaluationContext;
  readonly old: boolean;
  /** The ad in which names are looked up now. */
  here: AdValue | null = null;
  /** The ad in which the present expression was written: around the lists and ads that it makes. */
  lexical: AdValue | null = null;
  failure: ErrorValue | null = null;
  private mild = false;
  /** Whether there is an ad that root and `.name` can mean: not where an expression is evaluated in no ad. */
  rooted = true;
  private readonly compile: Compiler;
  private stepsLeft: number;
  /** Nesting of the expression that is being evaluated, in nodes. */
  private base = 0;
  /** Attributes being evaluated, to find a cycle. */
  private readonly active: Deferred[] = [];
  private readonly activeHomes: (AdValue | null)[] = [];
  private activeCount = 0;

  constructor(context: EvaluationContext, compile: Compiler) {
    this.context = context;
    this.old = context.semantics === 'old';
    this.compile = compile;
    this.stepsLeft = context.limits.stepsMax;
  }

  /** Makes it as new, for one evaluation after the other without an allocation. */
  reset(): void {
    this.here = null;
    this.lexical = null;
    this.failure = null;
    this.mild = false;
    this.rooted = true;
    this.stepsLeft = this.context.limits.stepsMax;
    this.base = 0;
    this.activeCount = 0;
  }

  /** The truth of a value; null if it has none. In new semantics only booleans have one. */
  truth(value: Value): boolean | null {
    if (typeof value === 'boolean') return value;
    return this.old ? truthOf(value) : null;
  }

  fail(reason: string): ErrorValue {
    this.failure ??= new ErrorValue(reason);
    return this.failure;
  }

  /** A failure that is forgiven where a part of an expression is evaluated by itself; a limit never is. */
  failMildly(reason: ErrorValue): ErrorValue {
    if (this.failure === null) this.mild = true;
    this.failure ??= reason;
    return this.failure;
  }

  failWithoutRoot(): ErrorValue {
    return this.failMildly(noRoot);
  }

  /** Forgets a mild failure; false: there was none. */
  forgive(): boolean {
    if (!this.mild) return false;
    this.mild = false;
    this.failure = null;
    return true;
  }

  /** Charges work that is not counted by nodes; false: the budget is spent and the evaluation has failed. */
  charge(steps: number): boolean {
    this.stepsLeft -= steps;
    if (this.stepsLeft >= 0) return true;
    this.fail('too many steps');
    return false;
  }

  /** The value of a slot of that ad, referred to at that nesting of the current expression. */
  valueOf(slot: Slot, home: AdValue | null, nesting: number): Value {
    return slot instanceof Deferred ? this.force(slot, home, nesting) : slot;
  }

  /** The value of an attribute's expression. An attribute that is being evaluated already is a cycle. */
  force(deferred: Deferred, home: AdValue | null, nesting: number): Value {
    for (let i = this.activeCount - 1; i >= 0; i--) {
      if (this.active[i] === deferred && this.activeHomes[i] === home) return this.cycle();
    }
    this.active[this.activeCount] = deferred;
    this.activeHomes[this.activeCount] = home;
    this.activeCount++;
    const value = this.run(deferred, home, nesting);
    this.activeCount--;
    return value;
  }

  /** The same for a subscript: an element of a list fails by itself where there is no root. */
  elementOf(slot: Slot, home: AdValue | null, nesting: number): Value {
    const value = this.valueOf(slot, home, nesting);
    return this.forgive() ? undefined : value;
  }

  /** The value of a slot of an ad that is a root by itself where there is no other. */
  rootedValueOf(slot: Slot, home: AdValue, nesting: number): Value {
    const { rooted } = this;
    this.rooted = true;
    const value = this.valueOf(slot, home, nesting);
    this.rooted = rooted;
    return value;
  }

  /** The value of an expression that is no attribute of its own, evaluated in one ad and perhaps written in another. */
  run(deferred: Deferred, home: AdValue | null, nesting: number, lexical: AdValue | null = home): Value {
    if (deferred.code === null) this.compile(deferred);
    const { code } = deferred;
    const base = this.base + nesting + 1;
    if (code === null || base + deferred.depth > this.context.limits.depthMax) {
      return this.fail('nested too deep');
    }
    this.stepsLeft -= deferred.size;
    if (this.stepsLeft < 0) return this.fail('too many steps');
    const savedHere = this.here;
    const savedLexical = this.lexical;
    const savedBase = this.base;
    this.here = home;
    this.lexical = lexical;
    this.base = base;
    const value = code(this);
    this.here = savedHere;
    this.lexical = savedLexical;
    this.base = savedBase;
    return value;
  }

  private cycle(): Value {
    return this.context.dialect === '25.14' ? undefined : this.fail('an attribute refers to itself');
  }
}

const noRoot = new ErrorValue('no ad around');

/** The result of an evaluation: ERROR if it failed on the way. */
export function settled(evaluation: Evaluation, value: Value): Value {
  return evaluation.failure ?? value;
}
