import { QueueError } from '../../model/errors.ts';

/** What `condor_q -totals -constraint …` says: of the jobs that the constraint takes, and of all. */
export interface Totals {
  readonly schedd: string;
  /** Jobs that the constraint takes. */
  readonly matching: number;
  readonly idle: number;
  readonly running: number;
  readonly held: number;
  /** The two lines as they came: when they are the same, no job has come or gone or changed its state. */
  readonly text: string;
}

const header = /^-- Schedd: (\S+) : /m;
const line = (scope: string) =>
  new RegExp(
    String.raw`^Total for ${scope}: (\d+) jobs; (\d+) completed, (\d+) removed, (\d+) idle, (\d+) running, (\d+) held, (\d+) suspended`,
    'm',
  );
const queryLine = line('query');
const allLine = line('all users');

export function parseTotals(stdout: string): Totals {
  const schedd = header.exec(stdout)?.[1];
  const query = queryLine.exec(stdout);
  const all = allLine.exec(stdout);
  if (schedd === undefined || query === null || all === null) {
    throw new QueueError('malformed', 'condor_q -totals: no totals in the answer');
  }
  const count = (match: RegExpExecArray, index: number) => Number(match[index]);
  return {
    schedd,
    matching: count(query, 1),
    idle: count(all, 4),
    running: count(all, 5) + count(all, 7),
    held: count(all, 6),
    text: `${query[0]}\n${all[0]}`,
  };
}
