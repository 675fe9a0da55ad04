import type { PoolName } from './ids.ts';

/** What a site wants to be told of: `free` when a machine becomes Free, `unusable`, `ended`. */
export const hookMoments = ['free', 'unusable', 'ended'] as const;
export type HookMoment = (typeof hookMoments)[number];

/** A command that is run when machines come and go: monitoring, file service, DNS. */
export interface Hook {
  readonly moments: readonly HookMoment[];
  /** Null: of all pools. */
  readonly pools: readonly PoolName[] | null;
  /** An argument vector; the machine's facts are JSON on its standard input. */
  readonly command: readonly string[];
  readonly deadlineMs: number;
}
