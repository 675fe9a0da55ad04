import { baseName, type Dependencies } from './dependencies.ts';
import { isMarked } from './markers.ts';
import type { JobRow, TaskRow, Words } from './wire.ts';

/**
 * ready: waits for a node and for nothing else. later: waits for another task. held: somebody must do something first.
 */
export type TaskState = 'ready' | 'later' | 'held' | 'running' | 'over';

/** Tasks of a job that wait for nodes and say the same. */
export interface TaskGroup {
  /** The job's words and, over them, the task's. */
  readonly words: Words;
  readonly nodes: number;
  readonly count: number;
  /** A few of them, as ProActive writes their ids: `12t0`. */
  readonly samples: readonly string[];
}

/** A task that says itself that machines are to come or go with it. */
export interface MarkedTask {
  readonly id: string;
  readonly words: Words;
  readonly state: TaskState;
}

/** What a job's tasks come to. */
export interface TaskView {
  readonly ready: readonly TaskGroup[];
  readonly marked: readonly MarkedTask[];
  /** Tasks that wait, and for something other than nodes. */
  readonly held: number;
}

const waiting: ReadonlySet<string> = new Set([
  'SUBMITTED',
  'PENDING',
  'WAITING_ON_ERROR',
  'WAITING_ON_FAILURE',
]);
const held: ReadonlySet<string> = new Set(['PAUSED', 'IN_ERROR']);
const done: ReadonlySet<string> = new Set(['FINISHED', 'SKIPPED']);

const samplesMax = 5;

/** The states of a job's tasks, in their order. A task is ready when all tasks that it depends on are done. */
export function taskStates(
  job: Pick<JobRow, 'status'>,
  tasks: readonly TaskRow[],
  dependencies: Dependencies,
): readonly TaskState[] {
  const undone = new Map<string, number>();
  if (dependencies.size > 0) {
    for (const { name, status } of tasks) {
      const base = baseName(name);
      if (!done.has(status)) undone.set(base, (undone.get(base) ?? 0) + 1);
    }
  }
  return tasks.map(({ name, status }) => {
    if (status === 'RUNNING') return 'running';
    if (held.has(status)) return 'held';
    if (!waiting.has(status)) return 'over';
    if (job.status === 'PAUSED') return 'held';
    const needs = dependencies.get(baseName(name)) ?? [];
    return needs.some((need) => (undone.get(need) ?? 0) > 0) ? 'later' : 'ready';
  });
}

export function viewTasks(job: JobRow, tasks: readonly TaskRow[], dependencies: Dependencies): TaskView {
  const states = taskStates(job, tasks, dependencies);
  const groups = new Map<string, { words: Words; nodes: number; count: number; samples: string[] }>();
  const marked: MarkedTask[] = [];
  let others = 0;
  for (const [at, task] of tasks.entries()) {
    const state = states[at] ?? 'over';
    if (isMarked(task.words)) marked.push({ id: taskId(job.id, task.id), words: task.words, state });
    if (state === 'held' || state === 'later') others += 1;
    if (state !== 'ready') continue;
    const key = JSON.stringify([task.nodes, ...task.words]);
    const group = groups.get(key) ?? {
      words: task.words.size === 0 ? job.words : new Map([...job.words, ...task.words]),
      nodes: task.nodes,
      count: 0,
      samples: [],
    };
    groups.set(key, group);
    group.count += 1;
    if (group.samples.length < samplesMax) group.samples.push(taskId(job.id, task.id));
  }
  return { ready: [...groups.values()], marked, held: others };
}

/** As ProActive itself writes it. */
export function taskId(job: string, task: string): string {
  return `${job}t${task}`;
}
