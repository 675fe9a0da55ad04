import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DemandId, QueueName } from '../../src/model/ids.ts';
import type { Pool } from '../../src/model/offer.ts';
import { fill } from '../../src/planner/parts.ts';
import { makeJobClass, makeOffer, makePool } from '../support/siteParts.ts';
import {
  cloud,
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

const minute = 60_000;

describe('parts of a whole', () => {
  const wants = fc.array(fc.integer({ min: 0, max: 20 }), { minLength: 1, maxLength: 6 });

  test('together are no more than there is, and none is more than is wanted; nothing is left that somebody wants', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), wants, (total, all) => {
        const parts = fill(total, all);
        const given = parts.reduce((sum, part) => sum + part, 0);
        const wanted = all.reduce((sum, want) => sum + want, 0);
        expect(given).toBeCloseTo(Math.min(total, wanted), 6);
        parts.forEach((part, at) => {
          expect(part).toBeLessThanOrEqual((all[at] ?? 0) + 1e-9);
        });
      }),
    );
  });

  test('who has less than another has all that he wants', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 60 }), wants, (total, all) => {
        const parts = fill(total, all);
        const most = Math.max(...parts);
        parts.forEach((part, at) => {
          if (part < most - 1e-9) expect(part).toBeCloseTo(all[at] ?? 0, 6);
        });
      }),
    );
  });
});

describe('two pools over a cloud that has its max', () => {
  const small = makeOffer({ name: 'small' });
  const other = makeOffer({ name: 'other', vmType: 'b' });
  const first = makePool({ name: 'first', offers: ['small'] });
  const second = makePool({ name: 'second', offers: ['other'] });
  const waiting = (count: number, over: Parameters<typeof demandOf>[2] = {}) =>
    demandOf(makeJobClass({ name: 'b', vmType: 'b' }), count, {
      oldestSubmittedAtMs: nowMs - 20 * minute,
      ...over,
    });
  const own = (phase: 'idle' | 'claimed', name: string) =>
    serving(phase, name, { pool: first.name, offer: small.name });
  const four = named(['a', 'b', 'c', 'd'], (name) => own('claimed', name));
  const crowded = (situation: Situation) =>
    decide({
      offers: [small, other],
      pools: [first, second],
      clouds: [cloud({ max: 4 })],
      machines: four,
      ...situation,
    });
  const yields = (situation: Situation) =>
    crowded(situation).drains.map(({ instance, reason }) => `${instance} ${reason}`);

  test('those who were first yield what is above their part, to jobs that have waited long', () => {
    expect(yields({ demand: [waiting(10)] })).toEqual(['a-0 yielded', 'b-0 yielded']);
    expect(yields({ demand: [waiting(1)] })).toEqual(['a-0 yielded']);
    expect(yields({ demand: [waiting(10, { oldestSubmittedAtMs: nowMs - minute })] })).toEqual([]);
    expect(yields({ demand: [] })).toEqual([]);
  });

  test('how long they have waited is told by the clock that dates them, not by daemon time', () => {
    const wallMs = nowMs - 60 * minute;
    const since = (ms: number) => ({ wallMs, demand: [waiting(1, { oldestSubmittedAtMs: wallMs - ms })] });
    expect(yields(since(9 * minute))).toEqual([]);
    expect(yields(since(10 * minute))).toEqual(['a-0 yielded']);
  });

  test('free machines before those that work, and no more than are not on their way out already', () => {
    const machines = [
      ...named(['a', 'b'], (name) => own('claimed', name)),
      longFree('free', nowMs - 15_000),
      own('claimed', 'd'),
    ];
    const placed = machines.map((entry) => ({ ...entry, instance: { ...entry.instance, pool: first.name } }));
    expect(yields({ machines: placed, demand: [waiting(1)] })).toEqual(['free-0 yielded']);
    const leaving = draining('gone', 'yielded');
    const going = { ...leaving, instance: { ...leaving.instance, pool: first.name } };
    expect(yields({ machines: [...four.slice(1), going], demand: [waiting(1)] })).toEqual([]);
  });

  test('never below min, and never for a pool of lesser priority', () => {
    const pools = (over: Partial<Pool>): Situation => ({
      pools: [{ ...first, ...over }, second],
      demand: [waiting(10)],
    });
    expect(yields(pools({ min: 2 }))).toEqual(['a-0 yielded']);
    expect(yields(pools({ priority: 1 }))).toEqual([]);
    expect(yields(pools({ priority: -1 }))).toHaveLength(4);
  });

  test('who has its part launches nothing there while others wait for theirs, and says so', () => {
    const more = demandOf(makeJobClass(), 10, { id: DemandId('more'), oldestSubmittedAtMs: 0 });
    const decided = crowded({ machines: four.slice(1), demand: [more, waiting(10)] });
    expect(launched(decided)).toEqual(['second/other ×1 demand']);
    expect(decided.demand.find(({ demand }) => demand === 'more')?.shortage).toMatchObject({
      code: 'part',
      why: expect.stringContaining('pool first has its part of cloud east, 2 machines'),
    });
  });

  test('parts are by queue first: two pools of one queue have together what one of another has', () => {
    const third = makePool({ name: 'third', offers: ['other'], queue: QueueName('grid') });
    const decided = decide({
      offers: [small, other],
      pools: [first, second, third],
      clouds: [cloud({ max: 4 })],
      machines: [
        ...four.slice(0, 3),
        coming('x', { pool: third.name, offer: other.name, queue: third.queue }),
      ],
      demand: [waiting(10), waiting(10, { id: DemandId('grid'), queue: QueueName('grid') })],
    });
    expect(decided.drains).toMatchObject([{ instance: 'a-0', reason: 'yielded' }]);
  });

  test('a place that has come free is a part of the whole: it is for who lacks some of his, whoever comes first', () => {
    const offer = makeOffer({ name: 'third', vmType: 'c' });
    const third = makePool({ name: 'third', offers: [offer.name] });
    const decided = decide({
      offers: [small, other, offer],
      pools: [first, second, third],
      clouds: [cloud({ max: 6 })],
      machines: [
        ...four.slice(0, 2),
        ...named(['x', 'y'], (name) => coming(name, { pool: second.name, offer: other.name })),
        coming('z', { pool: third.name, offer: offer.name }),
      ],
      demand: [
        demandOf(makeJobClass(), 10, { oldestSubmittedAtMs: nowMs - 60 * minute }),
        waiting(10, { id: DemandId('b') }),
        demandOf(makeJobClass({ name: 'c', vmType: 'c' }), 10, { oldestSubmittedAtMs: nowMs - 20 * minute }),
      ],
    });
    expect(launched(decided)).toEqual(['third/third ×1 demand']);
    expect(decided.drains).toEqual([]);
  });
});
