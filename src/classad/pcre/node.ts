/**
 * Regular expressions as PCRE2 has them, on bytes: the syntax tree. What JavaScript's own lack (atomic groups,
 * possessive quantifiers, inline flags, recursion, …) is why they are not used, and that these can be bounded: a
 * match counts its steps and gives up at a limit.
 */
export type RegexNode =
  | { readonly kind: 'empty' }
  /** One byte out of a set: 256 flags. */
  | { readonly kind: 'set'; readonly set: ByteSet }
  | { readonly kind: 'sequence'; readonly items: readonly RegexNode[] }
  | { readonly kind: 'choice'; readonly items: readonly RegexNode[] }
  | { readonly kind: 'group'; readonly index: number; readonly body: RegexNode }
  | RepeatNode
  | { readonly kind: 'look'; readonly body: RegexNode; readonly behind: boolean; readonly negated: boolean }
  | { readonly kind: 'atomic'; readonly body: RegexNode }
  | { readonly kind: 'assertion'; readonly assertion: Assertion }
  | { readonly kind: 'backreference'; readonly groups: GroupReference; readonly caseless: boolean }
  | { readonly kind: 'call'; readonly group: GroupReference }
  | ConditionNode
  /** `\K` */
  | { readonly kind: 'keep' };

export interface RepeatNode {
  readonly kind: 'repeat';
  readonly body: RegexNode;
  readonly least: number;
  /** Infinity: no bound. */
  readonly most: number;
  readonly mode: RepeatMode;
}

export type RepeatMode = 'greedy' | 'lazy' | 'possessive';

export interface ConditionNode {
  readonly kind: 'condition';
  /** A group that is set, or an assertion; null: never (DEFINE). */
  readonly test: GroupReference | (RegexNode & { readonly kind: 'look' }) | null;
  readonly whenTrue: RegexNode;
  readonly whenFalse: RegexNode;
}

/** By number, or by a name that is resolved at the end of the parse. */
export type GroupReference = number | string;

export type Assertion =
  | 'subjectStart'
  | 'lineStart'
  | 'subjectEnd'
  | 'subjectEndOrNewline'
  | 'lineEnd'
  | 'matchStart'
  | 'wordBoundary'
  | 'noWordBoundary';

export type ByteSet = Uint8Array;

/** A pattern that PCRE2 refuses too, or that is not covered here; `covered` says which. */
export class RegexError extends Error {
  readonly covered: boolean;
  constructor(message: string, covered: boolean) {
    super(message);
    this.name = 'RegexError';
    this.covered = covered;
  }
}

export interface RegexFlags {
  readonly caseless: boolean;
  readonly multiline: boolean;
  readonly dotAll: boolean;
  readonly extended: boolean;
}

export interface ParsedRegex {
  readonly root: RegexNode;
  readonly groupCount: number;
  /** Whether `(?|…)` occurs: groups may share a number. */
  readonly branchReset: boolean;
  readonly names: ReadonlyMap<string, readonly number[]>;
}
