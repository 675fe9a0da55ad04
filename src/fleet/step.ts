import type { EndReason, Phase } from '../model/instance.ts';
import { follow, followBoot, followEnd, lose, miss, place, see } from './cloudRules.ts';
import type { FleetEntry } from './entry.ts';
import type { InstanceEvent, InstanceEventKind, Rule, StepContext } from './event.ts';
import { change, end, enter, notDrained, sight, startDrain, terminate } from './transition.ts';
import {
  drainUntilGrace,
  fallSilent,
  fallSilentAgain,
  joinAfterAll,
  noteUnseen,
  seeWorker,
  serve,
  serveOut,
  serveUntilLifetime,
  waitForWorker,
} from './workerRules.ts';

export interface StepResult {
  readonly entry: FleetEntry;
  readonly anomaly: string | null;
}

type Row = { readonly [K in InstanceEventKind]: Rule<K> };

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
 *             draining without a reason is being un-drained, and returns to service when its worker is seen taking
 *             jobs after the queue has answered that it does: until then the drain may still be on its way.
 *             failed and overdue unreachable ones → terminating by the `terminate` event, which the fold sends
 *             when not too many of a pool would end at once. terminating → ended when the cloud says gone.
 * Lost.       In any phase with a cloud id: said to be gone: → ended. Not in two complete lists in a row (five where
 *             many vanish at once) that were begun after the cloud's lag, and its worker is not seen either: the cloud is
 *             asked for this very machine, and when it is not there: → terminating where it has not joined; → ended
 *             where it has.
 *
 * Nothing leaves `ended`. A pair that the table calls `illegal` changes nothing and is reported as an anomaly.
 */
export function step(entry: FleetEntry, event: InstanceEvent, context: StepContext): StepResult {
  const rule = table[entry.instance.phase][event.kind] as Rule<InstanceEventKind>;
  const next = rule(entry, event, context);
  if (next !== null) return { entry: next, anomaly: null };
  return { entry, anomaly: `event ${event.kind} in phase ${entry.instance.phase}` };
}

const stay = (entry: FleetEntry): FleetEntry => entry;

const illegal = (): null => null;

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
  absent: lose,
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
    undrained: stay,
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
    undrained: stay,
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
    undrained: stay,
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
    undrained: stay,
    tick: stay,
  },
  idle: { ...alreadyPlaced, ...endOnceGone, ...inService, undrain: stay, undrained: stay },
  claimed: { ...alreadyPlaced, ...endOnceGone, ...inService, undrain: stay, undrained: stay },
  leased: {
    ...alreadyPlaced,
    ...endOnceGone,
    ...inService,
    workerSeen: (entry, { worker, takenAtMs }) => seeWorker(entry, worker, takenAtMs),
    undrain: stay,
    undrained: stay,
  },
  draining: {
    ...alreadyPlaced,
    ...endOnceGone,
    listed: follow,
    workerSeen: serveOut,
    workerUnseen: fallSilent,
    drain: (entry, { reason }) => change(sight(entry, { undrainedAtMs: null }), { endReason: reason }),
    undrain: (entry) => change(sight(entry, notDrained), { endReason: null }),
    undrained: (entry, _event, context) => sight(entry, { undrainedAtMs: context.nowMs }),
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
    undrained: stay,
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
    undrained: stay,
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
    undrained: stay,
    terminate: stay,
    tick: stay,
  },
  ended: {
    ...alreadyPlaced,
    absent: stay,
    refused: stay,
    listed: stay,
    unlisted: stay,
    gone: stay,
    workerSeen: stay,
    workerUnseen: stay,
    drain: stay,
    undrain: stay,
    undrained: stay,
    terminate: stay,
    tick: stay,
  },
};
