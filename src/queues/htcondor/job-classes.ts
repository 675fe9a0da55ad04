import { QueueError } from '../../model/errors.ts';
import { priorityBand } from './accounting.ts';

/** Jobs whose ads are the same to the letter but for what tells one job from the next. */
export interface JobClass {
  /** The lines of their ads without the ids. */
  readonly lines: readonly string[];
  /** By band of priority: there are few. */
  readonly tallies: ReadonlyMap<number, Tally>;
  /** Where an expression refers to an id, which job is what matters: all of them. Else null. */
  readonly members: JobNumbers[] | null;
}

/** Jobs of one priority. */
export interface Tally {
  readonly count: number;
  /** Epoch seconds; null if none says. */
  readonly oldest: number | null;
  /** A few, `cluster.proc`. */
  readonly samples: readonly string[];
}

export interface JobNumbers {
  readonly cluster: number;
  readonly proc: number;
  readonly submitted: number | null;
  readonly priority: number;
}

/** Jobs of one priority that say the same. */
export interface AlikeJobs {
  /** The lines, joined by line ends. */
  readonly text: string;
  readonly lines: readonly string[];
  readonly priorityLine: string | null;
  /** Epoch seconds; null if none says. */
  readonly oldest: number | null;
  readonly jobs: readonly JobNumbers[];
}

export function addTally(known: Tally | undefined, more: Tally): Tally {
  if (known === undefined) return more;
  const room = samplesMax - known.samples.length;
  return {
    count: known.count + more.count,
    oldest: earlier(known.oldest, more.oldest),
    samples: room <= 0 ? known.samples : [...known.samples, ...more.samples.slice(0, room)],
  };
}

function earlier(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}

export const samplesMax = 5;
/** Where every job is of its own kind, the first so many are what is seen of the queue. */
export const classesMax = 20_000;

const refersToId = /\b(?:ClusterId|ProcId|QDate)\b/i;
const refersToPriority = /\bJobPrio\b/i;

interface GrowingTally {
  count: number;
  oldest: number | null;
  readonly samples: string[];
}

interface GrowingClass extends JobClass {
  readonly tallies: Map<number, GrowingTally>;
  /** Its expressions refer to the priority: jobs of another are another class. */
  readonly byPriority: boolean;
}

/** Takes the ads of a queue as they stream in and counts them by class: 100,000 jobs are never 100,000 ads. */
export class JobClasses {
  private readonly byText = new Map<string, GrowingClass>();
  private jobs = 0;
  private overflow = false;

  readonly take = (lines: readonly string[]): void => {
    let cluster: number | null = null;
    let proc: number | null = null;
    let submitted: number | null = null;
    let priorityLine: string | null = null;
    const kept: string[] = [];
    for (const line of lines) {
      if (line.startsWith('ClusterId = ')) cluster = Number(line.slice(12));
      else if (line.startsWith('ProcId = ')) proc = Number(line.slice(9));
      else if (line.startsWith('QDate = ')) submitted = Number(line.slice(8));
      else if (line.startsWith('JobPrio = ')) priorityLine = line;
      else kept.push(line);
    }
    if (!isNumber(cluster) || !isNumber(proc))
      throw new QueueError('malformed', 'condor_q: a job without an id');
    this.jobs++;
    const found = this.classOf(kept, priorityLine);
    if (found === null) return;
    const priority = priorityBand(Number(priorityLine?.slice(10) ?? 0));
    let tally = found.tallies.get(priority);
    if (tally === undefined) {
      tally = { count: 0, oldest: null, samples: [] };
      found.tallies.set(priority, tally);
    }
    tally.count++;
    if (isNumber(submitted) && (tally.oldest === null || submitted < tally.oldest)) tally.oldest = submitted;
    if (tally.samples.length < samplesMax) tally.samples.push(`${cluster}.${proc}`);
    found.members?.push({ cluster, proc, submitted, priority });
  };

  /** Jobs that are alike in all but their ids, their lines without those and without the priority. */
  readonly takeAlike = ({ text, lines, priorityLine, oldest, jobs }: AlikeJobs): void => {
    const [first] = jobs;
    if (first === undefined) return;
    this.jobs += jobs.length;
    const found = this.classOf(lines, priorityLine, text);
    if (found === null) return;
    const priority = priorityBand(first.priority);
    const samples = jobs.slice(0, samplesMax).map(({ cluster, proc }) => `${cluster}.${proc}`);
    const tally = addTally(found.tallies.get(priority), { count: jobs.length, oldest, samples });
    found.tallies.set(priority, { ...tally, samples: [...tally.samples] });
    if (found.members !== null) for (const job of jobs) found.members.push({ ...job, priority });
  };

  /** All jobs, those beyond the limit too. */
  get count(): number {
    return this.jobs;
  }

  /** False where some were of a kind too many. */
  get complete(): boolean {
    return !this.overflow;
  }

  all(): readonly JobClass[] {
    return [...this.byText.values()].filter(({ tallies }) => tallies.size > 0);
  }

  private classOf(
    kept: readonly string[],
    priorityLine: string | null,
    text = kept.join('\n'),
  ): GrowingClass | null {
    const found = this.classNamed(text, kept);
    if (found === null || !found.byPriority || priorityLine === null) return found;
    const all = [...kept, priorityLine];
    return this.classNamed(all.join('\n'), all);
  }

  private classNamed(text: string, lines: readonly string[]): GrowingClass | null {
    const known = this.byText.get(text);
    if (known !== undefined) return known;
    if (this.byText.size >= classesMax) {
      this.overflow = true;
      return null;
    }
    const members = refersToId.test(text) ? [] : null;
    const byPriority = refersToPriority.test(text);
    const made: GrowingClass = { lines: [...lines], tallies: new Map(), members, byPriority };
    this.byText.set(text, made);
    return made;
  }
}

function isNumber(value: number | null): value is number {
  return value !== null && Number.isFinite(value);
}
