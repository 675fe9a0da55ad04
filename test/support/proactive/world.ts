/** What a ProActive server has: jobs with tasks, node sources with nodes. Everything that changes jobs makes a new revision. */
export interface Task {
  readonly id: number;
  readonly name: string;
  status: string;
  readonly words: Readonly<Record<string, string>>;
  readonly nodes: number;
  readonly after: readonly string[];
  /** URLs of the nodes that it runs on. */
  on: readonly string[];
  finishedAtMs: number;
}

export interface Job {
  readonly id: number;
  readonly name: string;
  readonly owner: string;
  readonly priority: string;
  readonly words: Readonly<Record<string, string>>;
  readonly submittedAtMs: number;
  status: string;
  readonly tasks: Task[];
  /** What lists say of it instead; null: what it is. */
  readonly broken: unknown;
}

export interface Node {
  readonly url: string;
  readonly source: string;
  readonly host: string;
  readonly provider: string;
  state: string;
  locked: boolean;
  owner: string | null;
  /** Only tasks with one of them may use it; empty: any task. */
  tokens: readonly string[];
}

export interface NodeSource {
  readonly name: string;
  status: 'deployed' | 'undeployed';
  readonly parameters: readonly string[];
}

export interface TaskWish {
  readonly name?: string;
  readonly words?: Readonly<Record<string, string>>;
  readonly nodes?: number;
  readonly after?: readonly string[];
}

export interface JobWish {
  readonly name?: string;
  readonly owner?: string;
  readonly priority?: string;
  readonly words?: Readonly<Record<string, string>>;
  readonly tasks?: readonly TaskWish[];
  readonly broken?: unknown;
}

export interface World {
  readonly jobs: Map<number, Job>;
  readonly nodes: Map<string, Node>;
  readonly sources: Map<string, NodeSource>;
  readonly revision: () => number;
  submit(wish: JobWish): Job;
  /** One submission after which this many jobs have changed. */
  touch(): void;
  /** `12t0` */
  task(id: string): { readonly job: Job; readonly task: Task };
  setTask(id: string, status: string, on?: readonly string[]): void;
  endJob(id: number, status: string): void;
  /** Puts ready tasks on nodes that may run them, as the scheduler would. Returns how many it has begun. */
  schedule(): number;
  finishRunning(): void;
  addNode(node: Omit<Node, 'state' | 'locked' | 'owner'>): void;
  /** Its job or its machine is gone: busy nodes about to be removed go, others are free. */
  free(url: string): void;
}

const waiting = new Set(['SUBMITTED', 'PENDING', 'WAITING_ON_ERROR', 'WAITING_ON_FAILURE']);
const over = new Set(['FINISHED', 'FAULTY', 'FAILED', 'ABORTED', 'SKIPPED', 'NOT_STARTED', 'NOT_RESTARTED']);

export function makeWorld(now: () => number): World {
  const jobs = new Map<number, Job>();
  const nodes = new Map<string, Node>();
  const sources = new Map<string, NodeSource>();
  let revision = 1;
  let lastJob = 0;

  function settle(job: Job): void {
    revision += 1;
    if (['KILLED', 'CANCELED', 'FINISHED', 'FAILED'].includes(job.status)) return;
    if (job.tasks.every(({ status }) => over.has(status))) job.status = 'FINISHED';
    else if (job.tasks.some(({ status }) => status === 'RUNNING')) job.status = 'RUNNING';
    else if (job.tasks.some(({ status }) => over.has(status))) job.status = 'STALLED';
  }

  function isReady(job: Job, task: Task): boolean {
    if (!waiting.has(task.status) || job.status === 'PAUSED') return false;
    return task.after.every((name) => job.tasks.find((other) => other.name === name)?.status === 'FINISHED');
  }

  function mayRun(job: Job, task: Task, node: Node): boolean {
    const token = task.words.NODE_ACCESS_TOKEN ?? job.words.NODE_ACCESS_TOKEN;
    const source = task.words.NODE_SOURCE ?? job.words.NODE_SOURCE;
    if (node.state !== 'FREE' || node.locked) return false;
    if (source !== undefined && source !== node.source) return false;
    // A node with a token is for tasks of that token alone; a task with one wants such a node.
    return token === undefined ? node.tokens.length === 0 : node.tokens.includes(token);
  }

  const world: World = {
    jobs,
    nodes,
    sources,
    revision: () => revision,
    touch: () => {
      revision += 1;
    },
    submit: (wish) => {
      lastJob += 1;
      const tasks = (wish.tasks ?? [{}]).map((task, id): Task => {
        const { name = `t${id}`, words = {}, nodes: wanted = 1, after = [] } = task;
        return { id, name, status: 'SUBMITTED', words, nodes: wanted, after, on: [], finishedAtMs: 0 };
      });
      const job: Job = {
        id: lastJob,
        name: wish.name ?? `job-${lastJob}`,
        owner: wish.owner ?? 'ann',
        priority: wish.priority ?? 'NORMAL',
        words: wish.words ?? {},
        submittedAtMs: now(),
        status: 'PENDING',
        tasks,
        broken: wish.broken ?? null,
      };
      jobs.set(job.id, job);
      revision += 1;
      return job;
    },
    task: (id) => {
      const [, job = '', task = ''] = /^(\d+)t(\d+)$/.exec(id) ?? [];
      const found = jobs.get(Number(job));
      const own = found?.tasks[Number(task)];
      if (found === undefined || own === undefined) throw new Error(`no task ${id}`);
      return { job: found, task: own };
    },
    setTask: (id, status, on = []) => {
      const { job, task } = world.task(id);
      for (const url of task.on) world.free(url);
      task.status = status;
      task.on = on;
      if (over.has(status)) task.finishedAtMs = now();
      for (const url of on) {
        const node = nodes.get(url);
        if (node === undefined) throw new Error(`no node ${url}`);
        node.state = 'BUSY';
        node.owner = job.owner;
      }
      settle(job);
    },
    endJob: (id, status) => {
      const job = jobs.get(id);
      if (job === undefined) throw new Error(`no job ${id}`);
      for (const task of job.tasks) {
        for (const url of task.on) world.free(url);
        task.on = [];
        if (!over.has(task.status)) task.status = task.status === 'RUNNING' ? 'ABORTED' : 'NOT_STARTED';
      }
      job.status = status;
      revision += 1;
    },
    schedule: () => {
      let begun = 0;
      for (const job of jobs.values()) {
        for (const task of job.tasks) {
          if (!isReady(job, task)) continue;
          const free = [...nodes.values()].filter((node) => mayRun(job, task, node)).slice(0, task.nodes);
          if (free.length < task.nodes) continue;
          world.setTask(
            `${job.id}t${task.id}`,
            'RUNNING',
            free.map(({ url }) => url),
          );
          begun += 1;
        }
      }
      return begun;
    },
    finishRunning: () => {
      for (const job of jobs.values())
        for (const task of job.tasks)
          if (task.status === 'RUNNING') world.setTask(`${job.id}t${task.id}`, 'FINISHED');
    },
    addNode: (node) => {
      nodes.set(node.url, { ...node, state: 'FREE', locked: false, owner: null });
    },
    free: (url) => {
      const node = nodes.get(url);
      if (node === undefined) return;
      if (node.state === 'TO_BE_REMOVED') nodes.delete(url);
      node.state = 'FREE';
      node.owner = null;
    },
  };
  return world;
}

export const isOver = ({ status }: Task) => over.has(status);
