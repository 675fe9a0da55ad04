import { runOnMarket } from '../support/spotComparison.ts';

/** What spot machines at 0.3 of the price and 5 % lost an hour come to against on-demand ones, for the same jobs. */
export async function run(args: readonly string[]): Promise<unknown> {
  const seeds = args.length > 0 ? args.map(Number) : [1, 2, 3, 4, 5];
  const jobs = 300;
  const rows = [];
  for (const seed of seeds) {
    const onDemand = await runOnMarket({ seed, jobs, market: 'onDemand', perHour: 1, lostPerHour: 0 });
    const spot = await runOnMarket({ seed, jobs, market: 'spot', perHour: 0.3, lostPerHour: 0.05 });
    rows.push({ seed, ratio: spot.objective / onDemand.objective, onDemand, spot });
  }
  return rows;
}
