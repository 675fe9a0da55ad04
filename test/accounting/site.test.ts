import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { reportAll } from '../../src/daemon/accountKeeping.ts';
import { placeMessages } from '../../src/host/message-queue.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { site as siteName } from '../conformance/rows.ts';
import { accountBreaches, allDays, machinesOf } from '../support/accountBreaches.ts';
import { createRoughSite, roughOptions } from '../support/roughSite.ts';
import { play, scenarios } from '../support/scenario.ts';
import { startSite } from '../support/scenes.ts';
import { makeJobClass, makeOffer, makePool } from '../support/siteParts.ts';

test('whatever happens, and however often the daemon is killed, each machine’s life is in the sums once', {
  timeout: 60_000,
}, async () => {
  const property = fc.asyncProperty(scenarios(roughOptions), async (happenings) => {
    const site = createRoughSite();
    await play(site, happenings, { ...roughOptions, atEverySecond: () => {} });
    if (!site.running) site.start();
    await site.run(60_000);
    expect(accountBreaches(site)).toEqual([]);
  });
  await fc.assert(property, { seed: 20_261_122, numRuns: 8, interruptAfterTimeLimit: 20_000 });
});

test('jobs use what they ran, but for the time between two polls, and money is what the machines cost', async () => {
  const pollMs = 5000;
  const site = startSite({
    pollMs,
    offers: [makeOffer({ name: 'small', cpus: 2, perHour: 3.6 })],
    pools: [makePool({ offers: ['small'] })],
  });
  await site.run(10_000);
  const runMs = 600_000;
  site.queue.submit(makeJobClass({ name: 'a', user: 'ann' }), { count: 3, runMs });
  site.queue.submit(makeJobClass({ name: 'b', user: 'bob', group: 'physics' }), { count: 1, runMs });
  await site.runUntil(() => site.queue.waiting() + site.queue.running() === 0, {
    withinMs: 3_600_000,
    what: 'all are done',
  });
  await site.run(60_000);
  const { rows } = site.control.accounting({ ...allDays, by: ['user', 'group'] });
  const of = (user: string | null) => rows.find(({ keys }) => keys.user === user);
  for (const [user, jobs] of [
    ['ann', 3],
    ['bob', 1],
  ] as const) {
    expect(of(user)?.jobs).toBe(jobs);
    expect(Math.abs((of(user)?.busyCoreSeconds ?? 0) - (jobs * runMs) / 1000)).toBeLessThanOrEqual(
      (2 * jobs * pollMs) / 1000,
    );
  }
  expect(of('bob')?.keys.group).toBe('physics');
  const cost = rows.reduce((sum, { costs }) => sum + (costs[0]?.amount ?? 0), 0);
  const spent = site.control.status().money.spending.find(({ kind }) => kind === 'site');
  expect(cost).toBeCloseTo(spent?.month ?? -1, 9);
});

test('usage records of a site add up to its accounts, though each export is killed somewhere', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-apel-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const site = startSite({
    openStore: () => openSqliteStore({ path: ':memory:', site: siteName }),
    pools: [makePool({ offers: ['small'], max: 4 })],
  });
  const apel = {
    siteName: 'EXAMPLE',
    cloudComputeService: null,
    folder,
    everyMs: 60_000,
    benchmark: null,
    fqans: new Map<string, string>(),
    globalUserNames: new Map<string, string>(),
  };
  /** Dies at a step in turn, then goes on. */
  let exports = 0;
  const exportAll = async (nowMs: number) => {
    const { accounts } = site.store;
    const step = (['placing', 'placed'] as const)[exports++ % 3];
    const dying = {
      ...accounts,
      ...(step === undefined
        ? {}
        : {
            [step]: () => {
              throw new Error('killed');
            },
          }),
    };
    const parts = { config: site.config, store: site.store, placeMessages };
    const order = { apel, folder, nowMs };
    const half = { ...parts, placeMessages: (_: unknown, to: string) => placeMessages(dying, to) };
    await reportAll(half, order).catch(() => {});
    await reportAll(parts, order);
  };
  for (let round = 0; round < 6; round++) {
    site.queue.submit(makeJobClass({ user: 'ann' }), { count: 2, runMs: 120_000 });
    await site.run(600_000);
    site.kill();
    site.start();
    await site.run(30_000);
    await exportAll(site.control.status().nowMs);
  }
  const ended = [...machinesOf(site.store).values()].filter(({ endedAtMs }) => endedAtMs !== null);
  const texts = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
  const figures = (key: string) =>
    texts.flatMap((text) =>
      [...text.matchAll(new RegExp(`^${key}: (.*)$`, 'gm'))].map(([, value]) => value ?? ''),
    );
  expect(ended.length).toBeGreaterThan(3);
  expect(figures('MachineName').toSorted()).toEqual(ended.map(({ id }) => id).toSorted());
  const whole = (ms: number | null) => Math.floor((ms ?? 0) / 1000);
  expect(figures('WallDuration').reduce((sum, value) => sum + Number(value), 0)).toBe(
    ended.reduce((sum, { createdAtMs, endedAtMs }) => sum + whole(endedAtMs) - whole(createdAtMs), 0),
  );
  expect(new Set(figures('LocalUserId'))).toEqual(new Set(['ann']));
  expect(readdirSync(folder).filter((name) => name.startsWith('.'))).toEqual([]);
});
