import { describe, expect, test } from 'vitest';
import { offersNow } from '../../src/daemon/prices.ts';
import { OfferName } from '../../src/model/ids.ts';
import type { Price } from '../../src/model/offer.ts';
import { makeOffer } from '../support/siteParts.ts';
import { cloud } from '../support/situation.ts';

const usd = (perHour: number): Price => ({ perHour, currency: 'USD' });
const offers = new Map(
  [
    { ...makeOffer({ name: 'spot' }), price: usd(0.1) },
    { ...makeOffer({ name: 'other' }), price: usd(0.2) },
    { ...makeOffer({ name: 'euro' }), price: { perHour: 0.1, currency: 'EUR' } },
    { ...makeOffer({ name: 'unpriced' }), price: null },
  ].map((offer) => [offer.name as string, offer]),
);
const told = (prices: Readonly<Record<string, number>>) => {
  const all = new Map(Object.entries(prices).map(([name, perHour]) => [OfferName(name), usd(perHour)]));
  return new Map([[cloud().name, cloud({ prices: all })]]);
};

describe('offers at the prices of now', () => {
  test('are those of the config where no market says otherwise', () => {
    expect(offersNow(offers, new Map([[cloud().name, cloud()]]))).toBe(offers);
    expect(offersNow(offers, told({ spot: 0.1, gone: 3 }))).toBe(offers);
  });

  test('cost what the market says, in the currency of the config alone', () => {
    const now = offersNow(offers, told({ spot: 0.04, euro: 0.04, unpriced: 0.04 }));
    expect([...now].map(([name, { price }]) => [name, price])).toEqual([
      ['spot', usd(0.04)],
      ['other', usd(0.2)],
      ['euro', { perHour: 0.1, currency: 'EUR' }],
      ['unpriced', null],
    ]);
  });
});
