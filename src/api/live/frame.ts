import type { Market } from '../../model/billing.ts';
import type { Phase, PublicState } from '../../model/instance.ts';
import type { Price } from '../../model/offer.ts';
import type { InstanceView, StatusView } from '../control.ts';
import type { DemandPlan } from '../demandPlan.ts';
import type { PlannedLaunch } from '../plan.ts';

/**
 * What those who watch a site are sent, about once a second: the status as it is, and of machines and demand what is not as it was.
 * Frames that a slow reader could not take are left out; the next one says all that has changed since its last.
 */
export interface LiveFrame {
  /** Rises from frame to frame of one connection. */
  readonly version: number;
  readonly status: StatusView;
  readonly instances: LiveInstances;
  /** Null where it is as it was. */
  readonly demand: LiveDemand | null;
}

export interface LiveInstances {
  /** `put` are all there are: what was known before is to be forgotten. */
  readonly whole: boolean;
  /** New ones, and those that are not as they were. */
  readonly put: readonly LiveInstance[];
  /** Ids of those that are no more. */
  readonly gone: readonly string[];
}

/** What a list shows of a machine that has not ended. Nothing in it changes by time alone. */
export interface LiveInstance {
  readonly id: string;
  readonly pool: string;
  readonly queue: string;
  readonly offer: string;
  readonly cloud: string;
  readonly phase: Phase;
  readonly state: PublicState | null;
  readonly phaseSinceMs: number;
  readonly createdAtMs: number;
  readonly runningJobs: number | null;
  readonly claims: number;
  readonly market: Market;
  readonly price: Price | null;
  /** For whose job it was launched; null where for no job. */
  readonly user: string | null;
  readonly address: string | null;
}

/** What a plan would make of the waiting jobs; worked out less often than the rest, as it costs more. */
export interface LiveDemand {
  readonly atMs: number;
  readonly ready: boolean;
  readonly missing: readonly string[];
  readonly launches: readonly PlannedLaunch[];
  readonly groups: readonly DemandPlan[];
}

export function liveInstance(view: InstanceView): LiveInstance {
  const { id, pool, queue, offer, cloud, phase, state, phaseSinceMs, createdAtMs } = view;
  const { runningJobs, claims, market, price, address } = view;
  return {
    id,
    pool,
    queue,
    offer,
    cloud,
    phase,
    state,
    phaseSinceMs,
    createdAtMs,
    runningJobs,
    claims,
    market,
    price,
    user: view.cause.user,
    address,
  };
}
