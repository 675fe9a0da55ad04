import fc from 'fast-check';
import { expect, it } from 'vitest';
import { advance, type Deployment, jobsToAsk, keyOf } from '../../../src/queues/proactive/deployments.ts';
import type { SeenJob } from '../../../src/queues/proactive/jobs.ts';
import type { MarkedTask } from '../../../src/queues/proactive/tasks.ts';
import type { JobRow } from '../../../src/queues/proactive/wire.ts';

/** Jobs with marked tasks come, go on and end in any order, and are seen or not; what must hold of deployments holds after each look. */
const tokens = ['a', 'b'] as const;
const operations = ['DEPLOY', 'UNDEPLOY', 'DEPLOY_AND_UNDEPLOY'] as const;
const marker = fc.record({ token: fc.constantFrom(...tokens), operation: fc.constantFrom(...operations) });

interface Job {
  readonly id: string;
  readonly words: Map<string, string>;
  readonly tasks: { words: Map<string, string>; state: MarkedTask['state'] }[];
  ended: boolean;
}

const step = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.record({
      kind: fc.constant('submit' as const),
      own: fc.option(marker),
      tasks: fc.array(marker, { maxLength: 3 }),
    }),
  },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('begin' as const), which: fc.nat(50) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('finish' as const), which: fc.nat(50) }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('end' as const), which: fc.nat(50) }) },
  {
    weight: 6,
    arbitrary: fc.record({ kind: fc.constant('look' as const), hidden: fc.integer({ min: 0, max: 255 }) }),
  },
);

const wordsOf = ({ token, operation }: { token: string; operation: string }) =>
  new Map([
    ['NODE_ACCESS_TOKEN', token],
    ['IAAS_OPERATION', operation],
  ]);
const source = new Map([
  ['IAAS_NODE_SOURCE', 'cloud'],
  ['IAAS_INSTANCE_NB', '1'],
]);

function seen({ id, words, tasks }: Job): SeenJob {
  const row: JobRow = {
    id,
    name: id,
    status: 'RUNNING',
    owner: 'ann',
    tenant: null,
    priority: null,
    submittedAtMs: null,
    tasks: tasks.length,
    running: 0,
    inError: 0,
    waiting: 0,
    words,
    signature: '',
  };
  const marked = tasks.map(({ words: own, state }, at) => ({ id: `${id}t${at}`, words: own, state }));
  return { row, tasks: { ready: [], marked, held: 0 } };
}

function play(steps: readonly Step[]): void {
  const jobs: Job[] = [];
  const deployments = new Map<string, Deployment>();
  const byJobs = new Map<string, number>();
  let number = 1;

  const deploys = (words: Map<string, string>) => words.get('IAAS_OPERATION')?.startsWith('DEPLOY') === true;
  const undeploys = (words: Map<string, string>, key: string) =>
    words.get('IAAS_OPERATION')?.endsWith('UNDEPLOY') === true &&
    keyOf(words.get('NODE_ACCESS_TOKEN') ?? '') === key;

  function look(hidden: number): void {
    const alive = jobs.filter(({ ended }) => !ended);
    const shown = alive.filter((_, at) => ((hidden >> (at % 8)) & 1) === 0).map(seen);
    const before = new Map(deployments);
    const asked = jobsToAsk(deployments.values(), shown);
    const ended = new Set(asked.filter((id) => jobs.some((job) => job.id === id && job.ended)));
    const complete = shown.length === alive.length;
    const sources = new Set(['cloud']);
    const result = advance({
      deployments,
      jobs: shown,
      complete,
      ended,
      sources,
      isHeld: () => false,
      nextNumber: number,
    });
    for (const one of result.changed) deployments.set(one.key, one);
    for (const key of result.forgotten) deployments.delete(key);
    expect(result.wrong).toEqual([]);

    for (const [key, now] of deployments) {
      const was = before.get(key);
      const owner = jobs.find(({ id }) => id === now.job);
      if (was !== undefined && was.number === now.number) {
        if (!was.over && now.over) {
          // It ends for a reason, and for no look that missed somebody.
          const tasks = jobs.flatMap((job) =>
            job.tasks.map((task, at) => ({ ...task, id: `${job.id}t${at}` })),
          );
          const byTask = tasks.some(
            (task) => task.state === 'over' && undeploys(task.words, key) && !now.before.includes(task.id),
          );
          expect(owner?.ended === true || byTask).toBe(true);
        }
        expect(was.over && !now.over).toBe(false);
        continue;
      }
      // Another one begins for somebody who is there, says so, and could run.
      expect(now.number).toBeGreaterThanOrEqual(number);
      expect(owner?.ended).toBe(false);
      const ready = owner?.tasks.some(({ words, state }) => state === 'ready' && deploys(words)) === true;
      const ofJob =
        owner !== undefined &&
        deploys(owner.words) &&
        keyOf(owner.words.get('NODE_ACCESS_TOKEN') ?? '') === key;
      expect(ready || ofJob).toBe(true);
      if (!ready) byJobs.set(`${now.job} ${key}`, (byJobs.get(`${now.job} ${key}`) ?? 0) + 1);
    }
    number = Math.max(number, ...[...deployments.values()].map((one) => one.number + 1));
    // A job's own marker begins one deployment only.
    expect([...byJobs.values()].every((times) => times === 1)).toBe(true);
    // The same look again changes nothing.
    const again = advance({
      deployments,
      jobs: shown,
      complete,
      ended,
      sources,
      isHeld: () => false,
      nextNumber: number,
    });
    expect([again.changed, again.forgotten]).toEqual([[], []]);
  }

  const pick = (which: number, test: (job: Job) => boolean) => {
    const some = jobs.filter((job) => !job.ended && test(job));
    return some[which % Math.max(1, some.length)];
  };
  for (const one of steps) {
    switch (one.kind) {
      case 'submit':
        jobs.push({
          id: String(jobs.length + 1),
          words: new Map([...source, ...(one.own === null ? [] : wordsOf(one.own))]),
          tasks: one.tasks.map((task) => ({ words: wordsOf(task), state: 'ready' })),
          ended: false,
        });
        break;
      case 'begin':
      case 'finish': {
        const [from, to] =
          one.kind === 'begin' ? (['ready', 'running'] as const) : (['running', 'over'] as const);
        const job = pick(one.which, ({ tasks }) => tasks.some(({ state }) => state === from));
        const task = job?.tasks.find(({ state }) => state === from);
        if (task !== undefined) task.state = to;
        break;
      }
      case 'end': {
        const job = pick(one.which, () => true);
        if (job !== undefined) job.ended = true;
        break;
      }
      case 'look':
        look(one.hidden);
    }
  }
  for (const job of jobs) job.ended = true;
  look(0);
  look(0);
  expect(deployments.size).toBe(0);
}

type Step = typeof step extends fc.Arbitrary<infer One> ? One : never;

it('deployments begin and end for a reason, one of a token at a time, and are forgotten with their jobs', () => {
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), play), { numRuns: 500 });
});

it('a job that a look has missed has had its machines: it is not served again', () => {
  const own = new Map([...source, ...wordsOf({ token: 'a', operation: 'DEPLOY' })]);
  const first: Job = {
    id: '1',
    words: own,
    tasks: [{ words: wordsOf({ token: 'a', operation: 'UNDEPLOY' }), state: 'ready' }],
    ended: false,
  };
  const second: Job = { id: '2', words: own, tasks: [], ended: false };
  let deployments: readonly Deployment[] = [];
  const look = (jobs: readonly Job[], over: { complete?: boolean; ended?: readonly string[] } = {}) => {
    const { changed, forgotten } = advance({
      deployments: new Map(deployments.map((one) => [one.key, one])),
      jobs: jobs.map(seen),
      complete: over.complete ?? true,
      ended: new Set(over.ended),
      sources: new Set(['cloud']),
      isHeld: () => false,
      nextNumber: 10 + deployments.length,
    });
    const replaced = new Set([...changed.map(({ key }) => key), ...forgotten]);
    deployments = [...deployments.filter(({ key }) => !replaced.has(key)), ...changed];
    return deployments;
  };
  expect(look([first])).toMatchObject([{ job: '1', over: false }]);
  for (const task of first.tasks) task.state = 'over';
  expect(look([first])).toMatchObject([{ job: '1', over: true }]);
  expect(look([first, second])).toMatchObject([{ job: '2', over: false, served: ['1', '2'] }]);
  expect(look([], { complete: false, ended: ['2'] })).toMatchObject([{ job: '2', over: true }]);
  expect(look([first])).toMatchObject([{ job: '2', over: true }]);
});
