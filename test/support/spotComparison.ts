import type { Market } from '../../src/model/billing.ts';
import { createDice } from '../../src/simulate/dice.ts';
import { untilLost } from '../../src/simulate/simulatedCloud.ts';
import { createSimulatedSite, type SimulatedSite } from '../../src/simulate/simulatedSite.ts';
import { breaches } from '../../src/simulate/verdicts.ts';
import { makeJobClass, makeOffer, makePool } from './siteParts.ts';

const minute = 60_000;
const hour = 60 * minute;
const corePerHour = 1;

/** What the same jobs have cost on one market. Amounts are in the price of a core on demand for an hour. */
export interface MarketFigures {
  readonly jobs: number;
  readonly done: number;
  readonly machines: number;
  readonly lost: number;
  /** Jobs that were begun again because their machine was lost. */
  readonly rerun: number;
  readonly cost: number;
  /** Until the job is done, less what it runs for: lost work is waiting, too. */
  readonly waitMeanSeconds: number;
  /** cost + Σ wait × core price. */
  readonly objective: number;
  /** As the daemon has learned it. */
  readonly lostPerHour: number | null;
}

export interface MarketOptions {
  readonly seed: number;
  readonly market: Market;
  readonly perHour: number;
  readonly lostPerHour: number;
  readonly jobs: number;
}

/**
 * One-core jobs of 10 minutes to 3 hours, submitted over 12 hours, on one-core machines that take 180 s to boot and
 * join; a machine of the spot market is lost after an exponential time, and its job begins anew.
 */
export async function runOnMarket(options: MarketOptions): Promise<MarketFigures> {
  const { seed, market, perHour, lostPerHour, jobs } = options;
  const losses = createDice(seed, 'losses');
  const arrivals = createDice(seed, 'arrivals');
  const site = createSimulatedSite({
    offers: [makeOffer({ name: 'one', market, perHour })],
    pools: [makePool({ offers: ['one'], max: 1000, limits: { idleMs: 3 * minute, bootMaxMs: 10 * minute } })],
  });
  site.cloud.levers.fate = () => ({
    bootMs: 150_000,
    joinMs: 30_000,
    ...(lostPerHour === 0 ? {} : { lostAfterMs: untilLost(lostPerHour, losses.next()) }),
  });
  site.start();
  const submitted = Array.from({ length: jobs }, () => ({
    atMs: arrivals.whole(0, 12 * hour),
    runMs: arrivals.whole(10 * minute, 3 * hour),
  })).toSorted((a, b) => a.atMs - b.atMs);
  for (const { atMs, runMs } of submitted) {
    await site.run(Math.max(0, atMs - site.clock.monotonicNow()));
    site.queue.submit(makeJobClass(), { count: 1, runMs });
  }
  const learned = () => site.status().money.losses[0]?.lostPerHour ?? null;
  await site.runUntil(() => site.queue.done() === jobs, { withinMs: 200 * hour, what: 'all jobs are done' });
  await site.runUntil(() => site.alive().length === 0, { withinMs: hour, what: 'all machines are gone' });
  const found = breaches(site);
  if (found.length > 0) throw new Error(found.join('; '));
  return figuresOf(site, { perHour, lostPerHour: learned() });
}

function figuresOf(
  site: SimulatedSite,
  { perHour, lostPerHour }: { readonly perHour: number; readonly lostPerHour: number | null },
): MarketFigures {
  const machines = site.made();
  const cost = machines.reduce(
    (sum, { createdAtMs, goneAtMs }) => sum + (perHour * ((goneAtMs ?? 0) - createdAtMs)) / hour,
    0,
  );
  const waitMs = site.queue.jobs.reduce(
    (sum, { doneAtMs, submittedAtMs, runMs }) => sum + (doneAtMs ?? 0) - submittedAtMs - runMs,
    0,
  );
  return {
    jobs: site.queue.jobs.length,
    done: site.queue.done(),
    machines: machines.length,
    lost: machines.filter(({ vanished }) => vanished).length,
    rerun: site.queue.kills.length,
    cost,
    waitMeanSeconds: waitMs / 1000 / site.queue.jobs.length,
    objective: cost + (waitMs / hour) * corePerHour,
    lostPerHour,
  };
}
