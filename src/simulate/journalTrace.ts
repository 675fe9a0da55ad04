import { z } from 'zod';
import type { Trace, TraceJob } from './trace.ts';

/** A journal entry of kind `jobs` holds such rows as JSON text: see daemon/jobSightings.ts. */
const rowsSchema = z.array(z.tuple([z.string(), z.number(), z.number(), z.number(), z.string().nullable()]));

export interface JournalJobs {
  readonly wallMs: number;
  readonly atMs: number;
  readonly data?: Readonly<Record<string, unknown>> | undefined;
}

/**
 * The trace of a running site from its journal, oldest job first. What a journal cannot know is approximated: a job begins
 * and ends when views first and last showed it; it was submitted when its id says so (HTCondor's ends in that moment), else
 * when it began; its processors are its share of what the machine's jobs took. Entries that cannot be read are left out.
 */
export function traceOfJournal(entries: readonly JournalJobs[]): Trace {
  const raw = entries.flatMap(({ data, wallMs, atMs }) => {
    const text = data?.jobs;
    if (typeof text !== 'string') return [];
    const read = rowsSchema.safeParse(parsed(text));
    if (!read.success) return [];
    // Daemon time runs beside the wall clock: the entry has both.
    const offsetMs = wallMs - atMs;
    return read.data.map(([id, firstMs, lastMs, cpus, user]) => {
      const startSeconds = Math.round((firstMs + offsetMs) / 1000);
      const endSeconds = Math.max(startSeconds + 1, Math.round((lastMs + offsetMs) / 1000));
      const submitSeconds = Math.min(submittedAt(id) ?? startSeconds, startSeconds);
      return { submitSeconds, startSeconds, endSeconds, cpus, user };
    });
  });
  const sorted = raw.toSorted((a, b) => a.submitSeconds - b.submitSeconds);
  const zero = sorted[0]?.submitSeconds ?? 0;
  const jobs = sorted.map(
    ({ submitSeconds, startSeconds, endSeconds, cpus, user }, at): TraceJob => ({
      id: at + 1,
      submitSeconds: submitSeconds - zero,
      waitSeconds: startSeconds - submitSeconds,
      runSeconds: endSeconds - startSeconds,
      processors: cpus,
      memoryMiB: null,
      requestedSeconds: null,
      user,
      group: null,
      queue: null,
      executable: null,
      completion: null,
      precedingJob: null,
      thinkSeconds: null,
      nodes: null,
    }),
  );
  return {
    jobs,
    skipped: { neverRan: 0, unknownRunTime: 0, noProcessors: 0, partOfJob: 0 },
    header: {
      startUnixSeconds: zero === 0 ? null : zero,
      labels: new Map([
        [
          'Note',
          'written by spillway journal export: jobs as the daemon saw them on its machines, ended ones only',
        ],
      ]),
    },
  };
}

/** HTCondor's GlobalJobId is `schedd#cluster.proc#submitted`. */
function submittedAt(id: string): number | null {
  const [, seconds] = /#(\d{9,11})$/.exec(id) ?? [];
  return seconds === undefined ? null : Number(seconds);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
