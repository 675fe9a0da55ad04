import { describe, expect, test } from 'vitest';
import { PoolName } from '../../src/model/ids.ts';
import { offerKey } from '../../src/planner/setAside.ts';
import { t0 } from '../support/fleetParts.ts';
import { makeJobClass, makeOffer, makePool, west } from '../support/siteParts.ts';
import { cloud, coming, decide, demandOf, launched, nowMs } from '../support/situation.ts';

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

  test('jobs that want machines of one pool get them from no other, coming or not', () => {
    const pools = [makePool({ name: 'one', offers: ['a'] }), makePool({ name: 'two', offers: ['a'] })];
    const wish = demandOf(makeJobClass(), 2, { pools: [PoolName('two')] });
    expect(launched(decide({ offers: [a], pools, demand: [wish] }))).toEqual(['two/a ×2 demand']);
    const ofPool = (pool: string) => ({ pool: PoolName(pool), offer: a.name });
    const elsewhere = [coming('x', ofPool('one')), coming('y', ofPool('one'))];
    expect(launched(decide({ offers: [a], pools, machines: elsewhere, demand: [wish] }))).toEqual([
      'two/a ×2 demand',
    ]);
    const here = [coming('x', ofPool('two')), coming('y', ofPool('two'))];
    expect(launched(decide({ offers: [a], pools, machines: here, demand: [wish] }))).toEqual([]);
  });
});
