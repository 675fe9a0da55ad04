import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { learnLosses, lostPerHour, noLosses, rerunFactor } from '../../src/fleet/losses.ts';
import { CloudName, type OfferName } from '../../src/model/ids.ts';
import { cloudKey, offerKey, type SetAside } from '../../src/planner/setAside.ts';
import { shareOut } from '../../src/planner/spread.ts';
import { makeInstance, t0 } from '../support/fleetParts.ts';
import { east, makeJobClass, makeOffer, makePool, west } from '../support/siteParts.ts';
import { cloud, coming, decide, demandOf, launched, nowMs } from '../support/situation.ts';

const hour = 3_600_000;
const minute = 60_000;

describe('a pool that is spread by weight', () => {
  const offers = [
    makeOffer({ name: 'cheap', cloud: east, perHour: 1 }),
    makeOffer({ name: 'dear', cloud: west, perHour: 2 }),
  ];
  const weights = new Map([
    [east, 2],
    [west, 1],
  ]);
  const pools = [makePool({ offers: ['cheap', 'dear'], max: 100, spread: { kind: 'weighted', weights } })];
  const nine = { offers, pools, demand: [demandOf(makeJobClass(), 9)] };

  it('gives each cloud its part', () => {
    expect(launched(decide(nine))).toEqual(['pool/cheap ×6 demand', 'pool/dear ×3 demand']);
  });

  it('counts the machines that are there', () => {
    const machines = Array.from({ length: 6 }, (_, at) =>
      coming(`m${at}`, { offer: 'cheap' as OfferName, cloud: east, deadlineMs: nowMs - 1 }),
    );
    expect(launched(decide({ ...nine, machines }))).toEqual(['pool/cheap ×4 demand', 'pool/dear ×5 demand']);
  });

  it('goes to the others for what a cloud has no room for', () => {
    const clouds = [cloud({ max: 2 }), { ...cloud(), name: west }];
    expect(launched(decide({ ...nine, clouds }))).toEqual([
      'pool/cheap ×2 demand',
      'pool/dear ×3 demand',
      'pool/dear ×4 demand',
    ]);
  });

  it('is left to a job´s Rank first', () => {
    const demand = [demandOf(makeJobClass({ rank: 'TARGET.PricePerHour' }), 3)];
    const priced = offers.map((offer) =>
      makeOffer({
        name: offer.name,
        cloud: offer.cloud,
        perHour: offer.price?.perHour ?? null,
        more: `PricePerHour = ${offer.price?.perHour}`,
      }),
    );
    expect(launched(decide({ offers: priced, pools, demand }))).toEqual(['pool/dear ×3 demand']);
  });

  it('is the same for head-room', () => {
    const kept = pools.map((pool) => ({ ...pool, headroom: 3 }));
    expect(launched(decide({ offers, pools: kept }))).toEqual([
      'pool/cheap ×2 headroom',
      'pool/dear ×1 headroom',
    ]);
  });

  it('comes as near to the weights as whole machines can', () => {
    const clouds = ['a', 'b', 'c', 'd'].map((name) => CloudName(name));
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 0, max: 5 }), { minLength: 4, maxLength: 4 }),
        fc.nat(60),
        (each, machines) => {
          const weightOf = (name: CloudName) => each[clouds.indexOf(name)] ?? 0;
          const all = each.reduce((sum, weight) => sum + weight, 0);
          const shares = shareOut(machines, { clouds, weightOf, countOf: () => 0 });
          const given = [...shares.values()].reduce((sum, share) => sum + share, 0);
          expect(given).toBe(all === 0 ? 0 : machines);
          for (const [name, share] of shares)
            expect(Math.abs(share - (machines * weightOf(name)) / all)).toBeLessThan(shares.size);
        },
      ),
    );
  });
});

describe('spot with a fall-back', () => {
  const spot = makeOffer({ name: 'spot', perHour: 0.3, market: 'spot' });
  const steady = makeOffer({ name: 'steady', perHour: 1 });
  const offers = [steady, spot];
  const pools = [makePool({ offers: ['steady', 'spot'], max: 50, fallbackAfterMs: 10 * minute })];
  const demand = [demandOf(makeJobClass(), 2)];

  const aside = (key: SetAside['key'], sinceMs: number) =>
    new Map([
      [
        key,
        {
          key,
          reason: 'capacity' as const,
          message: 'no room',
          failures: 3,
          sinceMs,
          untilMs: nowMs + minute,
          probe: null,
        },
      ],
    ]);

  it('takes spot while it can be had', () => {
    expect(launched(decide({ offers, pools, demand }))).toEqual(['pool/spot ×2 demand']);
  });

  it('waits for it for a time', () => {
    const setAsides = aside(offerKey(spot.name), nowMs - 9 * minute);
    const plan = decide({ offers, pools, demand, setAsides });
    expect(plan.launches).toEqual([]);
    expect(plan.demand[0]).toMatchObject({ unmet: 2, shortage: { code: 'setAside' } });
  });

  it('and then takes on-demand', () => {
    const setAsides = aside(offerKey(spot.name), nowMs - 10 * minute);
    expect(launched(decide({ offers, pools, demand, setAsides }))).toEqual(['pool/steady ×2 demand']);
  });

  it('does not wait for what our own bounds forbid, or for a cloud in trouble', () => {
    const bounded = [steady, makeOffer({ name: 'spot', perHour: 0.3, market: 'spot', max: 0 })];
    expect(launched(decide({ offers: bounded, pools, demand }))).toEqual(['pool/steady ×2 demand']);
    const apart = [makeOffer({ name: 'steady', cloud: west, perHour: 1 }), spot];
    const clouds = [cloud({ trouble: 'silent' }), { ...cloud(), name: west }];
    expect(launched(decide({ offers: apart, pools, demand, clouds }))).toEqual(['pool/steady ×2 demand']);
  });

  it('is nothing to a job that must not be lost', () => {
    const setAsides = aside(cloudKey(east), nowMs);
    const away = [makeOffer({ name: 'steady', cloud: west, perHour: 1 }), spot];
    const job = makeJobClass({ requirements: 'TARGET.Market == "onDemand"' });
    const plan = decide({ offers: away, pools, demand: [demandOf(job, 1)], setAsides });
    expect(launched(plan)).toEqual(['pool/steady ×1 demand']);
  });
});

describe('losses', () => {
  const life = (name: string, lost: boolean, hours: number) =>
    makeInstance('ended', {
      name,
      runningAtMs: t0,
      endedAtMs: t0 + hours * hour,
      endReason: lost ? 'lost' : 'idle',
    });

  it('are learned by offer, from the hours that its machines have run', () => {
    const lives = Array.from({ length: 40 }, (_, at) => life(`m${at}`, at % 10 === 0, 2));
    const learned = learnLosses(new Map(), lives).get('small' as OfferName) ?? noLosses;
    expect(learned.lost).toBeCloseTo(4, 0);
    expect(learned.hours).toBeCloseTo(80, -1);
    expect(lostPerHour(learned, 'spot')).toBeCloseTo(0.05, 2);
    // A machine that never ran says nothing.
    const before = new Map();
    expect(learnLosses(before, [makeInstance('ended', { runningAtMs: null })])).toBe(before);
  });

  it('are taken for some where nothing is known of a spot offer, and for none of an on-demand one', () => {
    expect(lostPerHour(noLosses, 'spot')).toBe(0.05);
    expect(lostPerHour(noLosses, 'onDemand')).toBe(0);
    expect(lostPerHour(noLosses, 'spot', 80)).toBe(0.01);
  });

  it('make long jobs dearer than short ones', () => {
    expect(rerunFactor(0, 100)).toBe(1);
    expect(rerunFactor(0.05, 1)).toBeCloseTo(1.025, 3);
    expect(rerunFactor(0.05, 100)).toBeGreaterThan(20);
    expect(Number.isFinite(rerunFactor(1, 1e9))).toBe(true);
  });

  it('send a long job to on-demand machines and a short one to spot', () => {
    const offers = [
      makeOffer({ name: 'steady', perHour: 1 }),
      makeOffer({ name: 'spot', perHour: 0.3, market: 'spot' }),
    ];
    const pools = [makePool({ offers: ['steady', 'spot'] })];
    const money = {
      budgets: [],
      ledger: new Map(),
      reached: new Map(),
      comingMs: () => 0,
      windDownMs: () => 0,
      lostPerHour: () => 0.05,
    };
    const of = (walltimeMs: number | null) =>
      launched(decide({ offers, pools, money, demand: [demandOf(makeJobClass(), 1, { walltimeMs })] }));
    expect(of(null)).toEqual(['pool/spot ×1 demand']);
    expect(of(8 * hour)).toEqual(['pool/spot ×1 demand']);
    expect(of(100 * hour)).toEqual(['pool/steady ×1 demand']);
  });
});
