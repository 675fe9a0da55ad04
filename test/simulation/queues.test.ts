import { describe, expect, test } from 'vitest';
import { usualFairness } from '../../src/model/fairness.ts';
import { QueueName } from '../../src/model/ids.ts';
import { boundsBroken, breaches, unowned } from '../../src/simulate/verdicts.ts';
import { startSite } from '../support/scenes.ts';
import { east, makeJobClass, makePool } from '../support/siteParts.ts';

const minute = 60_000;
const hour = 60 * minute;
const names = ['batch', 'grid', 'desk'] as const;
type Name = (typeof names)[number];

/** One cloud for six machines, and a queue with a pool for each name; the first has all six when the others come. */
async function crowdedSite(
  options: { readonly priority?: (name: Name) => number; readonly makeRoomAfterMs?: number | null } = {},
) {
  const { priority = () => 0, makeRoomAfterMs = 10 * minute } = options;
  const site = startSite({
    queues: names.map(QueueName),
    pollMs: 30_000,
    clouds: [{ name: east, max: 6 }],
    pools: names.map((name) =>
      makePool({ name, queue: QueueName(name), offers: ['small'], max: 6, priority: priority(name) }),
    ),
    policy: { fairness: { ...usualFairness, makeRoomAfterMs } },
  });
  const submit = (name: Name, count: number) =>
    site.queues
      .get(QueueName(name))
      ?.submit(makeJobClass({ name: `${name}-job`, user: `user-of-${name}` }), { count, runMs: 10 * minute });
  const alive = (): Record<Name, number> => ({
    batch: aliveOf('batch'),
    grid: aliveOf('grid'),
    desk: aliveOf('desk'),
  });
  const aliveOf = (name: Name) => site.alive().filter(({ pool }) => pool === name).length;
  submit('batch', 200);
  await site.runUntil(() => site.alive().length === 6, { withinMs: 10 * minute, what: 'the first has all' });
  return { site, submit, alive };
}

describe('three queues over one cloud with a shared max', () => {
  test('each has its part while all have work, whoever came first; and what others do not use besides', async () => {
    const { site, submit, alive } = await crowdedSite();
    submit('grid', 20);
    submit('desk', 20);
    await site.run(30 * minute);
    const busyMs = { batch: 0, grid: 0, desk: 0 };
    for (let at = 0; at < hour; at += minute) {
      await site.run(minute);
      for (const name of names) busyMs[name] += alive()[name] * minute;
      expect(site.alive().length).toBeLessThanOrEqual(6);
    }
    for (const name of names) expect(busyMs[name] / hour).toBeCloseTo(2, 0);
    await site.runUntil(() => alive().batch === 6, {
      withinMs: 90 * minute,
      what: 'the others are done, and the first has all again',
    });
    expect(site.made().filter(({ pool }) => pool !== 'batch').length).toBeLessThanOrEqual(6);
    expect(site.queues.get(QueueName('batch'))?.jobs.every(({ starts }) => starts <= 1)).toBe(true);
    expect([...breaches(site), ...unowned(site), ...boundsBroken(site)]).toEqual([]);
  });

  test('killed again and again while room is made, it divides the same way and ends no job', async () => {
    const { site, submit, alive } = await crowdedSite();
    submit('grid', 60);
    submit('desk', 60);
    for (let n = 0; n < 8; n++) {
      await site.run(2 * minute);
      site.killAtCommit(n % 2 === 0 ? 'beforeCommit' : 'afterCommit');
      await site.run(2 * minute);
      if (site.running) site.kill();
      site.killAtCommit(null);
      site.start();
    }
    await site.runUntil(() => names.every((name) => alive()[name] === 2), {
      withinMs: 40 * minute,
      what: 'each has its part',
    });
    await site.run(20 * minute);
    expect(alive()).toEqual({ batch: 2, grid: 2, desk: 2 });
    expect(
      names
        .flatMap((name) => site.queues.get(QueueName(name))?.jobs ?? [])
        .every(({ starts }) => starts <= 1),
    ).toBe(true);
    expect([...breaches(site), ...unowned(site), ...boundsBroken(site)]).toEqual([]);
  });

  test('a pool of greater priority has what it can use, and the rest is for the others', async () => {
    const { site, submit, alive } = await crowdedSite({ priority: (name) => (name === 'desk' ? 1 : 0) });
    submit('grid', 40);
    submit('desk', 4);
    await site.runUntil(() => alive().desk === 4, { withinMs: 40 * minute, what: 'desk has its four' });
    expect(alive().batch).toBeLessThanOrEqual(2);
  });

  test('never: the first keeps all for as long as its jobs come', async () => {
    const { site, submit, alive } = await crowdedSite({ makeRoomAfterMs: null });
    submit('grid', 4);
    await site.run(2 * hour);
    expect(alive()).toEqual({ batch: 6, grid: 0, desk: 0 });
  });
});
