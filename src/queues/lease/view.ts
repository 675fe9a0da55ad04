import { createHash } from 'node:crypto';
import type { Demand, QueueSnapshot, Worker } from '../../model/demand.ts';
import { DemandId, JobId, type QueueName, WorkerId } from '../../model/ids.ts';
import type { Lease } from '../../model/lease.ts';
import { noResources } from '../../model/resources.ts';
import type { QueueMachine } from '../port.ts';
import { slotAdOf, wishOf } from './assign.ts';
import { jobAdOf } from './job-ad.ts';

const samplesMax = 3;

export interface LentMachine {
  readonly machine: QueueMachine;
  readonly lease: Lease | null;
  readonly draining: boolean;
}

/** The lease queue as any other: waiting leases are its jobs, machines that may be lent its workers. */
export function snapshotOf(
  queue: QueueName,
  {
    takenAtMs,
    open,
    lendable,
  }: { takenAtMs: number; open: readonly Lease[]; lendable: readonly LentMachine[] },
): QueueSnapshot {
  const waiting = open.filter(({ state }) => state === 'waiting');
  return {
    queue,
    takenAtMs,
    workersComplete: true,
    demandComplete: true,
    demand: [...Map.groupBy(waiting, (lease) => demandIdOf(queue, lease))].map(([id, leases]) =>
      demandOf(queue, id, leases),
    ),
    workers: lendable.map((lent) => workerOf(queue, lent)),
    jobs: { waiting: waiting.length, running: open.length - waiting.length, held: 0 },
  };
}

export function demandIdOf(queue: QueueName, lease: Lease): DemandId {
  const wish = `${lease.priority} ${wishOf(lease)}`;
  return DemandId(`${queue}/${createHash('sha256').update(wish).digest('hex').slice(0, 16)}`);
}

function demandOf(queue: QueueName, id: DemandId, leases: readonly Lease[]): Demand {
  const [first] = leases;
  if (first === undefined) throw new Error('a demand without a lease');
  return {
    id,
    queue,
    kind: 'counted',
    count: leases.length,
    ad: jobAdOf(first),
    sampleJobs: leases.slice(0, samplesMax).map((lease) => JobId(lease.id)),
    oldestSubmittedAtMs: first.askedAtWallMs,
    user: first.user,
    group: null,
    priority: first.priority,
    pools: [first.pool],
    workers: 1,
    walltimeMs: null,
  };
}

function workerOf(queue: QueueName, { machine, lease, draining }: LentMachine): Worker {
  const { instance, address, resources } = machine;
  const busy = lease !== null;
  return {
    id: WorkerId(instance),
    queue,
    instance,
    address,
    activity: draining ? (busy ? 'draining' : 'drained') : busy ? 'claimed' : 'idle',
    runningJobs: busy ? 1 : 0,
    jobIds: busy ? [lease.id] : [],
    usage: busy ? [{ user: lease.user, group: null, cpus: resources.cpus, jobIds: [lease.id] }] : [],
    total: resources,
    slots: [{ ad: slotAdOf(machine), free: busy ? noResources : resources, partitionable: false }],
  };
}
