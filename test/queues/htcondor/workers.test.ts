import { describe, expect, it } from 'vitest';
import { type AttributeRecord, adFromValues, type ClassAd } from '../../../src/classad/ad.ts';
import { evaluateAttribute } from '../../../src/classad/evaluate.ts';
import { Secret } from '../../../src/config/secrets.ts';
import type { Worker } from '../../../src/model/demand.ts';
import { QueueName } from '../../../src/model/ids.ts';
import { noResources } from '../../../src/model/resources.ts';
import { AdReader, LongAds } from '../../../src/queues/htcondor/long-ads.ts';
import type { JoinSettings } from '../../../src/queues/htcondor/settings.ts';
import { workersOf } from '../../../src/queues/htcondor/workers.ts';
import { recorded } from './fake-tools.ts';

const queue = QueueName('main');
const join: JoinSettings = {
  collector: 'head',
  trustDomain: 'pool.test',
  signingKey: Secret.of('key'),
  signingKeyId: 'spillway',
  identity: 'spillway-<instance>@pool.test',
  ccb: false,
  privateNetwork: null,
  marginMs: 0,
  lifetimeMs: 0,
};

function slotsIn(path: string): readonly ClassAd[] {
  const reader = new AdReader();
  const slots: ClassAd[] = [];
  const ads = new LongAds((lines) => slots.push(reader.read(lines)));
  for (const line of recorded(path).split('\n')) ads.take(line);
  ads.finish();
  return slots;
}

function seen(path: string, name: string): Worker {
  const found = workersOf(queue, slotsIn(path), join).find((worker) => worker.id === name);
  if (found === undefined) throw new Error(`no ${name}`);
  return found;
}

const ours = 'i1-0.pool.test';
const theirs = 'st.pool.test';
const whole = { cpus: 4, memoryMiB: 8000, diskMiB: 19531, gpus: 0 };

describe('a machine with one partitionable slot, as HTCondor showed it', () => {
  it.each([
    ['idle', 'idle', 0, [4]],
    ['claiming', 'claimed', 0, [2, 1, 1]],
    ['busy', 'claimed', 2, [2]],
    ['draining', 'draining', 2, [0]],
    ['drained', 'drained', 0, [0]],
  ])('%s', (name, activity, runningJobs, freeCpus) => {
    const worker = seen(`slots/${name}.out`, ours);
    expect(worker).toMatchObject({
      activity,
      runningJobs,
      total: whole,
      instance: 'i1-0',
      address: '127.0.0.171',
    });
    expect(worker.slots.map((slot) => slot.free.cpus)).toEqual(freeCpus);
    expect(worker.slots[0]?.partitionable).toBe(true);
  });

  it('shows a slot about to be used as one place, with what its machine says of itself', () => {
    const [, about] = seen('slots/claiming.out', ours).slots;
    expect(about).toMatchObject({ partitionable: false, free: { cpus: 1, memoryMiB: 256 } });
    const said = ['VMType', 'Arch', 'Cpus', 'Name'].map((name) =>
      about === undefined ? null : evaluateAttribute(about.ad, name),
    );
    expect(said).toEqual(['small', 'X86_64', 1, 'slot1_1@i1-0.pool.test']);
  });
});

describe('a machine with static slots', () => {
  it('sums them, and has those free that are not taken', () => {
    const worker = seen('slots/busy.out', theirs);
    expect(worker).toMatchObject({
      activity: 'claimed',
      runningJobs: 2,
      total: { ...whole, diskMiB: 19528 },
    });
    expect(worker.slots.map((slot) => slot.free.cpus)).toEqual([0, 0, 1, 1]);
    expect(worker.slots.map((slot) => slot.partitionable)).toEqual([false, false, false, false]);
  });

  it('is not ours when it only says so: its token is another machine’s', () => {
    expect(seen('slots/idle.out', theirs).instance).toBeNull();
  });
});

function slot(over: AttributeRecord = {}): ClassAd {
  return adFromValues({
    Name: 'slot1@m',
    MyAddress: '<10.0.0.5:9618?addrs=10.0.0.5-9618>',
    State: 'Unclaimed',
    Activity: 'Idle',
    SlotID: 1,
    Cpus: 2,
    Memory: 100,
    Disk: 2048,
    ...over,
  });
}

const only = (...ads: readonly ClassAd[]) => workersOf(queue, ads, join);

describe('states', () => {
  const twoCpus = { cpus: 2, memoryMiB: 100, diskMiB: 2, gpus: 0 };
  it.each([
    ['Unclaimed', 'Idle', 'idle', 0, twoCpus],
    ['Unclaimed', 'Benchmarking', 'idle', 0, twoCpus],
    ['Owner', 'Idle', 'idle', 0, twoCpus],
    ['Backfill', 'Busy', 'idle', 0, twoCpus],
    ['Matched', 'Idle', 'claimed', 0, twoCpus],
    ['Claimed', 'Idle', 'claimed', 0, twoCpus],
    ['Claimed', 'Busy', 'claimed', 1, noResources],
    ['Claimed', 'Suspended', 'claimed', 1, noResources],
    ['Claimed', 'Retiring', 'draining', 1, noResources],
    ['Preempting', 'Vacating', 'claimed', 1, noResources],
    ['Drained', 'Idle', 'drained', 0, noResources],
    ['SomethingNew', 'Idle', 'claimed', 0, noResources],
  ])('%s/%s: %s', (State, Activity, activity, runningJobs, free) => {
    const [worker] = only(slot({ State, Activity }));
    expect(worker).toMatchObject({ activity, runningJobs });
    expect(worker?.slots[0]?.free).toEqual(free);
  });

  it('is claimed while its partitionable slot still counts children that are not shown', () => {
    const [worker] = only(slot({ PartitionableSlot: true, NumDynamicSlots: 1 }));
    expect(worker).toMatchObject({ activity: 'claimed', runningJobs: 0 });
  });

  it('condor_off -peaceful: unclaimed, but all that runs is retiring', () => {
    const [worker] = only(
      slot({ PartitionableSlot: true, NumDynamicSlots: 1 }),
      slot({ Name: 'slot1_1@m', DynamicSlot: true, State: 'Claimed', Activity: 'Retiring', Cpus: 1 }),
    );
    expect(worker).toMatchObject({ activity: 'draining', runningJobs: 1 });
    expect(worker?.slots.map(({ free }) => free)).toEqual([noResources]);
  });

  it('one job that retires by itself drains no machine', () => {
    const [worker] = only(
      slot({ State: 'Claimed', Activity: 'Retiring' }),
      slot({ Name: 'slot2@m', SlotID: 2, State: 'Claimed', Activity: 'Busy' }),
      slot({ Name: 'slot3@m', SlotID: 3 }),
    );
    expect(worker).toMatchObject({ activity: 'claimed', runningJobs: 2 });
    expect(worker?.slots.map(({ free }) => free.cpus)).toEqual([0, 0, 2]);
  });

  it('GPUs are counted', () => {
    const [worker] = only(slot({ GPUs: 1, TotalSlotGPUs: 2, PartitionableSlot: true }));
    expect(worker?.total.gpus).toBe(2);
    expect(worker?.slots[0]?.free.gpus).toBe(1);
  });
});

describe('who uses it', () => {
  const slot = (name: string, more: AttributeRecord): ClassAd =>
    adFromValues({ Name: name, State: 'Claimed', Activity: 'Busy', MyAddress: '<10.0.0.7:9618>', ...more });
  const usage = (slots: readonly ClassAd[]) => workersOf(queue, slots, null)[0]?.usage;

  it('claimed slots say whose jobs take how much', () => {
    const slots = [
      slot('slot1_1@node', { RemoteOwner: 'alice@pool.test', Cpus: 2, DynamicSlot: true }),
      slot('slot1_2@node', { RemoteOwner: 'alice@pool.test', Cpus: 1, DynamicSlot: true }),
      slot('slot1_3@node', {
        RemoteOwner: 'bob@pool.test',
        AccountingGroup: 'physics.higgs.bob@pool.test',
        Cpus: 4,
        DynamicSlot: true,
      }),
    ];
    expect(usage(slots)).toEqual([
      { user: 'alice', group: null, cpus: 3 },
      { user: 'bob', group: 'physics.higgs', cpus: 4 },
    ]);
  });

  it('a machine without a job is used by nobody; one that does not say is not guessed at', () => {
    expect(usage([slot('slot1@node', { State: 'Unclaimed', Activity: 'Idle', Cpus: 4 })])).toEqual([]);
    expect(usage([slot('slot1@node', { Cpus: 4 })])).toBeUndefined();
  });
});

describe('which machine a slot belongs to', () => {
  it('two startds on one host are two workers', () => {
    const workers = only(slot({ Name: 'slot1@a@host' }), slot({ Name: 'slot1@b@host' }));
    expect(workers.map(({ id }) => id)).toEqual(['a@host', 'b@host']);
  });

  it('a startd with one slot may be named as such', () => {
    expect(only(slot({ Name: 'host' })).map(({ id }) => id)).toEqual(['host']);
  });

  it('two machines of one name are told apart by their address', () => {
    const workers = only(slot(), slot({ MyAddress: '<10.0.0.6:9618>' }));
    expect(workers.map(({ id, address }) => [id, address])).toEqual([
      ['m 10.0.0.5', '10.0.0.5'],
      ['m 10.0.0.6', '10.0.0.6'],
    ]);
  });

  it('IPv6 addresses come without their brackets', () => {
    expect(only(slot({ MyAddress: '<[fd00::5]:9618?x=1>' }))[0]?.address).toBe('fd00::5');
  });

  it('an ad that is no slot is passed over', () => {
    expect(only(adFromValues({ MyType: 'StartDaemon', Name: 'm', Machine: 'm' }))).toEqual([]);
  });
});

describe('whose it is', () => {
  const said = { SpillwayInstance: 'x-0', AuthenticatedIdentity: 'spillway-x-0@pool.test' };
  it.each([
    ['says so and bears its identity', [said], 'x-0'],
    ['says so with another identity', [{ ...said, AuthenticatedIdentity: 'admin@pool.test' }], null],
    ['says so without one', [{ SpillwayInstance: 'x-0' }], null],
    ['bears the identity and does not say so', [{ AuthenticatedIdentity: said.AuthenticatedIdentity }], null],
    ['says different things in its slots', [said, { ...said, SpillwayInstance: 'y-0' }], null],
    [
      'has a slot of another identity',
      [said, { ...said, AuthenticatedIdentity: 'spillway-y-0@pool.test' }],
      null,
    ],
  ])('a machine that %s', (_, slots, instance) => {
    const ads = slots.map((attributes, index) =>
      slot({ Name: `slot${index + 1}@m`, SlotID: index + 1, ...attributes }),
    );
    expect(only(...ads)[0]?.instance).toBe(instance);
  });

  it('without a join section none is known as ours', () => {
    expect(workersOf(queue, [slot(said)], null)[0]?.instance).toBeNull();
  });
});
