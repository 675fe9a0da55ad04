import {
  type _InstanceType,
  DescribeSpotPriceHistoryCommand,
  type DescribeSpotPriceHistoryCommandInput,
  type SpotPrice,
} from '@aws-sdk/client-ec2';
import { z } from 'zod';
import type { OfferName } from '../../model/ids.ts';
import type { Price } from '../../model/offer.ts';
import type { CheckedOffer } from '../port.ts';
import type { Exchange } from './exchange.ts';
import { allPages } from './pages.ts';
import { type Ec2Offer, poolsOf } from './settings.ts';

const action = 'DescribeSpotPriceHistory';
const pageRows = 1000;

/** With and without a VPC the price is the same; older accounts are told both. */
const products = ['Linux/UNIX', 'Linux/UNIX (Amazon VPC)'];

/** What a spot machine of a type costs in a zone now. */
export interface ZonePrice {
  readonly type: string;
  readonly zone: string;
  /** In USD, which EC2 counts in in every region. */
  readonly perHour: number;
}

/**
 * The newest price of each type in each zone: one call for up to 1,000 of them. EC2 is asked for the history since now, and
 * answers with the last price before it.
 */
export async function spotPrices(
  exchange: Exchange,
  { types, wallMs }: { types: readonly string[]; wallMs: number },
  signal: AbortSignal,
): Promise<readonly ZonePrice[]> {
  if (types.length === 0) return [];
  const input: DescribeSpotPriceHistoryCommandInput = {
    InstanceTypes: types.map((type) => type as _InstanceType),
    ProductDescriptions: products,
    StartTime: z.coerce.date().parse(wallMs),
    MaxResults: pageRows,
  };
  const rows = await allPages(action, async (token) => {
    const command = new DescribeSpotPriceHistoryCommand(
      token === undefined ? input : { ...input, NextToken: token },
    );
    const page = await exchange(command, { action, write: false, signal });
    return { rows: page.SpotPriceHistory ?? [], next: page.NextToken };
  });
  const newest = new Map<string, { readonly price: ZonePrice; readonly atMs: number }>();
  for (const row of rows) {
    const price = priceOf(row);
    if (price === null) continue;
    const key = `${price.type} ${price.zone}`;
    const atMs = row.Timestamp?.getTime() ?? 0;
    if (atMs >= (newest.get(key)?.atMs ?? 0)) newest.set(key, { price, atMs });
  }
  return [...newest.values()].map(({ price }) => price);
}

export function priceOf({ InstanceType, AvailabilityZone, SpotPrice: text }: SpotPrice): ZonePrice | null {
  const perHour = Number(text);
  if (InstanceType === undefined || AvailabilityZone === undefined) return null;
  return Number.isFinite(perHour) && perHour > 0
    ? { type: InstanceType, zone: AvailabilityZone, perHour }
    : null;
}

/**
 * What spot offers cost now. Where EC2 chooses the zone it is the dearest one's price; of a fleet the mean over its types and
 * places. One whose price is not told is left out.
 */
export async function offerPrices(
  exchange: Exchange,
  { offers, wallMs }: { offers: readonly CheckedOffer[]; wallMs: number },
  signal: AbortSignal,
): Promise<ReadonlyMap<OfferName, Price>> {
  const spot = offers.filter(({ market }) => market === 'spot');
  const pools = spot.map(({ name, settings }) => ({ name, pools: poolsOf(settings as Ec2Offer) }));
  const types = [...new Set(pools.flatMap(({ pools }) => pools.map(({ type }) => type)))];
  const prices = await spotPrices(exchange, { types, wallMs }, signal);
  const found = new Map<OfferName, Price>();
  for (const { name, pools: own } of pools) {
    const each = own.flatMap((pool) => {
      const dearest = prices
        .filter(({ type, zone }) => type === pool.type && (pool.zone === null || zone === pool.zone))
        .reduce((most, { perHour }) => Math.max(most, perHour), 0);
      return dearest === 0 ? [] : [dearest];
    });
    if (each.length === 0) continue;
    const perHour = each.reduce((sum, one) => sum + one, 0) / each.length;
    found.set(name, { perHour, currency: 'USD' });
  }
  return found;
}
