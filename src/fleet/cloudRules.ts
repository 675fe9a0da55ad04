import type { CloudInstance } from '../model/cloud.ts';
import type { FleetEntry } from './entry.ts';
import type { EventOf, StepContext } from './event.ts';
import { change, end, enter, fail, isOverdue, sight, terminate } from './transition.ts';

/** Rules for what the cloud answers and lists; which rule holds in which phase is said by the table in step.ts. */

/** The cloud shows or has confirmed the machine: binds its cloud id and follows its state. */
export function place(
  entry: FleetEntry,
  { found }: { found: CloudInstance },
  context: StepContext,
): FleetEntry {
  const { instance } = entry;
  const bound = change(sight(entry, { cloudState: found.state, ...isThere }), {
    cloudId: found.cloudId,
    address: found.address ?? instance.address,
  });
  const end = instance.endReason;
  if (end !== null) return terminate(bound, context, end);
  return follow(enter(bound, 'building', context), { found }, context);
}

/** A complete list shows it: what the cloud's state means for one whose worker is not in service yet. */
export function follow(
  entry: FleetEntry,
  { found }: { found: CloudInstance },
  context: StepContext,
): FleetEntry {
  const seen = see(entry, found);
  const { phase } = seen.instance;
  switch (found.state) {
    case 'pending':
      return seen;
    case 'running':
      if (phase !== 'building') return seen;
      return enter(sight(seen, { lateViews: 0 }), 'joining', context, { runningAtMs: context.nowMs });
    case 'error':
      return phase === 'building' || phase === 'joining'
        ? fail(sight(seen, { lacked: lackedBy(found) }), context, 'bootFailed')
        : seen;
    case 'ending':
    case 'stopped':
      return terminate(seen, context, seen.instance.endReason ?? 'lost');
    case 'gone':
      return end(seen, context, 'lost');
  }
}

function lackedBy({ fault, faultCode }: CloudInstance): FleetEntry['sighting']['lacked'] {
  return faultCode === undefined ? null : { code: faultCode, message: fault ?? faultCode };
}

const isThere = { unlisted: 0, unlistedSinceMs: null, missingSinceMs: null } as const;

export function see(entry: FleetEntry, found: CloudInstance): FleetEntry {
  const { cloudState, unlisted, notice: before } = entry.sighting;
  // A notice stands: a list that was not told of it takes nothing back.
  const notice = found.notice ?? before;
  const seen =
    cloudState === found.state && unlisted === 0 && notice === before
      ? entry
      : sight(entry, { cloudState: found.state, notice, ...isThere });
  const { address } = seen.instance;
  return found.address === null || found.address === address
    ? seen
    : change(seen, { address: found.address });
}

/** One that was thought lost before it joined, and is in a list that was begun since, is not. */
export function followEnd(
  entry: FleetEntry,
  { found, takenAtMs }: EventOf<'listed'>,
  context: StepContext,
): FleetEntry {
  if (found.state === 'gone') return end(entry, context, 'lost');
  const seen = see(entry, found);
  const { endReason, phaseSinceMs } = seen.instance;
  const isBack = endReason === 'lost' && (found.state === 'pending' || found.state === 'running');
  if (!isBack || takenAtMs < phaseSinceMs) return seen;
  return follow(enter(seen, 'building', context, { endReason: null }), { found }, context);
}

export const listsBelieved = 2;

export const massListsBelieved = 5;

/** A machine that is being ended and is in no list for so long is let go, whatever its termination came to. */
export const letGoMs = 1_200_000;

/**
 * Not in a complete list. One list may lag or lie; and a machine whose worker answers is not gone, nor is one of which
 * no view has said since that it has none. Nor do lists alone end one whose worker is silent: they would free its place
 * for another while it may still be there, as a list that lies and a queue that is silent may meet. So the cloud is
 * asked for this very machine, and it is missing until that is answered.
 */
export function miss(
  entry: FleetEntry,
  { takenAtMs, mass }: { takenAtMs: number; mass: boolean },
  context: StepContext,
): FleetEntry {
  const { instance } = entry;
  // The list may be older than what brought the phase about.
  if (takenAtMs < instance.phaseSinceMs + context.listLagMs) return entry;
  const isFirst = entry.sighting.unlisted === 0;
  const missed = sight(entry, {
    unlisted: entry.sighting.unlisted + 1,
    unlistedSinceMs: entry.sighting.unlistedSinceMs ?? takenAtMs,
    // Of one that has not joined, only views from now on can say that it is not there.
    ...(isFirst && instance.joinedAtMs === null ? { unseen: 0, unseenSinceMs: null } : {}),
  });
  const { unlisted, unlistedSinceMs } = missed.sighting;
  const forMs = takenAtMs - (unlistedSinceMs ?? takenAtMs);
  if (unlisted < (mass ? massListsBelieved : listsBelieved) || forMs < context.listLagMs) return missed;
  const isBelieved =
    instance.phase === 'terminating'
      ? forMs >= letGoMs
      : instance.joinedAtMs === null
        ? missed.sighting.unseen > 0
        : !isAnswering(missed, context);
  if (!isBelieved || missed.sighting.missingSinceMs !== null) return missed;
  return sight(missed, { missingSinceMs: context.nowMs });
}

/**
 * Looked for by its own name after the lists had lost it, and not there. One that has not joined is ended as any other
 * is, until the cloud says that it is gone; one whose worker has gone with it has nothing left to end.
 */
export function lose(entry: FleetEntry, { askedAtMs }: EventOf<'absent'>, context: StepContext): FleetEntry {
  const { instance, sighting } = entry;
  const { missingSinceMs } = sighting;
  if (missingSinceMs === null || askedAtMs < missingSinceMs) return entry;
  if (instance.phase === 'terminating') return end(entry, context, 'lost');
  if (instance.joinedAtMs === null) return terminate(entry, context, instance.endReason ?? 'lost');
  return isAnswering(entry, context) ? entry : end(entry, context, 'lost');
}

/** Its worker was in the newest complete view, or there has been none that could have shown it. */
export function isAnswering({ sighting }: FleetEntry, { nowMs, limits }: StepContext): boolean {
  const { workerSeenAtMs, unseen, unlistedSinceMs } = sighting;
  return unseen === 0 && (workerSeenAtMs ?? unlistedSinceMs ?? nowMs) + limits.silentMs > nowMs;
}

/** A list that was begun after the boot deadline still shows it waiting: it has failed. */
export function followBoot(entry: FleetEntry, event: EventOf<'listed'>, context: StepContext): FleetEntry {
  const followed = follow(entry, event, context);
  const waits = followed.instance.phase === 'building';
  return waits && isOverdue(followed, event.takenAtMs) ? fail(followed, context, 'bootDeadline') : followed;
}
