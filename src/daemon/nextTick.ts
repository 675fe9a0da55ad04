import type { QueueSnapshot } from '../model/demand.ts';
import type { QueueName } from '../model/ids.ts';
import { outlookOf } from './downtimes.ts';
import { nextDue } from './due.ts';
import { idleOutlook } from './idleOutlook.ts';
import type { Source } from './source.ts';
import type { CoreSite, CoreState } from './tick.ts';

/** Ticks at least so often, whatever is due; anything new wakes the loop at once. */
const tickPeriodMaxMs = 300_000;
/** A queue is looked at no sooner again because something is due. */
const dueGapMs = 5000;

export interface NextTickInput {
  readonly site: CoreSite;
  readonly queueSources: ReadonlyMap<QueueName, Source<QueueSnapshot>>;
  /** Daemon time. */
  readonly now: () => number;
  readonly wallNow: () => number;
}

export interface NextTick {
  /** How long nothing is due, in ms. */
  readonly forMs: number;
  /** From when on another plan may come of time alone (daemon time); what is due before is a look, or an effect again. */
  readonly planAtMs: number;
}

/** What is due after a tick; a look that is due is begun. `owedAgainMs`: when an effect that is owed may be tried again. */
export function createNextTick({ site, queueSources, now, wallNow }: NextTickInput) {
  /** When a queue was last looked at early because something was due. */
  const hurriedAtMss = new Map<QueueName, number>();

  return (state: CoreState, owedAgainMs: number): NextTick => {
    const nowMs = now();
    const due = nextDue({
      nowMs,
      fleet: state.fleet,
      pools: site.pools,
      setAsides: state.setAsides,
      downtimes: outlookOf(state.downtimes, site, { nowMs, wallMs: wallNow() }),
      idle: idleOutlook(state),
      reapMs: site.policy.reapMs,
      viewedAtMs: (queue) => queueSources.get(queue)?.latestAtMs ?? null,
    });
    const planAtMs = due.tickMs ?? Number.POSITIVE_INFINITY;
    let untilMs = Math.min(planAtMs, owedAgainMs);
    for (const [queue, atMs] of due.looks) {
      const hurriedAtMs = hurriedAtMss.get(queue) ?? 0;
      // Machines that are due one by one are looked at together.
      const lookAtMs = Math.max(atMs, hurriedAtMs + dueGapMs);
      if (lookAtMs > nowMs) untilMs = Math.min(untilMs, lookAtMs);
      else if (atMs > hurriedAtMs) {
        hurriedAtMss.set(queue, nowMs);
        queueSources.get(queue)?.hurry();
      }
    }
    // A timer may come a little early.
    return { forMs: Math.min(tickPeriodMaxMs, Math.max(1, untilMs - nowMs + 1)), planAtMs };
  };
}
