import type { InstanceId, IntentId } from '../model/ids.ts';
import type { Intent } from '../model/instance.ts';
import { isComing } from './entry.ts';
import { type FleetChange, type Order, type Outcome, seatId } from './fleet.ts';

/** What came of the effects that were started earlier. */
export function foldOutcome(change: FleetChange, outcome: Outcome): void {
  switch (outcome.kind) {
    case 'resumed':
      foldResumed(change, outcome.awayMs);
      return;
    case 'launched':
      foldLaunched(change, outcome);
      return;
    case 'launchFailed':
      foldLaunchFailed(change, outcome);
      return;
    case 'interrupted':
      foldInterrupted(change, outcome.intent);
      return;
    case 'resolved':
      foldResolved(change, outcome);
      return;
    case 'terminated':
      if (outcome.verdict === 'gone')
        change.apply(outcome.instance, { kind: 'gone' }, 'the cloud says that it is gone');
      return;
    case 'undrained':
      change.apply(outcome.instance, { kind: 'undrained' }, 'its worker has been un-drained');
      return;
    case 'effectFailed':
      return;
  }
}

/** An operator's wish; the planner has checked that it may be. */
export function foldOrder(change: FleetChange, order: Order): void {
  const why = `asked for by the operator`;
  switch (order.kind) {
    case 'drain':
      change.apply(order.instance, { kind: 'drain', reason: 'operator' }, why);
      return;
    case 'undrain':
      change.apply(order.instance, { kind: 'undrain' }, why);
      return;
    case 'terminate':
      change.apply(order.instance, { kind: 'terminate', reason: 'operator' }, why);
      return;
  }
}

/**
 * What a machine was given time for may have come about unseen while the daemon was away, and the wall clock may be
 * wrong about how long that was: the time that was left then is left now. A lifetime goes on.
 */
function foldResumed(change: FleetChange, awayMs: number): void {
  if (awayMs === 0) return;
  for (const entry of change.entries.values()) {
    const { phase, deadlineMs, idleSinceMs } = entry.instance;
    const hasTerm = deadlineMs !== null && phase !== 'idle' && phase !== 'claimed' && phase !== 'leased';
    if (!hasTerm && idleSinceMs === null) continue;
    const instance = {
      ...entry.instance,
      deadlineMs: hasTerm ? deadlineMs + awayMs : deadlineMs,
      idleSinceMs: idleSinceMs === null ? null : Math.min(idleSinceMs + awayMs, change.context.nowMs),
    };
    change.put({ ...entry, instance });
  }
}

function foldLaunched(change: FleetChange, outcome: Extract<Outcome, { kind: 'launched' }>): void {
  const intent = change.intents.get(outcome.intent);
  if (intent === undefined) return;
  bindSeats(change, intent, outcome.instances, 'the cloud accepted it');
  for (const seat of unboundSeats(change, intent))
    change.apply(seat, { kind: 'refused' }, 'the cloud accepted fewer than asked for');
  settle(change, intent.id, 'accepted');
  change.lessons.push({ kind: 'accepted', offer: intent.offer, cloud: intent.cloud, intent: intent.id });
}

function foldLaunchFailed(change: FleetChange, outcome: Extract<Outcome, { kind: 'launchFailed' }>): void {
  const intent = change.intents.get(outcome.intent);
  if (intent === undefined) return;
  const { code, message, retryAfterMs } = outcome;
  // A refusal of a call that was sent again says nothing of the first, which may have been carried out.
  const inDoubt = outcome.inDoubt || intent.state === 'unknown';
  for (const seat of unboundSeats(change, intent)) {
    if (inDoubt)
      change.apply(seat, { kind: 'inDoubt' }, `no answer says what came of the create call: ${message}`);
    else change.apply(seat, { kind: 'refused' }, `${code}: ${message}`);
  }
  settle(change, intent.id, inDoubt ? 'unknown' : 'refused');
  const { offer, cloud } = intent;
  change.lessons.push({ kind: 'refused', offer, cloud, intent: intent.id, code, message, retryAfterMs });
}

function foldInterrupted(change: FleetChange, id: IntentId): void {
  const intent = change.intents.get(id);
  if (intent === undefined) return;
  for (const seat of unboundSeats(change, intent))
    change.apply(
      seat,
      { kind: 'inDoubt' },
      'the daemon ended before the answer to the create call was stored',
    );
  settle(change, id, unboundSeats(change, intent).length > 0 ? 'unknown' : 'accepted');
}

/** "Not there" counts only when the look-up began after the cloud's list has had its time. */
function foldResolved(change: FleetChange, outcome: Extract<Outcome, { kind: 'resolved' }>): void {
  const intent = change.intents.get(outcome.intent);
  if (intent === undefined) return;
  bindSeats(change, intent, outcome.instances, 'found in the cloud after an unknown create call');
  const lagMs = change.context.listLagMs(intent.cloud);
  const missing = unboundSeats(change, intent);
  if (missing.length === intent.seats && missing.every((seat) => isWanted(change, seat)))
    change.resendable.push(intent.id);
  for (const seat of missing) {
    const since = Math.max(change.entries.get(seat)?.instance.phaseSinceMs ?? 0, intent.sentAtMs ?? 0);
    if (outcome.askedAtMs >= since + lagMs)
      change.apply(
        seat,
        { kind: 'absent', askedAtMs: outcome.askedAtMs },
        'the cloud does not have it: the create call was never carried out',
      );
  }
  foldMissing(change, outcome);
  if (unboundSeats(change, intent).length === 0)
    settle(change, intent.id, outcome.instances.length > 0 ? 'accepted' : 'never');
}

/** Machines that the lists have lost: this answer is about them by name. */
function foldMissing(
  change: FleetChange,
  { intent, instances, askedAtMs }: Extract<Outcome, { kind: 'resolved' }>,
): void {
  for (const { instance, sighting } of change.entries.values()) {
    if (instance.intent !== intent || sighting.missingSinceMs === null) continue;
    const found = instances.find(({ cloudId }) => cloudId === instance.cloudId);
    if (found === undefined)
      change.apply(instance.id, { kind: 'absent', askedAtMs }, 'neither the lists nor a look-up show it');
    else
      change.apply(
        instance.id,
        { kind: 'listed', found, takenAtMs: askedAtMs },
        `the cloud has it, whatever its lists say: ${found.state}`,
      );
  }
}

function isWanted(change: FleetChange, seat: InstanceId): boolean {
  const entry = change.entries.get(seat);
  return entry !== undefined && isComing(entry.instance, change.context.nowMs);
}

/** An unknown create call of which a list has shown every seat is unknown no more. */
export function settleFound(change: FleetChange): void {
  for (const intent of change.intents.values())
    if (intent.state === 'unknown' && unboundSeats(change, intent).length === 0)
      settle(change, intent.id, 'accepted');
}

function bindSeats(
  change: FleetChange,
  intent: Intent,
  found: Extract<Outcome, { kind: 'launched' }>['instances'],
  why: string,
): void {
  for (const instance of found) {
    const entry = change.entries.get(seatId(intent.id, instance.seat));
    if (entry?.instance.cloudId === null)
      change.apply(entry.instance.id, { kind: 'accepted', found: instance }, why);
  }
}

/** The intent's seats whose create call has no outcome yet. */
function unboundSeats(change: FleetChange, intent: Intent) {
  const seats = Array.from({ length: intent.seats }, (_, seat) => seatId(intent.id, seat));
  return seats.filter((seat) => {
    const phase = change.entries.get(seat)?.instance.phase;
    return phase === 'requested' || phase === 'unknown';
  });
}

function settle(change: FleetChange, id: IntentId, state: Intent['state']): void {
  const intent = change.intents.get(id);
  const settled = intent ?? null;
  if (settled === null || settled.state === state) return;
  change.putIntent({ ...settled, state });
  const lives = Array.from({ length: settled.seats }, (_, seat) => change.entries.has(seatId(id, seat)));
  if (state !== 'unknown' && !lives.includes(true)) change.intents.delete(id);
}
