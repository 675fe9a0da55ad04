import { QueueError } from '../../model/errors.ts';

/** Jobs whose ads are the same to the letter but for what tells one job from the next. */
export interface JobClass {
  /** The lines of their ads without the ids. */
  readonly lines: readonly string[];
  count: number;
  /** Epoch seconds; null if none says. */
  oldest: number | null;
  /** A few, `cluster.proc`. */
  readonly samples: string[];
  /** Where an expression refers to an id, which job is what matters: all of them. Else null. */
  readonly members: JobNumbers[] | null;
}

export interface JobNumbers {
  readonly cluster: number;
  readonly proc: number;
  readonly submitted: number | null;
}

export const samplesMax = 5;
/** Where every job is of its own kind, the first so many are what is seen of the queue. */
export const classesMax = 20_000;

const refersToId = /\b(?:ClusterId|ProcId|QDate)\b/i;

/** Takes the ads of a queue as they stream in and counts them by class: 100,000 jobs are never 100,000 ads. */
export class JobClasses {
  private readonly byText = new Map<string, JobClass>();
  private jobs = 0;
  private overflow = false;

  readonly take = (lines: readonly string[]): void => {
    let cluster: number | null = null;
    let proc: number | null = null;
    let submitted: number | null = null;
    const kept: string[] = [];
    for (const line of lines) {
      if (line.startsWith('ClusterId = ')) cluster = Number(line.slice(12));
      else if (line.startsWith('ProcId = ')) proc = Number(line.slice(9));
      else if (line.startsWith('QDate = ')) submitted = Number(line.slice(8));
      else kept.push(line);
    }
    if (!isNumber(cluster) || !isNumber(proc))
      throw new QueueError('malformed', 'condor_q: a job without an id');
    this.jobs++;
    const found = this.classOf(kept);
    if (found === null) return;
    found.count++;
    if (isNumber(submitted) && (found.oldest === null || submitted < found.oldest)) found.oldest = submitted;
    if (found.samples.length < samplesMax) found.samples.push(`${cluster}.${proc}`);
    found.members?.push({ cluster, proc, submitted });
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
    return [...this.byText.values()];
  }

  private classOf(kept: readonly string[]): JobClass | null {
    const text = kept.join('\n');
    const known = this.byText.get(text);
    if (known !== undefined) return known;
    if (this.byText.size >= classesMax) {
      this.overflow = true;
      return null;
    }
    const members = refersToId.test(text) ? [] : null;
    const made: JobClass = { lines: [...kept], count: 0, oldest: null, samples: [], members };
    this.byText.set(text, made);
    return made;
  }
}

function isNumber(value: number | null): value is number {
  return value !== null && Number.isFinite(value);
}
