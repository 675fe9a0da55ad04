import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createWaits } from '../../src/daemon/meter/waits.ts';
import type { Demand, QueueSnapshot } from '../../src/model/demand.ts';
import { DemandId, QueueName } from '../../src/model/ids.ts';
import { makeJobClass } from '../support/siteParts.ts';

const queue = QueueName('batch');
const group = DemandId('g1');

function view(takenAtMs: number, count: number, demandComplete = true): QueueSnapshot {
  const demand: Demand = {
    id: group,
    queue,
    kind: 'counted',
    count,
    ad: makeJobClass().ad,
    sampleJobs: [],
    oldestSubmittedAtMs: null,
    user: null,
    group: null,
    priority: 0,
    workers: 1,
    walltimeMs: null,
  };
  return {
    queue,
    takenAtMs,
    workersComplete: true,
    demandComplete,
    demand: count === 0 ? [] : [demand],
    workers: [],
    jobs: { waiting: count, running: 0, held: 0 },
  };
}

describe('since when jobs wait', () => {
  test('those that come later wait behind those that came first', () => {
    const waits = createWaits();
    waits.see(view(1000, 2));
    waits.see(view(5000, 3));
    expect([0, 1, 2, 3].map((place) => waits.sinceMs(group, place))).toEqual([1000, 1000, 5000, null]);
  });

  test('those that go leave from the front', () => {
    const waits = createWaits();
    waits.see(view(1000, 2));
    waits.see(view(5000, 3));
    waits.see(view(9000, 1));
    expect([0, 1].map((place) => waits.sinceMs(group, place))).toEqual([5000, null]);
  });

  test('a view that may lack jobs takes none away', () => {
    const waits = createWaits();
    waits.see(view(1000, 2));
    waits.see(view(5000, 1, false));
    waits.see(view(6000, 0, false));
    expect(waits.sinceMs(group, 1)).toBe(1000);
    waits.see(view(7000, 0));
    expect(waits.sinceMs(group, 0)).toBeNull();
  });

  test('the line is as long as the newest view says, and in the order of coming', () => {
    fc.assert(
      fc.property(fc.array(fc.nat({ max: 700 }), { minLength: 1, maxLength: 600 }), (counts) => {
        const waits = createWaits();
        for (const [nth, count] of counts.entries()) waits.see(view(nth, count));
        const last = counts.at(-1) ?? 0;
        const sinces = Array.from({ length: last }, (_, place) => waits.sinceMs(group, place) ?? -1);
        expect(sinces).toEqual(sinces.toSorted((a, b) => a - b));
        expect(sinces.every((sinceMs) => sinceMs >= 0 && sinceMs < counts.length)).toBe(true);
        expect(waits.sinceMs(group, last)).toBeNull();
      }),
    );
  });
});
