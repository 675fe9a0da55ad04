import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import type { Loaded } from '../../src/config/load.ts';
import type { SiteConfig } from '../../src/config/site.ts';
import { reportAll } from '../../src/daemon/accountKeeping.ts';
import { placeMessages } from '../../src/host/message-queue.ts';
import { CloudName, SiteId } from '../../src/model/ids.ts';
import { createDice, type Dice } from '../../src/simulate/dice.ts';
import { createSimulatedSite, type SimulatedSite } from '../../src/simulate/simulatedSite.ts';
import { loadSimulatedSite } from '../../src/simulate/traceSite.ts';
import { breaches, unowned } from '../../src/simulate/verdicts.ts';
import { backupStore } from '../../src/store/sqlite/maintenance.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { makeJobClass } from '../support/siteParts.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** What an admin edits. */
const site = {
  site: 'farm',
  mode: 'act',
  queues: [{ name: 'batch', adapter: 'simulated', poll: '60s' }],
  clouds: [
    { name: 'east', driver: 'simulated', poll: '60s', max: 8 },
    { name: 'west', driver: 'simulated', poll: '60s', max: 8 },
  ],
  offers: ['east', 'west'].map((cloud) => ({
    name: `small-${cloud}`,
    cloud,
    cpus: 2,
    memory: '4GiB',
    disk: '20GiB',
    price: '0.10 USD/h',
    attributes: { VMType: 'small' },
    boot: {},
  })),
  pools: [
    { name: 'main', queue: 'batch', offers: ['small-east', 'small-west'], min: 0, max: 10 },
    { name: 'extra', queue: 'batch', offers: ['small-west'], min: 0, max: 4, priority: -1 },
  ],
};
type Written = typeof site;

const load = (written: unknown): Promise<Loaded> => loadSimulatedSite('site.yaml', JSON.stringify(written));

async function configOf(written: unknown): Promise<SiteConfig> {
  const { config, problems } = await load(written);
  if (config === null) throw new Error(problems.map(({ message }) => message).join('; '));
  return config;
}

/** Another config that is right: bounds, idle times, a pool or a cloud that goes and comes back. */
function rightChange(dice: Dice): unknown {
  const hasWest = dice.chance(0.8);
  const max = dice.whole(4, 10);
  const offers = site.offers.filter(({ cloud }) => hasWest || cloud === 'east');
  return {
    ...site,
    clouds: site.clouds.filter(({ name }) => hasWest || name === 'east'),
    offers,
    pools: site.pools
      .filter(({ name }) => name === 'main' || (hasWest && dice.chance(0.7)))
      .map((pool) => ({
        ...pool,
        max: Math.min(pool.max, max),
        offers: pool.offers.filter((offer) => offers.some(({ name }) => name === offer)),
        limits: { idle: `${dice.whole(2, 20)}m` },
      })),
  };
}

const mistakes: readonly ((written: Written) => unknown)[] = [
  ({ pools, ...rest }) => ({ ...rest, pools: pools.map((pool) => ({ ...pool, offers: ['gone'] })) }),
  (written) => ({ ...written, pool: [] }),
  ({ clouds, ...rest }) => ({ ...rest, clouds: clouds.map((cloud) => ({ ...cloud, max: 'many' })) }),
  ({ pools, ...rest }) => ({ ...rest, pools: pools.map((pool) => ({ ...pool, min: 20 })) }),
  ({ queues, ...rest }) => ({ ...rest, queues: [...queues, ...queues] }),
];

function submitAllWeek(farm: SimulatedSite, dice: Dice): void {
  for (let atMs = 10 * minute; atMs < 6.7 * day; atMs += dice.whole(10, 50) * minute)
    farm.clock.at(atMs, () => {
      const jobClass = makeJobClass({ name: 'a', vmType: 'small', user: dice.oneOf(['ann', 'bob']) });
      farm.queue.submit(jobClass, { count: dice.whole(1, 6), runMs: dice.whole(3, 60) * minute });
    });
}

test('a week of operations: observed, turned on, reloaded, in downtime, upgraded and rolled back', {
  timeout: 300_000,
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-week-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'spillway.db');
  const outgoing = join(folder, 'outgoing');
  mkdirSync(outgoing);
  const dice = createDice(20_261_122, 'week');
  const acting = await configOf(site);
  const farm = createSimulatedSite({
    config: acting,
    offers: acting.offers,
    pools: acting.pools,
    openStore: () => openSqliteStore({ path, site: SiteId('farm') }),
  });
  const until = (ms: number) => farm.run(ms - farm.clock.monotonicNow());
  /** As another version's package does it: the process ends, another opens the store's file. */
  const replaceDaemon = async () => {
    await farm.stop();
    farm.store.close();
    farm.loseStore();
    farm.start();
  };
  const known = () => new Map([...farm.instances()].map(({ id, phase }) => [id, phase]));
  submitAllWeek(farm, dice);

  // Friday: it is installed, and only looks on.
  farm.start();
  await farm.reload(await configOf({ ...site, mode: 'observe' }));
  await until(day);
  expect(farm.made()).toEqual([]);
  expect(farm.queue.waiting()).toBeGreaterThan(20);
  expect(farm.status().observe?.booted).toBeGreaterThan(0);
  expect(farm.status().observe?.cost[0]?.soFar).toBeGreaterThan(0);

  // It is turned on.
  await farm.reload(acting);
  await until(1.5 * day);
  expect(farm.made().length).toBeGreaterThan(5);

  // Twenty reloads, half of them of files that are wrong: those say where, and nothing is reloaded.
  const refused: string[] = [];
  for (let at = 0; at < 20; at++) {
    await until(1.5 * day + at * 4 * hour + dice.whole(0, 3 * hour));
    const isRight = at % 2 === 0;
    const written = isRight ? rightChange(dice) : (mistakes[((at - 1) / 2) % mistakes.length]?.(site) ?? {});
    const { config, problems } = await load(written);
    if (config !== null) await farm.reload(config);
    else refused.push(...problems.slice(0, 1).map(({ file, line, column }) => `${file}:${line}:${column}`));
    expect(config !== null).toBe(isRight);
  }
  expect(refused).toHaveLength(10);
  for (const place of refused) expect(place).toMatch(/^site\.yaml:[1-9]\d*:[1-9]\d*$/);
  await until(5 * day);
  await farm.reload(acting);

  // The west is away for six hours: empty when it begins, in use again when it is over.
  const startsMs = 5 * day + 4 * hour;
  const wallMs = (ms: number) => farm.clock.wallNow() + ms - farm.clock.monotonicNow();
  await farm.control.addDowntime({
    scope: { kind: 'cloud', cloud: CloudName('west') },
    fromWallMs: wallMs(startsMs),
    toWallMs: wallMs(startsMs + 6 * hour),
    reason: 'new switches',
    force: false,
    drainAheadMs: 2 * hour,
  });
  for (let ms = startsMs; ms <= startsMs + 6 * hour; ms += 30 * minute) {
    await until(ms);
    expect(farm.alive().filter(({ cloud }) => cloud === 'west')).toEqual([]);
  }

  // Upgrade and roll-back, with machines running: a copy is kept, and nothing is done to the fleet.
  await until(5.7 * day);
  backupStore({ path, to: join(folder, 'before.db') });
  for (const _ of ['upgrade', 'roll-back']) {
    await farm.runUntil(() => farm.queue.running() > 0, { withinMs: 6 * hour, what: 'jobs run' });
    const before = known();
    const made = farm.made().length;
    await replaceDaemon();
    expect([...known().keys()]).toEqual([...before.keys()]);
    expect(farm.made()).toHaveLength(made);
    await farm.run(4 * hour);
  }

  await until(7 * day);
  await farm.runUntil(() => farm.queue.waiting() + farm.queue.running() === 0, {
    withinMs: day,
    what: 'all jobs are done',
  });
  await farm.runUntil(() => farm.alive().length === 0, { withinMs: day, what: 'all machines are gone' });
  await farm.run(hour);
  expect(breaches(farm)).toEqual([]);
  expect(unowned(farm)).toEqual([]);

  // Every machine is in the books, once, and in the records that are reported, to the second.
  const records = farm.store.endedInstances(10_000).filter(({ cloudId }) => cloudId !== null);
  expect(records.map(({ id }) => id).toSorted()).toEqual(
    farm
      .made()
      .map(({ instance }) => instance)
      .toSorted(),
  );
  const { config, store } = farm;
  const apel = {
    siteName: 'EXAMPLE',
    cloudComputeService: null,
    folder: outgoing,
    everyMs: hour,
    benchmark: null,
    fqans: new Map<string, string>(),
    globalUserNames: new Map<string, string>(),
  };
  const order = { apel, folder: outgoing, nowMs: farm.status().nowMs };
  const placed = await reportAll({ config, store, placeMessages }, order);
  expect(await reportAll({ config, store, placeMessages }, order)).toEqual({ messages: 0, records: 0 });
  const texts = readdirSync(outgoing, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'))
    .join('\n');
  const figures = (key: string) =>
    [...texts.matchAll(new RegExp(`^${key}: (.*)$`, 'gm'))].map(([, value = '']) => value);
  const seconds = (ms: number | null) => Math.floor((ms ?? 0) / 1000);
  expect(placed.records).toBe(records.length);
  expect(figures('MachineName').toSorted()).toEqual(records.map(({ id }) => id).toSorted());
  expect(figures('WallDuration').reduce((sum, value) => sum + Number(value), 0)).toBe(
    records.reduce((sum, { createdAtMs, endedAtMs }) => sum + seconds(endedAtMs) - seconds(createdAtMs), 0),
  );
});
