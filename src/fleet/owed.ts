import type {
  CloudId,
  CloudName,
  InstanceId,
  IntentId,
  OfferName,
  PoolName,
  QueueName,
  WorkerId,
} from '../model/ids.ts';
import type { FleetEntry } from './entry.ts';
import type { Fleet } from './fleet.ts';

/** One thing to do in the world, as data. Only the executor does it; what came of it is an Outcome. */
export type Effect =
  | {
      readonly kind: 'launch';
      readonly intent: IntentId;
      readonly cloud: CloudName;
      readonly pool: PoolName;
      readonly offer: OfferName;
      readonly instances: readonly InstanceId[];
    }
  | {
      readonly kind: 'resolve';
      readonly intent: IntentId;
      readonly cloud: CloudName;
      readonly instance: InstanceId;
    }
  | {
      readonly kind: 'terminate';
      readonly instance: InstanceId;
      readonly cloud: CloudName;
      readonly cloudId: CloudId;
    }
  | {
      readonly kind: 'drain' | 'undrain' | 'remove';
      readonly instance: InstanceId;
      readonly queue: QueueName;
      readonly worker: WorkerId;
    };

/**
 * What is owed to the world now, as a function of the phases alone: nothing is queued, so nothing is lost in a crash
 * and nothing that has become wrong is still carried out. An effect is owed again at every tick until a view shows
 * that it has worked; the executor keeps one under way for each instance and spaces the repeats.
 *
 * A launch is not owed: it is made once, by the tick that stores its intent. After a restart its outcome is unknown.
 * Nor is a removal: a worker whose machine is gone expires by itself where it is missed.
 */
export function owedEffects(fleet: Fleet): Effect[] {
  const owed: Effect[] = [];
  const looked = new Set<IntentId>();
  for (const entry of fleet.entries.values()) {
    const effect = owedTo(entry);
    if (effect === null) continue;
    // One look-up finds all the seats of an intent.
    if (effect.kind === 'resolve') {
      if (looked.has(effect.intent)) continue;
      looked.add(effect.intent);
    }
    owed.push(effect);
  }
  return owed;
}

function owedTo({ instance, sighting }: FleetEntry): Effect | null {
  const { id, intent, cloud, cloudId, queue, worker, endReason, phase } = instance;
  if (sighting.missingSinceMs !== null && phase !== 'ended')
    return { kind: 'resolve', intent, cloud, instance: id };
  switch (phase) {
    case 'unknown':
      return { kind: 'resolve', intent, cloud, instance: id };
    case 'terminating':
      return cloudId === null ? null : { kind: 'terminate', instance: id, cloud, cloudId };
    case 'draining': {
      const { activity } = sighting;
      if (worker === null || activity === null) return null;
      const takesJobs = activity === 'idle' || activity === 'claimed';
      const isUndrained = takesJobs && sighting.undrainedAtMs !== null;
      if (endReason === null) return isUndrained ? null : { kind: 'undrain', instance: id, queue, worker };
      return takesJobs ? { kind: 'drain', instance: id, queue, worker } : null;
    }
    case 'requested':
    case 'building':
    case 'joining':
    case 'idle':
    case 'claimed':
    case 'leased':
    case 'unreachable':
    case 'failed':
    case 'ended':
      return null;
  }
}
