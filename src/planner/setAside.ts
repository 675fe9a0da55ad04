import { type FleetEntry, isInService } from '../fleet/entry.ts';
import { type Lesson, shortLifeMs } from '../fleet/fleet.ts';
import type { CloudErrorCode } from '../model/errors.ts';
import type { CloudName, DemandId, IntentId, OfferName } from '../model/ids.ts';
import type { EndReason, IntentState } from '../model/instance.ts';

/**
 * An offer, a whole cloud, or an offer for one demand (mismatch.ts) that is left alone for a while, because launches of it failed. When `untilMs` has passed
 * one launch is let through, for one machine, as a probe: its success ends the matter, its failure doubles the delay.
 */
export interface SetAside {
  readonly key: SetAsideKey;
  readonly reason: CloudErrorCode | EndReason;
  readonly message: string;
  /** Failures in a row. */
  readonly failures: number;
  readonly sinceMs: number;
  readonly untilMs: number;
  /** The launch that probes it; null: none under way. */
  readonly probe: IntentId | null;
  /** Create calls were accepted and came to nothing later: one that is accepted says nothing, one that boots does. */
  readonly late?: true;
}

export type SetAsideKey = `offer:${OfferName}` | `cloud:${CloudName}` | `match:${DemandId} ${OfferName}`;
export const offerKey = (offer: OfferName): SetAsideKey => `offer:${offer}`;
export const cloudKey = (cloud: CloudName): SetAsideKey => `cloud:${cloud}`;

export type SetAsides = ReadonlyMap<SetAsideKey, SetAside>;

export interface SetAsidePolicy {
  readonly setAsideFirstMs: number;
  readonly setAsideMaxMs: number;
}

/** A limit of the account is not gone in seconds, whatever the policy says. */
const quotaFirstMs = 30_000;

/** A cloud that asks for more is asked again all the same. */
const retryAfterMostMs = 3_600_000;

/** Boot failures in a row before an offer is set aside: one machine may fail by itself. */
const bootFailuresBorne = 2;

/** What refused the launch, or had no room for it after all: the offer, or the cloud as a whole. */
function blame(lesson: Extract<Lesson, { kind: 'refused' | 'lacked' }>): SetAsideKey {
  switch (lesson.code) {
    case 'capacity':
    case 'invalid':
    case 'notFound':
    case 'unsupported':
      return offerKey(lesson.offer);
    case 'quota':
    case 'auth':
    case 'rateLimited':
    case 'timeout':
    case 'unavailable':
      return cloudKey(lesson.cloud);
  }
}

/** Pure. `jitter` is uniform in [0, 1), one for each call. */
export function learnSetAsides(
  before: SetAsides,
  lessons: readonly Lesson[],
  { nowMs, policy, jitter }: { nowMs: number; policy: SetAsidePolicy; jitter: () => number },
): SetAsides {
  const next = new Map(before);
  for (const lesson of lessons) {
    switch (lesson.kind) {
      case 'accepted':
        for (const aside of ofLaunch(lesson))
          if (aside.late !== true && (aside.key === cloudKey(lesson.cloud) || isRefusal(aside.reason)))
            next.delete(aside.key);
        break;
      case 'joined': {
        const key = offerKey(lesson.offer);
        if (isEndedByJoining(next.get(key)?.reason)) next.delete(key);
        break;
      }
      case 'refused': {
        const key = blame(lesson);
        const askedMs = Math.min(retryAfterMostMs, lesson.retryAfterMs ?? 0);
        const leastMs = Math.max(lesson.code === 'quota' ? quotaFirstMs : 0, askedMs);
        next.set(key, fail(next.get(key), { key, reason: lesson.code, message: lesson.message, leastMs }));
        break;
      }
      case 'failed': {
        const key = offerKey(lesson.offer);
        const message = `${lesson.intent} did not become usable`;
        next.set(key, fail(next.get(key), { key, reason: lesson.reason, message, leastMs: 0 }));
        break;
      }
      case 'lacked': {
        const key = blame(lesson);
        const leastMs = lesson.code === 'quota' ? quotaFirstMs : 0;
        const aside = fail(next.get(key), { key, reason: lesson.code, message: lesson.message, leastMs });
        next.set(key, { ...aside, late: true });
        break;
      }
      case 'booted':
        // One that was asked for before says nothing of whether there is room for another now.
        for (const aside of ofLaunch(lesson))
          if (aside.late === true && nowMs - lesson.tookMs >= aside.sinceMs) next.delete(aside.key);
        break;
    }
  }
  return next;

  function ofLaunch({ offer, cloud }: { offer: OfferName; cloud: CloudName }): SetAside[] {
    return [cloudKey(cloud), offerKey(offer)].flatMap((key) => next.get(key) ?? []);
  }

  function fail(
    was: SetAside | undefined,
    { key, reason, message, leastMs }: Pick<SetAside, 'key' | 'reason' | 'message'> & { leastMs: number },
  ): SetAside {
    // Failures of launches that were under way together are one, not several.
    const together = was !== undefined && nowMs < was.untilMs && was.probe === null;
    const failures = together ? was.failures : (was?.failures ?? 0) + 1;
    const borne = isRefusal(reason) ? 0 : bootFailuresBorne - 1;
    // A machine that fails by itself does not end what a refusal has begun.
    if (was !== undefined && failures <= borne && nowMs < was.untilMs) return was;
    const doublings = Math.max(0, failures - 1 - borne);
    const firstMs = Math.max(policy.setAsideFirstMs, leastMs);
    const grownMs = Math.min(policy.setAsideMaxMs, firstMs * 2 ** Math.min(doublings, 30));
    // Jitter never makes it shorter than the cloud has asked for.
    const delayMs = Math.max(leastMs, grownMs * (0.75 + 0.5 * jitter()));
    const untilMs = failures <= borne ? nowMs : nowMs + delayMs;
    // What comes meanwhile does not shorten what the cloud has asked for.
    if (together && untilMs < was.untilMs) return was;
    return { key, reason, message, failures, sinceMs: was?.sinceMs ?? nowMs, untilMs, probe: null };
  }
}

function isRefusal(reason: SetAside['reason'] | undefined): boolean {
  switch (reason) {
    case 'bootDeadline':
    case 'joinDeadline':
    case 'bootFailed':
    case 'lost':
    case 'blackHole':
    case 'idle':
    case undefined:
      return false;
    default:
      return true;
  }
}

/** open: launch freely. probe: one machine. closed: none. */
export type Admittance = 'open' | 'probe' | 'closed';

export function admittance(setAsides: SetAsides, key: SetAsideKey, nowMs: number): Admittance {
  const aside = setAsides.get(key);
  if (aside === undefined) return 'open';
  if (!isRefusal(aside.reason) && aside.failures < bootFailuresBorne) return 'open';
  return nowMs >= aside.untilMs && aside.probe === null ? 'probe' : 'closed';
}

/** Notes the launch that probes; one whose intent is settled without a lesson probes no more. */
export function withProbe(setAsides: SetAsides, key: SetAsideKey, intent: IntentId): SetAsides {
  const aside = setAsides.get(key);
  return aside === undefined ? setAsides : new Map(setAsides).set(key, { ...aside, probe: intent });
}

/**
 * An offer whose machines were lost young is used freely again once one that has joined since has lived for longer: those
 * that are older say nothing of what is booted now.
 */
export function forgiveShortLives(
  setAsides: SetAsides,
  entries: ReadonlyMap<string, FleetEntry>,
  nowMs: number,
): SetAsides {
  const doubted = [...setAsides.values()].filter(({ reason }) => reason === 'lost');
  if (doubted.length === 0) return setAsides;
  const next = new Map(setAsides);
  for (const { instance } of entries.values()) {
    const key = offerKey(instance.offer);
    const { joinedAtMs } = instance;
    const doubt = doubted.find((aside) => aside.key === key);
    if (doubt === undefined || joinedAtMs === null || !isInService(instance)) continue;
    if (joinedAtMs >= doubt.sinceMs && nowMs >= joinedAtMs + shortLifeMs) next.delete(key);
  }
  return next.size === setAsides.size ? setAsides : next;
}

/**
 * A refusal is not: a machine that was asked for before says nothing of whether there is room for another now. Machines that
 * are lost soon, and those that take no jobs, have joined before: see `forgiveShortLives` and `forgiveHole`.
 */
function isEndedByJoining(reason: SetAside['reason'] | undefined): boolean {
  return reason !== 'lost' && reason !== 'blackHole' && !isRefusal(reason);
}

/** An offer of which a machine was a black hole and none works. */
export function setHoleAside(
  setAsides: SetAsides,
  { offer, why }: { readonly offer: OfferName; readonly why: string },
  { nowMs, policy, jitter }: { nowMs: number; policy: SetAsidePolicy; jitter: () => number },
): SetAsides {
  const key = offerKey(offer);
  const was = setAsides.get(key);
  const failures = Math.max(bootFailuresBorne, (was?.failures ?? 0) + 1);
  const grownMs = policy.setAsideFirstMs * 2 ** Math.min(30, failures - bootFailuresBorne);
  const untilMs = nowMs + Math.min(policy.setAsideMaxMs, grownMs) * (0.75 + 0.5 * jitter());
  const aside = {
    key,
    reason: 'blackHole',
    message: why,
    failures,
    sinceMs: nowMs,
    untilMs,
    probe: null,
  } as const;
  return new Map(setAsides).set(key, aside);
}

/** It is used freely again once a machine that was launched since then works. */
export function forgiveHole(setAsides: SetAsides, working: ReadonlySet<OfferName>): SetAsides {
  const forgiven = [...working].map(offerKey).filter((key) => setAsides.get(key)?.reason === 'blackHole');
  if (forgiven.length === 0) return setAsides;
  const next = new Map(setAsides);
  for (const key of forgiven) next.delete(key);
  return next;
}

/**
 * A probe of what was refused is over when its create call is settled, a probe of machines that fail when they are gone:
 * whatever has come of it has told its lesson, or (found in the cloud after the daemon died) never will.
 */
export function dropStaleProbes(
  setAsides: SetAsides,
  stateOf: (intent: IntentId) => IntentState | undefined,
): SetAsides {
  const stale = [...setAsides.values()].filter(({ probe, reason, late }) => {
    if (probe === null) return false;
    const state = stateOf(probe);
    return (
      state === undefined || (isRefusal(reason) && late !== true && state !== 'open' && state !== 'unknown')
    );
  });
  if (stale.length === 0) return setAsides;
  const next = new Map(setAsides);
  for (const aside of stale) next.set(aside.key, { ...aside, probe: null });
  return next;
}
