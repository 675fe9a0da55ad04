import { expect } from 'vitest';
import { JobId } from '../../../src/model/ids.ts';
import { type Case, groupsOf, newInstance, numberBy, saidBy, waitingIn } from './bench.ts';

/** Texts that would do harm where somebody took them for more than text. */
export const hostileTexts: readonly string[] = [
  '"; rm -rf / #',
  '$(reboot)',
  '$$(Name)',
  `a'b"c\\d`,
  'ends with a backslash \\',
  '{{token}}',
  '<b>&amp;</b> ]]>',
  'ünïcode ☃ 𝔘',
  '-constraint true',
  '__proto__',
  'null',
  ' blanks  ',
  'true || false',
  `long ${'x'.repeat(5000)}`,
];

/** What the adapter makes of the jobs. */
export const demandCases = {
  'an empty queue is empty, and that is all there is': async (bench) => {
    expect(await bench.poll({ nowMs: 4711 })).toMatchObject({
      takenAtMs: 4711,
      demandComplete: true,
      demand: [],
      workers: [],
      jobs: { waiting: 0, running: 0, held: 0 },
    });
  },

  'jobs that want the same are one group': async (bench) => {
    const { test } = bench;
    await test.submit({ count: 3, words: { [test.word]: 'a' } });
    await test.submit({ words: { [test.word]: 'a' } });
    const view = await bench.shows('four jobs', (seen) => waitingIn(seen) === 4 && seen);
    expect(view.demand).toMatchObject([{ count: 4, kind: 'counted', workers: 1 }]);
    expect(view.jobs).toMatchObject({ waiting: 4, running: 0 });
  },

  'jobs that want something else are other groups': async (bench) => {
    const { test } = bench;
    await test.submit({ count: 2, words: { [test.word]: 'a' } });
    await test.submit({ count: 3, words: { [test.word]: 'b' } });
    const view = await bench.shows('five jobs', (seen) => waitingIn(seen) === 5 && seen);
    expect(view.demand.map(({ count }) => count).toSorted((a, b) => a - b)).toEqual([2, 3]);
    const [one, other] = view.demand;
    expect(one?.wishes === undefined || one.wishes !== other?.wishes).toBe(true);
  },

  'what offers are asked for is in the ad of the group': async (bench) => {
    const { test } = bench;
    await test.submit({ words: { [test.word]: 'a', Colour: 'green' } });
    await bench.shows('one job', (view) => waitingIn(view) === 1);
    const { demand } = await bench.poll({ attributes: [test.word, 'Colour'] });
    expect(demand.map((group) => [saidBy(group, test.word), saidBy(group, 'Colour')])).toEqual([
      ['a', 'green'],
    ]);
  },

  'what a job requests is in the ad of the group': async (bench) => {
    await bench.test.submit({ cpus: 3, memoryMiB: 2000 });
    const [group] = await bench.shows('one job', ({ demand }) => demand.length > 0 && demand);
    expect(group && [numberBy(group, 'RequestCpus'), numberBy(group, 'RequestMemory')]).toEqual([3, 2000]);
  },

  'users are told apart, and what they want is not': async (bench) => {
    const { test } = bench;
    await test.submit({ count: 2, words: { [test.word]: 'a' }, user: 'ann' });
    await test.submit({ count: 3, words: { [test.word]: 'a' }, user: 'bob' });
    const { demand } = await bench.shows('five jobs', (view) => waitingIn(view) === 5 && view);
    expect(demand.map(({ count, user }) => `${count} ${user?.split('@')[0]}`).toSorted()).toEqual([
      '2 ann',
      '3 bob',
    ]);
    if (demand[0]?.wishes !== undefined) expect(demand[0].wishes).toBe(demand[1]?.wishes);
  },

  'the more urgent jobs of a user are told from the others': async (bench) => {
    await bench.test.submit({ count: 2 });
    await bench.test.submit({ priority: 7 });
    const { demand } = await bench.shows('three jobs', (view) => waitingIn(view) === 3 && view);
    expect(demand).toHaveLength(2);
    const [usual, urgent] = demand.toSorted((a, b) => a.priority - b.priority);
    expect([usual?.count, urgent?.count]).toEqual([2, 1]);
    expect(urgent?.priority).toBeGreaterThan(usual?.priority ?? Infinity);
  },

  'a group keeps its id while its jobs come and go, for a new connection too': async (bench) => {
    const { test } = bench;
    const [first] = await test.submit({ words: { [test.word]: 'a' } });
    const id = await bench.shows('one job', ({ demand }) => demand[0]?.id);
    await test.submit({ count: 4, words: { [test.word]: 'a' } });
    await test.submit({ words: { [test.word]: 'b' } });
    if (first !== undefined) await test.withdraw(first);
    const again = await bench.shows(
      'the others',
      ({ demand }) => demand.find(({ count }) => count === 4)?.id,
    );
    expect(again).toBe(id);
    const { demand } = await bench.poll({ queue: bench.connect() });
    expect(demand.map((group) => group.id)).toContain(id);
  },

  'a held job is no demand, and is demand again when it is released': async (bench) => {
    const { test } = bench;
    const [job] = await test.submit({ count: 3 });
    if (job === undefined) throw new Error('no job');
    await test.hold(job);
    const view = await bench.shows('two jobs', (seen) => waitingIn(seen) === 2 && seen);
    expect(view.jobs).toMatchObject({ waiting: 2, held: 1 });
    expect(await bench.queue.job(job, bench.signal)).toMatchObject({ state: 'held', demand: null });
    await test.release(job);
    await bench.shows('three jobs', (seen) => waitingIn(seen) === 3 && seen.jobs.held === 0);
  },

  'a job that is taken back is no demand': async (bench) => {
    const { test } = bench;
    const jobs = await test.submit({ count: 3 });
    await bench.shows('three jobs', (view) => waitingIn(view) === 3);
    for (const job of jobs.slice(1)) await test.withdraw(job);
    await bench.shows('one job', (view) => waitingIn(view) === 1);
    for (const job of jobs.slice(0, 1)) await test.withdraw(job);
    const view = await bench.shows('no job', (seen) => seen.demand.length === 0 && seen);
    expect(view).toMatchObject({ demandComplete: true, jobs: { waiting: 0, running: 0, held: 0 } });
  },

  'a running job is no demand, nor is one that has ended': async (bench) => {
    const { test } = bench;
    const [job] = await test.submit({});
    if (job === undefined) throw new Error('no job');
    const worker = await test.join({ instance: newInstance() });
    await bench.shows('a worker', (view) => view.workers.length === 1);
    await test.run(job, worker);
    const running = await bench.shows('it runs', (view) => view.jobs.running === 1 && view);
    expect(running).toMatchObject({ demand: [], jobs: { waiting: 0 } });
    await test.finish(job);
    const ended = await bench.shows('it has ended', (view) => view.jobs.running === 0 && view);
    expect(ended).toMatchObject({ demand: [], jobs: { waiting: 0, held: 0 } });
  },

  'an array is as many jobs as it has': async (bench) => {
    const { test } = bench;
    const jobs = await test.submit({ count: 250, words: { [test.word]: 'a' } });
    expect(new Set(jobs).size).toBe(250);
    const view = await bench.shows('all of them', (seen) => waitingIn(seen) === 250 && seen);
    expect(view.demand).toHaveLength(1);
    for (const job of jobs.slice(0, 10)) await test.withdraw(job);
    await bench.shows('those that are left', (seen) => waitingIn(seen) === 240);
  },

  'a job that waits for another is no demand before that has ended': async (bench) => {
    const { test } = bench;
    const [first] = await test.submit({ words: { [test.word]: 'first' } });
    if (first === undefined) throw new Error('no job');
    await test.submit({ words: { [test.word]: 'second' }, after: first });
    const view = await bench.shows('the first', (seen) => waitingIn(seen) > 0 && seen);
    expect(groupsOf(bench, view)).toEqual(['1 × first']);
    const worker = await test.join({ instance: newInstance() });
    await bench.shows('a worker', (seen) => seen.workers.length === 1);
    await test.run(first, worker);
    await test.finish(first);
    await bench.shows('the second', (seen) => groupsOf(bench, seen).includes('1 × second'));
  },

  'a job of several machines is one that wants them at the same time': async (bench) => {
    await bench.test.submit({ nodes: 3 });
    const [gang] = await bench.shows('one job', ({ demand }) => demand.length > 0 && demand);
    expect(gang).toMatchObject({ kind: 'gang', count: 1, workers: 3 });
  },

  '10,000 jobs are a few groups with the right counts': async (bench) => {
    const { test } = bench;
    for (const [name, count] of [
      ['a', 5000],
      ['b', 3000],
      ['c', 2000],
    ] as const)
      await test.submit({ count, words: { [test.word]: name } });
    const view = await bench.shows('all of them', (seen) => waitingIn(seen) === 10_000 && seen);
    expect(view.demand.map(({ count }) => count).toSorted((a, b) => a - b)).toEqual([2000, 3000, 5000]);
    expect(view).toMatchObject({ demandComplete: true, jobs: { waiting: 10_000 } });
    for (const { sampleJobs } of view.demand) expect(sampleJobs.length).toBeLessThanOrEqual(20);
  },

  'a change among 10,000 jobs is seen': async (bench) => {
    const { test } = bench;
    const [job] = await test.submit({ count: 10_000, words: { [test.word]: 'a' } });
    if (job === undefined) throw new Error('no job');
    await bench.shows('all of them', (view) => waitingIn(view) === 10_000);
    await test.withdraw(job);
    await bench.shows('one less', (view) => waitingIn(view) === 9999);
    await test.submit({ count: 5, words: { [test.word]: 'b' } });
    await bench.shows('five others', (view) => view.demand.some(({ count }) => count === 5));
  },

  'jobs of 500 kinds are 500 groups': async (bench) => {
    const { test } = bench;
    const wishes = Array.from({ length: 500 }, (_, kind) => ({
      count: 2,
      words: { [test.word]: `k${kind}` },
    }));
    if (test.submitAll === undefined) for (const wish of wishes) await test.submit(wish);
    else await test.submitAll(wishes);
    const view = await bench.shows('all of them', (seen) => waitingIn(seen) === 1000 && seen);
    expect(view.demand).toHaveLength(500);
    expect(new Set(view.demand.map(({ id }) => id)).size).toBe(500);
  },

  'hostile texts are texts': async (bench) => {
    const { test } = bench;
    for (const text of hostileTexts) await test.submit({ words: { [test.word]: text } });
    await test.submit({ count: 2, words: { [test.word]: 'good' } });
    const all = hostileTexts.length + 2;
    const view = await bench.shows('all of them', (seen) => waitingIn(seen) === all && seen);
    const said = view.demand.map((group) => saidBy(group, test.word) ?? '');
    expect(said.toSorted()).toEqual([...hostileTexts, 'good'].toSorted());
  },

  'hostile names are names': async (bench) => {
    const { test } = bench;
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'MY', 'TARGET_'];
    await test.submit({ words: Object.fromEntries(names.map((name) => [name, 'x'])) });
    await test.submit({ words: { [test.word]: 'good' } });
    await bench.shows('both', (view) => waitingIn(view) === 2);
    const { demand } = await bench.poll({ attributes: [test.word, ...names] });
    expect(demand.map(({ count }) => count)).toEqual([1, 1]);
    expect(({} as Record<string, unknown>).x).toBeUndefined();
  },

  'a job that cannot be understood harms no other': async (bench) => {
    const { test } = bench;
    await test.submit({ count: 2, words: { [test.word]: 'good' } });
    await test.submitBroken();
    await test.submit({ count: 1, words: { [test.word]: 'good' } });
    const view = await bench.shows(
      'the good ones',
      (seen) => groupsOf(bench, seen).includes('3 × good') && seen,
    );
    expect(view.demand.length).toBeLessThanOrEqual(2);
  },

  'a job is found by its id, and in its group': async (bench) => {
    const { test } = bench;
    const jobs = await test.submit({ count: 3, words: { [test.word]: 'a' } });
    const [group] = await bench.shows('three jobs', ({ demand }) => demand[0]?.count === 3 && demand);
    for (const job of jobs)
      expect(await bench.queue.job(job, bench.signal)).toMatchObject({
        id: job,
        state: 'waiting',
        demand: group?.id,
      });
    for (const job of group?.sampleJobs ?? []) expect(jobs).toContain(job);
    expect(group?.sampleJobs.length).toBeGreaterThan(0);
  },

  'an id that is no job’s is nobody’s': async (bench) => {
    await bench.test.submit({});
    for (const text of ['999999.0', '', '-1', '--help', '1.0 || true', '../1', '1;2', 'x'.repeat(5000)])
      expect(await bench.queue.job(JobId(text), bench.signal), text.slice(0, 20)).toBeNull();
  },

  'a job that comes is heard of at once': async (bench) => {
    const stop = new AbortController();
    try {
      const heard = new Promise<void>((resolve, reject) => {
        if (!('hint' in bench.queue)) reject(new Error('no hint'));
        bench.queue.hint?.(resolve, stop.signal);
      });
      await bench.test.submit({});
      await heard;
    } finally {
      stop.abort();
    }
  },
} satisfies Record<string, Case>;
