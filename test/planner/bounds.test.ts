import { describe, expect, test } from 'vitest';
import type { Phase } from '../../src/model/instance.ts';
import { found, makeEntry, makeInstance, t0 } from '../support/fleetParts.ts';
import { east, makeJobClass, makePool } from '../support/siteParts.ts';
import {
  cloud,
  coming,
  decide,
  demandOf,
  launched,
  longFree,
  named,
  nowMs,
  serving,
  small,
} from '../support/situation.ts';

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
      lastListedAtMs: t0,
      missed: 0,
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

  test('create calls under way are counted as calls, however many machines one makes', () => {
    const clouds = [cloud({ launchesLeft: 3 })];
    const seatsPerCall = () => 10;
    const large = [makePool({ offers: ['small'], max: 100 })];
    expect(launched(decide({ clouds, pools: large, demand: many, seatsPerCall }))).toEqual([
      'pool/small ×10 demand',
    ]);
    const pools = ['p', 'q'].map((name) => makePool({ name, offers: ['small'], max: 15 }));
    expect(launched(decide({ clouds, pools, demand: many, seatsPerCall }))).toEqual([
      'p/small ×10 demand',
      'q/small ×10 demand',
    ]);
    const none = [cloud({ launchesLeft: 0 })];
    expect(launched(decide({ clouds: none, pools, demand: many, seatsPerCall }))).toEqual([]);
  });

  test('two pools have equal parts of one cloud´s max', () => {
    const pools = [
      makePool({ name: 'p', offers: ['small'], max: 3 }),
      makePool({ name: 'q', offers: ['small'], max: 3 }),
    ];
    expect(launched(decide({ pools, clouds: [cloud({ max: 4 })], demand: many }))).toEqual([
      'p/small ×2 demand',
      'q/small ×2 demand',
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
      lastListedAtMs: t0,
      missed: 0,
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
