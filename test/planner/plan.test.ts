import { describe, expect, test } from 'vitest';
import { fixedContext } from '../../src/classad/context.ts';
import type { FleetEntry } from '../../src/fleet/entry.ts';
import type { Stranger } from '../../src/fleet/fleet.ts';
import { createMatchmaker } from '../../src/matchmaker/matchmaker.ts';
import type { Demand, QueueSnapshot } from '../../src/model/demand.ts';
import { DemandId, InstanceId, JobId, PoolName } from '../../src/model/ids.ts';
import type { Instance, Phase } from '../../src/model/instance.ts';
import type { Offer, Pool } from '../../src/model/offer.ts';
import { type CloudOutlook, type Plan, plan } from '../../src/planner/plan.ts';
import { offerKey, type SetAsides } from '../../src/planner/setAside.ts';
import {
  found,
  makeEntry,
  makeFleet,
  makeInstance,
  makeView,
  makeWorker,
  t0,
} from '../support/fleetParts.ts';
import type { JobClass } from '../support/simulatedQueue.ts';
import { batchQueue, east, makeJobClass, makeOffer, makePool, west } from '../support/siteParts.ts';

const nowMs = t0 + 100_000;
const small = makeOffer({ name: 'small' });
const pool = makePool({ offers: ['small'] });

function demandOf(jobClass: JobClass, count: number, over: Partial<Demand> = {}): Demand {
  return {
    id: DemandId(jobClass.name),
    queue: batchQueue,
    kind: 'counted',
    count,
    ad: jobClass.ad,
    sampleJobs: [JobId('1.0')],
    oldestSubmittedAtMs: 0,
    ...over,
  };
}

interface Situation {
  readonly offers?: readonly Offer[];
  readonly pools?: readonly Pool[];
  readonly demand?: readonly Demand[];
  readonly machines?: readonly FleetEntry[];
  readonly strangers?: readonly Stranger[];
  /** Workers of those in service, from their phase, unless given. */
  readonly view?: Partial<QueueSnapshot> | null;
  readonly queueTrouble?: string;
  readonly isNew?: boolean;
  readonly clouds?: readonly CloudOutlook[];
  readonly setAsides?: SetAsides;
}

function decide(situation: Situation): Plan {
  const { offers = [small], pools = [pool], demand = [], machines = [], strangers = [] } = situation;
  const workers = machines.flatMap(({ instance, sighting }) =>
    sighting.activity === null || sighting.unseen > 0 ? [] : [makeWorker(instance.id, sighting.activity)],
  );
  const view =
    situation.view === null ? null : makeView(nowMs - 1000, { demand, workers, ...situation.view });
  const clouds = situation.clouds ?? [cloud(), { ...cloud(), name: west }];
  return plan({
    nowMs,
    pools,
    offers: new Map(offers.map((offer) => [offer.name, offer])),
    clouds: new Map(clouds.map((outlook) => [outlook.name, outlook])),
    queues: new Map([
      [batchQueue, { view, trouble: situation.queueTrouble ?? null, isNew: situation.isNew ?? true }],
    ]),
    fleet: {
      ...makeFleet(machines),
      strangers: new Map(strangers.map((stranger) => [stranger.found.cloudId, stranger])),
    },
    setAsides: situation.setAsides ?? new Map(),
    matchmaker: createMatchmaker(offers, () => fixedContext),
    instanceOf: ({ instance }) => instance,
  });
}

const cloud = (over: Partial<CloudOutlook> = {}): CloudOutlook => ({
  name: east,
  max: null,
  launchesLeft: 100,
  trouble: null,
  ...over,
});
const coming = (name: string, over: Partial<Instance> = {}) =>
  makeEntry(makeInstance('building', { name, deadlineMs: nowMs + 1, ...over }));
const serving = (phase: 'idle' | 'claimed', name: string, over: Partial<Instance> = {}) =>
  makeEntry(makeInstance(phase, { name, ...over }), {
    activity: phase,
    workerSeenAtMs: nowMs - 1000,
    cloudState: 'running',
  });
/** Free for longer than the pool's idle time. */
const longFree = (name: string, sinceMs = nowMs - 90_000) => serving('idle', name, { idleSinceMs: sinceMs });
const draining = (name: string, endReason: Instance['endReason'] = 'idle') =>
  makeEntry(makeInstance('draining', { name, endReason }), {
    activity: 'drained',
    workerSeenAtMs: nowMs - 1000,
  });
const named = (names: readonly string[], make: (name: string) => FleetEntry) =>
  names.map((name) => make(name));

const launched = ({ launches }: Plan) =>
  launches.map(({ pool: of, offer, count, cause }) => `${of}/${offer} ×${count} ${cause.kind}`);

describe('waiting jobs', () => {
  test('nothing waits, nothing is done', () => {
    expect(decide({})).toEqual({ launches: [], undrains: [], drains: [], demand: [] });
  });

  test('a machine for each job that needs a whole one', () => {
    const decided = decide({ demand: [demandOf(makeJobClass(), 3)] });
    expect(launched(decided)).toEqual(['pool/small ×3 demand']);
    expect(decided.demand).toMatchObject([
      { jobs: 3, onWorkers: 0, onComing: 0, onLaunches: 3, unmet: 0, shortage: null },
    ]);
  });

  test.each([
    ['cpus', { cpus: 2, memoryMiB: 1, diskMiB: 1 }, 2],
    ['memory', { cpus: 1, memoryMiB: 3000, diskMiB: 1 }, 3],
    ['disk', { cpus: 1, memoryMiB: 1, diskMiB: 10_000 }, 3],
  ])('several share one machine as far as its %s go', (_, request, machines) => {
    const offer = makeOffer({ name: 'large', cpus: 4, memoryMiB: 8000, diskMiB: 20_480 });
    const decided = decide({
      offers: [offer],
      pools: [makePool({ offers: ['large'], max: 9 })],
      demand: [demandOf(makeJobClass(request), request.cpus === 2 ? 4 : 6)],
    });
    expect(launched(decided)).toEqual([`pool/large ×${machines} demand`]);
  });

  test('what is left of a machine that one group needs is for the next group', () => {
    const offer = makeOffer({ name: 'large', cpus: 4, memoryMiB: 8000 });
    const one = makeJobClass({ name: 'one', memoryMiB: 100 });
    const other = makeJobClass({ name: 'other', memoryMiB: 100, cpus: 2 });
    const decided = decide({
      offers: [offer],
      pools: [makePool({ offers: ['large'] })],
      demand: [demandOf(one, 2), demandOf(other, 1)],
    });
    expect(launched(decided)).toEqual(['pool/large ×1 demand']);
  });

  test('workers with room take them first, ours and others', () => {
    const foreign = makeWorker(null, 'idle');
    const ours = serving('idle', 'a');
    const view = { workers: [foreign, makeWorker(ours.instance.id, 'idle')] };
    const decided = decide({ machines: [ours], view, demand: [demandOf(makeJobClass(), 3)] });
    expect(decided.demand).toMatchObject([{ onWorkers: 2, onLaunches: 1 }]);
  });

  test('machines on their way take them next: nothing is launched twice', () => {
    const decided = decide({ machines: named(['a', 'b'], coming), demand: [demandOf(makeJobClass(), 2)] });
    expect(decided.launches).toEqual([]);
    expect(decided.demand).toMatchObject([{ onComing: 2 }]);
  });

  test('a machine that is late is not counted on, yet counts toward max', () => {
    const late = named(['a', 'b', 'c'], (name) => coming(name, { deadlineMs: nowMs - 1 }));
    const decided = decide({ machines: late, demand: [demandOf(makeJobClass(), 5)] });
    expect(launched(decided)).toEqual(['pool/small ×2 demand']);
    expect(decided.demand).toMatchObject([{ unmet: 3, shortage: { code: 'poolMax' } }]);
  });

  test('a machine that drains for want of work is un-drained before one is launched', () => {
    const decided = decide({ machines: [draining('a')], demand: [demandOf(makeJobClass(), 2)] });
    expect(decided.undrains).toEqual([InstanceId('a-0')]);
    expect(launched(decided)).toEqual(['pool/small ×1 demand']);
  });

  test.each(['lifetime', 'operator', 'removed'] as const)(
    'one that drains because of its %s is not',
    (reason) => {
      const decided = decide({ machines: [draining('a', reason)], demand: [demandOf(makeJobClass(), 1)] });
      expect(decided.undrains).toEqual([]);
      expect(launched(decided)).toEqual(['pool/small ×1 demand']);
    },
  );

  test('one that is being un-drained is on its way back', () => {
    const decided = decide({ machines: [draining('a', null)], demand: [demandOf(makeJobClass(), 1)] });
    expect(decided).toMatchObject({ undrains: [], launches: [] });
  });

  test('the oldest group is served first, whatever the order in the view', () => {
    const young = demandOf(makeJobClass({ name: 'young' }), 5, { oldestSubmittedAtMs: 2000 });
    const old = demandOf(makeJobClass({ name: 'old' }), 5, { oldestSubmittedAtMs: 1000 });
    expect(
      decide({ demand: [young, old] }).demand.map(({ demand, onLaunches }) => [demand, onLaunches]),
    ).toEqual([
      ['old', 5],
      ['young', 0],
    ]);
  });

  test('a free machine that one missed view does not show is still counted on', () => {
    const missed = makeEntry(makeInstance('idle'), {
      activity: 'idle',
      workerSeenAtMs: nowMs - 11_000,
      unseen: 1,
    });
    expect(decide({ machines: [missed], demand: [demandOf(makeJobClass(), 1)] }).launches).toEqual([]);
    const gone = makeEntry(makeInstance('idle'), {
      activity: 'idle',
      workerSeenAtMs: nowMs - 41_000,
      unseen: 3,
    });
    expect(launched(decide({ machines: [gone], demand: [demandOf(makeJobClass(), 1)] }))).toEqual([
      'pool/small ×1 demand',
    ]);
  });

  test.each(['gang', 'named', 'instance'] as const)(
    'demand of the kind %s is told that it is not served',
    (kind) => {
      const decided = decide({ demand: [demandOf(makeJobClass(), 1, { kind })] });
      expect(decided).toMatchObject({ launches: [], demand: [{ unmet: 1, shortage: { code: 'kind' } }] });
    },
  );
});

describe('which offer', () => {
  const a = makeOffer({ name: 'a', perHour: 0.3 });
  const b = makeOffer({ name: 'b', perHour: 0.1, cloud: west });
  const both = { offers: [a, b], pools: [makePool({ offers: ['a', 'b'] })] };

  test('the cheapest place for one job', () => {
    expect(launched(decide({ ...both, demand: [demandOf(makeJobClass(), 1)] }))).toEqual([
      'pool/b ×1 demand',
    ]);
  });

  test('a large machine is cheap when many jobs share it', () => {
    const large = makeOffer({ name: 'large', cpus: 8, memoryMiB: 65_536, perHour: 0.4 });
    const decided = decide({
      offers: [a, b, large],
      pools: [makePool({ offers: ['a', 'b', 'large'] })],
      demand: [demandOf(makeJobClass(), 8)],
    });
    expect(launched(decided)).toEqual(['pool/large ×1 demand']);
  });

  test('the job´s Rank comes before the price', () => {
    const jobClass = makeJobClass({ rank: 'TARGET.Good =?= true' });
    const good = makeOffer({ name: 'good', perHour: 9, more: 'Good = true' });
    const decided = decide({
      offers: [b, good],
      pools: [makePool({ offers: ['b', 'good'] })],
      demand: [demandOf(jobClass, 1)],
    });
    expect(launched(decided)).toEqual(['pool/good ×1 demand']);
  });

  test('the order of the config decides among equals', () => {
    const twins = [makeOffer({ name: 'z' }), makeOffer({ name: 'y' })];
    const decided = decide({
      offers: twins,
      pools: [makePool({ offers: ['z', 'y'] })],
      demand: [demandOf(makeJobClass(), 1)],
    });
    expect(launched(decided)).toEqual(['pool/z ×1 demand']);
  });

  test('what the best cannot take goes to the next', () => {
    const few = { ...b, max: 2 };
    expect(launched(decide({ ...both, offers: [a, few], demand: [demandOf(makeJobClass(), 4)] }))).toEqual([
      'pool/b ×2 demand',
      'pool/a ×2 demand',
    ]);
  });

  test('a cloud in trouble is passed over, and only that cloud', () => {
    const clouds = [cloud(), cloud({ name: west, trouble: 'last seen 90 s ago' })];
    expect(launched(decide({ ...both, clouds, demand: [demandOf(makeJobClass(), 2)] }))).toEqual([
      'pool/a ×2 demand',
    ]);
  });

  test('an offer that is set aside is passed over; when its time has come one machine tries it', () => {
    const aside = (untilMs: number, probe = null) =>
      new Map([
        [
          offerKey(b.name),
          {
            key: offerKey(b.name),
            reason: 'capacity',
            message: 'full',
            failures: 2,
            sinceMs: t0,
            untilMs,
            probe,
          } as const,
        ],
      ]);
    const demand = [demandOf(makeJobClass(), 3)];
    expect(launched(decide({ ...both, setAsides: aside(nowMs + 1), demand }))).toEqual(['pool/a ×3 demand']);
    const probing = decide({ ...both, setAsides: aside(nowMs), demand });
    expect(launched(probing)).toEqual(['pool/b ×1 demand', 'pool/a ×2 demand']);
    expect(probing.launches.map(({ probe }) => probe)).toEqual([true, false]);
  });

  test('no offer that fits: nothing, and it is said', () => {
    const decided = decide({ demand: [demandOf(makeJobClass({ vmType: 'other' }), 2)] });
    expect(decided).toMatchObject({ launches: [], demand: [{ unmet: 2, shortage: { code: 'noOffer' } }] });
    expect(decide({ pools: [], demand: [demandOf(makeJobClass(), 1)] }).demand).toMatchObject([
      { shortage: { code: 'noPool' } },
    ]);
  });

  test('too small for the job is no offer, either', () => {
    expect(decide({ demand: [demandOf(makeJobClass({ memoryMiB: 4096 }), 1)] }).demand).toMatchObject([
      { shortage: { code: 'noOffer' } },
    ]);
  });
});

describe('bounds', () => {
  const many = [demandOf(makeJobClass(), 50)];
  const every: readonly Phase[] = [
    'requested',
    'unknown',
    'building',
    'joining',
    'claimed',
    'unreachable',
    'failed',
    'terminating',
  ];

  test.each(every)('a machine that is %s counts toward max', (phase) => {
    const machine = makeEntry(makeInstance(phase, { deadlineMs: nowMs - 1 }));
    expect(launched(decide({ machines: [machine], demand: many }))).toEqual(['pool/small ×4 demand']);
  });

  test('a stranger counts toward max, too', () => {
    const stranger = {
      cloud: east,
      found: found(makeInstance('building', { name: 's' })),
      firstListedAtMs: t0,
      lists: 1,
    };
    expect(launched(decide({ strangers: [stranger], demand: many }))).toEqual(['pool/small ×4 demand']);
  });

  test('the tightest bound is the one that is told', () => {
    const bounded = decide({ clouds: [cloud({ max: 2 })], demand: many });
    expect(launched(bounded)).toEqual(['pool/small ×2 demand']);
    expect(bounded.demand).toMatchObject([{ unmet: 48, shortage: { code: 'cloudMax' } }]);
    expect(decide({ offers: [{ ...small, max: 1 }], demand: many }).demand).toMatchObject([
      { unmet: 49, shortage: { code: 'offerMax' } },
    ]);
    expect(decide({ clouds: [cloud({ launchesLeft: 3 })], demand: many }).demand).toMatchObject([
      { unmet: 47, shortage: { code: 'launchesInFlight' } },
    ]);
  });

  test('two pools share one cloud´s max', () => {
    const pools = [
      makePool({ name: 'p', offers: ['small'], max: 3 }),
      makePool({ name: 'q', offers: ['small'], max: 3 }),
    ];
    expect(launched(decide({ pools, clouds: [cloud({ max: 4 })], demand: many }))).toEqual([
      'p/small ×3 demand',
      'q/small ×1 demand',
    ]);
  });

  test('a pool that has more than its max since the config was changed launches nothing', () => {
    const machines = named(['a', 'b', 'c'], (name) => serving('claimed', name));
    expect(
      decide({ pools: [makePool({ offers: ['small'], max: 2, min: 2 })], machines, demand: many }).launches,
    ).toEqual([]);
  });
});

describe('min and head-room', () => {
  const kept = [makePool({ offers: ['small'], min: 2, headroom: 1 })];
  const minOnly = [makePool({ offers: ['small'], min: 2 })];

  test('are filled without a job', () => {
    expect(launched(decide({ pools: minOnly }))).toEqual(['pool/small ×2 min']);
    expect(launched(decide({ pools: [makePool({ offers: ['small'], headroom: 2 })] }))).toEqual([
      'pool/small ×2 headroom',
    ]);
  });

  test('machines on their way count toward min until their deadline', () => {
    expect(decide({ pools: minOnly, machines: named(['a', 'b'], coming) }).launches).toEqual([]);
    const late = named(['a', 'b'], (name) => coming(name, { deadlineMs: nowMs }));
    expect(launched(decide({ pools: minOnly, machines: late }))).toEqual(['pool/small ×2 min']);
  });

  test.each(['failed', 'unreachable', 'terminating'] as const)(
    'a machine that is %s does not count toward min',
    (phase) => {
      const machines = named(['a', 'b'], (name) => makeEntry(makeInstance(phase, { name })));
      expect(launched(decide({ pools: minOnly, machines }))).toEqual(['pool/small ×2 min']);
    },
  );

  test('a stranger may be one of min: nothing is launched for it before that is settled', () => {
    const strangers = ['s', 't'].map((name) => ({
      cloud: east,
      found: found(makeInstance('idle', { name })),
      firstListedAtMs: t0,
      lists: 1,
    }));
    expect(decide({ pools: minOnly, strangers }).launches).toEqual([]);
  });

  test('what jobs make it launch counts toward min', () => {
    expect(launched(decide({ pools: minOnly, demand: [demandOf(makeJobClass(), 1)] }))).toEqual([
      'pool/small ×1 demand',
      'pool/small ×1 min',
    ]);
  });

  test('head-room is what jobs do not need', () => {
    const machines = named(['a', 'b'], longFree);
    expect(decide({ pools: kept, machines }).launches).toEqual([]);
    expect(launched(decide({ pools: kept, machines, demand: [demandOf(makeJobClass(), 2)] }))).toEqual([
      'pool/small ×1 headroom',
    ]);
  });

  test('min never goes past max, nor does head-room', () => {
    const pools = [makePool({ offers: ['small'], min: 1, max: 3, headroom: 9 })];
    expect(decide({ pools }).launches.reduce((sum, { count }) => sum + count, 0)).toBe(3);
  });
});

describe('drains', () => {
  const drained = (situation: Situation) => decide(situation).drains.map(({ instance }) => instance);
  const view = { takenAtMs: nowMs - 1000 };

  test('the longest free first, all that are free for the idle time', () => {
    const machines = [
      longFree('a', nowMs - 70_000),
      longFree('b', nowMs - 90_000),
      longFree('c', nowMs - 10_000),
    ];
    expect(drained({ machines })).toEqual(['b-0', 'a-0']);
  });

  test('a machine that a waiting job needs stays', () => {
    expect(
      drained({ machines: [longFree('a'), longFree('b')], demand: [demandOf(makeJobClass(), 1)] }),
    ).toHaveLength(1);
  });

  test('never below min, and never into head-room', () => {
    const machines = named(['a', 'b', 'c'], longFree);
    expect(drained({ machines, pools: [makePool({ offers: ['small'], min: 2 })] })).toHaveLength(1);
    expect(drained({ machines, pools: [makePool({ offers: ['small'], headroom: 2 })] })).toHaveLength(1);
    expect(drained({ machines, pools: [makePool({ offers: ['small'], min: 3 })] })).toEqual([]);
  });

  test('a machine that works is not drained, nor one whose worker has a job that the phase does not show yet', () => {
    const taken = makeEntry(makeInstance('idle', { idleSinceMs: t0 }), { activity: 'claimed' });
    expect(drained({ machines: [serving('claimed', 'a'), taken] })).toEqual([]);
  });

  test.each([
    ['no view yet', { view: null }],
    ['a view that was there at the last tick', { isNew: false }],
    ['a queue in trouble', { queueTrouble: 'last seen 90 s ago' }],
    ['workers that may be missing', { view: { ...view, workersComplete: false } }],
    ['demand that may be missing', { view: { ...view, demandComplete: false } }],
  ])('%s: none', (_, situation) => {
    expect(drained({ machines: [longFree('a')], ...situation })).toEqual([]);
  });

  test('a view that was begun before the idle time was over cannot say that nobody came', () => {
    const machines = [longFree('a', nowMs - 61_000)];
    expect(drained({ machines, view: { takenAtMs: nowMs - 2000 } })).toEqual([]);
    expect(drained({ machines, view: { takenAtMs: nowMs - 1000 } })).toEqual(['a-0']);
  });

  test('a machine that the newest view does not show is not drained', () => {
    const unseen = makeEntry(makeInstance('idle', { idleSinceMs: t0 }), { activity: 'idle', unseen: 1 });
    expect(drained({ machines: [unseen] })).toEqual([]);
  });

  test('above max the free ones go at once', () => {
    const machines = [
      ...named(['a', 'b', 'c'], (name) => serving('claimed', name)),
      longFree('d', nowMs - 2000),
    ];
    const decided = decide({ machines, pools: [makePool({ offers: ['small'], max: 3 })] });
    expect(decided.drains).toMatchObject([{ instance: 'd-0', why: expect.stringContaining('max of 3') }]);
  });

  test('a machine of a pool that has left the config drains, whatever it does', () => {
    const other = serving('claimed', 'a', { pool: PoolName('left') });
    expect(decide({ machines: [other] }).drains).toMatchObject([{ instance: 'a-0', reason: 'removed' }]);
  });
});

describe('what a view does not say', () => {
  const demand = [demandOf(makeJobClass(), 3)];

  test('no launch for jobs while workers may be missing that could take them', () => {
    const decided = decide({ demand, view: { workersComplete: false, demand } });
    expect(decided).toMatchObject({
      launches: [],
      demand: [{ unmet: 3, shortage: { code: 'workersIncomplete' } }],
    });
  });

  test('no launch for jobs from a queue in trouble', () => {
    expect(decide({ demand, queueTrouble: 'last seen 90 s ago' }).launches).toEqual([]);
  });

  test('a silent schedd does not hold up the others´ jobs', () => {
    expect(launched(decide({ demand, view: { demandComplete: false, demand } }))).toEqual([
      'pool/small ×3 demand',
    ]);
  });

  test('min is kept whatever the queue says', () => {
    expect(launched(decide({ view: null, pools: [makePool({ offers: ['small'], min: 1 })] }))).toEqual([
      'pool/small ×1 min',
    ]);
  });
});

test('the same situation gives the same plan', () => {
  const situation: Situation = {
    machines: [longFree('a'), coming('b'), draining('c')],
    demand: [demandOf(makeJobClass(), 9)],
  };
  expect(decide(situation)).toEqual(decide(situation));
});
