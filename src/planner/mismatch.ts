import type { FleetEntry } from '../fleet/entry.ts';
import type { Demand } from '../model/demand.ts';
import type { DemandId, OfferName } from '../model/ids.ts';
import type { Instance } from '../model/instance.ts';
import type { DemandReport, PlannedLaunch } from './plan.ts';
import {
  type Admittance,
  admittance,
  cloudKey,
  offerKey,
  type SetAside,
  type SetAsideKey,
  type SetAsidePolicy,
  type SetAsides,
} from './setAside.ts';

/**
 * A demand and an offer that match by their ads, while the machines do not fit the demand once they are there: their slots
 * lack what the offer promises, or the scheduler has a rule that no ad tells. Such a machine is drained for want of work
 * beside the very jobs that it was launched for, which ask for the next. So the pair is set aside, for a growing
 * time; other demand has the offer as before.
 */
export const matchKey = (demand: DemandId, offer: OfferName): SetAsideKey => `match:${demand} ${offer}`;

/** What a probing launch tries. */
export function probedBy({ cloud, offer, cause }: PlannedLaunch): readonly SetAsideKey[] {
  const own = [offerKey(offer), cloudKey(cloud)];
  return cause.kind === 'demand' ? [...own, matchKey(cause.demand, offer)] : own;
}

/** One may be chance: its jobs may have been put elsewhere and have come back. */
const borne = 1;

/** A pair that has not been tried for so long is forgotten. */
const forgottenMs = 86_400_000;

/** Whether machines of the offer may be launched for the demand. Cheap where nothing of the demand is set aside. */
export function matchAdmittance(
  setAsides: SetAsides,
  { id }: Demand,
  nowMs: number,
): (offer: OfferName) => Admittance {
  const prefix = `match:${id} `;
  const doubts = [...setAsides.keys()].some((key) => key.startsWith(prefix));
  return (offer) => (doubts ? admittance(setAsides, matchKey(id, offer), nowMs) : 'open');
}

/** With the machines that this plan drains though the jobs they were launched for ask for machines. Pure. */
export function setMismatchesAside(
  before: SetAsides,
  { drained, reports }: { drained: readonly Instance[]; reports: readonly DemandReport[] },
  { nowMs, policy, jitter }: { nowMs: number; policy: SetAsidePolicy; jitter: () => number },
): SetAsides {
  const unused = drained.filter(({ cause, claims }) => cause.kind === 'demand' && claims === 0);
  if (unused.length === 0) return before;
  const wanting = new Set(reports.filter(wantsMachines).map(({ demand }) => demand));
  const next = new Map(before);
  for (const { id, offer, cause } of unused) {
    if (cause.kind !== 'demand' || !wanting.has(cause.demand)) continue;
    const key = matchKey(cause.demand, offer);
    const was = next.get(key);
    // Those that were launched together are one failure.
    if (was !== undefined && nowMs < was.untilMs && was.probe === null) continue;
    const failures = (was?.failures ?? 0) + 1;
    const grownMs = Math.min(
      policy.setAsideMaxMs,
      policy.setAsideFirstMs * 2 ** Math.min(30, Math.max(0, failures - 1 - borne)),
    );
    next.set(key, {
      key,
      reason: 'idle',
      message: `${id} took none of the jobs that it was launched for, though their ads match`,
      failures,
      sinceMs: was?.sinceMs ?? nowMs,
      untilMs: failures <= borne ? nowMs : nowMs + grownMs * (0.75 + 0.5 * jitter()),
      probe: null,
    });
  }
  return next;
}

function wantsMachines({ onComing, onLaunches, shortage }: DemandReport): boolean {
  return onComing + onLaunches > 0 || shortage?.code === 'setAside';
}

/** A pair is used freely again once a machine that was launched for it has had a job. */
export function forgiveMatches(
  setAsides: SetAsides,
  entries: ReadonlyMap<string, FleetEntry>,
  nowMs: number,
): SetAsides {
  const pairs = [...setAsides.values()].filter(({ key }) => key.startsWith('match:'));
  if (pairs.length === 0) return setAsides;
  const working = new Set<string>();
  for (const { instance } of entries.values())
    if (instance.cause.kind === 'demand' && instance.claims > 0)
      working.add(matchKey(instance.cause.demand, instance.offer));
  const isOver = ({ key, untilMs }: SetAside) => working.has(key) || nowMs > untilMs + forgottenMs;
  const over = pairs.filter(isOver);
  if (over.length === 0) return setAsides;
  const next = new Map(setAsides);
  for (const { key } of over) next.delete(key);
  return next;
}
