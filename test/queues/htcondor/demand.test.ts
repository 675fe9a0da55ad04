import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { unparse } from '../../../src/classad/unparse.ts';
import type { Demand } from '../../../src/model/demand.ts';
import { QueueName } from '../../../src/model/ids.ts';
import { groupDemand, groupsMax, type ReadClasses } from '../../../src/queues/htcondor/demand.ts';
import { classesMax, JobClasses } from '../../../src/queues/htcondor/job-classes.ts';
import { AdReader, LongAds } from '../../../src/queues/htcondor/long-ads.ts';
import { jobWishes } from '../../../src/queues/htcondor/vocabulary.ts';
import { recorded } from './fake-tools.ts';

const queue = QueueName('main');
const wishes: ReadonlySet<string> = new Set(jobWishes.map((name) => name.toLowerCase()));
const isWish = (name: string) => wishes.has(name.toLowerCase());

function read(text: string, schedd = 'schedd@head'): ReadClasses {
  const reader = new AdReader();
  const jobs = new JobClasses();
  const ads = new LongAds(jobs.take);
  for (const line of text.split('\n')) ads.take(line);
  ads.finish();
  return { schedd, classes: jobs.all().map((each) => ({ jobs: each, ad: reader.read(each.lines) })) };
}

function group(text: string, wished = isWish): readonly Demand[] {
  return groupDemand(queue, [read(text)], { isWish: wished, walltime }).demand;
}

const walltime = { attribute: 'MaxWallTime', unitMs: 60_000 };
const how = { isWish, walltime };

const said = (demand: Demand | undefined, name: string) => {
  const expr = demand?.ad.get(name);
  return expr === undefined ? undefined : unparse(expr, 'old');
};

/** A job as condor_q prints it. */
const job = (id: string, attributes: Readonly<Record<string, string>> = {}) => {
  const [cluster, proc] = id.split('.');
  const all = {
    ClusterId: cluster,
    JobUniverse: '5',
    ProcId: proc,
    QDate: `${1000 + Number(cluster)}`,
    ...attributes,
  };
  const lines = Object.entries(all).map(([name, text]) => `${name} = ${text}\n`);
  return `${lines.join('')}\n`;
};

describe('groupDemand', () => {
  it('a recorded queue: four groups for `1 + (ProcId % 4)`, one for the rest', () => {
    const demand = group(recorded('answers/jobs.out'));
    const shown = demand.map((each) => [said(each, 'VMType'), said(each, 'RequestCpus'), each.count]);
    expect(shown).toEqual([
      ['"huge"', '1', 3],
      ['"huge"', '2', 3],
      ['"huge"', '3', 3],
      ['"huge"', '4', 3],
      ['"tall"', '1', 3],
    ]);
    expect(demand[1]?.sampleJobs).toEqual(['schedd@head#6.1', 'schedd@head#6.5', 'schedd@head#6.9']);
    expect(said(demand[4], 'RequestMemory')).toBe('ifThenElse(MemoryUsage =!= undefined,MemoryUsage,512)');
    expect(said(demand[4], 'ProcId')).toBeUndefined();
  });

  it('jobs that say the same are one group, whatever their ids and times', () => {
    const [one, ...others] = group(job('1.0') + job('1.1') + job('9.4'));
    expect(others).toEqual([]);
    expect(one).toMatchObject({ kind: 'counted', count: 3, oldestSubmittedAtMs: 1_001_000 });
  });

  it('keeps a few names of many jobs', () => {
    const [one] = group(Array.from({ length: 20 }, (_, proc) => job(`1.${proc}`)).join(''));
    expect(one?.count).toBe(20);
    expect(one?.sampleJobs).toHaveLength(5);
  });

  it('adds up schedds, and a job keeps the name of its own', () => {
    const both = [read(job('1.0'), 'a'), read(job('1.0'), 'b')];
    const { demand } = groupDemand(queue, both, how);
    expect(demand).toHaveLength(1);
    expect(demand[0]).toMatchObject({ count: 2, sampleJobs: ['a#1.0', 'b#1.0'] });
  });

  it('a parallel job is a gang', () => {
    const [gang] = group(job('1.0', { JobUniverse: '11', MinHosts: '4', MaxHosts: '4' }));
    expect(gang?.kind).toBe('gang');
    expect(said(gang, 'MinHosts')).toBe('4');
  });

  it('one wish that differs is another group', () => {
    expect(group(job('1.0', { VMType: '"a"' }) + job('1.1', { VMType: '"b"' }))).toHaveLength(2);
    expect(
      group(job('1.0', { Requirements: 'true' }) + job('1.1', { Requirements: 'TARGET.A' })),
    ).toHaveLength(2);
  });

  it('what is no wish and nobody refers to makes no group', () => {
    expect(group(job('1.0', { ImageSize: '1' }) + job('1.1', { ImageSize: '2' }))).toHaveLength(1);
  });

  it('what Requirements refer to does, and is in the ad', () => {
    const text = (size: number) =>
      job(`${size}.0`, { ImageSize: `${size}`, Requirements: 'TARGET.Disk > MY.ImageSize' });
    const demand = group(text(1) + text(2));
    expect(demand.map((each) => said(each, 'ImageSize'))).toEqual(['1', '2']);
  });

  it('a request that the job alone decides is its value, and what it came from is gone', () => {
    const text = (size: number) =>
      job(`${size}.0`, { ImageSize: `${size}`, RequestMemory: '(ImageSize + 1023) / 1024' });
    const [one, ...others] = group(text(1000) + text(1010) + text(1024));
    expect(others).toEqual([]);
    expect([said(one, 'RequestMemory'), said(one, 'ImageSize')]).toEqual(['1', undefined]);
  });

  it.each([
    ['refers to the machine', 'TARGET.Cpus / 2'],
    ['may refer to the machine', 'Cpus ?: 4'],
    ['changes with time', 'time() / 1000'],
    ['has no value', 'MY.Nothing'],
  ])('a request that %s stays an expression', (_, text) => {
    const [one] = group(job('1.0', { RequestCpus: text }));
    expect(said(one, 'RequestCpus')).toBe(text);
  });

  it('a request that needs both the job’s number and the machine sets each job apart', () => {
    const demand = group(
      job('1.0', { RequestCpus: 'TARGET.Cpus - ProcId' }) +
        job('1.1', { RequestCpus: 'TARGET.Cpus - ProcId' }),
    );
    expect(demand.map((each) => said(each, 'ProcId'))).toEqual(['0', '1']);
  });

  it('so does a number in Requirements; the cluster’s number only the cluster', () => {
    const proc = { Requirements: 'TARGET.Rack == ProcId' };
    expect(group(job('1.0', proc) + job('1.1', proc)).map((each) => said(each, 'ProcId'))).toEqual([
      '0',
      '1',
    ]);
    const cluster = { Requirements: 'TARGET.Batch == MY.ClusterId' };
    const batches = group(job('1.0', cluster) + job('1.1', cluster) + job('2.0', cluster));
    expect(batches.map((each) => [said(each, 'ClusterId'), each.count])).toEqual([
      ['1', 2],
      ['2', 1],
    ]);
  });

  it('a group keeps its id from poll to poll, in whatever order and company its jobs come', () => {
    const kinds = fc.uniqueArray(fc.integer({ min: 0, max: 9 }), { minLength: 1, maxLength: 10 });
    const text = (kind: number, at: number) =>
      job(`${at + 1}.0`, { VMType: `"${kind}"`, RequestCpus: `${kind + 1}` });
    fc.assert(
      fc.property(kinds, (order) => {
        const ids = (some: readonly number[]) =>
          new Map(group(some.map(text).join('')).map((each) => [said(each, 'VMType'), each.id]));
        const alone = new Map(order.flatMap((kind) => [...ids([kind])]));
        expect(ids(order.toReversed())).toEqual(new Map([...alone].toReversed()));
      }),
      { numRuns: 30 },
    );
  });

  it('an attribute is kept whatever it is called', () => {
    const [demand] = group(job('1.0', { Requirements: 'MY.__proto__ > 1', ['__proto__']: '3' }));
    expect(said(demand, '__proto__')).toBe('3');
  });

  it('no job is lost or counted twice', () => {
    const jobs = fc.array(
      fc.record({
        kind: fc.constantFrom('"a"', '"b"'),
        cpus: fc.constantFrom(
          '1',
          '1 + (ProcId % 3)',
          'TARGET.Cpus',
          'ProcId * ClusterId',
          'MY.Nothing + ProcId',
        ),
        requirements: fc.constantFrom('true', 'TARGET.N > ProcId', 'TARGET.Cpus >= RequestCpus'),
      }),
      { maxLength: 60 },
    );
    fc.assert(
      fc.property(jobs, (all) => {
        const text = all.map(({ kind, cpus, requirements }, proc) =>
          job(`1.${proc}`, { VMType: kind, RequestCpus: cpus, Requirements: requirements }),
        );
        const demand = group(text.join(''));
        expect(demand.reduce((sum, each) => sum + each.count, 0)).toBe(all.length);
        expect(new Set(demand.map(({ id }) => id)).size).toBe(demand.length);
      }),
      { numRuns: 100 },
    );
  });
});

describe('JobClasses', () => {
  it('a job without an id is no answer', () => {
    expect(() => read('JobUniverse = 5\n\n')).toThrow('condor_q: a job without an id');
  });

  it('100,000 jobs of 20 kinds are 20 classes', () => {
    const jobs = new JobClasses();
    for (let i = 0; i < 100_000; i++) jobs.take([`ClusterId = ${i}`, 'ProcId = 0', `VMType = "t${i % 20}"`]);
    expect(jobs.count).toBe(100_000);
    expect(jobs.all()).toHaveLength(20);
  });
});

describe('whose jobs they are', () => {
  const owned = (id: string, owner: string, more: Readonly<Record<string, string>> = {}) =>
    job(id, { Owner: `"${owner}"`, ...more });
  const shown = (demand: readonly Demand[]) =>
    demand.map(({ user, group: of, priority, count }) => [user, of, priority, count]);

  it('jobs of two users are two groups that want the same', () => {
    const [a, b] = group(owned('1.0', 'alice') + owned('2.0', 'bob') + owned('3.0', 'alice'));
    expect([a?.user, a?.count, b?.user, b?.count]).toEqual(['alice', 2, 'bob', 1]);
    expect(a?.wishes).toBe(b?.wishes);
    expect(a?.id).not.toBe(b?.id);
    expect(said(a, 'Owner')).toBeUndefined();
  });

  it.each([
    [
      { AcctGroup: '"physics"', AcctGroupUser: '"prod"', AccountingGroup: '"physics.prod"' },
      'prod',
      'physics',
    ],
    [{ AccountingGroup: '"physics.higgs.alice"' }, 'alice', 'physics.higgs'],
    [{ AccountingGroup: '"group_aeolus.alice"' }, 'alice', 'group_aeolus'],
    [{ AcctGroupUser: '"bob"', AccountingGroup: '"bob"' }, 'bob', null],
  ])('accounting groups: %o', (more, user, of) => {
    expect(group(owned('1.0', 'alice', more))).toMatchObject([{ user, group: of }]);
  });

  it('priorities are told apart, those far from zero by their first digit', () => {
    const text = ['0', '5', '5', '-3', '1234', '1999'].map((prio, at) =>
      owned(`1.${at}`, 'alice', { JobPrio: prio }),
    );
    expect(shown(group(text.join('')))).toEqual([
      ['alice', null, 0, 1],
      ['alice', null, 5, 2],
      ['alice', null, -3, 1],
      ['alice', null, 1000, 2],
    ]);
  });

  it('a priority for each of 10,000 jobs makes few groups', () => {
    const text = Array.from({ length: 10_000 }, (_, at) =>
      owned(`1.${at}`, 'alice', { JobPrio: `${at - 5000}` }),
    );
    const demand = group(text.join(''));
    expect(demand.length).toBeLessThan(100);
    expect(demand.reduce((sum, { count }) => sum + count, 0)).toBe(10_000);
  });

  it('where expressions refer to the priority, each is its own wish', () => {
    const demand = group(
      ['1', '2']
        .map((prio, at) => owned(`1.${at}`, 'a', { JobPrio: prio, RequestCpus: 'JobPrio + 1' }))
        .join(''),
    );
    expect(demand.map((each) => said(each, 'RequestCpus'))).toEqual(['2', '3']);
  });

  it('with too many groups priorities are put together, the greatest counts', () => {
    const text: string[] = [];
    for (let kind = 0; kind < 800; kind++)
      for (const prio of ['1', '2', '3'])
        text.push(owned(`${kind}.${prio}`, 'a', { RequestMemory: `${kind}`, JobPrio: prio }));
    const { demand, complete, coarse } = groupDemand(queue, [read(text.join(''))], how);
    expect([demand.length, complete, coarse]).toEqual([800, true, true]);
    expect(demand[0]).toMatchObject({ priority: 3, count: 3 });
  });

  it.each([
    [{ AllowedJobDuration: '3600' }, 3_600_000],
    [{ AllowedJobDuration: '3600', AllowedExecuteDuration: '600' }, 600_000],
    [{ MaxWallTime: '90' }, 5_400_000],
    [{ AllowedJobDuration: 'TARGET.Life' }, null],
    [{ AllowedJobDuration: '-1' }, null],
    [{}, null],
  ])('how long a job may run: %o', (more, walltimeMs) => {
    expect(group(owned('1.0', 'a', more))).toMatchObject([{ walltimeMs }]);
  });

  it('a parallel job says how many machines it wants', () => {
    const parallel = { JobUniverse: '11', MinHosts: '4', MaxHosts: '4' };
    expect(group(owned('1.0', 'a', parallel))).toMatchObject([{ kind: 'gang', workers: 4 }]);
    expect(group(owned('1.0', 'a', { MaxHosts: '1' }))).toMatchObject([{ kind: 'counted', workers: 1 }]);
  });
});

describe('more kinds of jobs than are kept', () => {
  it('are said to be more', () => {
    const jobs = new JobClasses();
    for (let i = 0; i <= classesMax; i++) jobs.take([`ClusterId = ${i}`, 'ProcId = 0', `VMType = "t${i}"`]);
    expect([jobs.count, jobs.all().length, jobs.complete]).toEqual([classesMax + 1, classesMax, false]);
  });

  it('so are more groups', () => {
    const text = Array.from({ length: groupsMax + 1 }, (_, i) =>
      job(`1.${i}`, { Requirements: 'TARGET.N == ProcId' }),
    );
    const { demand, complete } = groupDemand(queue, [read(text.join(''))], how);
    expect([demand.length, complete]).toEqual([groupsMax, false]);
  });
});

describe('LongAds', () => {
  it('an answer that is cut off is none', () => {
    const text = recorded('answers/jobs.out');
    expect(() => read(text.slice(0, text.length - 40))).toThrow('the answer ends in the middle of an ad');
  });

  it('a line that is no attribute is none', () => {
    expect(() => read('ClusterId = 1\nProcId = 0\n-- Failed\n\n')).toThrow('not an attribute: -- Failed');
  });

  it('an expression that cannot be read is ERROR: it matches nothing and stops nobody else', () => {
    const demand = group(job('1.0', { Requirements: '(1 +' }) + job('1.1', { Requirements: 'true' }));
    expect(demand.map((each) => said(each, 'Requirements'))).toEqual(['error', 'true']);
  });
});
