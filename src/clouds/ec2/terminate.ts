import { DescribeInstancesCommand } from '@aws-sdk/client-ec2';
import type { Clock } from '../../model/clock.ts';
import { CloudError } from '../../model/errors.ts';
import type { CloudId } from '../../model/ids.ts';
import { cloudErrorOf, MalformedAnswer } from './errors.ts';
import type { Exchange } from './exchange.ts';
import { stateOf } from './instances.ts';
import { ec2Capabilities } from './launch.ts';
import type { Terminations } from './terminations.ts';

/** Beyond so many ids at a time the oldest is forgotten, and only begins its wait anew. */
const unknownIdsMax = 10_000;

/** Since when (monotonic ms) EC2 has said of an id, at every call, that it does not exist. */
export type UnknownSince = Map<CloudId, number>;

export interface TerminateParts {
  readonly exchange: Exchange;
  readonly clock: Clock;
  readonly terminations: Terminations;
  readonly unknownSince: UnknownSince;
}

/**
 * One step of an instance's end.
 *
 * TerminateInstances on a living instance begins its end, on an ending one changes nothing, and on one that has ended
 * says `terminated` for about an hour. After that, *and for some time after its creation*, it says that there is no
 * such id, and nothing in that answer tells the two apart. So an unknown id is `ending`, until EC2 has said so at
 * every call for as long as its views may lag, and DescribeInstances, asked for the id, says the same. The wait is
 * kept in memory: after a restart it begins again, which costs time and never a machine.
 */
export async function terminate(
  { exchange, clock, terminations, unknownSince }: TerminateParts,
  id: CloudId,
  signal: AbortSignal,
): Promise<'ending' | 'gone'> {
  const state = await terminations.end(id, signal);
  if (state !== null) {
    unknownSince.delete(id);
    return state;
  }
  const since = unknownSince.get(id);
  if (since === undefined) {
    remember(unknownSince, id, clock.monotonicNow());
    return 'ending';
  }
  if (clock.monotonicNow() - since < ec2Capabilities.listLagMs) return 'ending';
  const described = await describedState(exchange, id, signal);
  if (described === null || described === 'gone') return 'gone';
  remember(unknownSince, id, clock.monotonicNow());
  return 'ending';
}

async function describedState(exchange: Exchange, id: CloudId, signal: AbortSignal) {
  const action = 'DescribeInstances';
  return await unlessNotFound(async () => {
    const answer = await exchange(new DescribeInstancesCommand({ InstanceIds: [id] }), {
      action,
      write: false,
      signal,
    });
    try {
      if (answer.Reservations === undefined) throw new MalformedAnswer('no list of reservations');
      const rows = answer.Reservations.flatMap((reservation) => reservation.Instances ?? []);
      const row = rows.find((instance) => instance.InstanceId === id);
      return row === undefined ? null : stateOf(row.State?.Name);
    } catch (thrown) {
      throw cloudErrorOf(thrown, { action, write: false, handedOver: true, aborted: false, secrets: [] });
    }
  });
}

async function unlessNotFound<T>(ask: () => Promise<T>): Promise<T | null> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof CloudError && error.code === 'notFound') return null;
    throw error;
  }
}

function remember(unknownSince: UnknownSince, id: CloudId, now: number): void {
  unknownSince.set(id, now);
  const oldest = unknownSince.size > unknownIdsMax ? unknownSince.keys().next().value : undefined;
  if (oldest !== undefined) unknownSince.delete(oldest);
}
