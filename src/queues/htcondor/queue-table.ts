import { QueueError } from '../../model/errors.ts';
import { type AlikeJobs, JobClasses, type JobNumbers } from './job-classes.ts';
import type { LogReading, LogRecord } from './queue-log.ts';

/** What tells a job from the next of its cluster, or whether it waits, and is no wish. */
const ids: ReadonlySet<string> = new Set(['clusterid', 'procid', 'qdate', 'jobstatus']);

const universesThatWait: ReadonlySet<string> = new Set(['5', '10', '11', '13']);

/** By the name in lower case, each a line as `condor_q -long` has it. */
type Lines = Map<string, string>;

interface Cluster {
  readonly number: number;
  readonly shared: Lines;
  /** What each job says beside that. */
  readonly jobs: Map<number, Lines>;
  /** Null: to be worked out anew. */
  alike: readonly AlikeJobs[] | null;
  counts: Counts;
}

interface Counts {
  readonly waiting: number;
  readonly running: number;
  readonly held: number;
}

const none: Counts = { waiting: 0, running: 0, held: 0 };
const clustersMax = 1_000_000;

/**
 * The queue as job_queue.log tells it: clusters, whose ads all their jobs share, and jobs. Only the attributes that are
 * asked for are kept; whoever asks for more has to have it told anew. A cluster in which something has changed is worked
 * out when somebody looks.
 */
export class QueueTable {
  private readonly wanted: (name: string) => boolean;
  private readonly clusters = new Map<number, Cluster>();
  /** Rises with whatever may change the demand. */
  version = 0;

  constructor(wanted: (name: string) => boolean) {
    this.wanted = wanted;
  }

  readonly begin = ({ whole }: LogReading): void => {
    if (!whole) return;
    this.clusters.clear();
    this.version++;
  };

  readonly take = ({ kind, key, name, text }: LogRecord): void => {
    const [cluster, proc] = numbersOf(key);
    if (cluster === null) return;
    const lower = name.toLowerCase();
    if ((kind === 'set' || kind === 'delete') && !ids.has(lower) && !this.wanted(name)) return;
    if (kind === 'destroy') {
      const known = this.clusters.get(cluster);
      if (proc === null) this.clusters.delete(cluster);
      else known?.jobs.delete(proc);
      if (known !== undefined) this.touch(known);
      return;
    }
    const found = this.clusterOf(cluster);
    if (kind === 'new') {
      if (proc === null) found.shared.clear();
      else found.jobs.set(proc, new Map());
    } else {
      const lines = proc === null ? found.shared : (found.jobs.get(proc) ?? new Map<string, string>());
      if (proc !== null) found.jobs.set(proc, lines);
      const line = `${name} = ${text}`;
      // The schedd writes much down that has not changed.
      if (kind === 'set' && lines.get(lower) === line) return;
      if (kind === 'set') lines.set(lower, line);
      else lines.delete(lower);
    }
    this.touch(found);
  };

  /** The waiting jobs by class, and how many jobs there are in each state. */
  read(): { readonly jobs: JobClasses; readonly counts: Counts } {
    const jobs = new JobClasses();
    const counts = { ...none };
    for (const cluster of this.clusters.values()) {
      cluster.alike ??= workOut(cluster);
      for (const alike of cluster.alike) jobs.takeAlike(alike);
      counts.waiting += cluster.counts.waiting;
      counts.running += cluster.counts.running;
      counts.held += cluster.counts.held;
    }
    return { jobs, counts };
  }

  private touch(cluster: Cluster): void {
    cluster.alike = null;
    this.version++;
  }

  private clusterOf(number: number): Cluster {
    const known = this.clusters.get(number);
    if (known !== undefined) return known;
    if (this.clusters.size >= clustersMax)
      throw new QueueError('malformed', `job_queue.log: more than ${clustersMax} clusters`);
    const made: Cluster = { number, shared: new Map(), jobs: new Map(), alike: null, counts: none };
    this.clusters.set(number, made);
    return made;
  }
}

/** `012.-1` is cluster 12 itself, `12.3` a job; all else (`0.0`, `0.2`, `12.-2`) is neither. */
function numbersOf(key: string): readonly [number | null, number | null] {
  const dot = key.indexOf('.');
  const cluster = Number(key.slice(0, dot));
  const proc = Number(key.slice(dot + 1));
  if (dot < 1 || !(cluster > 0) || !Number.isSafeInteger(cluster) || !Number.isSafeInteger(proc))
    return [null, null];
  if (proc === -1) return [cluster, null];
  return proc < 0 ? [null, null] : [cluster, proc];
}

function workOut(cluster: Cluster): readonly AlikeJobs[] {
  const { number, shared, jobs } = cluster;
  const counts = { waiting: 0, running: 0, held: 0 };
  const groups = new Map<string, { readonly own: Lines; readonly jobs: JobNumbers[] }>();
  const textIn = (own: Lines, name: string) => {
    const line = own.get(name) ?? shared.get(name);
    return line?.slice(line.indexOf(' = ') + 3);
  };
  const sharedStatus = textIn(new Map(), 'jobstatus');
  for (const [proc, own] of jobs) {
    const ownStatus = own.get('jobstatus');
    const status = ownStatus === undefined ? sharedStatus : ownStatus.slice(ownStatus.indexOf(' = ') + 3);
    if (status === '2' || status === '7') counts.running++;
    else if (status === '5') counts.held++;
    if (status !== '1' || !universesThatWait.has(textIn(own, 'jobuniverse') ?? '')) continue;
    counts.waiting++;
    const signature = signatureOf(own);
    const group = groups.get(signature) ?? { own, jobs: [] };
    groups.set(signature, group);
    const submitted = Number(textIn(own, 'qdate') ?? Number.NaN);
    group.jobs.push({
      cluster: number,
      proc,
      submitted: Number.isFinite(submitted) ? submitted : null,
      priority: Number(textIn(own, 'jobprio') ?? 0),
    });
  }
  cluster.counts = counts;
  return [...groups.values()].map(({ own, jobs: members }) => alikeOf(shared, own, members));
}

/** What a job says beside its cluster, but for what it always says. */
function signatureOf(own: Lines): string {
  let text = '';
  for (const [name, line] of own) if (!ids.has(name)) text += `${line}\n`;
  return text;
}

function alikeOf(shared: Lines, own: Lines, jobs: readonly JobNumbers[]): AlikeJobs {
  const all = new Map([...shared, ...own]);
  const priorityLine = all.get('jobprio') ?? null;
  const lines = [...all]
    .filter(([name]) => !ids.has(name) && name !== 'jobprio')
    .map(([, line]) => line)
    .toSorted();
  const oldest = jobs.reduce<number | null>(
    (least, { submitted }) =>
      least === null || submitted === null ? (least ?? submitted) : Math.min(least, submitted),
    null,
  );
  return { text: lines.join('\n'), lines, priorityLine, oldest, jobs };
}
