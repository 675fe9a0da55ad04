import { adFromValues } from '../../classad/ad.ts';
import type { JobId, QueueName } from '../../model/ids.ts';
import type { JobState, JobView } from '../port.ts';
import { demandOf } from './demand.ts';
import type { JobReader, WholeJob } from './jobs.ts';
import type { ProactiveSettings } from './settings.ts';
import { type TaskState, taskStates, viewTasks } from './tasks.ts';
import type { JobRow } from './wire.ts';

export interface JobQuestion {
  readonly id: JobId;
  readonly queue: QueueName;
  readonly settings: Pick<ProactiveSettings, 'sources' | 'nodes'>;
  /** As of the last poll. */
  readonly attributes: readonly string[];
  readonly wallMs: number;
}

/** A task (`12t0`), which is what a job is here, or a whole ProActive job (`12`). */
export async function readJob(
  jobs: Pick<JobReader, 'one'>,
  question: JobQuestion,
  signal: AbortSignal,
): Promise<JobView | null> {
  const [, job, task] = /^(\d{1,18})(?:t(\d{1,18}))?$/.exec(question.id) ?? [];
  if (job === undefined) return null;
  const found = await jobs.one(job, signal);
  if (found === null) return null;
  const all = task === undefined;
  const states = taskStates(found.row, found.tasks, found.dependencies);
  const at = found.tasks.findIndex(({ id }) => id === task);
  if (!all && at < 0) return null;
  const state = all ? stateOfJob(found.row) : stateOfTask(states[at] ?? 'over', found.row);
  const demand = state === 'waiting' ? groupOf(found, all ? states.indexOf('ready') : at, question) : null;
  return {
    id: question.id,
    state,
    owner: found.row.owner,
    demand: demand?.id ?? null,
    ad: demand?.ad ?? adFromValues({ Owner: found.row.owner ?? '', JobStatus: found.row.status }),
  };
}

/** Where a poll would count it: no node that is of the pools' is wanted by a task that waits for a token's. */
function groupOf({ row, tasks, dependencies }: WholeJob, at: number, question: JobQuestion) {
  const seen = viewTasks(row, tasks, dependencies);
  const only = seen.ready.find(({ nodes, words }) => {
    const task = tasks[at];
    const said = task === undefined ? null : new Map([...row.words, ...task.words]);
    return (
      task !== undefined &&
      nodes === task.nodes &&
      JSON.stringify([...words]) === JSON.stringify([...(said ?? [])])
    );
  });
  if (only === undefined) return null;
  const { demand } = demandOf({
    queue: question.queue,
    view: { jobs: [{ row, tasks: { ready: [only], marked: [], held: 0 } }], complete: true, askedAtMs: 0 },
    sources: question.settings.sources,
    perMachine: question.settings.nodes.perMachine,
    attributes: question.attributes,
    deployments: [],
    wallMs: question.wallMs,
  });
  return demand[0] ?? null;
}

const ended: ReadonlySet<string> = new Set(['FINISHED', 'CANCELED', 'FAILED', 'KILLED']);

function stateOfJob({ status, running, waiting }: JobRow): JobState {
  if (ended.has(status)) return 'ended';
  if (status === 'PAUSED') return 'held';
  if (running > 0) return 'running';
  return waiting > 0 ? 'waiting' : status === 'IN_ERROR' ? 'held' : 'other';
}

function stateOfTask(state: TaskState, { status }: JobRow): JobState {
  switch (state) {
    case 'ready':
      return ended.has(status) ? 'ended' : 'waiting';
    case 'later':
    case 'held':
      return ended.has(status) ? 'ended' : 'held';
    case 'running':
      return 'running';
    case 'over':
      return 'ended';
  }
}
