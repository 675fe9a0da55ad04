import { describe, expect, test } from 'vitest';
import { DemandId, IntentId, OfferName } from '../../src/model/ids.ts';
import type { Instance } from '../../src/model/instance.ts';
import { forgiveMatches, matchKey, probedBy, setMismatchesAside } from '../../src/planner/mismatch.ts';
import type { DemandReport } from '../../src/planner/plan.ts';
import { admittance, type SetAsides, withProbe } from '../../src/planner/setAside.ts';
import { makeEntry, makeInstance } from '../support/fleetParts.ts';
import { east, makeJobClass } from '../support/siteParts.ts';
import { decide, demandOf, launched, nowMs } from '../support/situation.ts';

const demand = DemandId('a');
const offer = OfferName('small');
const key = matchKey(demand, offer);
const nothing: SetAsides = new Map();
const policy = { setAsideFirstMs: 10_000, setAsideMaxMs: 100_000 };
const cause = { kind: 'demand', demand, job: null, user: null, group: null } as const;

const unused = (over: Partial<Instance> = {}) => makeInstance('idle', { cause, claims: 0, ...over });
const wanting = (over: Partial<DemandReport> = {}): DemandReport => {
  const [report] = decide({ demand: [demandOf(makeJobClass(), 3)] }).demand;
  if (report === undefined) throw new Error('no report');
  return { ...report, ...over };
};
const drain = (before: SetAsides, drained: readonly Instance[], atMs = 0, report = wanting()) =>
  setMismatchesAside(before, { drained, reports: [report] }, { nowMs: atMs, policy, jitter: () => 0.5 });

describe('an offer whose machines are drained beside the jobs that they were launched for', () => {
  test('is set aside for that demand, after the second and for a growing time', () => {
    const once = drain(nothing, [unused()]);
    expect(admittance(once, key, 0)).toBe('open');
    const twice = drain(once, [unused()], 1000);
    expect(twice.get(key)).toMatchObject({ failures: 2, untilMs: 11_000, reason: 'idle' });
    const probing = withProbe(twice, key, IntentId('p'));
    expect(drain(probing, [unused()], 20_000).get(key)).toMatchObject({ failures: 3, untilMs: 40_000 });
  });

  test('several that were launched together are one failure', () => {
    const all = drain(nothing, [unused(), unused(), unused(), unused()]);
    expect(all.get(key)?.failures).toBe(2);
  });

  test.each([
    ['it has had a job', unused({ claims: 1 }), wanting()],
    ['it was launched for the min', unused({ cause: { kind: 'min' } }), wanting()],
    ['its jobs have all they need', unused(), wanting({ onLaunches: 0, onWorkers: 3 })],
    ['other jobs want machines', unused(), wanting({ demand: DemandId('b') })],
  ])('not where %s', (_, instance, report) => {
    expect([...drain(nothing, [instance], 0, report).keys()]).toEqual([]);
  });

  test('is used again when a machine that was launched for it has a job, and forgotten after a day', () => {
    const asides = drain(drain(nothing, [unused()]), [unused()], 1000);
    const fleet = (instance: Instance) => new Map([[instance.id, makeEntry(instance)]]);
    expect(forgiveMatches(asides, fleet(unused()), 20_000)).toBe(asides);
    expect(forgiveMatches(asides, fleet(unused({ claims: 1 })), 20_000).size).toBe(0);
    expect(forgiveMatches(asides, new Map(), 11_000 + 86_400_001).size).toBe(0);
  });
});

describe('the plan', () => {
  const asides = (untilMs: number): SetAsides =>
    new Map([[key, { key, reason: 'idle', message: 'x', failures: 3, sinceMs: 0, untilMs, probe: null }]]);
  const groups = [demandOf(makeJobClass(), 3), demandOf(makeJobClass({ name: 'b' }), 1)];

  test('has no machine of the offer for that demand, and one for another', () => {
    const plan = decide({ demand: groups, setAsides: asides(nowMs + 1) });
    expect(plan.demand).toMatchObject([
      { unmet: 3, shortage: { code: 'setAside' } },
      { onLaunches: 1, shortage: null },
    ]);
  });

  test('tries it with one machine when its time has come', () => {
    const plan = decide({ demand: groups.slice(0, 1), setAsides: asides(nowMs) });
    expect(launched(plan)).toEqual(['pool/small ×1 demand']);
    expect(plan.launches).toMatchObject([{ probe: true, cloud: east }]);
    expect(plan.launches.flatMap(probedBy)).toEqual(['offer:small', 'cloud:east', key]);
  });
});
