import { expect, test } from 'vitest';
import type { SimulatedSite } from '../../src/simulate/simulatedSite.ts';
import { startSite } from '../support/scenes.ts';

const hour = 3_600_000;

/** A site at which nothing happens, and whose loop is watched. */
function quietSite(turnMaxMs: number) {
  const turnedAtMss: number[] = [];
  // The first turn comes while the site is being made.
  const now = () => made?.clock.monotonicNow() ?? 0;
  let made: SimulatedSite | null = null;
  const supervisor = { turnMaxMs, turned: () => void turnedAtMss.push(now()) };
  const site = startSite({ pollMs: hour, supervisor });
  made = site;
  return { site, turnedAtMss };
}

test('the loop comes round as often as its supervisor asks for, also where nothing is to be done', async () => {
  const { site, turnedAtMss } = quietSite(45_000);
  await site.run(10 * 60_000);
  const gaps = turnedAtMss.slice(1).map((atMs, index) => atMs - (turnedAtMss[index] ?? 0));
  expect(Math.max(...gaps)).toBeLessThanOrEqual(45_000);
  expect(turnedAtMss.length).toBeGreaterThanOrEqual(13);
});

test('queues and clouds that do not answer do not keep it from coming round', async () => {
  const { site, turnedAtMss } = quietSite(45_000);
  site.queue.levers.fault = () => ({ kind: 'hang' });
  site.cloud.levers.fault = () => ({ kind: 'hang' });
  await site.run(10 * 60_000);
  expect(turnedAtMss.at(-1)).toBeGreaterThan(9 * 60_000);
});

test('time that passes without the loop is no turn', async () => {
  const { site, turnedAtMss } = quietSite(45_000);
  await site.run(60_000);
  const turns = turnedAtMss.length;
  site.kill();
  await site.clock.advance(10 * 60_000);
  expect(turnedAtMss).toHaveLength(turns);
});
