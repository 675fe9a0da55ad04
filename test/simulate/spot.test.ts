import { expect, test } from 'vitest';
import { runOnMarket } from '../support/spotComparison.ts';

test('spot at 0.3 of the price, 5 % lost an hour and their work done again: less than half of what on-demand comes to', async () => {
  const same = { seed: 1, jobs: 60 };
  const onDemand = await runOnMarket({ ...same, market: 'onDemand', perHour: 1, lostPerHour: 0 });
  const spot = await runOnMarket({ ...same, market: 'spot', perHour: 0.3, lostPerHour: 0.05 });
  expect(onDemand).toMatchObject({ done: 60, lost: 0, rerun: 0 });
  expect(spot.done).toBe(60);
  expect(spot.rerun).toBeGreaterThan(0);
  expect(spot.objective / onDemand.objective).toBeLessThan(0.5);
  // What was seen of losses is learned.
  expect(spot.lostPerHour).toBeGreaterThan(0.02);
  expect(spot.lostPerHour).toBeLessThan(0.1);
}, 60_000);
