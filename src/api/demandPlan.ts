/** What a plan makes of one group of waiting jobs. The parts add up to `jobs`. */
export interface DemandPlan {
  readonly demand: string;
  readonly queue: string;
  readonly sampleJobs: readonly string[];
  readonly user: string | null;
  readonly group: string | null;
  /** Machines that one job needs at the same time. */
  readonly workers: number;
  readonly walltimeMs: number | null;
  readonly turn: TurnView;
  readonly jobs: number;
  /** By workers that are there. */
  readonly servedByWorkers: number;
  /** By machines on their way. */
  readonly servedComing: number;
  /** By machines that this plan launches. */
  readonly toLaunch: number;
  readonly unmet: number;
  /** Why those are unmet; null where none is. */
  readonly unmetCode: string | null;
  readonly unmetWhy: string | null;
  /** What the reason says in numbers. */
  readonly unmetFigures: Figures;
  /** Offers that this group cannot have, and by which clause. */
  readonly refusedOffers: readonly RefusedOffer[];
}

export type Figures = Readonly<Record<string, number>>;

export interface RefusedOffer {
  readonly offer: string;
  readonly code: string;
  /** The text of the clause that fails; null where it is no clause (a bound, a set-aside). */
  readonly clause: string | null;
}

/** When a group is served: the greatest `pool` first, then the greatest `level`, which is the sum of the next three. */
export interface TurnView {
  /** From 1, among so many groups. */
  readonly place: number;
  readonly of: number;
  readonly level: number;
  readonly priority: number;
  readonly aging: number;
  readonly share: number;
  readonly pool: number;
}

/** Why jobs of a group wait. */
export interface ShortageView {
  readonly code: string;
  readonly why: string;
  readonly figures: Figures;
}
