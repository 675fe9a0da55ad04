import { expect, test } from 'vitest';
import { InstanceId } from '../../src/model/ids.ts';
import { workerIdOf } from '../../src/simulate/simulatedQueue.ts';
import type { SimulatedSite } from '../../src/simulate/simulatedSite.ts';
import { phasesOf, startSite } from '../support/scenes.ts';
import { makeJobClass, makePool } from '../support/siteParts.ts';

const minute = 60_000;

/** From now on the scheduler gives this machine no job, though it shows itself free. */
async function shun(site: SimulatedSite, id: InstanceId): Promise<void> {
  const startd = site.queue.startd(workerIdOf(id));
  if (startd === null) throw new Error(`no startd of ${id}`);
  const told = site.queue.queue.drain(startd.id, new AbortController().signal);
  const { total, ad } = startd;
  site.queue.levers.lie = (view) => ({
    ...view,
    workers: view.workers.map((worker) =>
      worker.instance === id && worker.activity === 'drained'
        ? { ...worker, activity: 'idle' as const, slots: [{ ad, free: total, partitionable: true }] }
        : worker,
    ),
  });
  await site.run(1000);
  await told;
}

test('a machine that takes no job while others of its offer do is drained, told of and replaced', async () => {
  const site = startSite({
    pools: [makePool({ offers: ['small'], max: 3, limits: { idleMs: 5 * minute } })],
  });
  // Seldom enough that it is shunned before its first job.
  site.queue.levers.negotiateMs = 30_000;
  site.queue.submit(makeJobClass(), { count: 60, runMs: 4 * minute });
  await site.runUntil(() => site.instances().length === 3, { withinMs: minute, what: 'three are launched' });
  const [first] = site.instances();
  const hole = InstanceId(first?.id ?? '');
  await site.runUntil(() => site.queue.startd(workerIdOf(hole)) !== null, {
    withinMs: minute,
    what: 'it joins',
  });
  await shun(site, hole);
  await site.run(35 * minute);
  expect(site.store.instance(hole)).toMatchObject({ endReason: 'blackHole', claims: 0 });
  const alarms = site.store.journal({ kinds: ['alarm'], limit: 10 });
  expect(alarms.map(({ data }) => data?.alarm)).toEqual(['blackHole']);
  expect(site.status().alarms).toMatchObject([{ kind: 'blackHole' }]);
  expect(site.errors).toEqual([]);
  // The offer is good: the others of it work.
  expect(site.status().clouds.flatMap(({ setAside }) => setAside)).toEqual([]);
  await site.runUntil(() => site.queue.waiting() === 0, { withinMs: 120 * minute, what: 'all jobs run' });
  expect(site.queue.kills).toEqual([]);
});

test('where jobs are taken back while machines boot, the machines join, are not needed and end', async () => {
  const site = startSite();
  const jobs = site.queue.submit(makeJobClass(), { count: 3, runMs: minute });
  await site.runUntil(() => phasesOf(site).includes('building'), { withinMs: minute, what: 'they boot' });
  for (const job of jobs) site.queue.removeJob(job);
  await site.run(10 * minute);
  expect(phasesOf(site)).toEqual([]);
  expect(site.made()).toHaveLength(3);
});
