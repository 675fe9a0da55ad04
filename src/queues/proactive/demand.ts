import { createHash } from 'node:crypto';
import { daysOfDate } from '../../classad/calendar.ts';
import type { Demand, DemandKind } from '../../model/demand.ts';
import { DemandId, JobId, type PoolName, type QueueName } from '../../model/ids.ts';
import type { Deployment } from './deployments.ts';
import type { JobsView, SeenJob } from './jobs.ts';
import { sourceOf, startOf, tokenOf } from './markers.ts';
import type { SourceSettings } from './settings.ts';
import type { TaskGroup } from './tasks.ts';
import type { Words } from './wire.ts';
import { machineAd, type TaskWish, taskAd } from './wishes.ts';

export interface DemandInput {
  readonly queue: QueueName;
  readonly view: JobsView;
  readonly sources: readonly SourceSettings[];
  readonly perMachine: number;
  /** What offers refer to. */
  readonly attributes: readonly string[];
  /** Deployments that are not over, and how many machines each still lacks. */
  readonly deployments: readonly { readonly deployment: Deployment; readonly missing: number }[];
  readonly wallMs: number;
}

export interface DemandView {
  readonly demand: readonly Demand[];
  readonly waiting: number;
  readonly running: number;
  readonly held: number;
  /** Epoch ms by the wall clock at which a task that is not to begin before then may; null: none. */
  readonly nextStartMs: number | null;
}

const samplesMax = 5;

interface Group {
  readonly wish: TaskWish;
  readonly kind: DemandKind;
  readonly workers: number;
  readonly pools: readonly PoolName[];
  readonly job: SeenJob;
  count: number;
  oldestMs: number | null;
  readonly samples: JobId[];
}

/** Waiting tasks, and machines that deployments lack, as groups of jobs. */
export function demandOf(input: DemandInput): DemandView {
  const { view, wallMs } = input;
  const groups = new Map<string, Group>();
  let waiting = 0;
  let running = 0;
  let held = 0;
  let nextStartMs: number | null = null;
  for (const job of view.jobs) {
    running += job.row.running;
    held += job.tasks.held;
    for (const tasks of job.tasks.ready) {
      const startMs = momentOf(startOf(tasks.words));
      if (startMs !== null && startMs > wallMs) {
        held += tasks.count;
        nextStartMs = nextStartMs === null ? startMs : Math.min(nextStartMs, startMs);
        continue;
      }
      waiting += tasks.count;
      addTasks(groups, job, tasks, input);
    }
  }
  const tasks = [...groups].map(([key, group]) => demandFrom(key, group, input.queue));
  const machines = input.deployments.flatMap((one) => deploymentDemand(one, input));
  return { demand: [...tasks, ...machines], waiting, running, held, nextStartMs };
}

/** Only nodes that the pools of this daemon can have are wanted: of a source that it does not know, none. */
function addTasks(groups: Map<string, Group>, job: SeenJob, tasks: TaskGroup, input: DemandInput): void {
  const { row } = job;
  if (tokenOf(tasks.words) !== null) return;
  const wanted = sourceOf(tasks.words);
  const sources = input.sources.filter(
    ({ name, policy }) => policy === 'elastic' && (wanted === null || name === wanted),
  );
  if (sources.length === 0) return;
  const { perMachine } = input;
  const machines = tasks.nodes === 1 ? 1 : Math.ceil(tasks.nodes / perMachine);
  const wish: TaskWish = {
    source: wanted,
    whole: perMachine === 1 || tasks.nodes > 1,
    perMachine,
    words: saidTo(input.attributes, tasks.words),
  };
  const kind = machines > 1 ? 'gang' : 'counted';
  const pools = sources.map(({ pool }) => pool);
  const priority = priorityOf(row.priority);
  const key = JSON.stringify([wish, machines, pools, row.owner, row.tenant, priority]);
  let group = groups.get(key);
  if (group === undefined) {
    group = { wish, kind, workers: machines, pools, job, count: 0, oldestMs: null, samples: [] };
    groups.set(key, group);
  }
  group.count += tasks.count;
  if (row.submittedAtMs !== null)
    group.oldestMs = Math.min(group.oldestMs ?? row.submittedAtMs, row.submittedAtMs);
  for (const sample of tasks.samples)
    if (group.samples.length < samplesMax) group.samples.push(JobId(sample));
}

function demandFrom(key: string, group: Group, queue: QueueName): Demand {
  const { wish, kind, workers, pools, job, count } = group;
  const { owner, tenant, priority } = job.row;
  return {
    id: DemandId(digest(`${queue}\n${key}`)),
    queue,
    wishes: digest(`${queue}\n${JSON.stringify([wish, kind])}`),
    kind,
    count,
    ad: taskAd(wish),
    sampleJobs: group.samples,
    oldestSubmittedAtMs: group.oldestMs,
    user: owner,
    group: tenant,
    priority: priorityOf(priority),
    pools,
    workers,
    walltimeMs: null,
  };
}

function deploymentDemand(
  { deployment, missing }: DemandInput['deployments'][number],
  { queue, sources, view }: DemandInput,
): readonly Demand[] {
  const source = sources.find(({ name }) => name === deployment.source);
  if (missing <= 0 || source === undefined) return [];
  const { key, number, image, type, job, owner, priority } = deployment;
  const row = view.jobs.find((one) => one.row.id === job)?.row;
  return [
    {
      id: DemandId(digest(`${queue}\ndeployment ${number}\n${key}`)),
      queue,
      wishes: digest(`${queue}\nmachines ${JSON.stringify([image, type, owner])}`),
      kind: 'counted',
      count: missing,
      ad: machineAd(deployment),
      sampleJobs: [JobId(job)],
      oldestSubmittedAtMs: row?.submittedAtMs ?? null,
      user: owner,
      group: row?.tenant ?? null,
      priority: priorityOf(priority),
      pools: [source.pool],
      workers: 1,
      walltimeMs: null,
    },
  ];
}

/** Of what a task says, that which offers ask for, by the names that they use. */
function saidTo(attributes: readonly string[], words: Words): readonly (readonly [string, string])[] {
  const byName = new Map([...words].map(([name, text]) => [name.toLowerCase(), text]));
  return attributes
    .filter((name) => !ownWords.has(name.toLowerCase()))
    .toSorted()
    .flatMap((name) => {
      const text = byName.get(name.toLowerCase());
      return text === undefined ? [] : [[name, text] as const];
    });
}

/** What a task says by other means; a user's word does not pass for it. */
const ownWords: ReadonlySet<string> = new Set([
  'requirements',
  'rank',
  'requestcpus',
  'requestmemory',
  'requestdisk',
  'requestgpus',
  'wantwholemachine',
  'requireswholemachine',
  'wantwholenode',
  'wantednodesource',
  'owner',
]);

const priorities: ReadonlyMap<string, number> = new Map([
  ['IDLE', -3],
  ['LOWEST', -2],
  ['LOW', -1],
  ['NORMAL', 0],
  ['HIGH', 1],
  ['HIGHEST', 2],
]);

function priorityOf(name: string | null): number {
  return priorities.get(name?.toUpperCase() ?? '') ?? 0;
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16);
}

/** ISO 8601 with a date and a time, as START_AT has it, to epoch ms; without an offset it is UTC. Null for anything else. */
export function momentOf(text: string | null): number | null {
  const [, year, month, day, hour, minute, second, sign, offsetHours, offsetMinutes] =
    /^(\d{4})-(\d{2})-(\d{2})T(\d{2}):(\d{2})(?::(\d{2})(?:\.\d+)?)?(?:Z|([+-])(\d{2}):?(\d{2}))?$/.exec(
      text ?? '',
    ) ?? [];
  if (year === undefined) return null;
  const days = daysOfDate(Number(year), Number(month), Number(day));
  const offset = (Number(offsetHours ?? 0) * 60 + Number(offsetMinutes ?? 0)) * (sign === '-' ? -1 : 1);
  const minutes = days * 1440 + Number(hour) * 60 + Number(minute) - offset;
  return (minutes * 60 + Number(second ?? 0)) * 1000;
}
