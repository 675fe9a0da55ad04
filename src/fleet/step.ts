import type { CloudInstance } from '../model/cloud.ts';
import type { Worker } from '../model/demand.ts';
import type { EndReason, Instance, Phase } from '../model/instance.ts';
import type { PoolLimits } from '../model/offer.ts';
import { type FleetEntry, neverSeen, type Sighting } from './entry.ts';

/**
 * The life of an instance, as a pure function of (entry, event, context).
 *
 * Launch.     requested → building | joining when the cloud has accepted it; → ended when the cloud refused it;
 *             → unknown when no answer says which. An unknown one is looked for until it is found (→ building |
 *             joining) or the cloud's list has had its time and does not show it (→ ended).
 * Boot.       building → joining when it runs; joining → idle | claimed when its worker is seen, and a worker that
 *             is seen early skips the step. An error of the cloud: → failed. So does a deadline, but only when a view
 *             that was begun after it still does not show what was waited for: a daemon that was down, or a source
 *             that is silent, ends no machine. (Past its deadline a machine is not counted on any more.)
 * Service.    idle ⇄ claimed as its worker has jobs or not. A worker that is not seen for `silentMs` in complete
 *             views: → unreachable, and back when it is seen again.
 * End.        idle | claimed → draining with the reason; when two views at least `idleConfirmMs` apart, and none
 *             between, show it drained and without a job: → terminating. Clearing the reason sends it back:
 *             draining without a reason is being un-drained, and returns to service when its worker takes jobs.
 *             failed and overdue unreachable ones → terminating by the `terminate` event, which the fold sends
 *             when not too many of a pool would end at once. terminating → ended when the cloud says gone.
 * Lost.       In any phase with a cloud id: said to be gone: → ended. Not in two complete lists in a row (five where
 *             many vanish at once) that were begun after the cloud's lag: → terminating where it has not joined, so that
 *             the cloud itself is asked; → ended where it has, and its worker is not seen either.
 *
 * Nothing leaves `ended`. A pair that the table calls `illegal` changes nothing and is reported as an anomaly.
 */
export type InstanceEvent =
  | { readonly kind: 'accepted'; readonly found: CloudInstance }
  | { readonly kind: 'refused' }
  | { readonly kind: 'inDoubt' }
  /** Looked for after a doubtful create, and not there although the cloud's list has had its time. */
  | { readonly kind: 'absent' }
  /** A complete list, begun at `takenAtMs`, shows it. */
  | { readonly kind: 'listed'; readonly found: CloudInstance; readonly takenAtMs: number }
  /** A complete list, begun at `takenAtMs`, does not show it; `mass`: nor many others that it should. */
  | { readonly kind: 'unlisted'; readonly takenAtMs: number; readonly mass: boolean }
  /** The driver's own verdict on a termination. */
  | { readonly kind: 'gone' }
  | { readonly kind: 'workerSeen'; readonly worker: Worker; readonly takenAtMs: number }
  /** A complete view, begun at `takenAtMs`, does not show its worker. */
  | { readonly kind: 'workerUnseen'; readonly takenAtMs: number }
  | { readonly kind: 'drain'; readonly reason: EndReason }
  | { readonly kind: 'undrain' }
  /** Decided: its end is stored and carried out, whatever runs on it. */
  | { readonly kind: 'terminate'; readonly reason: EndReason }
  /** Time has passed. */
  | { readonly kind: 'tick' };

export type InstanceEventKind = InstanceEvent['kind'];

export interface StepContext {
  readonly nowMs: number;
  readonly limits: PoolLimits;
  /** Learned, never above the limits' caps. */
  readonly bootMs: number;
  readonly joinMs: number;
  /** How long the cloud's list may miss what the cloud has accepted. */
  readonly listLagMs: number;
}

export interface StepResult {
  readonly entry: FleetEntry;
  readonly anomaly: string | null;
}

type EventOf<K extends InstanceEventKind> = Extract<InstanceEvent, { kind: K }>;
type Rule<K extends InstanceEventKind> = (
  entry: FleetEntry,
  event: EventOf<K>,
  context: StepContext,
) => FleetEntry | null;
type Row = { readonly [K in InstanceEventKind]: Rule<K> };

export function step(entry: FleetEntry, event: InstanceEvent, context: StepContext): StepResult {
  const rule = table[entry.instance.phase][event.kind] as Rule<InstanceEventKind>;
  const next = rule(entry, event, context);
  if (next !== null) return { entry: next, anomaly: null };
  return { entry, anomaly: `event ${event.kind} in phase ${entry.instance.phase}` };
}

const stay = (entry: FleetEntry): FleetEntry => entry;
const illegal = (): null => null;

function change(entry: FleetEntry, fields: Partial<Instance>): FleetEntry {
  return { ...entry, instance: { ...entry.instance, ...fields } };
}

function sight(entry: FleetEntry, fields: Partial<Sighting>): FleetEntry {
  return { ...entry, sighting: { ...entry.sighting, ...fields } };
}

function enter(
  entry: FleetEntry,
  phase: Phase,
  context: StepContext,
  fields: Partial<Instance> = {},
): FleetEntry {
  const deadlineMs = deadlineOf(phase, entry.instance, context);
  return change(entry, { phase, phaseSinceMs: context.nowMs, deadlineMs, ...fields });
}

function deadlineOf(phase: Phase, instance: Instance, { nowMs, limits, ...context }: StepContext) {
  switch (phase) {
    case 'requested':
    case 'unknown':
    case 'building':
      return nowMs + context.bootMs;
    case 'joining':
      return nowMs + context.joinMs;
    case 'unreachable':
      return nowMs + limits.silentMs;
    case 'draining':
      return nowMs + limits.drainMaxMs;
    case 'idle':
    case 'claimed':
    case 'leased':
      return limits.lifetimeMs === null ? null : instance.createdAtMs + limits.lifetimeMs;
    case 'failed':
    case 'terminating':
      return nowMs;
    case 'ended':
      return null;
  }
}

function end(entry: FleetEntry, context: StepContext, reason: EndReason): FleetEntry {
  const endReason = entry.instance.endReason ?? reason;
  return enter(entry, 'ended', context, { endReason, endedAtMs: context.nowMs });
}

function terminate(entry: FleetEntry, context: StepContext, reason: EndReason): FleetEntry {
  return enter(entry, 'terminating', context, { endReason: reason });
}

/** The cloud shows or has confirmed the machine: binds its cloud id and follows its state. */
function place(entry: FleetEntry, { found }: { found: CloudInstance }, context: StepContext): FleetEntry {
  const { instance } = entry;
  const bound = change(sight(entry, { cloudState: found.state, unlisted: 0, unlistedSinceMs: null }), {
    cloudId: found.cloudId,
    address: found.address ?? instance.address,
  });
  const end = instance.endReason;
  if (end !== null) return terminate(bound, context, end);
  return follow(enter(bound, 'building', context), { found }, context);
}

/** A complete list shows it: what the cloud's state means for one whose worker is not in service yet. */
function follow(entry: FleetEntry, { found }: { found: CloudInstance }, context: StepContext): FleetEntry {
  const seen = see(entry, found);
  const { phase } = seen.instance;
  switch (found.state) {
    case 'pending':
      return seen;
    case 'running':
      if (phase !== 'building') return seen;
      return enter(seen, 'joining', context, { runningAtMs: context.nowMs });
    case 'error':
      return phase === 'building' || phase === 'joining' ? fail(seen, context, 'bootFailed') : seen;
    case 'ending':
    case 'stopped':
      return terminate(seen, context, seen.instance.endReason ?? 'lost');
    case 'gone':
      return end(seen, context, 'lost');
  }
}

function see(entry: FleetEntry, found: CloudInstance): FleetEntry {
  const { cloudState, unlisted } = entry.sighting;
  const seen =
    cloudState === found.state && unlisted === 0
      ? entry
      : sight(entry, { cloudState: found.state, unlisted: 0, unlistedSinceMs: null });
  const { address } = seen.instance;
  return found.address === null || found.address === address
    ? seen
    : change(seen, { address: found.address });
}

/** One that was thought lost before it joined, and is in a list that was begun since, is not. */
function followEnd(
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

/** One that was thought lost before it joined, and whose worker is in a view that was begun since, is not. */
function joinAfterAll(entry: FleetEntry, event: EventOf<'workerSeen'>, context: StepContext): FleetEntry {
  const { endReason, joinedAtMs, phaseSinceMs } = entry.instance;
  if (endReason !== 'lost' || joinedAtMs !== null || event.takenAtMs < phaseSinceMs) return entry;
  return serve(change(entry, { endReason: null }), event, context);
}

const listsBelieved = 2;
const massListsBelieved = 5;
/** A machine that is being ended and is in no list for so long is let go, whatever its termination came to. */
const letGoMs = 1_200_000;

/**
 * Not in a complete list. One list may lag or lie; and a machine whose worker answers is not gone, nor is one of which
 * no view has said since that it has none. One that has not joined is ended as any other is, until the cloud says that
 * it is gone: lists alone would free its place for another while it may still be there. One whose worker has gone with
 * it has nothing left to end.
 */
function miss(
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
  if (instance.phase === 'terminating') return forMs < letGoMs ? missed : end(missed, context, 'lost');
  if (instance.joinedAtMs !== null)
    return isAnswering(missed, context) ? missed : end(missed, context, 'lost');
  return missed.sighting.unseen > 0 ? terminate(missed, context, instance.endReason ?? 'lost') : missed;
}

/** Its worker was in the newest complete view, or there has been none that could have shown it. */
function isAnswering({ sighting }: FleetEntry, { nowMs, limits }: StepContext): boolean {
  const { workerSeenAtMs, unseen } = sighting;
  return unseen === 0 && (workerSeenAtMs === null || workerSeenAtMs + limits.silentMs > nowMs);
}

function fail(entry: FleetEntry, context: StepContext, reason: EndReason): FleetEntry {
  return enter(entry, 'failed', context, { endReason: reason });
}

/** A list that was begun after the boot deadline still shows it waiting: it has failed. */
function followBoot(entry: FleetEntry, event: EventOf<'listed'>, context: StepContext): FleetEntry {
  const followed = follow(entry, event, context);
  const waits = followed.instance.phase === 'building';
  return waits && isOverdue(followed, event.takenAtMs) ? fail(followed, context, 'bootDeadline') : followed;
}

/** A view that was begun after the join deadline still does not show its worker: it has failed. */
function waitForWorker(entry: FleetEntry, event: EventOf<'workerUnseen'>, context: StepContext): FleetEntry {
  return isOverdue(entry, event.takenAtMs) ? fail(entry, context, 'joinDeadline') : noteUnseen(entry, event);
}

function noteUnseen(entry: FleetEntry, { takenAtMs }: { takenAtMs: number }): FleetEntry {
  const { unlistedSinceMs, unseen, unseenSinceMs } = entry.sighting;
  if (unlistedSinceMs === null || takenAtMs < unlistedSinceMs) return entry;
  return sight(entry, { unseen: unseen + 1, unseenSinceMs: unseenSinceMs ?? takenAtMs });
}

function isOverdue({ instance }: FleetEntry, atMs: number): boolean {
  return instance.deadlineMs !== null && atMs >= instance.deadlineMs;
}

/** Its worker is in a view: the worker's activity decides the phase. */
function serve(
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
      // Somebody else drains it: it takes no jobs any more, so it ends when its last job does.
      return enter(seen, 'draining', context, { ...joined, worker: worker.id, endReason: 'operator' });
  }
}

/** Jobs that the worker did not have when it was last seen. After a restart nothing is known to be new. */
function newJobs({ sighting }: FleetEntry, { jobIds = [] }: Worker): number {
  if (sighting.workerSeenAtMs === null) return 0;
  const before = new Set(sighting.jobIds);
  return jobIds.filter((id) => !before.has(id)).length;
}

function seeWorker(entry: FleetEntry, worker: Worker, takenAtMs: number): FleetEntry {
  const drained = worker.activity === 'drained';
  return sight(entry, {
    activity: worker.activity,
    workerSeenAtMs: takenAtMs,
    jobIds: worker.jobIds ?? [],
    unseen: 0,
    unseenSinceMs: null,
    drainedViews: drained ? entry.sighting.drainedViews + 1 : 0,
    drainedSinceMs: drained ? (entry.sighting.drainedSinceMs ?? takenAtMs) : null,
  });
}

/** Draining: ends after two drained views far enough apart; goes back to service when un-drained. */
function serveOut(
  entry: FleetEntry,
  { worker, takenAtMs }: { worker: Worker; takenAtMs: number },
  context: StepContext,
): FleetEntry {
  const { instance } = entry;
  if (takenAtMs < instance.phaseSinceMs) return entry;
  const takesJobs = worker.activity === 'idle' || worker.activity === 'claimed';
  if (instance.endReason === null && takesJobs) return serve(entry, { worker, takenAtMs }, context);
  const seen = seeWorker(entry, worker, takenAtMs);
  const { drainedViews, drainedSinceMs } = seen.sighting;
  const confirmed =
    drainedViews >= 2 &&
    drainedSinceMs !== null &&
    takenAtMs >= drainedSinceMs + context.limits.idleConfirmMs;
  return instance.endReason !== null && confirmed ? terminate(seen, context, instance.endReason) : seen;
}

/** Its worker is not in a complete view: silent for too long, it is unreachable. */
function fallSilent(
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

function serveUntilLifetime(entry: FleetEntry, _event: unknown, context: StepContext): FleetEntry {
  return isOverdue(entry, context.nowMs) ? startDrain(entry, { reason: 'lifetime' }, context) : entry;
}

function startDrain(entry: FleetEntry, { reason }: { reason: EndReason }, context: StepContext): FleetEntry {
  return enter(sight(entry, { drainedViews: 0, drainedSinceMs: null }), 'draining', context, {
    endReason: reason,
  });
}

/** Only the lifetime's grace ends a machine that still drains: whatever runs on it, and the journal says so. */
function drainUntilGrace(entry: FleetEntry, _event: unknown, context: StepContext): FleetEntry {
  const { limits, nowMs } = context;
  if (limits.lifetimeMs === null) return entry;
  const lastMs = entry.instance.createdAtMs + limits.lifetimeMs + limits.lifetimeGraceMs;
  if (nowMs >= lastMs) return terminate(entry, context, 'lifetime');
  const mayReturn = entry.instance.endReason === null || entry.instance.endReason === 'idle';
  const tooOld = nowMs >= entry.instance.createdAtMs + limits.lifetimeMs;
  return mayReturn && tooOld ? change(entry, { endReason: 'lifetime' }) : entry;
}

/**
 * An end that is decided before there is anything to end, or a worker to drain: carried out as soon as there is. A
 * worker may have joined, and taken a job, since the newest view.
 */
function endLater(entry: FleetEntry, { reason }: { reason: EndReason }): FleetEntry {
  return change(entry, { endReason: reason });
}

const endOnceGone: Pick<Row, 'gone' | 'unlisted'> = {
  gone: (entry, _event, context) => end(entry, context, 'lost'),
  unlisted: (entry, event, context) => miss(entry, event, context),
};

const endNow: Pick<Row, 'drain' | 'terminate'> = {
  drain: (entry, { reason }, context) => terminate(entry, context, reason),
  terminate: (entry, { reason }, context) => terminate(entry, context, reason),
};

/** Answers about a create call that come after its outcome is known: a late list may have told first. */
const alreadyPlaced: Pick<Row, 'accepted' | 'refused' | 'inDoubt' | 'absent'> = {
  accepted: stay,
  refused: illegal,
  inDoubt: stay,
  absent: stay,
};

const inService: Pick<Row, 'listed' | 'workerSeen' | 'workerUnseen' | 'tick' | 'drain' | 'terminate'> = {
  listed: follow,
  workerSeen: serve,
  workerUnseen: fallSilent,
  tick: serveUntilLifetime,
  drain: startDrain,
  terminate: endNow.terminate,
};

const table: Readonly<Record<Phase, Row>> = {
  requested: {
    accepted: place,
    refused: (entry, _event, context) => end(entry, context, 'refused'),
    inDoubt: (entry, _event, context) => enter(entry, 'unknown', context),
    absent: illegal,
    listed: place,
    unlisted: stay,
    gone: illegal,
    workerSeen: stay,
    workerUnseen: stay,
    drain: endLater,
    undrain: stay,
    terminate: endLater,
    tick: stay,
  },
  unknown: {
    accepted: place,
    refused: (entry, _event, context) => end(entry, context, 'refused'),
    inDoubt: stay,
    absent: (entry, _event, context) => end(entry, context, 'neverLaunched'),
    listed: place,
    unlisted: stay,
    gone: illegal,
    workerSeen: stay,
    workerUnseen: stay,
    drain: endLater,
    undrain: stay,
    terminate: endLater,
    tick: stay,
  },
  building: {
    ...alreadyPlaced,
    ...endOnceGone,
    ...endNow,
    drain: endLater,
    listed: followBoot,
    workerSeen: serve,
    workerUnseen: noteUnseen,
    undrain: stay,
    tick: stay,
  },
  joining: {
    ...alreadyPlaced,
    ...endOnceGone,
    ...endNow,
    drain: endLater,
    listed: follow,
    workerSeen: serve,
    workerUnseen: waitForWorker,
    undrain: stay,
    tick: stay,
  },
  idle: { ...alreadyPlaced, ...endOnceGone, ...inService, undrain: stay },
  claimed: { ...alreadyPlaced, ...endOnceGone, ...inService, undrain: stay },
  leased: {
    ...alreadyPlaced,
    ...endOnceGone,
    ...inService,
    workerSeen: (entry, { worker, takenAtMs }) => seeWorker(entry, worker, takenAtMs),
    undrain: stay,
  },
  draining: {
    ...alreadyPlaced,
    ...endOnceGone,
    listed: follow,
    workerSeen: serveOut,
    workerUnseen: fallSilent,
    drain: (entry, { reason }) => change(entry, { endReason: reason }),
    undrain: (entry) => change(sight(entry, { drainedViews: 0, drainedSinceMs: null }), { endReason: null }),
    terminate: endNow.terminate,
    tick: drainUntilGrace,
  },
  unreachable: {
    ...alreadyPlaced,
    ...endOnceGone,
    ...endNow,
    listed: follow,
    workerSeen: serve,
    workerUnseen: fallSilentAgain,
    undrain: stay,
    tick: stay,
  },
  failed: {
    ...alreadyPlaced,
    ...endOnceGone,
    ...endNow,
    listed: (entry, { found }, context) =>
      found.state === 'gone' ? end(entry, context, 'lost') : see(entry, found),
    workerSeen: stay,
    workerUnseen: stay,
    undrain: stay,
    tick: stay,
  },
  terminating: {
    ...alreadyPlaced,
    ...endOnceGone,
    listed: followEnd,
    workerSeen: joinAfterAll,
    workerUnseen: stay,
    drain: stay,
    undrain: stay,
    terminate: stay,
    tick: stay,
  },
  ended: {
    ...alreadyPlaced,
    refused: stay,
    listed: stay,
    unlisted: stay,
    gone: stay,
    workerSeen: stay,
    workerUnseen: stay,
    drain: stay,
    undrain: stay,
    terminate: stay,
    tick: stay,
  },
};

function fallSilentAgain(entry: FleetEntry): FleetEntry {
  return sight(entry, { unseen: entry.sighting.unseen + 1 });
}

/** A new record, as an intent's seat. */
export function newEntry(instance: Instance): FleetEntry {
  return { instance, sighting: neverSeen };
}
