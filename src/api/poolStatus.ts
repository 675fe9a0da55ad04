import type { Phase, PublicState } from '../model/instance.ts';
import type { Mode } from '../model/mode.ts';

export type LivePhase = Exclude<Phase, 'ended'>;
export type PhaseCounts = Readonly<Record<LivePhase, number>>;
export type StateCounts = Readonly<Record<PublicState, number>>;

export interface PoolStatus {
  readonly name: string;
  readonly queue: string;
  readonly min: number;
  readonly max: number;
  readonly headroom: number;
  /** By an operator: it takes no new machines. */
  readonly paused: boolean;
  /** `min` or `max` is what an operator has set, and not what the config says. */
  readonly scaled: boolean;
  /** observe: by the config, its own or the site's, what is decided for it is said and not done. */
  readonly mode: Mode;
  /** It has left the config, and its machines drain. */
  readonly retiring: boolean;
  readonly states: StateCounts;
  readonly phases: PhaseCounts;
  /** Waiting jobs that no other pool could serve; null where it was not worked out. */
  readonly onlyHereJobs: number | null;
  readonly unmet: readonly Unmet[];
}

/** Waiting jobs for which nothing is done, and why. */
export interface Unmet {
  readonly demand: string;
  readonly jobs: number;
  /** The planner's word, e.g. `noOffer`, `poolMax`, `paused`, `setAside`. */
  readonly code: string;
  /** For people: the clause, the bound, the failure. */
  readonly why: string;
}

export interface PoolReceipt {
  readonly nowMs: number;
  readonly pool: PoolStatus;
  /** False where it was so already. */
  readonly changed: boolean;
  /** One sentence: what follows. */
  readonly next: string;
}
