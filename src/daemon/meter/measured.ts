import type { Cloud } from '../../clouds/port.ts';
import type { Metrics } from '../../metrics/metrics.ts';
import type { Clock } from '../../model/clock.ts';
import { CloudError, QueueError } from '../../model/errors.ts';
import { journalKinds } from '../../model/journal.ts';
import type { Queue } from '../../queues/port.ts';
import { type Store, StoreError, storeErrorCodes } from '../../store/port.ts';
import type { DaemonParts } from '../daemonParts.ts';
import { DeadlineError } from '../deadline.ts';

/** The parts with every call to a cloud, a queue and the store counted and timed; as they are where nobody counts. */
export function measureParts(parts: DaemonParts): DaemonParts {
  const { metrics, clock } = parts;
  if (metrics === undefined) return parts;
  return {
    ...parts,
    store: measureStore(parts.store, { metrics, clock }),
    clouds: parts.clouds.map((part) => ({
      ...part,
      cloud: measureCloud(part.cloud, timer({ metrics, clock }, 'cloud', part.config.name)),
    })),
    queues: parts.queues.map((part) => ({
      ...part,
      queue: measureQueue(part.queue, timer({ metrics, clock }, 'queue', part.config.name)),
    })),
  };
}

interface Meter {
  readonly metrics: Metrics;
  readonly clock: Clock;
}

type Timed = <T>(call: string, work: () => Promise<T>, signal?: AbortSignal) => Promise<T>;

/**
 * A call counts once: when it is answered, fails, or is given up at its deadline, whichever comes first. One that is given
 * up because the daemon stops is no call that went wrong, and does not count.
 */
function timer({ metrics, clock }: Meter, kind: 'cloud' | 'queue', name: string): Timed {
  const count = (call: string, code: string, seconds: number) => {
    if (kind === 'cloud') {
      metrics.add('cloudCalls', { cloud: name, call, code });
      metrics.observe('cloudCallDuration', { cloud: name, call }, seconds);
    } else {
      metrics.add('queueCalls', { queue: name, call, code });
      metrics.observe('queueCallDuration', { queue: name, call }, seconds);
    }
  };
  return async (call, work, signal) => {
    const beganMs = clock.monotonicNow();
    let over = false;
    const ended = (code: string | null) => {
      if (over) return;
      over = true;
      signal?.removeEventListener('abort', givenUp);
      if (code !== null) count(call, code, (clock.monotonicNow() - beganMs) / 1000);
    };
    const givenUp = () => ended(signal?.reason instanceof DeadlineError ? 'timeout' : null);
    signal?.addEventListener('abort', givenUp, { once: true });
    try {
      const answer = await work();
      ended('ok');
      return answer;
    } catch (error) {
      ended(error instanceof CloudError || error instanceof QueueError ? error.code : 'internal');
      throw error;
    }
  };
}

function measureCloud(cloud: Cloud, timed: Timed): Cloud {
  const prices: Pick<Cloud, 'prices'> =
    cloud.prices === undefined
      ? {}
      : {
          prices: (offers, signal) =>
            timed('prices', async () => (await cloud.prices?.(offers, signal)) ?? new Map(), signal),
        };
  return {
    list: (signal) => timed('list', () => cloud.list(signal), signal),
    ...(cloud.hint === undefined ? {} : { hint: async (soon, signal) => await cloud.hint?.(soon, signal) }),
    launch: (order, signal) => timed('launch', () => cloud.launch(order, signal), signal),
    resolve: (intent, signal) => timed('resolve', () => cloud.resolve(intent, signal), signal),
    terminate: (instance, signal) => timed('terminate', () => cloud.terminate(instance, signal), signal),
    quota: (signal) => timed('quota', () => cloud.quota(signal), signal),
    ...prices,
    catalog: (signal) => cloud.catalog(signal),
    close: () => cloud.close(),
  };
}

function measureQueue(queue: Queue, timed: Timed): Queue {
  const { leases } = queue;
  const hold: Pick<Queue, 'hold'> =
    queue.hold === undefined
      ? {}
      : {
          hold: (jobs, why, signal) => timed('hold', async () => queue.hold?.(jobs, why, signal), signal),
        };
  const tell: Pick<Queue, 'tell'> =
    queue.tell === undefined
      ? {}
      : {
          tell: (jobs, why, signal) => timed('tell', async () => queue.tell?.(jobs, why, signal), signal),
        };
  return {
    poll: (request, signal) => timed('poll', () => queue.poll(request, signal), signal),
    ...(queue.hint === undefined ? {} : { hint: (changed, signal) => queue.hint?.(changed, signal) }),
    admit: (request) => timed('admit', () => queue.admit(request)),
    drain: (worker, signal) => timed('drain', () => queue.drain(worker, signal), signal),
    undrain: (worker, signal) => timed('undrain', () => queue.undrain(worker, signal), signal),
    remove: (worker, signal) => timed('remove', () => queue.remove(worker, signal), signal),
    job: (id, signal) => timed('job', () => queue.job(id, signal), signal),
    ...hold,
    ...tell,
    ...(leases === undefined ? {} : { leases }),
    close: () => queue.close(),
  };
}

function measureStore(store: Store, { metrics, clock }: Meter): Store {
  // What has not happened yet is 0, so that the first time is seen as an increase.
  for (const code of storeErrorCodes) metrics.add('commitErrors', { code }, 0);
  for (const kind of journalKinds) metrics.add('journalEntries', { kind }, 0);
  return {
    ...store,
    commit: (batch) => {
      const beganMs = clock.monotonicNow();
      try {
        store.commit(batch);
      } catch (error) {
        metrics.add('commitErrors', { code: error instanceof StoreError ? error.code : 'internal' });
        throw error;
      }
      metrics.observe('commitDuration', {}, (clock.monotonicNow() - beganMs) / 1000);
      for (const { kind } of batch.journal) metrics.add('journalEntries', { kind });
    },
  };
}
