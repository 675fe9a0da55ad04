import { QueueError } from '../../model/errors.ts';
import type { Log } from '../../model/log.ts';
import type { JobClasses } from './job-classes.ts';
import { type LogReading, type LogRecord, QueueLog } from './queue-log.ts';
import { QueueTable } from './queue-table.ts';
import type { Totals } from './totals.ts';

/** Whether a schedd's job_queue.log has told of something since it was last asked. Throws QueueError. */
export interface News {
  hasNews(signal: AbortSignal): Promise<boolean>;
}

/**
 * What a record must tell of to be news: a job that comes or goes, its state, or what it wants. A schedd with many running
 * jobs writes of their sizes and times all the while.
 */
export function isNews({ kind, key, name }: LogRecord, isWish: (name: string) => boolean): boolean {
  if (key.startsWith('0.')) return false;
  return kind === 'new' || kind === 'destroy' || name === 'JobStatus' || isWish(name);
}

/** News of a log that is not kept: what was written before is left behind. */
export function newsOf(path: string, isWish: (name: string) => boolean): News {
  const log = new QueueLog(path);
  return {
    hasNews: async (signal) => {
      let news = false;
      const look = (record: LogRecord) => {
        news ||= isNews(record, isWish);
      };
      const { whole } = await log.read({ skip: true }, look, signal);
      return news || whole;
    },
  };
}

/** So large a share of the jobs may come or go between a look at the totals and one at the log. */
const churnMax = 0.02;

export interface LogSourceOptions {
  readonly path: string;
  readonly log: Log;
  readonly isWish: (name: string) => boolean;
}

/** The waiting jobs of one schedd, read from its job_queue.log as it grows, in place of `condor_q -long`. */
export class LogSource implements News {
  private readonly options: LogSourceOptions;
  private file: QueueLog;
  private table: QueueTable;
  /** What the table was told with. */
  private projection: string | null = null;
  private current: { readonly version: number; readonly jobs: JobClasses; readonly waiting: number } | null =
    null;
  private trouble: string | null = null;
  /** Told and not yet looked at. */
  private news = true;
  private turn: Promise<unknown> = Promise.resolve();

  constructor(options: LogSourceOptions) {
    this.options = options;
    this.file = new QueueLog(options.path);
    this.table = new QueueTable(() => false);
  }

  /**
   * The jobs with the attributes of `projection`, held against the schedd's own totals: null where the log cannot be read,
   * or does not tell what the schedd says. That is said once.
   */
  async jobs(
    { projection, totals }: { readonly projection: string; readonly totals: Totals },
    again: () => Promise<Totals>,
    signal: AbortSignal,
  ): Promise<JobClasses | null> {
    try {
      if (projection !== this.projection) this.restart(projection);
      let found = await this.look(signal);
      if (found.waiting === totals.matching) return this.well(found.jobs);
      const after = await again();
      found = await this.look(signal);
      const [least, most] = [
        Math.min(totals.matching, after.matching),
        Math.max(totals.matching, after.matching),
      ];
      if (found.waiting >= least * (1 - churnMax) && found.waiting <= most * (1 + churnMax))
        return this.well(found.jobs);
      this.restart(projection);
      const counts = `${found.waiting} waiting jobs, and the schedd's totals ${after.matching}`;
      throw new QueueError('malformed', `${this.options.path}: ${counts}`);
    } catch (error) {
      if (!(error instanceof QueueError) || error.code === 'timeout') throw error;
      this.ill(error);
      return null;
    }
  }

  async hasNews(signal: AbortSignal): Promise<boolean> {
    await this.read(signal);
    return this.news;
  }

  private async look(signal: AbortSignal) {
    await this.read(signal);
    this.news = false;
    const { version } = this.table;
    if (this.current?.version === version) return this.current;
    const { jobs, counts } = this.table.read();
    this.current = { version, jobs, waiting: counts.waiting };
    return this.current;
  }

  /** One at a time: polls and hints share the place that was come to. */
  private read(signal: AbortSignal): Promise<unknown> {
    const run = () => {
      const { file, table, options } = this;
      const begin = (reading: LogReading) => {
        table.begin(reading);
        this.news ||= reading.whole;
      };
      const take = (record: LogRecord) => {
        table.take(record);
        this.news ||= isNews(record, options.isWish);
      };
      return file.read({ begin }, take, signal);
    };
    const result = this.turn.then(run, run);
    this.turn = result.catch(() => {});
    return result;
  }

  private restart(projection: string): void {
    const words = new Set(projection.toLowerCase().split(','));
    const { version } = this.table;
    this.file = new QueueLog(this.options.path);
    this.table = new QueueTable((name) => words.has(name.toLowerCase()));
    this.table.version = version + 1;
    this.projection = projection;
    this.current = null;
  }

  private well(jobs: JobClasses): JobClasses {
    if (this.trouble !== null)
      this.options.log.info({ path: this.options.path }, 'jobs are read from job_queue.log again');
    this.trouble = null;
    return jobs;
  }

  private ill({ code, message }: QueueError): void {
    if (this.trouble === code) return;
    this.trouble = code;
    this.options.log.warn({ code, error: message }, 'jobs are read by condor_q, not from job_queue.log');
  }
}
