import type { CloudInstanceState } from '../model/cloud.ts';
import type { WorkerActivity } from '../model/demand.ts';
import type { CloudErrorCode } from '../model/errors.ts';
import type { Instance, Phase, PublicState } from '../model/instance.ts';

/**
 * What has been seen of an instance since the daemon began. It is never stored: after a restart nothing is known
 * until it has been seen again, so no old sighting can end a machine.
 */
export interface Sighting {
  readonly cloudState: CloudInstanceState | null;
  /** Complete lists in a row that did not show it, and when the first of them was begun. */
  readonly unlisted: number;
  readonly unlistedSinceMs: number | null;
  /** Since when the lists are believed and the cloud is asked for this very machine; null: they show it. */
  readonly missingSinceMs: number | null;
  /** What the cloud says of taking it back before long; null: nothing. */
  readonly notice: string | null;
  /** What the cloud lacked for it, after it had accepted the create call; null: nothing that it says. */
  readonly lacked: { readonly code: CloudErrorCode; readonly message: string } | null;
  readonly activity: WorkerActivity | null;
  /** When the newest view that showed its worker was begun. */
  readonly workerSeenAtMs: number | null;
  /** The jobs that its worker had in that view, where the scheduler tells. */
  readonly jobIds: readonly string[];
  /** Complete views in a row that did not show its worker, and when the first of them was begun. */
  readonly unseen: number;
  readonly unseenSinceMs: number | null;
  /** Complete views, begun after its join deadline, that did not show its worker. */
  readonly lateViews: number;
  /** Views in a row that showed it drained and without a job, and when the first of them was begun. */
  readonly drainedViews: number;
  readonly drainedSinceMs: number | null;
  /** When it was last answered that the worker has been un-drained; null: not since that was decided. */
  readonly undrainedAtMs: number | null;
}

export const neverSeen: Sighting = {
  cloudState: null,
  unlisted: 0,
  unlistedSinceMs: null,
  missingSinceMs: null,
  notice: null,
  lacked: null,
  activity: null,
  workerSeenAtMs: null,
  jobIds: [],
  unseen: 0,
  unseenSinceMs: null,
  lateViews: 0,
  drainedViews: 0,
  drainedSinceMs: null,
  undrainedAtMs: null,
};

/** An instance with what is known of it now. */
export interface FleetEntry {
  readonly instance: Instance;
  readonly sighting: Sighting;
}

const stateOfPhase: Record<Phase, PublicState | null> = {
  requested: 'Unusable',
  unknown: 'Unusable',
  building: 'Unusable',
  joining: 'Unusable',
  idle: 'Free',
  claimed: 'Busy',
  leased: 'Busy',
  draining: 'Busy',
  unreachable: 'Unusable',
  failed: 'Unusable',
  terminating: 'Unusable',
  ended: null,
};

/** The public state; null once it has ended. */
export const publicState = (phase: Phase): PublicState | null => stateOfPhase[phase];

/** On its way to be usable, and not late: what it will bring is subtracted from demand. */
export const isComing = ({ phase, endReason, deadlineMs }: Instance, nowMs: number): boolean =>
  endReason === null &&
  (phase === 'requested' || phase === 'unknown' || phase === 'building' || phase === 'joining') &&
  (deadlineMs === null || nowMs < deadlineMs);

/** In service, or drained but on its way back. */
export const isInService = ({ phase, endReason }: Instance): boolean =>
  phase === 'idle' ||
  phase === 'claimed' ||
  phase === 'leased' ||
  (phase === 'draining' && endReason === null);

/** Counts toward a pool's min: usable, or on its way and not yet past its deadline. */
export const countsTowardMin = (instance: Instance, nowMs: number): boolean =>
  isComing(instance, nowMs) || isInService(instance);

/** Counts toward every max: all that is not proven gone. */
export const countsTowardMax = ({ phase }: Instance): boolean => phase !== 'ended';

/** A new record, as an intent's seat. */
export function newEntry(instance: Instance): FleetEntry {
  return { instance, sighting: neverSeen };
}
