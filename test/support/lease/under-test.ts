import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { adFromValues } from '../../../src/classad/ad.ts';
import { literal } from '../../../src/classad/expr.ts';
import { unparse } from '../../../src/classad/unparse.ts';
import {
  type InstanceId,
  JobId,
  LeaseId,
  PoolName,
  QueueName,
  SiteId,
  WorkerId,
} from '../../../src/model/ids.ts';
import type { LeaseState } from '../../../src/model/lease.ts';
import { forgetfulMemory } from '../../../src/model/memory.ts';
import { leaseAdapter } from '../../../src/queues/lease/adapter.ts';
import type { LeaseDesk, Queue, QueueMachine } from '../../../src/queues/port.ts';
import { createVirtualClock } from '../../../src/simulate/virtualClock.ts';
import type { Connection, QueueUnderTest } from '../../conformance/adapter/harness.ts';

const pool = PoolName('desks');
const ttlMs = 3_600_000;

/** The lease queue, whose scheduler is the adapter itself: what is asked at its desk are its jobs. */
export async function startLeaseQueue(): Promise<QueueUnderTest> {
  const folder = mkdtempSync(join(tmpdir(), 'lease-conformance-'));
  const clock = createVirtualClock();
  const memory = forgetfulMemory();
  const machines = new Map<string, QueueMachine>();
  const signal = AbortSignal.timeout(120_000);
  let connection: Connection | null = null;
  let first: Queue | null = null;

  const create = ({ log }: Connection): Queue =>
    leaseAdapter.create(leaseAdapter.configSchema.parse({ ttlMax: '2h', waitingMax: 20_000 }), {
      site: SiteId('farm'),
      queue: QueueName('leases'),
      clock,
      log,
      memory,
    });
  const desk = (): LeaseDesk => {
    if (first?.leases === undefined) throw new Error('no desk');
    return first.leases;
  };
  const leaseOf = (job: JobId) => LeaseId(job);
  async function until(job: JobId, state: LeaseState): Promise<void> {
    for (;;) {
      const view = desk().find(leaseOf(job));
      if (view === null || view.lease.state === state) return;
      signal.throwIfAborted();
      await desk().changed(leaseOf(job), view.lease.state, signal);
    }
  }
  const unable = async () => {
    throw new Error('a gap');
  };

  return {
    clock,
    secrets: [],
    word: 'VMType',
    callTimeoutMs: null,
    settleMs: 0,
    connect(as) {
      const made = create(as);
      if (first !== null) return made;
      connection = as;
      first = made;
      // The first lives on through restarts.
      return {
        poll: (request, aborted) => (first ?? made).poll(request, aborted),
        hint: (changed, aborted) => (first ?? made).hint?.(changed, aborted),
        admit: (request) => (first ?? made).admit(request),
        drain: (worker, aborted) => (first ?? made).drain(worker, aborted),
        undrain: (worker, aborted) => (first ?? made).undrain(worker, aborted),
        remove: (worker, aborted) => (first ?? made).remove(worker, aborted),
        job: (id, aborted) => (first ?? made).job(id, aborted),
        close: async () => first?.close(),
      };
    },
    machines: () => [...machines.values()],

    async submit({ count = 1, cpus = 1, memoryMiB = 0, words = {}, user = 'ann', priority = 0 }) {
      const clauses = Object.entries(words).map(
        ([name, text]) => `TARGET.${name} =?= ${unparse(literal(text), 'old')}`,
      );
      return Array.from({ length: count }, () => {
        const { lease } = desk().ask({
          pool,
          requirements: clauses.length === 0 ? 'true' : clauses.join(' && '),
          request: { cpus, memoryMiB, diskMiB: 0, gpus: 0 },
          user,
          holder: null,
          priority,
          note: '',
          publicKey: null,
          ttlMs,
        });
        return JobId(lease.id);
      });
    },
    submitBroken: unable,
    hold: unable,
    release: unable,
    withdraw: async (job) => void desk().giveBack(leaseOf(job)),
    run: (job) => until(job, 'held'),
    async finish(job) {
      desk().giveBack(leaseOf(job));
      await until(job, 'ended');
    },

    async join({ instance, cpus = 4, memoryMiB = 4000 }) {
      machines.set(instance, machineOf(instance, { cpus, memoryMiB, folder: join(folder, instance) }));
      return WorkerId(instance);
    },
    stranger: unable,
    die: async (worker) => void machines.delete(worker),

    fault: unable,
    struck: unable,
    heal: unable,
    async restart() {
      if (connection === null) return;
      await first?.close();
      first = create(connection);
    },
    elapse: (ms) => clock.advance(ms),
    catchUp: () => setImmediate(),
    stop: async () => rmSync(folder, { recursive: true, force: true }),
  };
}

function machineOf(
  instance: InstanceId,
  { cpus, memoryMiB, folder }: { readonly cpus: number; readonly memoryMiB: number; readonly folder: string },
): QueueMachine {
  return {
    instance,
    pool,
    ad: adFromValues({ Cpus: cpus, Memory: memoryMiB, Disk: 1_000_000, Requirements: true }),
    resources: { cpus, memoryMiB, diskMiB: 1000, gpus: 0 },
    address: folder,
    reachable: true,
  };
}
