import { describe, expect, test } from 'vitest';
import {
  countsTowardMax,
  countsTowardMin,
  isComing,
  isInService,
  publicState,
} from '../../src/fleet/entry.ts';
import type { Lesson } from '../../src/fleet/fleet.ts';
import { deadlinesOf, learnTimes } from '../../src/fleet/learned.ts';
import { owedEffects } from '../../src/fleet/owed.ts';
import { deriveFraction, deriveName } from '../../src/model/derive.ts';
import { IntentId, OfferName } from '../../src/model/ids.ts';
import { type Phase, phases } from '../../src/model/instance.ts';
import { makeEntry, makeFleet, makeInstance, t0 } from '../support/fleetParts.ts';
import { east, quickLimits } from '../support/siteParts.ts';

describe('what a phase counts for', () => {
  const nowMs = t0 + 1;
  /** state, coming, in service, toward min, toward max */
  const expected: Readonly<Record<Phase, string>> = {
    requested: 'Unusable coming - min max',
    unknown: 'Unusable coming - min max',
    building: 'Unusable coming - min max',
    joining: 'Unusable coming - min max',
    idle: 'Free - service min max',
    claimed: 'Busy - service min max',
    leased: 'Busy - service min max',
    draining: 'Busy - - - max',
    unreachable: 'Unusable - - - max',
    failed: 'Unusable - - - max',
    terminating: 'Unusable - - - max',
    ended: 'null - - - -',
  };

  test.each(phases)('%s', (phase) => {
    const instance = makeInstance(phase);
    const word = (holds: boolean, name: string) => (holds ? name : '-');
    expect(
      [
        String(publicState(phase)),
        word(isComing(instance, nowMs), 'coming'),
        word(isInService(instance), 'service'),
        word(countsTowardMin(instance, nowMs), 'min'),
        word(countsTowardMax(instance), 'max'),
      ].join(' '),
    ).toBe(expected[phase]);
  });

  test('past its deadline, or with its end decided, it is not coming any more', () => {
    const joining = makeInstance('joining', { deadlineMs: nowMs });
    expect([isComing(joining, nowMs - 1), isComing(joining, nowMs)]).toEqual([true, false]);
    expect(isComing({ ...joining, endReason: 'operator' }, nowMs - 1)).toBe(false);
  });

  test('one that is being un-drained is in service', () => {
    expect(isInService(makeInstance('draining', { endReason: null }))).toBe(true);
  });
});

describe('what is owed to the world', () => {
  const owed = (phase: Phase, over = {}, sighting = {}) =>
    owedEffects(makeFleet([makeEntry(makeInstance(phase, over), sighting)])).map(({ kind }) => kind);

  test.each(phases)('%s', (phase) => {
    const effects = { unknown: ['resolve'], terminating: ['terminate'] }[phase as string] ?? [];
    expect(owed(phase)).toEqual(effects);
  });

  test('a drain until its worker takes no more jobs, and nothing before it has been seen', () => {
    expect(owed('draining', {}, { activity: 'claimed' })).toEqual(['drain']);
    expect(owed('draining', {}, { activity: 'draining' })).toEqual([]);
    expect(owed('draining', {}, { activity: 'drained' })).toEqual([]);
    expect(owed('draining', {}, { activity: null })).toEqual([]);
  });

  test('an un-drain until the queue has answered and its worker takes jobs', () => {
    const back = { endReason: null };
    expect(owed('draining', back, { activity: 'drained' })).toEqual(['undrain']);
    expect(owed('draining', back, { activity: 'idle' })).toEqual(['undrain']);
    expect(owed('draining', back, { activity: 'drained', undrainedAtMs: t0 })).toEqual(['undrain']);
    expect(owed('draining', back, { activity: 'idle', undrainedAtMs: t0 })).toEqual([]);
  });

  test('one look-up for all the seats of a create call', () => {
    const seats = [0, 1, 2].map((seat) => makeEntry(makeInstance('unknown', { name: 'call', seat })));
    expect(owedEffects(makeFleet(seats))).toMatchObject([{ kind: 'resolve', intent: 'call' }]);
  });

  test('nothing can be terminated that has no name in the cloud', () => {
    expect(owed('terminating', { cloudId: null })).toEqual([]);
  });
});

describe('learned deadlines', () => {
  const offer = OfferName('small');
  const booted = (tookMs: number): Lesson => ({ kind: 'booted', offer, cloud: east, tookMs });
  const joined = (tookMs: number): Lesson => ({ kind: 'joined', offer, tookMs, intent: IntentId('i') });
  const deadlinesAfter = (lessons: readonly Lesson[]) =>
    deadlinesOf(learnTimes(new Map(), lessons), offer, { limits: quickLimits, lookMs: 0 });

  test('the caps until enough has been seen', () => {
    expect(deadlinesAfter(Array.from({ length: 4 }, () => booted(1000)))).toEqual({
      bootMs: 120_000,
      joinMs: 120_000,
    });
  });

  test('then three times what nearly all took, within floor and cap', () => {
    expect(deadlinesAfter(Array.from({ length: 5 }, () => booted(25_000))).bootMs).toBe(75_000);
    expect(deadlinesAfter(Array.from({ length: 5 }, () => booted(10))).bootMs).toBe(60_000);
    expect(deadlinesAfter(Array.from({ length: 5 }, () => joined(90_000)))).toEqual({
      bootMs: 120_000,
      joinMs: 120_000,
    });
  });

  test('a machine that is there may be seen a look later', () => {
    const learned = learnTimes(
      new Map(),
      [25, 25, 25, 25, 25].map((seconds) => booted(seconds * 1000)),
    );
    const { bootMs } = deadlinesOf(learned, offer, { limits: quickLimits, lookMs: 30_000 });
    expect(bootMs).toBe(105_000);
  });

  test('old times are forgotten, one slow machine in many is not the measure', () => {
    const slow = Array.from({ length: 32 }, () => booted(40_000));
    const fast = Array.from({ length: 32 }, () => booted(25_000));
    expect(deadlinesAfter([...slow, ...fast]).bootMs).toBe(75_000);
    expect(deadlinesAfter([...fast, booted(119_000)]).bootMs).toBe(75_000);
  });

  test('the same object where there is nothing to learn', () => {
    const learned = new Map();
    expect(
      learnTimes(learned, [{ kind: 'failed', offer, intent: IntentId('i'), reason: 'bootFailed' }]),
    ).toBe(learned);
  });
});

describe('ids and jitter', () => {
  test('the same state makes the same, another counter or seed another', () => {
    expect(deriveName('seed', 1)).toBe(deriveName('seed', 1));
    const names = Array.from({ length: 2000 }, (_, counter) => deriveName('seed', counter));
    expect(new Set([...names, deriveName('other', 1)]).size).toBe(2001);
    expect(names.every((name) => /^[a-z2-7]{12}$/.test(name))).toBe(true);
  });

  test('fractions are spread over [0, 1)', () => {
    const fractions = Array.from({ length: 2000 }, (_, counter) => deriveFraction('seed', counter));
    expect(fractions.every((fraction) => fraction >= 0 && fraction < 1)).toBe(true);
    expect(fractions.reduce((sum, fraction) => sum + fraction, 0) / 2000).toBeCloseTo(0.5, 1);
  });
});
