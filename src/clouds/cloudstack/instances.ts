import type { CloudInstance, CloudInstanceState } from '../../model/cloud.ts';
import type { CloudErrorCode } from '../../model/errors.ts';
import { CloudId, IntentId, OfferName, PoolName } from '../../model/ids.ts';
import type { VmRow } from './client/wire.ts';
import { markDetails, markOf } from './mark.ts';

/** CloudStack's states that say all by themselves. A machine whose host is not reached (`Unknown`) may well run. */
const states: Readonly<Record<string, CloudInstanceState>> = {
  Starting: 'pending',
  Restoring: 'pending',
  Running: 'running',
  Migrating: 'running',
  Unknown: 'running',
  Expunged: 'gone',
  Error: 'error',
};

export interface Reading {
  /** Ended machines are expunged by the call; else `Destroyed` is the last that we see to. */
  readonly expunge: boolean;
  /**
   * It has been stopped, without a job, for a while. A new machine is `Stopped`, too, between its creation and the job that
   * starts it, both of one create call.
   */
  readonly stoppedForGood: (id: CloudId) => boolean;
  readonly faultOf: (id: CloudId) => StartFault | null;
}

/** Why a machine could not be started, as its job's result has it. */
export interface StartFault {
  readonly message: string;
  /** What the account or the zone lacked; null: something else. */
  readonly code: Extract<CloudErrorCode, 'capacity' | 'quota'> | null;
}

/** A row that bears our mark. One whose intent somebody has taken away gets its own id for it, which no store knows. */
export function listedInstance(row: VmRow, reading: Reading): CloudInstance {
  const { details } = row;
  const pool = markOf(details, markDetails.pool);
  const offer = markOf(details, markDetails.offer);
  const id = CloudId(row.id);
  const state = stateOf(row, reading);
  const fault = state === 'error' ? reading.faultOf(id) : null;
  return {
    cloudId: id,
    intent: IntentId(markOf(details, markDetails.intent) ?? row.id),
    seat: Number(/^\d{1,6}$/.exec(markOf(details, markDetails.seat) ?? '0')?.[0] ?? 0),
    pool: pool === null ? null : PoolName(pool),
    offer: offer === null ? null : OfferName(offer),
    state,
    address: addressOf(row),
    fault: state === 'error' ? (fault?.message ?? 'the server could not start it') : null,
    ...(fault?.code == null ? {} : { faultCode: fault.code }),
  };
}

/** What a state means; one that is not known is taken for a machine that runs: nothing is ended because of a new word. */
export function stateOf(row: VmRow, { expunge, stoppedForGood }: Reading): CloudInstanceState {
  switch (row.state) {
    case 'Destroyed':
    case 'Expunging':
      return expunge ? 'ending' : 'gone';
    case 'Stopping':
      return 'stopped';
    case 'Stopped':
    case 'Shutdown':
      return stoppedForGood(CloudId(row.id)) ? 'stopped' : 'pending';
    default:
      return states[row.state] ?? 'running';
  }
}

/** Stopped, and no job is under way that would start it. */
export function isStopped({ state, jobid, jobstatus }: VmRow): boolean {
  const hasJob = jobid !== undefined && jobid !== null && (jobstatus ?? 0) === 0;
  return (state === 'Stopped' || state === 'Shutdown') && !hasJob;
}

function addressOf({ nic, publicip }: VmRow): string | null {
  const usual = nic?.find((one) => one.isdefault === true) ?? nic?.[0];
  return usual?.ipaddress || usual?.ip6address || publicip || null;
}
