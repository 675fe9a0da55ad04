/** 25.14 is HTCondor since 25.13.2; 23.9 stands for what came before. They differ in `?:` and in cycles. */
export const dialects = ['25.14', '23.9'] as const;
export type Dialect = (typeof dialects)[number];

/** old: HTCondor's own; an unscoped name that is not found falls through to the target ad. */
export const semanticsKinds = ['old', 'new'] as const;
export type Semantics = (typeof semanticsKinds)[number];

/** Everything that an evaluation takes from outside of the ads. */
export interface EvaluationContext {
  /** Seconds since 1970, for time() and its kin. */
  readonly nowSeconds: number;
  /** In [0, 1). */
  readonly random: () => number;
  readonly semantics: Semantics;
  readonly dialect: Dialect;
  /** Seconds east of Greenwich at that instant, for times without a zone of their own. */
  readonly zoneOffsetSeconds: (atSeconds: number) => number;
  readonly limits: EvaluationLimits;
  /** Home directory of a user, for userHome(); null: unknown. */
  readonly userHome: (user: string) => string | null;
}

/** An evaluation that meets a limit is ERROR. */
export interface EvaluationLimits {
  /** Attribute references inside one another. */
  readonly depthMax: number;
  /** Nodes evaluated, over all. */
  readonly stepsMax: number;
  readonly stringBytesMax: number;
  readonly listItemsMax: number;
  /** Steps of a backtracking regular expression in one call. */
  readonly regexStepsMax: number;
}

export const defaultLimits: EvaluationLimits = {
  depthMax: 400,
  stepsMax: 10_000_000,
  stringBytesMax: 16_777_216,
  listItemsMax: 1_000_000,
  regexStepsMax: 10_000_000,
};

/** Time stands still at 1970 and random() is one half: for pure use, where neither may matter. */
export const fixedContext: EvaluationContext = {
  nowSeconds: 0,
  random: () => 0.5,
  semantics: 'old',
  dialect: '25.14',
  zoneOffsetSeconds: () => 0,
  limits: defaultLimits,
  userHome: () => null,
};
