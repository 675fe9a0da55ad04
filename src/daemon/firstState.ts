import { neverSeen } from '../fleet/entry.ts';
import type { Outcome } from '../fleet/fleet.ts';
import type { StoredState } from '../store/port.ts';
import type { remember } from './facts.ts';
import type { CoreState } from './tick.ts';

/** What the core knows when a daemon begins: what the store has, and of machines nothing that was seen. */
export function firstState(stored: StoredState, remembered: ReturnType<typeof remember>): CoreState {
  return {
    ...remembered,
    sequence: stored.sequence,
    fleet: {
      entries: new Map(stored.instances.map((instance) => [instance.id, { instance, sighting: neverSeen }])),
      intents: new Map(stored.intents.map((intent) => [intent.id, intent])),
      strangers: new Map(),
    },
    unmet: new Map(),
    planned: null,
  };
}

/** What the first tick is told of the time before: create calls whose answer was never stored are in doubt. */
export function firstOutcomes(stored: StoredState, startedAtMs: number): Outcome[] {
  return [
    { kind: 'resumed', awayMs: stored.nowMs === null ? 0 : startedAtMs - stored.nowMs },
    ...stored.intents
      .filter(({ state }) => state === 'open')
      .map(({ id }) => ({ kind: 'interrupted', intent: id }) as const),
  ];
}
