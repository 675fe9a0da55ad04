import { afterEach, describe, expect, it } from 'vitest';
import { adFromValues } from '../../../src/classad/ad.ts';
import { symmetricMatch } from '../../../src/classad/match.ts';
import { hostClock } from '../../../src/daemon/clock.ts';
import type { Clock } from '../../../src/model/clock.ts';
import { eventually } from '../../support/eventually.ts';
import {
  bench,
  failing,
  forever,
  jobs,
  machines,
  noMachine,
  removeTools,
  settled,
  totals,
} from './adapter-bench.ts';
import { type FakeAnswer, type FakeTools, recorded } from './fake-tools.ts';

afterEach(removeTools);

describe('poll', () => {
  it('sees machines and demand', async () => {
    const { poll } = bench([settled, machines, totals(15), jobs]);
    const snapshot = await poll(7);
    expect(snapshot).toMatchObject({
      queue: 'main',
      takenAtMs: 7,
      workersComplete: true,
      demandComplete: true,
      jobs: { waiting: 15, running: 1, held: 2 },
    });
    expect(snapshot.demand.map(({ count }) => count)).toEqual([3, 3, 3, 3, 3]);
    expect(snapshot.workers.map(({ id, activity }) => [id, activity])).toEqual([
      ['i1-0.pool.test', 'claimed'],
      ['st.pool.test', 'claimed'],
    ]);
  });

  it('what it hands over can be matched both ways', async () => {
    const { poll } = bench([settled, { ...machines, stdout: recorded('slots/idle.out') }, totals(15), jobs]);
    const { demand, workers } = await poll();
    const slot = workers[0]?.slots[0]?.ad ?? adFromValues({});
    const fit = demand.map(({ ad }) => symmetricMatch(ad, slot));
    expect(fit).toEqual([false, false, false, false, false]);
    const huge = adFromValues({
      ...Object.fromEntries(slot.names().map((name) => [name, slot.get(name)])),
      VMType: 'huge',
    });
    expect(demand.map(({ ad }) => symmetricMatch(ad, huge))).toEqual([true, true, true, true, false]);
  });

  it('asks for machines before jobs, and before the collector’s age', async () => {
    const { poll, tools } = bench([settled, noMachine, totals(0)]);
    await poll();
    const calls = tools.calls();
    const slots = calls.findLastIndex((line) => line.includes('-long') && line.startsWith('condor_status'));
    const others = calls.findIndex((line) => line.startsWith('condor_q') || line.includes('-collector'));
    expect(slots).toBeGreaterThanOrEqual(0);
    expect(slots).toBeLessThan(others);
  });

  it('an empty queue costs its totals and no more', async () => {
    const { poll, tools } = bench([settled, noMachine, totals(0, 9)]);
    expect(await poll()).toMatchObject({ demand: [], workers: [], jobs: { waiting: 0 } });
    expect(tools.calls().filter((line) => line.startsWith('condor_q'))).toHaveLength(1);
  });

  it('asks again when the ads speak of attributes that it has not asked for, once', async () => {
    const { poll, tools } = bench([settled, machines, totals(15), jobs]);
    await poll();
    const first = tools.calls().filter((line) => line.includes('-attributes')).length;
    await poll();
    const both = tools.calls().filter((line) => line.includes('-attributes'));
    expect([first, both.length]).toEqual([4, 6]);
    const [lastMachines, lastJobs] = both.slice(-2);
    expect(lastMachines).toMatch(/^condor_status .*,VMType/);
    expect(lastJobs).toMatch(
      /^condor_q .*,FileSystemDomain.*,DiskUsage|^condor_q .*,DiskUsage.*,FileSystemDomain/,
    );
  });

  it('asks for what offers refer to', async () => {
    const { queue, tools } = bench([settled, noMachine, totals(15), jobs]);
    await queue.poll({ nowMs: 0, attributes: ['hardwareprofile'], machines: [] }, forever);
    expect(tools.calls().find((line) => line.includes('-long') && line.startsWith('condor_q'))).toContain(
      ',hardwareprofile',
    );
  });

  it('leaves out machines that are only believed in', async () => {
    const { poll, tools } = bench([settled, noMachine, totals(0)]);
    await poll();
    expect(tools.calls()).toContainEqual(
      expect.stringContaining('condor_status -constraint Offline =!= true'),
    );
  });
});

describe('a view that fails is never an empty one', () => {
  it.each([
    ['schedd_off_q', 'unavailable'],
    ['unknown_schedd', 'unavailable'],
    ['schedd_hung_q', 'timeout'],
    ['auth_fail_condor_q', 'denied'],
    ['unknown_pool', 'unavailable'],
    ['bad_constraint', 'invalid'],
    ['bad_option', 'invalid'],
  ])('condor_q: %s', async (name, code) => {
    const { poll } = bench([settled, machines, failing(name)]);
    await expect(poll()).rejects.toMatchObject({ name: 'QueueError', code });
  });

  it.each([
    ['auth_fail_condor_status', 'denied'],
    ['status_unknown_pool', 'unavailable'],
    ['status_bad_constraint', 'invalid'],
  ])('condor_status: %s', async (name, code) => {
    const { poll } = bench([settled, failing(name, { tool: 'condor_status' }), totals(0)]);
    await expect(poll()).rejects.toMatchObject({ name: 'QueueError', code });
  });

  it('a failure after part of an answer', async () => {
    const half = recorded('answers/jobs.out').slice(0, 3000);
    const { poll } = bench([settled, machines, totals(15), { ...jobs, stdout: half, exitCode: 1 }]);
    await expect(poll()).rejects.toMatchObject({ code: 'unavailable' });
  });

  it('part of an answer with exit code 0', async () => {
    const half = recorded('answers/jobs.out').slice(0, 3000);
    const { poll } = bench([settled, machines, totals(15), { ...jobs, stdout: half }]);
    await expect(poll()).rejects.toMatchObject({ code: 'malformed' });
  });

  it('no job at all with exit code 0, where the totals say 15', async () => {
    const { poll } = bench([settled, machines, totals(15), { ...jobs, stdout: '' }]);
    await expect(poll()).rejects.toMatchObject({
      code: 'malformed',
      message: 'condor_q: schedd@pool answers with 0 jobs, but totals of 15',
    });
  });

  it('a few jobs fewer than the totals say, before and after: the view is not whole', async () => {
    const { poll } = bench([settled, machines, totals(17), jobs]);
    expect(await poll()).toMatchObject({ demandComplete: false, jobs: { waiting: 17 } });
  });

  it('no totals with exit code 0', async () => {
    const { poll } = bench([settled, machines, { tool: 'condor_q' }]);
    await expect(poll()).rejects.toMatchObject({ code: 'malformed' });
  });

  it('no program', async () => {
    const { queue } = bench([], { bin: '/nonexistent' });
    await expect(queue.poll({ nowMs: 0, attributes: [], machines: [] }, forever)).rejects.toMatchObject({
      code: 'missing',
    });
  });

  it('a schedd that hangs, when the poll’s deadline comes', async () => {
    const { queue, tools } = bench([settled, machines, { tool: 'condor_q', hangs: true }]);
    const deadline = new AbortController();
    const outcome = expect(
      queue.poll({ nowMs: 0, attributes: [], machines: [] }, deadline.signal),
    ).rejects.toMatchObject({
      code: 'timeout',
    });
    await eventually('condor_q hangs', () => tools.hanging().length > 0, { everyMs: 10 });
    deadline.abort();
    await outcome;
  });
});

describe('several schedds', () => {
  const both = { schedds: ['a@pool', 'b@pool'] };
  const of = (name: string, row: FakeAnswer): FakeAnswer => ({
    ...row,
    when: `-name ${name} -allusers ${row.when ?? ''}`.trim(),
  });

  it('are summed', async () => {
    const { poll } = bench(
      [
        settled,
        noMachine,
        of('a@pool', totals(15, 15, 'a@pool')),
        of('b@pool', totals(15, 15, 'b@pool')),
        jobs,
      ],
      both,
    );
    const { demand, jobs: counts, demandComplete } = await poll();
    expect(demand.map(({ count }) => count)).toEqual([6, 6, 6, 6, 6]);
    expect(demand[0]?.sampleJobs).toContain('b@pool#6.0');
    expect([counts.waiting, demandComplete]).toEqual([30, true]);
  });

  it('one that is silent leaves an incomplete view, and is said once', async () => {
    const rows = [
      settled,
      noMachine,
      of('a@pool', totals(15, 15, 'a@pool')),
      failing('unknown_schedd', { when: '-name b@pool' }),
      jobs,
    ];
    const { poll, said } = bench(rows, both);
    expect(await poll()).toMatchObject({ demandComplete: false, jobs: { waiting: 15 } });
    await poll();
    expect(said.filter((line) => line.startsWith('warn schedd does not answer'))).toHaveLength(1);
    expect(said[0]).toContain('"schedd":"b@pool","code":"unavailable"');
  });

  it('and is said when it is back', async () => {
    const good = [settled, noMachine, of('a@pool', totals(0)), of('b@pool', totals(0))];
    const { poll, said, tools } = bench(
      [settled, noMachine, of('a@pool', totals(0)), failing('unknown_schedd')],
      both,
    );
    await poll();
    tools.answer(good);
    expect(await poll()).toMatchObject({ demandComplete: true });
    expect(said.at(-1)).toBe('info schedd answers again {"schedd":"b@pool"}');
  });

  it('none that answers is a failure', async () => {
    const { poll } = bench([settled, noMachine, failing('unknown_schedd')], both);
    await expect(poll()).rejects.toMatchObject({ code: 'unavailable' });
  });
});

describe('a big queue', () => {
  const big = { bigQueueJobs: 10, rereadAfter: '60s' };
  const clusters: FakeAnswer = {
    tool: 'condor_q',
    when: '-autocluster',
    stdout: recorded('answers/autocluster.out'),
  };
  const reads = (tools: FakeTools) =>
    tools.calls().filter((line) => line.startsWith('condor_q') && line.includes(',RequestCpus,')).length;

  function movingClock() {
    let nowMs = 0;
    const clock: Clock = { ...hostClock, monotonicNow: () => nowMs };
    return { clock, advance: (ms: number) => (nowMs += ms) };
  }

  it('that has not changed is not read again before its time', async () => {
    const { clock, advance } = movingClock();
    const { poll, tools } = bench([settled, noMachine, totals(15), clusters, jobs], big, clock);
    const first = await poll();
    const before = reads(tools);
    advance(59_000);
    expect((await poll()).demand.map(({ id, count }) => [id, count])).toEqual(
      first.demand.map(({ id, count }) => [id, count]),
    );
    expect(reads(tools)).toBe(before);
    advance(2000);
    await poll();
    expect(reads(tools)).toBe(before + 1);
  });

  it.each([
    ['its totals', [totals(16), clusters]],
    ['its autoclusters', [totals(15), { ...clusters, stdout: '' }]],
    [
      'more autoclusters than can be told apart',
      [totals(15), { ...clusters, stdout: 'x'.repeat(2_000_000) }],
    ],
  ])('is read again at once when it differs in %s', async (_, changed) => {
    const { poll, tools } = bench([settled, noMachine, totals(15), clusters, jobs], big, movingClock().clock);
    await poll();
    const before = reads(tools);
    tools.answer([settled, noMachine, ...changed, jobs]);
    await poll();
    expect(reads(tools)).toBe(before + 1);
  });

  it('a small one is always read', async () => {
    const { poll, tools } = bench([settled, noMachine, totals(15), jobs], {}, movingClock().clock);
    await poll();
    const before = reads(tools);
    await poll();
    expect(reads(tools)).toBe(before + 1);
    expect(tools.calls().some((line) => line.includes('-autocluster'))).toBe(false);
  });
});

describe('after the collector has restarted', () => {
  const young: FakeAnswer = { ...settled, stdout: '' };

  it('the view is incomplete until it says that it has been up for long enough', async () => {
    const { poll, tools } = bench([young, noMachine, totals(0)], { updateInterval: '300s' });
    expect(await poll()).toMatchObject({ workersComplete: false });
    expect(tools.calls().filter((line) => line.includes('-collector'))).toEqual([
      'condor_status -collector -constraint time() - (StatsLastUpdateTime - StatsLifetime) >= 600 -af Name',
    ]);
    tools.answer([settled, noMachine, totals(0)]);
    expect(await poll()).toMatchObject({ workersComplete: true });
  });

  it('or until it has been watched for so long, which a failure begins anew', async () => {
    let nowMs = 0;
    const clock: Clock = { ...hostClock, monotonicNow: () => nowMs };
    const { poll, tools } = bench([young, noMachine, totals(0)], { updateInterval: '300s' }, clock);
    const complete = async (atMs: number) => {
      nowMs = atMs;
      return (await poll()).workersComplete;
    };
    expect([await complete(0), await complete(599_000)]).toEqual([false, false]);
    tools.answer([failing('status_unknown_pool', { tool: 'condor_status' })]);
    await expect(poll()).rejects.toMatchObject({ code: 'unavailable' });
    tools.answer([young, noMachine, totals(0)]);
    expect([await complete(700_000), await complete(1_299_000), await complete(1_300_000)]).toEqual([
      false,
      false,
      true,
    ]);
  });
});
