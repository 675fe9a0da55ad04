/** Whose jobs go first, and how much anybody may have: what a site says of it. */
export interface FairnessPolicy {
  /** A job that waits rises by one level of priority in each such time. */
  readonly agingMs: number;
  readonly share: SharePolicy;
  readonly caps: readonly Cap[];
  /** Free machines are kept for a multi-node job that lacks others for so long. */
  readonly gangHoldMs: number;
  /** Jobs that wait so long for a bound that pools share are made room for; null: never. */
  readonly makeRoomAfterMs: number | null;
}

export interface SharePolicy {
  /** Half of what was used is forgotten in so long. */
  readonly halfLifeMs: number;
  /** How many levels of priority lie between a user who has used nothing and one who has used all. */
  readonly levels: number;
  /** Parts of the whole; 1 for who is not named. */
  readonly users: ReadonlyMap<string, number>;
  readonly groups: ReadonlyMap<string, number>;
}

/** The most that a user or a group may have of our machines at a time. */
export interface Cap {
  readonly of: 'user' | 'group';
  /** A group's name stands for its subgroups, too: `physics` for `physics.higgs`. Null: each one for itself. */
  readonly name: string | null;
  /** Processors that its jobs take. */
  readonly cpus: number | null;
  /** Machines that have one of its jobs or are on their way for them. */
  readonly machines: number | null;
}

/** What holds where a site says nothing. */
export const usualFairness: FairnessPolicy = {
  agingMs: 3_600_000,
  share: { halfLifeMs: 7 * 86_400_000, levels: 20, users: new Map(), groups: new Map() },
  caps: [],
  gangHoldMs: 1_800_000,
  makeRoomAfterMs: 600_000,
};
