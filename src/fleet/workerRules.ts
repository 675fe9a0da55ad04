import type { Worker } from '../model/demand.ts';
import type { FleetEntry } from './entry.ts';
import type { EventOf, StepContext } from './event.ts';
import { change, enter, fail, isOverdue, sight, startDrain, terminate } from './transition.ts';

/** Rules for what the queue shows of a machine's worker, and for its end; the table is in step.ts. */

/** One that was thought lost before it joined, and whose worker is in a view that was begun since, is not. */
export function joinAfterAll(
  entry: FleetEntry,
  event: EventOf<'workerSeen'>,
  context: StepContext,
): FleetEntry {
  const { endReason, joinedAtMs, phaseSinceMs } = entry.instance;
  if (endReason !== 'lost' || joinedAtMs !== null || event.takenAtMs < phaseSinceMs) return entry;
  return serve(change(entry, { endReason: null }), event, context);
}

/**
 * Two views that were begun after the join deadline still do not show its worker: it has failed. One may be out of date,
 * and the machine have a job by now.
 */
export function waitForWorker(
  entry: FleetEntry,
  event: EventOf<'workerUnseen'>,
  context: StepContext,
): FleetEntry {
  if (!isOverdue(entry, event.takenAtMs)) return noteUnseen(entry, event);
  const lateViews = entry.sighting.lateViews + 1;
  return lateViews < 2 ? sight(entry, { lateViews }) : fail(entry, context, 'joinDeadline');
}

export function noteUnseen(entry: FleetEntry, { takenAtMs }: { takenAtMs: number }): FleetEntry {
  const { unlistedSinceMs, unseen, unseenSinceMs } = entry.sighting;
  if (unlistedSinceMs === null || takenAtMs < unlistedSinceMs) return entry;
  return sight(entry, { unseen: unseen + 1, unseenSinceMs: unseenSinceMs ?? takenAtMs });
}

/** Its worker is in a view: the worker's activity decides the phase. */
export function serve(
  entry: FleetEntry,
  { worker, takenAtMs }: { worker: Worker; takenAtMs: number },
  context: StepContext,
): FleetEntry {
  const { instance } = entry;
  // A view that was begun before the phase is older than what brought the phase about.
  if (takenAtMs < instance.phaseSinceMs && instance.phase === 'draining') return entry;
  const seen = seeWorker(entry, worker, takenAtMs);
  const joined =
    instance.joinedAtMs === null
      ? {
          joinedAtMs: context.nowMs,
          runningAtMs: instance.runningAtMs ?? context.nowMs,
        }
      : {};
  if (instance.endReason !== null && instance.phase !== 'draining')
    return startDrain(
      change(seen, { ...joined, worker: worker.id }),
      { reason: instance.endReason },
      context,
    );
  switch (worker.activity) {
    case 'idle':
      if (instance.phase === 'idle')
        return worker.id === instance.worker ? seen : change(seen, { worker: worker.id });
      return enter(seen, 'idle', context, {
        ...joined,
        worker: worker.id,
        idleSinceMs: takenAtMs,
      });
    case 'claimed':
      if (instance.phase === 'claimed') {
        const more = newJobs(entry, worker);
        return more === 0 ? seen : change(seen, { claims: instance.claims + more });
      }
      return enter(seen, 'claimed', context, {
        ...joined,
        worker: worker.id,
        idleSinceMs: null,
        claims: instance.claims + Math.max(1, newJobs(entry, worker)),
      });
    case 'draining':
    case 'drained':
      // Its queue or somebody else drains it: it takes no jobs any more, so it ends when its last job does.
      return enter(seen, 'draining', context, {
        ...joined,
        worker: worker.id,
        endReason: worker.released === true ? 'released' : 'operator',
      });
  }
}

/** Jobs that the worker did not have when it was last seen. After a restart nothing is known to be new. */
export function newJobs({ sighting }: FleetEntry, { jobIds = [] }: Worker): number {
  if (sighting.workerSeenAtMs === null) return 0;
  const before = new Set(sighting.jobIds);
  return jobIds.filter((id) => !before.has(id)).length;
}

export function seeWorker(entry: FleetEntry, worker: Worker, takenAtMs: number): FleetEntry {
  const drained = worker.activity === 'drained';
  return sight(entry, {
    activity: worker.activity,
    workerSeenAtMs: takenAtMs,
    jobIds: worker.jobIds ?? [],
    unseen: 0,
    unseenSinceMs: null,
    lateViews: 0,
    drainedViews: drained ? entry.sighting.drainedViews + 1 : 0,
    drainedSinceMs: drained ? (entry.sighting.drainedSinceMs ?? takenAtMs) : null,
  });
}

/** Draining: ends after two drained views far enough apart; goes back to service when un-drained. */
export function serveOut(
  entry: FleetEntry,
  { worker, takenAtMs }: { worker: Worker; takenAtMs: number },
  context: StepContext,
): FleetEntry {
  const { instance } = entry;
  if (takenAtMs < instance.phaseSinceMs) return entry;
  const { undrainedAtMs } = entry.sighting;
  const isUndrained = undrainedAtMs !== null && takenAtMs >= undrainedAtMs;
  const takesJobs = worker.activity === 'idle' || worker.activity === 'claimed';
  if (instance.endReason === null && takesJobs && isUndrained)
    return serve(entry, { worker, takenAtMs }, context);
  const seen = seeWorker(entry, worker, takenAtMs);
  const { drainedViews, drainedSinceMs } = seen.sighting;
  const confirmed =
    drainedViews >= 2 &&
    drainedSinceMs !== null &&
    takenAtMs >= drainedSinceMs + context.limits.idleConfirmMs;
  return instance.endReason !== null && confirmed ? terminate(seen, context, instance.endReason) : seen;
}

/** Its worker is not in a complete view: silent for too long, it is unreachable. */
export function fallSilent(
  entry: FleetEntry,
  { takenAtMs }: { takenAtMs: number },
  context: StepContext,
): FleetEntry {
  const { sighting, instance } = entry;
  const silent = sight(entry, {
    unseen: sighting.unseen + 1,
    unseenSinceMs: sighting.unseenSinceMs ?? takenAtMs,
    drainedViews: 0,
    drainedSinceMs: null,
  });
  const since = silent.sighting.unseenSinceMs ?? takenAtMs;
  if (silent.sighting.unseen < 2 || takenAtMs < since + context.limits.silentMs) return silent;
  return enter(silent, 'unreachable', context, { endReason: instance.endReason });
}

export function serveUntilLifetime(entry: FleetEntry, _event: unknown, context: StepContext): FleetEntry {
  return isOverdue(entry, context.nowMs) ? startDrain(entry, { reason: 'lifetime' }, context) : entry;
}

/** Only the lifetime's grace ends a machine that still drains: whatever runs on it, and the journal says so. */
export function drainUntilGrace(entry: FleetEntry, _event: unknown, context: StepContext): FleetEntry {
  const { instance } = entry;
  const { limits, nowMs } = context;
  // Said once, and waited for on.
  const waiting = isOverdue(entry, nowMs) ? change(entry, { deadlineMs: null }) : entry;
  if (limits.lifetimeMs === null) return waiting;
  const tooOldMs = instance.createdAtMs + limits.lifetimeMs;
  // The grace begins with the drain: a clock that was far ahead at a restart ends no machine without one.
  if (nowMs >= Math.max(tooOldMs, instance.phaseSinceMs) + limits.lifetimeGraceMs)
    return terminate(entry, context, 'lifetime');
  const mayReturn = instance.endReason === null || instance.endReason === 'idle';
  return mayReturn && nowMs >= tooOldMs ? change(waiting, { endReason: 'lifetime' }) : waiting;
}

export function fallSilentAgain(entry: FleetEntry): FleetEntry {
  return sight(entry, { unseen: entry.sighting.unseen + 1 });
}
