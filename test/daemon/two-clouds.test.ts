import { expect, test } from 'vitest';
import { IntentId } from '../../src/model/ids.ts';
import { type CloudCall, cloudRefuses, cloudRequestLost } from '../../src/simulate/simulatedCloud.ts';
import type { SimulatedSite } from '../../src/simulate/simulatedSite.ts';
import { breaches, unowned } from '../../src/simulate/verdicts.ts';
import { quantile } from '../bench/figures.ts';
import { startSite } from '../support/scenes.ts';
import { east, makeJobClass, makeOffer, makePool, west } from '../support/siteParts.ts';

const minuteMs = 60_000;
const eastern = makeJobClass({ vmType: 'e' });
const western = makeJobClass({ vmType: 'w' });

/**
 * Two clouds, and jobs that only one or only the other of them can take. The western machines boot for a day: each job
 * needs one of its own.
 */
function startTwoClouds(): SimulatedSite {
  const site = startSite({
    clouds: [{ name: east }, { name: west }],
    offers: [
      makeOffer({ name: 'e', cloud: east, vmType: 'e' }),
      makeOffer({ name: 'w', cloud: west, vmType: 'w' }),
    ],
    pools: [
      makePool({ name: 'eastern', offers: ['e'], max: 20 }),
      makePool({ name: 'western', offers: ['w'], max: 500, limits: { bootMaxMs: 24 * 60 * minuteMs } }),
    ],
  });
  const western = site.clouds.get(west);
  if (western !== undefined) western.levers.fate = () => ({ bootMs: null, joinMs: null });
  return site;
}

/**
 * So many jobs for the western cloud, each when the last has its machine and each needing one of its own. For each the
 * time from the answer of the queue that shows it to the making of its machine.
 */
async function sampleWest(site: SimulatedSite, count: number): Promise<number[]> {
  const tookMs: number[] = [];
  const machines = site.clouds.get(west)?.machines ?? [];
  for (let n = 0; n < count; n++) {
    const before = machines.length;
    let visibleAtMs: number | null = null;
    site.queue.submit(western, { count: 1, runMs: minuteMs });
    site.queue.levers.lie = (view) => {
      if (view.demand.some(({ ad, count: jobs }) => ad === western.ad && jobs > before))
        visibleAtMs ??= site.clock.monotonicNow();
      return view;
    };
    await site.runUntil(() => machines.length > before, { withinMs: minuteMs, what: 'it has a machine' });
    tookMs.push((machines.at(-1)?.createdAtMs ?? 0) - (visibleAtMs ?? Number.NaN));
    // Off the beat of the polls, so that submissions meet them at every moment.
    await site.run(41_300);
  }
  site.queue.levers.lie = null;
  return tookMs;
}

test('an hour of trouble at one cloud: the other is as fast as ever, and the first is used again after its probe', {
  timeout: 30_000,
}, async () => {
  const site = startTwoClouds();
  const machinesEast = site.cloud.machines;
  const baseline = await sampleWest(site, 50);

  const from = site.clock.monotonicNow();
  const troubles = [
    (call: CloudCall) => (call === 'launch' ? cloudRequestLost() : null),
    () => cloudRequestLost(),
    () => ({ kind: 'hang' }) as const,
    () => cloudRefuses('unavailable'),
  ];
  site.cloud.levers.fault = (call) =>
    troubles[Math.min(3, Math.floor((site.clock.monotonicNow() - from) / (15 * minuteMs)))]?.(call) ?? null;
  site.queue.submit(eastern, { count: 5, runMs: minuteMs });
  const troubled: number[] = [];
  while (site.clock.monotonicNow() < from + 60 * minuteMs) troubled.push(...(await sampleWest(site, 5)));
  expect(machinesEast).toEqual([]);
  expect(site.cloud.calls.launch).toBeGreaterThan(1);

  expect(troubled.length).toBeGreaterThanOrEqual(50);
  const p99 = quantile(baseline, 0.99);
  expect(p99).toBeGreaterThan(0);
  expect(quantile(troubled, 0.99)).toBeLessThanOrEqual(1.2 * p99);

  site.cloud.levers.fault = () => null;
  await site.runUntil(() => machinesEast.length > 0, { withinMs: 30 * minuteMs, what: 'the first is tried' });
  const launches = site.store.journal({
    intent: machinesEast[0]?.intent ?? IntentId('none'),
    kinds: ['launch'],
    limit: 1,
  });
  expect(launches).toMatchObject([{ data: { probe: true } }]);
  const atOnce = machinesEast.filter(({ createdAtMs }) => createdAtMs === machinesEast[0]?.createdAtMs);
  expect(atOnce).toHaveLength(1);
  for (const job of site.queue.jobs) if (job.jobClass === western) site.queue.removeJob(job);
  await site.runUntil(() => site.queue.waiting() + site.queue.running() === 0, {
    withinMs: 30 * minuteMs,
    what: 'every job is done',
  });
  await site.run(10 * minuteMs);
  const unresolved = site.store.load().intents.filter(({ state }) => state === 'open' || state === 'unknown');
  expect(unresolved).toEqual([]);
  expect(unowned(site)).toEqual([]);
  expect(breaches(site)).toEqual([]);
});
