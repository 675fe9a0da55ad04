import type { LoadedEntry } from './entries.ts';
import type { LoadedOffer } from './load-offers.ts';
import type { ConfigurableDriver } from './parts.ts';
import { checkName, type PoolEntry } from './references.ts';
import type { Report } from './report.ts';
import type { CloudFields } from './schema.ts';

/** Whether clouds have the markets that offers ask for, and what pools say of them and of weights can come about. */
export function checkMarkets(
  {
    clouds,
    offers,
    pools,
  }: {
    readonly clouds: readonly LoadedEntry<CloudFields, ConfigurableDriver>[];
    readonly offers: readonly LoadedOffer[];
    readonly pools: readonly PoolEntry[];
  },
  report: Report,
): void {
  for (const { offer, draft } of offers) {
    const driver = clouds.find(({ name }) => name === offer.cloud)?.part ?? null;
    if (offer.market === 'spot' && driver?.capabilities.spot === false)
      report.add('error', draft.locate(['market']), `cloud ${offer.cloud} has no spot machines`);
  }
  for (const pool of pools) checkPool(pool, offers, report);
}

function checkPool({ fields, locate }: PoolEntry, offers: readonly LoadedOffer[], report: Report): void {
  if (fields === null) return;
  const { offers: names } = fields;
  const own = offers.flatMap(({ offer }) => (names.includes(offer.name) ? [offer] : []));
  const cloudNames = new Set(own.map(({ cloud }) => cloud));
  const weights = Object.entries(fields.weights);
  if (fields.spread === 'weighted' && !weights.some(([, weight]) => weight > 0))
    report.add('error', locate(['spread']), 'weighted, and no cloud has a weight');
  if (fields.spread !== 'weighted' && weights.length > 0)
    report.add('error', locate(['weights'], 'key'), 'are for spread: weighted');
  // With an offer that could not be read, its cloud is not known.
  if (own.length === names.length)
    for (const [cloud] of weights)
      checkName('cloud', cloud, cloudNames, locate(['weights', cloud], 'key'), report);
  if (fields.fallbackAfter === 0 || own.length < names.length) return;
  const markets = new Set(own.map(({ market }) => market));
  if (markets.size < 2)
    report.add('warning', locate(['fallbackAfter']), 'is for pools that have both spot and on-demand offers');
}
