import type { CloudName, PoolName } from './ids.ts';

/** What a downtime is of: a cloud, a pool, or all of the site. */
export type DowntimeScope =
  | { readonly kind: 'site' }
  | { readonly kind: 'cloud'; readonly cloud: CloudName }
  | { readonly kind: 'pool'; readonly pool: PoolName };

/**
 * A declared window in which nothing new is launched, and ahead of which machines are drained so that they are empty
 * when it begins. People declare it by the wall clock: times are epoch ms.
 */
export interface Downtime {
  /** `config-1`, … in the order of the config; `d1`, … as operators declare them. */
  readonly id: string;
  readonly scope: DowntimeScope;
  readonly fromWallMs: number;
  readonly toWallMs: number;
  readonly reason: string;
  /** Machines that still work when it begins are ended. */
  readonly force: boolean;
  /** The drain begins so long before it; null: learned from walltimes, else the policy's. */
  readonly drainAheadMs: number | null;
}

/** From declared to over; each step is told in the journal once. */
export const downtimeStages = ['planned', 'draining', 'active'] as const;
export type DowntimeStage = (typeof downtimeStages)[number];

export type DowntimeOrder =
  | { readonly kind: 'add'; readonly downtime: Omit<Downtime, 'id'> }
  /** One that has not begun is dropped; one that has is over now. */
  | { readonly kind: 'end'; readonly id: string };

export function describeScope(scope: DowntimeScope): string {
  switch (scope.kind) {
    case 'site':
      return 'the site';
    case 'cloud':
      return `cloud ${scope.cloud}`;
    case 'pool':
      return `pool ${scope.pool}`;
  }
}
