import { createHash } from 'node:crypto';
import type { SeenJob } from './jobs.ts';
import { deploymentOf, tokenOf, undeployedBy, type Wish } from './markers.ts';

/**
 * The machines that one token has asked for. There is one deployment of a token at a time:
 *
 *   a marked job, or a marked task that could run, names a token that has none  → begun
 *   the job ends; or a task that says UNDEPLOY ends, which had not ended before → over
 *
 * After that another marked task of the token that could run begins the next; a job's own marker begins one only. What is
 * over is remembered for as long as the job is there. All of it is on disk before anything is done for it.
 */
export interface Deployment extends Omit<Wish, 'token'> {
  /** Of its token, which is a user's secret and stays where users have put it: in the jobs. */
  readonly key: string;
  /** Counts deployments: a token's next one has another. */
  readonly number: number;
  /** The job that it is for; it ends when that ends. */
  readonly job: string;
  readonly owner: string | null;
  readonly priority: string | null;
  /** Jobs whose own marker has been served with this token. */
  readonly served: readonly string[];
  /** Tasks that undeploy it and had ended when it began. */
  readonly before: readonly string[];
  readonly over: boolean;
}

export interface Advance {
  /** As they are now. */
  readonly changed: readonly Deployment[];
  /** Keys to forget. */
  readonly forgotten: readonly string[];
  /** Markers that cannot be understood: job, and why. */
  readonly wrong: readonly { readonly job: string; readonly why: string }[];
}

export interface AdvanceInput {
  readonly deployments: ReadonlyMap<string, Deployment>;
  readonly jobs: readonly SeenJob[];
  /** All of them: only then is anything forgotten. */
  readonly complete: boolean;
  /** Jobs that the scheduler says have ended, or does not know any more; asked for those that are not among `jobs`. */
  readonly ended: ReadonlySet<string>;
  /** Names of the node sources whose machines are deployed so. */
  readonly sources: ReadonlySet<string>;
  /** Machines are still bound to a deployment of the token. */
  readonly isHeld: (key: string) => boolean;
  readonly nextNumber: number;
}

/** Pure. */
export function advance(input: AdvanceInput): Advance {
  const { jobs, ended } = input;
  const now = new Map(input.deployments);
  const changed = new Set<string>();
  const wrong: { job: string; why: string }[] = [];
  const ends = undeployTasks(jobs);
  let number = input.nextNumber;
  const put = (deployment: Deployment) => {
    now.set(deployment.key, deployment);
    changed.add(deployment.key);
  };

  for (const one of input.deployments.values()) {
    if (one.over) continue;
    const undeployed = (ends.get(one.key) ?? []).some((task) => !one.before.includes(task));
    if (ended.has(one.job) || undeployed) put({ ...one, over: true });
  }

  for (const { row, tasks } of jobs) {
    const begin = (target: ReadonlyMap<string, string>, isJob: boolean) => {
      const wish = deploymentOf(target, row.words);
      if (wish === null) return;
      if ('wrong' in wish) {
        wrong.push({ job: row.id, why: wish.wrong });
        return;
      }
      const { token, ...rest } = wish;
      const key = keyOf(token);
      const current = now.get(key);
      if (!input.sources.has(wish.source) || (isJob && current?.served.includes(row.id))) return;
      const served = [...(current?.served ?? []), ...(isJob ? [row.id] : [])];
      if (current !== undefined && !current.over) {
        // The machines that it asks for are there already, or coming.
        if (isJob && current.job === row.id) put({ ...current, served });
        return;
      }
      put({
        ...rest,
        key,
        number,
        job: row.id,
        owner: row.owner,
        priority: row.priority,
        served,
        before: ends.get(key) ?? [],
        over: false,
      });
      number += 1;
    };
    begin(row.words, true);
    for (const task of tasks.marked) if (task.state === 'ready') begin(task.words, false);
  }

  const alive = new Set(jobs.map(({ row }) => row.id));
  const forgotten = [...now.values()]
    .filter(({ over, key, job, served }) => {
      const isGone = (id: string) => ended.has(id) || (!alive.has(id) && id !== job);
      return input.complete && over && ended.has(job) && served.every(isGone) && !input.isHeld(key);
    })
    .map(({ key }) => key);
  const kept = [...changed].filter((key) => !forgotten.includes(key));
  return { changed: kept.flatMap((key) => now.get(key) ?? []), forgotten, wrong };
}

/** Tasks that have ended and undeploy, by the key of the token. */
function undeployTasks(jobs: readonly SeenJob[]): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, string[]>();
  for (const { row, tasks } of jobs) {
    for (const { id, words, state } of tasks.marked) {
      const token = state === 'over' ? undeployedBy(words, row.words) : null;
      if (token === null) continue;
      const key = keyOf(token);
      const own = found.get(key);
      if (own === undefined) found.set(key, [id]);
      else own.push(id);
    }
  }
  return found;
}

export function keyOf(token: string): string {
  return createHash('sha256').update(token).digest('hex').slice(0, 32);
}

/** The tokens that jobs name, by their keys. */
export function tokensIn(jobs: readonly SeenJob[]): ReadonlyMap<string, string> {
  const named = jobs.flatMap(({ row, tasks }) => [row.words, ...tasks.marked.map(({ words }) => words)]);
  const tokens = named.flatMap((words) => tokenOf(words) ?? []);
  return new Map([...new Set(tokens)].map((token) => [keyOf(token), token]));
}

/** Jobs of which it must be asked whether they have ended: nobody is taken for gone because a list does not show him. */
export function jobsToAsk(deployments: Iterable<Deployment>, jobs: readonly SeenJob[]): readonly string[] {
  const alive = new Set(jobs.map(({ row }) => row.id));
  return [...new Set([...deployments].map(({ job }) => job))].filter((job) => !alive.has(job));
}
