import type { DemandId, QueueName } from '../model/ids.ts';
import type { DemandReport } from '../planner/plan.ts';
import type { DaemonParts, QueuePart } from './daemonParts.ts';
import { withDeadline } from './deadline.ts';

export interface JobReasonsInput {
  readonly parts: Pick<DaemonParts, 'queues' | 'config' | 'clock' | 'log'>;
  /** Of the newest plan. */
  readonly reports: () => readonly DemandReport[];
}

const periodMs = 60_000;
/** Kinds of jobs that are told something in one round, for each queue. */
const tellsMax = 50;

/**
 * Tells queues that can hand it on why their jobs wait: those that the view names of each kind, when the reason has held for two
 * rounds and is another than they were told last. What is not told in one round is told in the next.
 */
export function createJobReasons({ parts, reports }: JobReasonsInput): {
  run(signal: AbortSignal): Promise<void>;
} {
  const told = new Map<DemandId, string>();
  let before = new Map<DemandId, string>();
  const failed = new Map<QueueName, string>();

  async function tell(
    { config, queue }: QueuePart,
    due: readonly DemandReport[],
    signal: AbortSignal,
  ): Promise<void> {
    for (const report of due.slice(0, tellsMax)) {
      const why = reasonOf(report);
      try {
        await withDeadline(async (inner) => queue.tell?.(report.sampleJobs, why, inner), {
          clock: parts.clock,
          ms: config.deadlineMs,
          signal,
        });
        told.set(report.demand, why);
        failed.delete(config.name);
      } catch (error) {
        if (signal.aborted) return;
        const message = error instanceof Error ? error.message : String(error);
        if (failed.get(config.name) !== message)
          parts.log.warn({ queue: config.name, why: message }, 'jobs cannot be told why they wait');
        failed.set(config.name, message);
        return;
      }
    }
  }

  async function round(signal: AbortSignal): Promise<void> {
    const now = reports();
    const held = before;
    before = new Map(now.map((report) => [report.demand, reasonOf(report)]));
    for (const demand of told.keys()) if (!before.has(demand)) told.delete(demand);
    for (const part of parts.queues) {
      if (part.queue.tell === undefined) continue;
      const due = now.filter((report) => {
        const why = reasonOf(report);
        const isNew = told.get(report.demand) !== why && held.get(report.demand) === why;
        return isNew && report.queue === part.config.name && report.sampleJobs.length > 0;
      });
      await tell(part, due, signal);
    }
  }

  return {
    run: async (signal) => {
      if (parts.config.mode === 'observe' || parts.queues.every(({ queue }) => queue.tell === undefined))
        return;
      while (!signal.aborted) {
        await parts.clock.sleep(periodMs, signal).catch(() => {});
        if (signal.aborted) return;
        await round(signal);
      }
    },
  };
}

/** Without figures: it is written again only when it is another. */
function reasonOf({ shortage, onComing, onLaunches, onUndrained }: DemandReport): string {
  if (shortage !== null) return `${shortage.code}: ${shortage.why}`;
  if (onComing + onLaunches + onUndrained > 0) return 'a machine is on its way';
  return 'a machine has room: the scheduler is to match it';
}
