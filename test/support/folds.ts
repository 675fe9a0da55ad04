import type { FleetEntry } from '../../src/fleet/entry.ts';
import type { Fleet, FleetChange } from '../../src/fleet/fleet.ts';
import { type FoldInput, fold } from '../../src/fleet/fold.ts';
import type { Instance } from '../../src/model/instance.ts';
import { foldContext, makeEntry, makeInstance, news, t0 } from './fleetParts.ts';

/** Folds one thing after the other, each at its own time; returns the last change. */
export function folds(
  fleet: Fleet,
  ...steps: readonly (readonly [number, Partial<FoldInput>])[]
): FleetChange {
  let change = fold(fleet, news({}), foldContext(t0));
  for (const [atMs, input] of steps) change = fold(change.result(), news(input), foldContext(atMs));
  return change;
}

export const foldedPhases = (change: FleetChange) =>
  Object.fromEntries([...change.entries.values()].map(({ instance }) => [instance.id, instance.phase]));
export const onlyOf = (change: FleetChange): Instance => {
  const [entry, ...rest] = change.entries.values();
  if (entry === undefined || rest.length > 0) throw new Error('not one machine');
  return entry.instance;
};
export const inService = (name: string, activity: 'idle' | 'claimed' = 'claimed'): FleetEntry =>
  makeEntry(makeInstance(activity, { name }), { cloudState: 'running', activity, workerSeenAtMs: t0 });
