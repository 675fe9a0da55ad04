import type { Terms } from './billing.ts';
import type {
  CloudId,
  CloudName,
  DemandId,
  InstanceId,
  IntentId,
  JobId,
  OfferName,
  PoolName,
  QueueName,
  WorkerId,
} from './ids.ts';

/**
 * The exact step of an instance's life; design and table in fleet/step.ts.
 *
 * requested    intent stored, the create call not yet answered
 * unknown      the create call may or may not have been carried out; being looked for
 * building     the cloud has accepted it, it does not run yet
 * joining      it runs, its worker has not been seen yet
 * idle         its worker takes jobs and has none
 * claimed      its worker has a job
 * leased       held over the API
 * draining     its worker takes no more jobs; ends when the last is done
 * unreachable  its worker has not been seen for too long, or its probe fails
 * failed       it never became usable
 * terminating  a termination is stored; repeated until the cloud says that it is gone
 * ended        the cloud says that it is gone, or it never was
 */
export const phases = [
  'requested',
  'unknown',
  'building',
  'joining',
  'idle',
  'claimed',
  'leased',
  'draining',
  'unreachable',
  'failed',
  'terminating',
  'ended',
] as const;
export type Phase = (typeof phases)[number];

/** The public state, derived from the phase. */
export const publicStates = ['Free', 'Busy', 'Unusable'] as const;
export type PublicState = (typeof publicStates)[number];

/** Why an instance was ended, or will be when it is gone. */
export const endReasons = [
  'idle', // no job needed it
  'lifetime', // its maximum lifetime is over
  'bootDeadline', // it never ran
  'joinDeadline', // it ran, its worker never came
  'unreachable', // its worker fell silent
  'bootFailed', // the cloud says that it failed
  'refused', // the create call was refused: it never was
  'neverLaunched', // an unknown create call that was never carried out
  'lost', // it vanished from the cloud without us
  'operator', // `spillway instance terminate`
  'twin', // a second machine for a seat that has one
  'orphan', // it bore our mark, the store did not know it, and it had no worker
  'removed', // its pool, offer or cloud is no longer in the config
  'budget', // a budget that it counts in is used up
  'downtime', // its cloud, pool or site is in a declared downtime
  'blackHole', // it took no job though many waited, or ended each in seconds
  'yielded', // its pool had more than its part of a bound, and jobs of another pool waited for it
  'released', // it was for one job of its queue alone, which is over
  'reclaimed', // the cloud gave notice that it takes it back, and it was drained for that
] as const;
export type EndReason = (typeof endReasons)[number];

/** Why an instance was launched. */
export type LaunchCause =
  | {
      readonly kind: 'demand';
      readonly demand: DemandId;
      readonly job: JobId | null;
      /** Whose jobs they were: who pays for the machine; null where the scheduler does not say. */
      readonly user: string | null;
      readonly group: string | null;
      /** It stays so long after its last job; absent: as long as its pool says. */
      readonly keepAliveMs?: number;
    }
  | { readonly kind: 'min' }
  | { readonly kind: 'headroom' }
  | { readonly kind: 'operator' }
  | { readonly kind: 'adopted' };

/**
 * Our record of a machine, from its first intent on. Only transitions change it: every change is stored, and
 * what is merely seen is kept in a `Sighting`. All times are daemon time in ms.
 */
export interface Instance {
  readonly id: InstanceId;
  readonly intent: IntentId;
  /** Which of the intent's machines it is, from 0. */
  readonly seat: number;
  readonly pool: PoolName;
  readonly queue: QueueName;
  readonly offer: OfferName;
  readonly cloud: CloudName;
  readonly cause: LaunchCause;
  /** As the offer was when it was launched. */
  readonly terms: Terms;

  readonly phase: Phase;
  readonly phaseSinceMs: number;
  /** When the phase ends by itself; null where it has no end but the lifetime. */
  readonly deadlineMs: number | null;

  readonly cloudId: CloudId | null;
  readonly address: string | null;
  readonly worker: WorkerId | null;

  readonly createdAtMs: number;
  readonly runningAtMs: number | null;
  readonly joinedAtMs: number | null;
  /** Since when it has had no job; null while it has one, and before it has joined. */
  readonly idleSinceMs: number | null;
  /** Jobs that it has been seen to begin (claims, where its scheduler names no jobs): more than one means reuse. */
  readonly claims: number;
  /** Set once an end is decided; kept through draining and terminating. */
  readonly endReason: EndReason | null;
  readonly endedAtMs: number | null;
}

export const intentStates = ['open', 'unknown', 'accepted', 'refused', 'never'] as const;
/**
 * open: stored, no outcome yet. unknown: sent, and no answer says what came of it. accepted: the cloud has made
 * its instances. refused: the cloud said no. never: looked for as long as the cloud's list may lag, and not there.
 */
export type IntentState = (typeof intentStates)[number];

/** One create call, written to the store before the cloud is called. */
export interface Intent {
  readonly id: IntentId;
  readonly pool: PoolName;
  readonly offer: OfferName;
  readonly cloud: CloudName;
  /** How many machines it asks for. */
  readonly seats: number;
  readonly state: IntentState;
  readonly createdAtMs: number;
  /** When the call was last handed to the driver; null: never. Stored before the call. */
  readonly sentAtMs: number | null;
}
