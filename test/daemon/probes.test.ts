import { expect, it } from 'vitest';
import { parseLongAd } from '../../src/classad/long.ts';
import { createProbes, type Probes } from '../../src/daemon/probes.ts';
import type { QueueSnapshot, Worker } from '../../src/model/demand.ts';
import { InstanceId, PoolName, WorkerId } from '../../src/model/ids.ts';
import type { Log } from '../../src/model/log.ts';
import type { QueueMachine } from '../../src/queues/port.ts';
import { createVirtualClock, type VirtualClock } from '../../src/simulate/virtualClock.ts';
import { batchQueue, makePool } from '../support/siteParts.ts';

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => quiet };
const resources = { cpus: 1, memoryMiB: 1024, diskMiB: 1024, gpus: 0 };
const probed = makePool({
  name: 'probed',
  offers: ['a'],
  probe: { check: { kind: 'tcp', port: 22 }, everyMs: 30_000, deadlineMs: 5_000, failuresMax: 3 },
});
const plain = makePool({ name: 'plain', offers: ['a'] });

const machine = (name: string, pool = 'probed'): QueueMachine => ({
  instance: InstanceId(name),
  pool: PoolName(pool),
  ad: parseLongAd('Cpus = 1'),
  resources,
  address: `${name}.example`,
  reachable: true,
});

interface Bench {
  readonly clock: VirtualClock;
  readonly probes: Probes;
  /** Addresses that answer. */
  readonly up: Set<string>;
  readonly asked: string[];
  readonly changes: () => number;
  readonly machines: QueueMachine[];
}

function start(): Bench {
  const clock = createVirtualClock();
  const up = new Set<string>();
  const asked: string[] = [];
  const machines: QueueMachine[] = [];
  let changes = 0;
  const probes = createProbes({
    pools: [probed, plain],
    ask: async (_, { address }, signal) => {
      asked.push(address);
      if (address.startsWith('deaf')) await clock.sleep(3_600_000, signal);
      if (address.startsWith('rude')) throw new Error('no route');
      return up.has(address);
    },
    machines: () => machines,
    onChange: () => {
      changes += 1;
    },
    clock,
    log: quiet,
  });
  void probes.run(new AbortController().signal);
  return { clock, probes, up, asked, machines, changes: () => changes };
}

it('holds a machine for unreachable until it has answered, and asks soon until then', async () => {
  const { clock, probes, up, machines, changes, asked } = start();
  machines.push(machine('m1'));
  await clock.advance(10_000);
  expect(probes.isReachable(InstanceId('m1'), 'probed')).toBe(false);
  const before = asked.length;
  expect(before).toBeGreaterThan(2);
  up.add('m1.example');
  await clock.advance(3_000);
  expect(probes.isReachable(InstanceId('m1'), 'probed')).toBe(true);
  expect(changes()).toBe(1);
  asked.length = 0;
  await clock.advance(60_000);
  expect(asked).toHaveLength(2);
});

it('lets a machine go only when it has not answered so many times in a row', async () => {
  const { clock, probes, up, machines } = start();
  machines.push(machine('m1'));
  up.add('m1.example');
  await clock.advance(31_000);
  const reachable = () => probes.isReachable(InstanceId('m1'), 'probed');
  up.clear();
  await clock.advance(60_000);
  expect(reachable()).toBe(true);
  up.add('m1.example');
  await clock.advance(30_000);
  up.clear();
  await clock.advance(58_000);
  expect(reachable()).toBe(true);
  await clock.advance(30_000);
  expect(reachable()).toBe(false);
  up.add('m1.example');
  await clock.advance(3_000);
  expect(reachable()).toBe(true);
});

it('is not held up by a machine that never answers, nor by one that cannot be asked', async () => {
  const { clock, probes, up, machines } = start();
  machines.push(machine('deaf'), machine('rude'), machine('m1'));
  up.add('m1.example');
  await clock.advance(6_000);
  expect(['deaf', 'rude', 'm1'].map((name) => probes.isReachable(InstanceId(name), 'probed'))).toEqual([
    false,
    false,
    true,
  ]);
});

it('asks nothing of pools without a probe, and nothing of what is gone', async () => {
  const { clock, probes, asked, machines } = start();
  machines.push(machine('p1', 'plain'));
  await clock.advance(60_000);
  expect({ asked, reachable: probes.isReachable(InstanceId('p1'), 'plain') }).toEqual({
    asked: [],
    reachable: true,
  });
});

it('hides the worker of a machine that does not answer, but none that has a job, and no stranger', async () => {
  const { clock, probes, up, machines } = start();
  machines.push(machine('up'), machine('down'), machine('busy'), machine('other', 'plain'));
  up.add('up.example');
  await clock.advance(6_000);
  const worker = (name: string, more: Partial<Worker> = {}): Worker => ({
    id: WorkerId(name),
    queue: batchQueue,
    instance: InstanceId(name),
    address: null,
    activity: 'idle',
    runningJobs: 0,
    total: resources,
    slots: [],
    ...more,
  });
  const view: QueueSnapshot = {
    queue: batchQueue,
    takenAtMs: 1,
    workersComplete: true,
    demandComplete: true,
    demand: [],
    workers: [
      worker('up'),
      worker('down'),
      worker('busy', { runningJobs: 1, activity: 'claimed' }),
      worker('other'),
      worker('stranger', { instance: null }),
    ],
    jobs: { waiting: 0, running: 1, held: 0 },
  };
  const shown = probes.withoutUnreachable(view, machines).workers.map(({ id }) => id);
  expect(shown).toEqual(['up', 'busy', 'other', 'stranger']);
});
