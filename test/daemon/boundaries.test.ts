import { expect, test } from 'vitest';
import {
  applicableBoundaries,
  BOUNDARIES,
  boundaryEffects,
  boundaryMoments,
  crashpointOf,
  decidedEffects,
} from '../../src/daemon/boundaries.ts';
import { CloudId, InstanceId, QueueName, WorkerId } from '../../src/model/ids.ts';
import type { Instance } from '../../src/model/instance.ts';
import { allRounds, boundariesOf, shortRounds, unvisited } from '../support/crash/visits.ts';

const dying = (text: string | undefined) => {
  let deaths = 0;
  const crashpoint = crashpointOf(text, () => {
    deaths += 1;
  });
  return { crashpoint, deaths: () => deaths };
};

test('boundaries are the whole product of effects and moments, each applicable or with the reason why not', () => {
  expect(BOUNDARIES.map(({ name }) => name)).toEqual(
    boundaryEffects.flatMap((effect) => boundaryMoments.map((moment) => `${effect}/${moment}`)),
  );
  expect(applicableBoundaries).toHaveLength(25);
  for (const { notApplicable } of BOUNDARIES)
    if (notApplicable !== null) expect(notApplicable.length).toBeGreaterThan(20);
});

test('the crash test comes by every applicable boundary as often as it is told, and dies twice at each in three', () => {
  const rounds = allRounds(3);
  expect(unvisited(rounds)).toEqual([]);
  const visits = rounds.flat();
  for (const { name } of applicableBoundaries) {
    const own = visits.filter(({ boundary }) => boundary === name);
    expect([name, own.length, own.filter(({ again }) => again !== null).length]).toEqual([name, 3, 1]);
  }
  expect(visits).toHaveLength(75);
});

test('the short form comes by boundaries that are applicable', () => {
  const applicable = new Set(applicableBoundaries.map(({ name }) => name));
  expect([...boundariesOf(shortRounds)].filter((name) => !applicable.has(name))).toEqual([]);
});

test.each([undefined, ''])('no crash point is there unless the variable is set (%j)', (text) => {
  expect(dying(text).crashpoint).toBeNull();
});

test('a crash point dies at its own place alone, at the first time that it is reached', () => {
  const { crashpoint, deaths } = dying('launch/afterCommit');
  crashpoint?.('launch/beforeCommit');
  crashpoint?.('terminate/afterCommit');
  expect(deaths()).toBe(0);
  crashpoint?.('launch/afterCommit');
  expect(deaths()).toBe(1);
});

test('a crash point with a number dies at that time, and only then', () => {
  const { crashpoint, deaths } = dying('tick/beforeCommit#3');
  for (const expected of [0, 0, 1, 1]) {
    crashpoint?.('tick/beforeCommit');
    expect(deaths()).toBe(expected);
  }
});

test.each([
  'launch',
  'launch/halfSent',
  'remove/notStored',
  'launch/afterCommit#0',
  'launch/afterCommit#',
  '#1',
])('a place that there is not is refused: %s', (text) => {
  expect(() => dying(text)).toThrow(/no crash point .* there are: launch\/beforeCommit/);
});

test('the effects of a tick are told from what it stores and begins', () => {
  const id = InstanceId('i-0');
  const instance = (fields: Partial<Instance>) => ({ id, endReason: null, cloudId: CloudId('c'), ...fields });
  const decided = (instances: readonly Partial<Instance>[], effects: readonly object[] = []) =>
    decidedEffects({ batch: { instances }, effects } as unknown as Parameters<typeof decidedEffects>[0]);
  const remove = { kind: 'remove', instance: id, queue: QueueName('q'), worker: WorkerId('w') };
  expect(decided([])).toEqual([]);
  expect(decided([instance({ phase: 'idle' })])).toEqual([]);
  expect(decided([instance({ phase: 'terminating' })])).toEqual(['terminate']);
  expect(decided([instance({ phase: 'terminating', cloudId: null })])).toEqual([]);
  expect(decided([instance({ phase: 'draining', endReason: 'idle' })])).toEqual(['drain']);
  expect(decided([instance({ phase: 'draining' })])).toEqual(['undrain']);
  expect(decided([], [{ kind: 'launch' }, remove])).toEqual(['launch', 'remove']);
});
