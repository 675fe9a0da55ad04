import { z } from 'zod';
import type { FleetChange } from '../fleet/fleet.ts';
import { PoolName } from '../model/ids.ts';
import type { Instance } from '../model/instance.ts';
import type { Pool } from '../model/offer.ts';
import { type Alarms, isRaised, raiseAlarms } from '../planner/alarms.ts';
import {
  type BlackHole,
  blackHoles,
  type Conducts,
  doubted,
  noteConduct,
  offersThatWork,
} from '../planner/conduct.ts';
import type { DowntimeOutlook } from '../planner/downtimes.ts';
import { type LaunchCounts, launchesLeft, noteLaunches } from '../planner/launchRate.ts';
import type { Plan } from '../planner/plan.ts';
import {
  forgiveHole,
  offerKey,
  type SetAsidePolicy,
  type SetAsides,
  setHoleAside,
} from '../planner/setAside.ts';
import type { TickInput } from './tick.ts';

/** What the core watches beside its plan. */
export interface Watch {
  readonly conducts: Conducts;
  readonly alarms: Alarms;
  /** The journal was told of these alarms. */
  readonly raised: ReadonlySet<string>;
  readonly launchCounts: LaunchCounts;
}

export const notWatched: Watch = {
  conducts: new Map(),
  alarms: new Map(),
  raised: new Set(),
  launchCounts: new Map(),
};

interface WatchInput {
  readonly input: Pick<TickInput, 'nowMs' | 'views' | 'clouds' | 'queues'>;
  readonly decided: Plan;
  readonly launched: readonly Instance[];
  readonly pools: ReadonlyMap<string, Pool>;
  readonly policy: SetAsidePolicy & { readonly alarmAfter: number };
  readonly setAsides: SetAsides;
  readonly downtimes: DowntimeOutlook;
  readonly jitter: () => number;
}

/**
 * Looks at what machines do with jobs and at what goes on failing: drains black holes, sets their offers aside, and
 * tells the journal of every alarm that begins or is over.
 */
export function watch(
  change: FleetChange,
  before: Watch,
  { input, decided, launched, pools, policy, downtimes, jitter, ...rest }: WatchInput,
): { readonly watch: Watch; readonly setAsides: SetAsides } {
  const { nowMs, views, clouds, queues } = input;
  let { setAsides } = rest;
  const entries = [...change.entries.values()];
  let { conducts } = before;
  let holes: readonly BlackHole[] = [];
  // Only what a view shows tells how a machine behaves.
  if (views.length > 0) {
    const atMs = Math.max(...views.map(({ takenAtMs }) => takenAtMs));
    conducts = noteConduct(conducts, entries, { waitedFor: decided.waitedFor, atMs });
    holes = blackHoles(entries, conducts, atMs);
    for (const hole of holes) {
      if (hole.kind === 'suspect') continue;
      change.apply(hole.instance, { kind: 'drain', reason: 'blackHole' }, hole.why);
      if (!hole.offerWorks) setAsides = setHoleAside(setAsides, hole, { nowMs, policy, jitter });
    }
    const working = offersThatWork(entries, conducts, {
      atMs,
      since: (offer) => setAsides.get(offerKey(offer))?.sinceMs ?? null,
    });
    setAsides = forgiveHole(setAsides, working);
  }
  const launchCounts = noteLaunches(before.launchCounts, launched, nowMs);
  const atLaunchRate = [...pools.values()]
    .filter((pool) => launchesLeft(pool, launchCounts, nowMs) === 0)
    .map(({ name }) => name);
  const { alarmAfter } = policy;
  const alarms = raiseAlarms(before.alarms, {
    nowMs,
    setAsides,
    alarmAfter,
    clouds,
    queues,
    downtimes,
    blackHoles: views.length > 0 ? holes : null,
    atLaunchRate,
  });
  const raised = tellAlarms(change, before, alarms);
  return { watch: { conducts, alarms, raised, launchCounts }, setAsides };
}

function tellAlarms(change: FleetChange, before: Watch, alarms: Alarms): ReadonlySet<string> {
  const { nowMs } = change.context;
  const raised = new Set(
    [...alarms.values()].filter((alarm) => isRaised(alarm, nowMs)).map(({ key }) => key),
  );
  for (const key of raised) {
    const alarm = alarms.get(key);
    if (alarm !== undefined && !before.raised.has(key))
      change.note({ kind: 'alarm', atMs: nowMs, why: alarm.why, data: { key, alarm: alarm.kind } });
  }
  for (const key of before.raised) {
    const was = before.alarms.get(key);
    if (was !== undefined && !raised.has(key))
      change.note({ kind: 'alarmOver', atMs: nowMs, why: was.why, data: { key, alarm: was.kind } });
  }
  const same = raised.size === before.raised.size && [...raised].every((key) => before.raised.has(key));
  return same ? before.raised : raised;
}

/** Machines that no job is counted to run on, as they take none. */
export const doubtedOf = ({ conducts }: Watch) => doubted(conducts);

const counts = z.array(z.object({ fromMs: z.number(), count: z.number() }));
const prefix = 'launches/';

/** How many machines each pool has launched lately holds over a restart: one that fails and restarts again is bounded too. */
export function launchFacts(before: Watch, after: Watch): { key: string; value: unknown }[] {
  if (before.launchCounts === after.launchCounts) return [];
  return [...after.launchCounts].flatMap(([pool, value]) =>
    before.launchCounts.get(pool) === value ? [] : [{ key: `${prefix}${pool}`, value }],
  );
}

export function rememberWatch(facts: readonly { key: string; value: unknown }[]): Watch {
  const launchCounts = new Map(
    facts
      .filter(({ key }) => key.startsWith(prefix))
      .map(({ key, value }) => [PoolName(key.slice(prefix.length)), counts.parse(value)] as const),
  );
  return { ...notWatched, launchCounts };
}
