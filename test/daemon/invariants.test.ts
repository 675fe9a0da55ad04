import fc from 'fast-check';
import { expect, test } from 'vitest';
import { type Happening, play, scenarios } from '../support/scenario.ts';
import { createSimulatedSite, type SimulatedSite } from '../support/simulatedSite.ts';
import { east, makeJobClass, makeOffer, makePool, west } from '../support/siteParts.ts';
import { breaches, unowned } from '../support/verdicts.ts';

/**
 * Whatever happens in half an hour, the invariants hold at every second, and when all is well again every job is done
 * and every machine has an owner. A failure prints the seed and the smallest list of happenings that shows it;
 * SPILLWAY_SEED and SPILLWAY_RUNS look for others.
 */
const seed = Number(process.env.SPILLWAY_SEED ?? 20_261_122);
const numRuns = Number(process.env.SPILLWAY_RUNS ?? 12);
const classes = [
  makeJobClass(),
  makeJobClass({ vmType: 'b', cpus: 2 }),
  makeJobClass({ name: 'any', requirements: 'true' }),
];
const options = { seconds: 1800, classes, happeningsMax: 40 };

function newSite(): SimulatedSite {
  const site = createSimulatedSite({
    offers: [
      makeOffer({ name: 'a-east', perHour: 0.1 }),
      makeOffer({ name: 'a-west', cloud: west, perHour: 0.2 }),
      makeOffer({ name: 'b-east', vmType: 'b', cpus: 4, memoryMiB: 8192, perHour: 0.4, max: 2 }),
    ],
    pools: [
      makePool({ name: 'small', offers: ['a-east', 'a-west'], min: 1, max: 4, userData: 'token {{token}}' }),
      makePool({ name: 'large', offers: ['b-east'], max: 3 }),
    ],
    clouds: [
      { name: east, max: 4 },
      { name: west, max: 3, capabilities: { replaySafe: false } },
    ],
  });
  let made = 0;
  for (const cloud of site.clouds.values()) {
    cloud.levers.lagMs = 4_000;
    // Every seventh machine does not boot, every ninth never joins.
    cloud.levers.fate = () => {
      made += 1;
      return {
        bootMs: 10_000 + ((made * 7919) % 20_000),
        joinMs: made % 9 === 0 ? null : 5_000 + ((made * 104_729) % 15_000),
        failsToBoot: made % 7 === 0,
      };
    };
  }
  site.queue.levers.jobLagMs = 6_000;
  return site;
}

async function holds(happenings: readonly Happening[]): Promise<void> {
  const site = newSite();
  await play(site, happenings, { ...options, atEverySecond: () => expect(site.ended).toBeNull() });
  expect(breaches(site)).toEqual([]);
  await site.runUntil(() => site.queue.waiting() + site.queue.running() === 0, {
    withinMs: 3_600_000,
    what: 'every job is done',
  });
  await site.run(600_000);
  expect(breaches(site)).toEqual([]);
  expect(unowned(site)).toEqual([]);
  expect(site.store.load().intents.filter(({ state }) => state === 'open' || state === 'unknown')).toEqual(
    [],
  );
  expect(site.alive().map(({ pool }) => pool)).toEqual(['small']);
}

test('the invariants hold whatever happens', { timeout: 600_000 }, async () => {
  await fc.assert(fc.asyncProperty(scenarios(options), holds), { seed, numRuns, verbose: 1 });
});
