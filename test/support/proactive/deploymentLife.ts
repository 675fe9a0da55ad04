import { expect } from 'vitest';
import type { QueueSnapshot } from '../../../src/model/demand.ts';
import { PoolName } from '../../../src/model/ids.ts';
import type { Admission } from '../../../src/queues/port.ts';
import { makeFarm } from './farm.ts';
import { exampleJob, submitFile } from './jobFile.ts';
import type { ProactiveStandIn } from './server.ts';

const own = PoolName('own');
const words = { IaasInstanceType: 'LARGE', IaasImageId: 'debian-13' };
const turnsMax = 60;

/** The sources of the adapter that lives it. */
export const lifeSources = [{ name: 'cloud', pool: own, policy: 'iaas', manage: 'create' }];

/** Every order that the adapter gives, and every change of what it keeps, in the life of one deployment. */
export const lifeBoundaries: readonly string[] = [
  ...['begin+count', 'know', 'bind', 'end', 'drop', 'forget'].flatMap((change) => [
    `${change}/beforeCommit`,
    `${change}/afterCommit`,
  ]),
  ...[
    'POST /rm/nodesource',
    'PUT /rm/nodesource/deploy',
    'POST /rm/node/token',
    'DELETE /rm/node/token',
    'POST /rm/node/lock',
    'POST /rm/node/remove',
  ].flatMap((route) => [`${route}/halfSent`, `${route}/unanswered`]),
];

export interface Visits {
  has(boundary: string): boolean;
  add(boundary: string): void;
  all(): readonly string[];
}

export type Order =
  | {
      readonly kind: 'poll';
      readonly machines: readonly {
        readonly instance: string;
        readonly pool: string;
        readonly words: object;
      }[];
    }
  | { readonly kind: 'admit'; readonly instance: string; readonly pool: string }
  | { readonly kind: 'remove'; readonly worker: string };

/** An adapter that may die over an order: then the answer is null, and another one takes over. */
export interface Mortal {
  ask(order: Order): Promise<{ readonly result?: unknown; readonly error?: string } | null>;
  /** At once, whatever it does. */
  kill(): void;
}

/**
 * Lives the example job's deployment from its first machine to its last, with an adapter that dies once at every boundary, and
 * holds it against what must be true: the token has its machines once, nobody else's task runs there, no node is ever without a
 * token, and nothing is left.
 */
export async function liveDeployment(
  server: ProactiveStandIn,
  { begin, visits }: { readonly begin: () => Promise<Mortal>; readonly visits: Visits },
): Promise<void> {
  const { world } = server;
  const farm = makeFarm({ world, pools: new Map([[own, { source: 'cloud', words }]]) });
  let living: Mortal | null = null;
  let dying = false;
  let deaths = 0;

  server.cutAt((route, moment) => {
    const boundary = `${route}/${moment}`;
    // What a dead one had under way beside it gets no answer either.
    if (dying) return true;
    if (!lifeBoundaries.includes(boundary) || visits.has(boundary)) return false;
    visits.add(boundary);
    dying = true;
    living?.kill();
    return true;
  });

  async function ask<Result>(order: Order): Promise<Result> {
    for (;;) {
      living ??= await begin();
      const answer = await living.ask(order);
      if (answer?.error !== undefined) throw new Error(answer.error);
      if (answer !== null) return answer.result as Result;
      deaths += 1;
      living = null;
      dying = false;
    }
  }
  const poll = () =>
    ask<QueueSnapshot>({
      kind: 'poll',
      machines: farm.machines().map(({ instance, pool }) => ({ instance, pool, words })),
    });

  try {
    const job = submitFile(world, exampleJob);
    const other = world.submit({ owner: 'bob', tasks: [{ words: { NODE_SOURCE: 'cloud' } }] });
    for (let turn = 0; turn < turnsMax; turn++) {
      const view = await poll();
      for (const { id } of farm.end(view)) await ask({ kind: 'remove', worker: id });
      await farm.boot(view, ({ instance, pool }) => ask<Admission>({ kind: 'admit', instance, pool }));
      expect([...world.nodes.values()].every(({ tokens }) => tokens.length > 0)).toBe(true);
      world.schedule();
      if (turn % 4 === 3) world.finishRunning();
      if (job.status === 'FINISHED' && farm.machines().length === 0 && world.nodes.size === 0) break;
    }
    // What is left to be forgotten.
    await poll();
    await poll();
    expect(job.status).toBe('FINISHED');
    expect(farm.booted).toHaveLength(2);
    expect(other.status).toBe('PENDING');
    expect(world.nodes.size).toBe(0);
    expect(visits.all().toSorted()).toEqual(lifeBoundaries.toSorted());
    expect(deaths).toBe(lifeBoundaries.length);
  } finally {
    (living as Mortal | null)?.kill();
  }
}

/** What a change of the adapter's memory is about. */
export function changesOf(changes: ReadonlyMap<string, unknown>): string {
  return [...new Set([...changes].map(([key, value]) => changeOf(key, value)))].toSorted().join('+');
}

function changeOf(key: string, value: unknown): string {
  const said = value as { readonly over?: boolean; readonly bound?: object | null } | null;
  if (key.startsWith('token:')) return said === null ? 'forget' : said.over === true ? 'end' : 'begin';
  if (key.startsWith('machine:')) return said === null ? 'drop' : said.bound === null ? 'know' : 'bind';
  return 'count';
}
