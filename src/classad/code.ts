import type { Evaluation } from './evaluation.ts';
import type { Value } from './value.ts';

/** A compiled expression: evaluates itself in the ad that the evaluation stands in. Never throws. */
export type Code = (evaluation: Evaluation) => Value;
