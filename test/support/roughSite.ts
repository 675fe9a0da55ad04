import { inspect } from 'node:util';
import { createSimulatedSite, type SimulatedSite, type SiteWatch } from '../../src/simulate/simulatedSite.ts';
import { breaches, unowned } from '../../src/simulate/verdicts.ts';
import { type Happening, play, type ScenarioOptions } from './scenario.ts';
import { east, makeJobClass, makeOffer, makePool, west } from './siteParts.ts';

export const roughOptions: ScenarioOptions = {
  seconds: 1800,
  classes: [
    makeJobClass(),
    makeJobClass({ vmType: 'b', cpus: 2 }),
    makeJobClass({ name: 'any', requirements: 'true', user: 'alice', priority: 5 }),
    makeJobClass({ name: 'pair', workers: 2, user: 'bob', walltimeMs: 3_600_000 }),
  ],
  happeningsMax: 40,
};

/** Two clouds, tight bounds, a pool with a min, machines that do not boot or join, lists and ads that lag. */
export function createRoughSite(watch: SiteWatch = {}): SimulatedSite {
  const site = createSimulatedSite({
    watch,
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

/** What else is done to the site, beside what happens. */
export interface Meanwhile {
  readonly atEverySecond: () => Promise<void>;
  /** Before all is to be well. */
  readonly atEnd: () => Promise<void>;
}

/**
 * Plays it all, then waits until every job is done and what nobody needs is gone. Returns what was not as it must be:
 * a line each, none if all is well.
 */
export async function judge(
  site: SimulatedSite,
  happenings: readonly Happening[],
  meanwhile: Meanwhile = { atEverySecond: async () => {}, atEnd: async () => {} },
): Promise<readonly string[]> {
  const deaths: string[] = [];
  await play(site, happenings, {
    ...roughOptions,
    atEverySecond: async () => {
      await meanwhile.atEverySecond();
      if (site.ended !== null) deaths.push(inspect(site.ended));
    },
  });
  await meanwhile.atEnd();
  if (deaths.length > 0) return [`the daemon ended by itself: ${deaths[0]}`];
  const rough = breaches(site);
  if (rough.length > 0) return rough;

  const idle = () => site.queue.waiting() + site.queue.running() === 0;
  for (let minute = 0; minute < 60 && !idle(); minute++) await site.run(60_000);
  if (!idle()) return [`${site.queue.waiting()} jobs wait for ever, ${site.queue.running()} run`];
  const small = () =>
    site
      .alive()
      .map(({ pool }) => pool)
      .join() === 'small';
  for (let minute = 0; minute < 20 && !(small() && minute > 5); minute++) await site.run(60_000);

  const open = site.store.load().intents.filter(({ state }) => state === 'open' || state === 'unknown');
  return [
    ...breaches(site),
    ...unowned(site),
    ...open.map(({ id, state }) => `intent ${id} is ${state} for ever`),
    ...(small()
      ? []
      : [
          `left when nothing is needed: ${site
            .alive()
            .map(({ cloudId, pool }) => `${cloudId} of ${pool}`)
            .join(', ')}`,
        ]),
  ];
}
