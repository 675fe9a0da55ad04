import type { SoakResult } from '../../test/support/soak/run.ts';

export interface Question {
  readonly seed: number;
  /** Name of a mutant of the core; null: as it is. */
  readonly mutant: string | null;
}

export type Answer =
  | { readonly kind: 'played'; readonly result: SoakResult; readonly cpuMs: number }
  /** The soak itself has failed. */
  | { readonly kind: 'failed'; readonly seed: number; readonly problem: string };
