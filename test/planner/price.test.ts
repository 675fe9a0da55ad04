import { describe, expect, test } from 'vitest';
import { makeJobClass, makeOffer, makePool } from '../support/siteParts.ts';
import { decide, demandOf, launched, serving } from '../support/situation.ts';

const offers = [makeOffer({ name: 'dear', perHour: 0.4 }), makeOffer({ name: 'cheap', perHour: 0.1 })];
const pools = [makePool({ offers: ['dear', 'cheap'] })];
const jobs = (pricePerHourMax?: number) =>
  demandOf(makeJobClass(), 1, pricePerHourMax === undefined ? {} : { pricePerHourMax });

describe('jobs that say what a machine may cost', () => {
  test('get one that costs no more, by its price of now', () => {
    const first = (max?: number) =>
      launched(decide({ offers, pools: [makePool({ offers: ['dear'] })], demand: [jobs(max)] }));
    expect([first(), first(0.4), first(0.39)]).toEqual([
      ['pool/dear ×1 demand'],
      ['pool/dear ×1 demand'],
      [],
    ]);
    expect(launched(decide({ offers, pools, demand: [jobs(0.1)] }))).toEqual(['pool/cheap ×1 demand']);
  });

  test('get none where all cost more, and it is said what the cheapest costs', () => {
    const { demand } = decide({ offers, pools, demand: [jobs(0.05)] });
    expect(demand).toMatchObject([
      { unmet: 1, shortage: { code: 'price', figures: { pricePerHourMax: 0.05, least: 0.1 } } },
    ]);
  });

  test('get none of an offer whose price nobody knows', () => {
    const unpriced = [makeOffer({ name: 'dear' })].map((offer) => ({ ...offer, price: null }));
    const { demand, launches } = decide({
      offers: unpriced,
      pools: [makePool({ offers: ['dear'] })],
      demand: [jobs(9)],
    });
    expect(launches).toEqual([]);
    expect(demand).toMatchObject([{ shortage: { code: 'price', figures: { pricePerHourMax: 9 } } }]);
  });

  test('may have a dearer machine that is there', () => {
    const machines = [serving('idle', 'a')];
    const small = makeOffer({ name: 'small', perHour: 5 });
    const { demand } = decide({
      offers: [small],
      pools: [makePool({ offers: ['small'] })],
      machines,
      demand: [jobs(1)],
    });
    expect(demand).toMatchObject([{ onWorkers: 1, unmet: 0 }]);
  });
});
