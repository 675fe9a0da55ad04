import type { Completion, Trace, TraceJob } from './trace.ts';

/**
 * A trace as text in the Standard Workload Format, line by line, without line ends. Where the users, groups and queues have
 * names they get numbers, and the header says whose they are, as `readTrace` reads it. What the format has no place for is
 * left out: how processors are spread on machines. Memory is rounded up to whole KiB for each processor.
 */
export function* formatSwf(trace: Pick<Trace, 'jobs' | 'header'>): Generator<string> {
  const { startUnixSeconds, labels } = trace.header;
  const users = numbersOf(trace.jobs.map((job) => job.user));
  const groups = numbersOf(trace.jobs.map((job) => job.group));
  const queues = numbersOf(trace.jobs.map((job) => job.queue));
  yield '; Version: 2.2';
  if (startUnixSeconds !== null) yield `; UnixStartTime: ${startUnixSeconds}`;
  yield `; MaxJobs: ${trace.jobs.length}`;
  for (const [label, text] of labels) if (!written.has(label)) yield `; ${label}: ${text}`;
  yield* named('User', users);
  yield* named('Group', groups);
  yield* named('Queue', queues);
  for (const job of trace.jobs) {
    yield [
      job.id,
      job.submitSeconds,
      job.waitSeconds ?? -1,
      job.runSeconds,
      job.processors,
      -1,
      -1,
      job.processors,
      job.requestedSeconds ?? -1,
      job.memoryMiB === null ? -1 : Math.ceil((job.memoryMiB * 1024) / job.processors),
      job.completion === null ? -1 : statusOf[job.completion],
      numberOf(users, job.user),
      numberOf(groups, job.group),
      job.executable ?? -1,
      numberOf(queues, job.queue),
      -1,
      job.precedingJob ?? -1,
      job.thinkSeconds ?? -1,
    ].join(' ');
  }
}

const statusOf: Readonly<Record<Completion, number>> = { failed: 0, completed: 1, cancelled: 5 };

/** Said anew, from the jobs. */
const written: ReadonlySet<string> = new Set([
  'Version',
  'UnixStartTime',
  'MaxJobs',
  'MaxRecords',
  'MaxQueues',
  'User',
  'Group',
  'Queue',
]);

type Numbers = ReadonlyMap<string, number>;

/** A name that is a number keeps it; the others get those that are free, in the order in which they appear. */
function numbersOf(names: Iterable<TraceJob['user']>): Numbers {
  const distinct = [...new Set(names)].filter((name) => name !== null);
  const numbers = new Map(distinct.filter(isNumber).map((name) => [name, Number(name)]));
  const taken = new Set(numbers.values());
  let free = 1;
  for (const name of distinct) {
    if (numbers.has(name)) continue;
    while (taken.has(free)) free += 1;
    numbers.set(name, free);
    free += 1;
  }
  return numbers;
}

const isNumber = (name: string): boolean => /^(0|[1-9]\d{0,8})$/.test(name);

const numberOf = (numbers: Numbers, name: string | null): number =>
  name === null ? -1 : (numbers.get(name) ?? -1);

function* named(label: string, numbers: Numbers): Generator<string> {
  for (const [name, number] of numbers)
    if (!isNumber(name)) yield `; ${label}: ${number} ${JSON.stringify(name)}`;
}
