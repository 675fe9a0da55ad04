import { neverSeen } from '../fleet/entry.ts';
import { type FleetChange, seatId } from '../fleet/fleet.ts';
import type { IntentId } from '../model/ids.ts';
import type { Instance, Intent } from '../model/instance.ts';
import type { Pool } from '../model/offer.ts';
import type { PlannedLaunch } from '../planner/plan.ts';
import type { CoreSite } from './tick.ts';

/** A create call that is decided: its intent, a record for each of its seats, and the journal's word. */
export function openIntent(
  change: FleetChange,
  id: IntentId,
  launch: PlannedLaunch,
  site: CoreSite,
): Instance[] {
  const { nowMs, deadlines } = change.context;
  const pool = site.pools.get(launch.pool);
  if (pool === undefined) throw new Error(`launch planned for unknown pool ${launch.pool}`);
  const intent: Intent = {
    id,
    pool: launch.pool,
    offer: launch.offer,
    cloud: launch.cloud,
    seats: launch.count,
    state: 'open',
    createdAtMs: nowMs,
    sentAtMs: nowMs,
  };
  change.putIntent(intent);
  const common = {
    intent: id,
    terms: change.termsOf(launch.offer),
    phase: 'requested',
    deadlineMs: nowMs + deadlines(launch.offer, pool.limits).bootMs,
  } as const;
  const instances = Array.from({ length: launch.count }, (_, seat) =>
    newInstance(launch, pool, { ...common, id: seatId(id, seat), seat }, nowMs),
  );
  for (const instance of instances) change.put({ instance, sighting: neverSeen });
  change.note({
    kind: 'launch',
    atMs: nowMs,
    intent: id,
    pool: launch.pool,
    cloud: launch.cloud,
    offer: launch.offer,
    ...(instances.length === 1 && instances[0] !== undefined ? { instance: instances[0].id } : {}),
    ...(launch.cause.kind === 'demand' ? { demand: launch.cause.demand } : {}),
    why: launch.note === undefined ? describeCause(launch) : `${describeCause(launch)}: ${launch.note}`,
    data: { seats: launch.count, cause: launch.cause.kind, probe: launch.probe },
  });
  return instances;
}

/** What tells a record from others of its launch. */
type OwnFields = Pick<Instance, 'id' | 'intent' | 'seat' | 'terms' | 'phase' | 'deadlineMs'>;

/** A machine of which nothing has been seen yet. */
export function newInstance(launch: PlannedLaunch, pool: Pool, own: OwnFields, nowMs: number): Instance {
  const { offer, cloud, cause } = launch;
  return {
    ...own,
    pool: pool.name,
    queue: pool.queue,
    offer,
    cloud,
    cause,
    phaseSinceMs: nowMs,
    cloudId: null,
    address: null,
    worker: null,
    createdAtMs: nowMs,
    runningAtMs: null,
    joinedAtMs: null,
    idleSinceMs: null,
    claims: 0,
    endReason: null,
    endedAtMs: null,
  };
}

export function describeCause({ cause }: Pick<PlannedLaunch, 'cause'>): string {
  switch (cause.kind) {
    case 'demand':
      return cause.job === null ? 'waiting jobs need it' : `waiting jobs need it, ${cause.job} among them`;
    case 'min':
      return 'the pool is below its min';
    case 'headroom':
      return 'the pool is below its head-room';
    case 'operator':
      return 'asked for by the operator';
    case 'adopted':
      return 'found with our mark';
  }
}
