import type { Fleet } from '../fleet/fleet.ts';
import type { QueueName } from '../model/ids.ts';
import type { Pool } from '../model/offer.ts';
import { type DowntimeOutlook, drainsFromMs } from '../planner/downtimes.ts';
import { type IdleOutlook, nextReleaseMs } from '../planner/idle.ts';
import type { SetAsides } from '../planner/setAside.ts';

/**
 * What time alone will bring about: the loop sleeps until then. What comes of a look or an effect wakes it by itself,
 * so here is only what no look and no effect would tell.
 */
export interface Due {
  /** The next moment (daemon time) at which a tick may decide otherwise than one now; null: none is known. */
  readonly tickMs: number | null;
  /** From when on a view of the queue, begun no earlier, lets something be decided that the newest view does not. */
  readonly looks: ReadonlyMap<QueueName, number>;
}

export interface DueInput {
  readonly nowMs: number;
  readonly fleet: Fleet;
  readonly pools: ReadonlyMap<string, Pool>;
  readonly setAsides: SetAsides;
  readonly downtimes: DowntimeOutlook;
  readonly idle: IdleOutlook;
  readonly reapMs: number;
  /** When the newest view of a queue was begun; null: there is none. */
  readonly viewedAtMs: (queue: QueueName) => number | null;
}

/** Pure, linear in machines. */
export function nextDue(input: DueInput): Due {
  const { nowMs, fleet, pools, setAsides, reapMs } = input;
  let tickMs = Number.POSITIVE_INFINITY;
  const looks = new Map<QueueName, number>();
  const tickAt = (atMs: number) => {
    if (atMs > nowMs && atMs < tickMs) tickMs = atMs;
  };
  const lookAt = (queue: QueueName, atMs: number) => {
    if (atMs > (input.viewedAtMs(queue) ?? 0) && atMs < (looks.get(queue) ?? Number.POSITIVE_INFINITY))
      looks.set(queue, atMs);
  };

  for (const { instance, sighting } of fleet.entries.values()) {
    const { phase, deadlineMs, phaseSinceMs, createdAtMs, queue } = instance;
    const limits = pools.get(instance.pool)?.limits;
    if (deadlineMs !== null) tickAt(deadlineMs);
    if (limits === undefined) continue;
    switch (phase) {
      case 'unreachable':
        // Where many are silent they are given as long again.
        if (deadlineMs !== null) tickAt(deadlineMs + limits.silentMs);
        break;
      case 'draining':
        if (sighting.drainedSinceMs !== null) lookAt(queue, sighting.drainedSinceMs + limits.idleConfirmMs);
        if (limits.lifetimeMs === null) break;
        tickAt(createdAtMs + limits.lifetimeMs);
        tickAt(Math.max(createdAtMs + limits.lifetimeMs, phaseSinceMs) + limits.lifetimeGraceMs);
        break;
      default:
        break;
    }
  }
  for (const [name, free] of Map.groupBy(
    [...fleet.entries.values()].filter(({ instance }) => instance.phase === 'idle'),
    ({ instance }) => instance.pool,
  )) {
    const pool = pools.get(name);
    if (pool === undefined) continue;
    const atMs = nextReleaseMs(pool, free, { atMs: input.viewedAtMs(pool.queue) ?? 0, idle: input.idle });
    if (atMs !== null) lookAt(pool.queue, atMs);
  }
  for (const window of input.downtimes.windows) {
    tickAt(window.fromMs);
    tickAt(window.toMs);
    for (const pool of pools.values())
      tickAt(drainsFromMs(window, { pool: pool.name, nowMs, outlook: input.downtimes }));
  }
  for (const { firstListedAtMs } of fleet.strangers.values()) tickAt(firstListedAtMs + reapMs);
  for (const { untilMs } of setAsides.values()) tickAt(untilMs);
  return { tickMs: Number.isFinite(tickMs) ? tickMs : null, looks };
}
