import { describe, expect, test } from 'vitest';
import { InstanceId } from '../../src/model/ids.ts';
import { makeEntry, makeInstance, makeWorker } from '../support/fleetParts.ts';
import { makeJobClass, makeOffer, makePool } from '../support/siteParts.ts';
import {
  coming,
  decide,
  demandOf,
  draining,
  launched,
  longFree,
  named,
  nowMs,
  type Situation,
  serving,
} from '../support/situation.ts';

describe('waiting jobs', () => {
  test('nothing waits, nothing is done', () => {
    expect(decide({})).toMatchObject({ launches: [], undrains: [], drains: [], demand: [] });
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

  test('so is one whose pool or cloud had left the config, and is back', () => {
    const decided = decide({ machines: [draining('a', 'removed')], demand: [demandOf(makeJobClass(), 1)] });
    expect(decided.undrains).toEqual([InstanceId('a-0')]);
  });

  test.each(['lifetime', 'operator'] as const)('one that drains because of its %s is not', (reason) => {
    const decided = decide({ machines: [draining('a', reason)], demand: [demandOf(makeJobClass(), 1)] });
    expect(decided.undrains).toEqual([]);
    expect(launched(decided)).toEqual(['pool/small ×1 demand']);
  });

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

  test.each(['named', 'instance'] as const)('demand of the kind %s is told that it is not served', (kind) => {
    const decided = decide({ demand: [demandOf(makeJobClass(), 1, { kind })] });
    expect(decided).toMatchObject({ launches: [], demand: [{ unmet: 1, shortage: { code: 'kind' } }] });
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
