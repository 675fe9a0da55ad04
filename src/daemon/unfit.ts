import type { Demand, QueueSnapshot } from '../model/demand.ts';
import { adForBoot } from '../model/demand.ts';
import type { DemandId, JobId, QueueName } from '../model/ids.ts';
import type { JournalEntry } from '../model/journal.ts';
import type { DemandReport, UnfitJobs } from '../planner/plan.ts';
import type { DaemonParts, QueuePart } from './daemonParts.ts';
import { withDeadline } from './deadline.ts';
import type { CoreSite } from './tick.ts';
import type { Timeline } from './timeline.ts';

/** Jobs that nothing fits: watched beside the loop, as whether a worker could ever take them is dear to find out. */
export interface UnfitWatch {
  /** Null: there is none that has been so for long. */
  of(queue: QueueName): UnfitJobs | null;
  run(signal: AbortSignal): Promise<void>;
}

export interface UnfitInput {
  readonly parts: Pick<DaemonParts, 'queues' | 'config' | 'clock' | 'log'>;
  readonly site: Pick<CoreSite, 'matchmaker' | 'offers'>;
  readonly timeline: Timeline;
  readonly viewOf: (queue: QueueName) => QueueSnapshot | null;
  /** Of the newest plan. */
  readonly reports: () => readonly DemandReport[];
  readonly note: (entry: JournalEntry) => void;
}

interface Suspect {
  readonly queue: QueueName;
  /** Daemon time from which on every plan has found that nothing fits. */
  readonly sinceMs: number;
  /** When workers were last asked; null: never. */
  askedAtMs: number | null;
  fitsWorker: boolean;
}

const periodMs = 30_000;
/** So long a plan after plan has to find that nothing fits: offers and machines come and go. */
const suspectMs = 600_000;
/** What workers say of a kind of jobs holds so long. */
const askedAgainMs = 600_000;
/** Kinds of jobs that all workers are asked about in one round. */
const asksMax = 5;
/** Jobs that are held in one round. */
const holdsMax = 100;

const never: ReadonlySet<string> = new Set(['noOffer', 'tooLarge']);

/**
 * Looks at the newest plan now and then. A kind of jobs that no offer fits is unfit when that has been so for ten minutes
 * and no worker, with all its room free, would take it either. Where the config says so its jobs are held after a
 * while, a few at a time: what a view does not name comes up in the next.
 */
export function watchUnfit(input: UnfitInput): UnfitWatch {
  const { parts, timeline, viewOf } = input;
  let suspects = new Map<DemandId, Suspect>();
  const shown = new Map<QueueName, UnfitJobs | null>();
  const failed = new Map<QueueName, string>();

  function round(): void {
    const nowMs = timeline.now();
    const before = suspects;
    suspects = new Map();
    for (const { demand, queue, shortage } of input.reports())
      if (shortage !== null && never.has(shortage.code))
        suspects.set(
          demand,
          before.get(demand) ?? { queue, sinceMs: nowMs, askedAtMs: null, fitsWorker: false },
        );
    let asks = 0;
    for (const [id, suspect] of suspects) {
      const view = viewOf(suspect.queue);
      const group = view?.demand.find((one) => one.id === id);
      const isDue = suspect.askedAtMs === null || nowMs >= suspect.askedAtMs + askedAgainMs;
      if (view === null || group === undefined || nowMs < suspect.sinceMs + suspectMs || !isDue) continue;
      if (asks === asksMax) break;
      asks++;
      suspect.askedAtMs = nowMs;
      suspect.fitsWorker = fitsSomeWorker(group, view);
    }
    for (const { config } of parts.queues) shown.set(config.name, summary(config.name));
  }

  function fitsSomeWorker(group: Demand, { workers }: QueueSnapshot): boolean {
    return workers.some(({ slots, total }) =>
      slots.some((slot) => input.site.matchmaker.roomOn(group, slot, total) > 0),
    );
  }

  function unfitGroups(queue: QueueName): readonly { readonly group: Demand; readonly sinceMs: number }[] {
    return (viewOf(queue)?.demand ?? []).flatMap((group) => {
      const suspect = suspects.get(group.id);
      const isUnfit = suspect !== undefined && suspect.askedAtMs !== null && !suspect.fitsWorker;
      return isUnfit ? [{ group, sinceMs: suspect.sinceMs }] : [];
    });
  }

  function summary(queue: QueueName): UnfitJobs | null {
    const groups = unfitGroups(queue).map(({ group }) => group);
    const [first] = groups;
    const [sample] = first?.sampleJobs ?? [];
    if (first === undefined || sample === undefined) return null;
    const jobs = groups.reduce((sum, { count }) => sum + count, 0);
    return { jobs, groups: groups.length, sample, why: whyOf(first) };
  }

  /** What the first offer of its queue refuses it by. */
  function whyOf(group: Demand): string {
    const { matchmaker, offers } = input.site;
    const pools = parts.config.pools.filter(({ queue }) => queue === group.queue);
    for (const name of pools.flatMap((pool) => pool.offers)) {
      const offer = offers.get(name);
      const refusal = offer === undefined ? null : matchmaker.refusal(adForBoot(group), offer);
      if (refusal !== null && refusal.clause !== null)
        return `${refusal.clause} is ${refusal.found} (offer ${refusal.offer})`;
    }
    return 'no offer of its queue is large enough';
  }

  async function hold({ config, queue }: QueuePart, signal: AbortSignal): Promise<void> {
    const { name, holdUnfitAfterMs = null, deadlineMs } = config;
    if (holdUnfitAfterMs === null || queue.hold === undefined || parts.config.mode === 'observe') return;
    let left = holdsMax;
    for (const { group, sinceMs } of unfitGroups(name)) {
      const nowMs = timeline.now();
      if (nowMs < sinceMs + holdUnfitAfterMs || left <= 0) continue;
      const jobs = group.sampleJobs.slice(0, left);
      left -= jobs.length;
      const why = `Spillway: no machine fits this job: ${whyOf(group)}`;
      try {
        await withDeadline(async (inner) => queue.hold?.(jobs, why, inner), {
          clock: parts.clock,
          ms: deadlineMs,
          signal,
        });
        failed.delete(name);
        input.note({
          kind: 'jobs',
          atMs: nowMs,
          demand: group.id,
          why: `${listed(jobs)} held: ${whyOf(group)}`,
        });
      } catch (error) {
        if (signal.aborted) return;
        const message = error instanceof Error ? error.message : String(error);
        if (failed.get(name) !== message)
          parts.log.warn({ queue: name, why: message }, 'jobs cannot be held');
        failed.set(name, message);
        return;
      }
    }
  }

  return {
    of: (queue) => shown.get(queue) ?? null,
    run: async (signal) => {
      for (const { config, queue } of parts.queues)
        if (config.holdUnfitAfterMs != null && queue.hold === undefined)
          parts.log.warn({ queue: config.name }, 'jobs of this queue cannot be held');
      while (!signal.aborted) {
        await parts.clock.sleep(periodMs, signal).catch(() => {});
        if (signal.aborted) return;
        round();
        for (const part of parts.queues) await hold(part, signal);
      }
    },
  };
}

function listed(jobs: readonly JobId[]): string {
  const [first = '', ...others] = jobs;
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}
