import { adFromValues, withAttributes } from '../../classad/ad.ts';
import type { Slot, Worker, WorkerUse } from '../../model/demand.ts';
import { type InstanceId, type QueueName, WorkerId } from '../../model/ids.ts';
import { noResources, type Resources } from '../../model/resources.ts';
import type { QueueMachine } from '../port.ts';
import type { Deployment } from './deployments.ts';
import { type Host, isBusy } from './hosts.ts';
import type { NodeRow } from './wire.ts';
import { sourceAttribute } from './wishes.ts';

/**
 * What a machine of ours is to its queue.
 *
 * elastic: anybody's. parked: of a node source whose machines are deployed for one token, and no token has it yet.
 * bound: it has. released: the token's deployment is over.
 */
export type Standing =
  | { readonly kind: 'elastic' | 'parked' }
  | { readonly kind: 'bound' | 'released'; readonly deployment: Deployment | null };

export interface OwnHost {
  readonly host: Host;
  readonly instance: InstanceId;
  /** Null: its cloud does not show it running, or not yet. */
  readonly machine: QueueMachine | null;
  readonly standing: Standing;
  /** Drained for its pool while a token holds it: it goes when the token lets it go. */
  readonly leaving: boolean;
}

/**
 * | nodes of an elastic or parked machine     | activity |
 * | ----------------------------------------- | -------- |
 * | all locked, or about to be removed        | draining with a task, drained without |
 * | one with a task                           | claimed |
 * | none with a task                          | idle |
 *
 * A bound machine is claimed, whether a task runs or not: it is its job's alone. A released one drains.
 */
export function ownWorker(queue: QueueName, own: OwnHost): Worker {
  const { host, instance, machine, standing, leaving } = own;
  const { nodes } = host;
  const total = machine?.resources ?? { ...noResources, cpus: nodes.length };
  const busy = nodes.filter(isBusy);
  const closed = nodes.every((node) => node.locked || node.state === 'TO_BE_REMOVED');
  const common = { id: host.id, queue, instance, address: host.address, total };
  switch (standing.kind) {
    case 'elastic':
    case 'parked': {
      const isFree = (node: NodeRow) =>
        standing.kind === 'elastic' && !isBusy(node) && !node.locked && node.tokens.length === 0;
      const free = share(total, nodes.filter(isFree).length, nodes.length);
      return {
        ...common,
        activity: closed ? (busy.length > 0 ? 'draining' : 'drained') : busy.length > 0 ? 'claimed' : 'idle',
        runningJobs: busy.length,
        usage: usageOf(busy, total, nodes.length),
        slots: [slotOf(own, closed ? noResources : free)],
      };
    }
    case 'bound':
      return {
        ...common,
        activity: leaving ? 'draining' : 'claimed',
        runningJobs: Math.max(1, busy.length),
        jobIds: standing.deployment === null ? [] : [standing.deployment.job],
        usage: [{ user: standing.deployment?.owner ?? null, group: null, cpus: total.cpus }],
        slots: [slotOf(own, noResources)],
      };
    case 'released':
      return {
        ...common,
        activity: closed && busy.length === 0 ? 'drained' : 'draining',
        runningJobs: busy.length,
        released: true,
        usage: usageOf(busy, total, nodes.length),
        slots: [slotOf(own, noResources)],
      };
  }
}

/**
 * A machine of ours that was booted without an identity, from an image that knows its node source: its queue knows it by its
 * address alone, and leaves it to the core to link it.
 */
export function namelessWorker(queue: QueueName, host: Host, machine: QueueMachine): Worker {
  const { instance } = machine;
  const standing = { kind: 'elastic' } as const;
  return { ...ownWorker(queue, { host, instance, machine, standing, leaving: false }), instance: null };
}

/** Nodes that are not ours: each a worker of its own, as nobody knows what machine it is part of. */
export function otherWorkers(queue: QueueName, host: Host): readonly Worker[] {
  const one: Resources = { ...noResources, cpus: 1 };
  return host.nodes.map((node) => {
    const busy = isBusy(node);
    const isOpen = !busy && !node.locked && node.tokens.length === 0;
    const activity = node.locked ? (busy ? 'draining' : 'drained') : busy ? 'claimed' : 'idle';
    const ad = adFromValues({ MyType: 'Machine', Cpus: 1, [sourceAttribute]: node.source ?? '' });
    return {
      id: host.nodes.length === 1 ? host.id : WorkerId(`${host.id} ${node.url}`),
      queue,
      instance: null,
      address: host.address,
      activity,
      runningJobs: busy ? 1 : 0,
      usage: usageOf(busy ? [node] : [], one, 1),
      total: one,
      slots: [{ ad, free: isOpen ? one : noResources, partitionable: true }],
    };
  });
}

function slotOf({ host, machine }: OwnHost, free: Resources): Slot {
  const source = host.nodes[0]?.source ?? '';
  const ad =
    machine === null
      ? adFromValues({ MyType: 'Machine', Cpus: host.nodes.length, [sourceAttribute]: source })
      : withAttributes(machine.ad, { [sourceAttribute]: source });
  return { ad, free, partitionable: true };
}

/** What so many of a machine's nodes have of it. */
function share(total: Resources, nodes: number, of: number): Resources {
  if (nodes === of) return total;
  const part = (size: number) => Math.max(size > 0 ? 1 : 0, Math.floor(size / of)) * nodes;
  if (nodes === 0) return noResources;
  const { cpus, memoryMiB, diskMiB, gpus } = total;
  return {
    cpus: Math.min(cpus, part(cpus)),
    memoryMiB: part(memoryMiB),
    diskMiB: part(diskMiB),
    gpus: Math.floor((gpus / of) * nodes),
  };
}

/** A node's owner is whose task it has. */
function usageOf(busy: readonly NodeRow[], total: Resources, nodes: number): readonly WorkerUse[] {
  const cpus = share(total, 1, nodes).cpus;
  const byUser = Map.groupBy(busy, ({ owner }) => owner);
  return [...byUser].map(([user, own]) => ({ user, group: null, cpus: cpus * own.length }));
}
