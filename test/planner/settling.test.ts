import { expect, test } from 'vitest';
import { withAttributes } from '../../src/classad/ad.ts';
import { makeWorker } from '../support/fleetParts.ts';
import { makeJobClass } from '../support/siteParts.ts';
import { decide, demandOf, launched, nowMs, serving, small } from '../support/situation.ts';

/** One free machine whose slot says another type than its offer does, and a job that wants what the offer promises. */
function planWith(joinedAgoMs: number, over: { claims?: number; vmType?: string; jobs?: number } = {}) {
  const { claims = 0, vmType = 'unheard of', jobs = 1 } = over;
  const machine = serving('idle', 'new', { joinedAtMs: nowMs - joinedAgoMs, claims });
  const slot = {
    ad: withAttributes(small.ad, { VMType: vmType }),
    free: small.resources,
    partitionable: true,
  };
  const workers = [makeWorker(machine.instance.id, 'idle', { slots: [slot] })];
  return decide({ machines: [machine], view: { workers }, demand: [demandOf(makeJobClass(), jobs)] });
}

test('a machine that has just joined is waited for, though its slot does not fit yet', () => {
  const plan = planWith(10_000);
  expect(plan.demand).toMatchObject([{ onWorkers: 0, onComing: 1, onLaunches: 0 }]);
  expect(launched(plan)).toEqual([]);
});

test.each([
  ['after a minute', 60_000, {}],
  ['once it has had a job', 10_000, { claims: 1 }],
])('%s it is what its slot says', (_, joinedAgoMs, over) => {
  expect(planWith(joinedAgoMs, over).demand).toMatchObject([{ onComing: 0, onLaunches: 1 }]);
});

test('it is counted once: as a worker, where its slot fits', () => {
  const plan = planWith(10_000, { vmType: 'a', jobs: 2 });
  expect(plan.demand).toMatchObject([{ onWorkers: 1, onComing: 0, onLaunches: 1 }]);
});
