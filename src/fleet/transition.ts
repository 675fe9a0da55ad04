import type { EndReason, Instance, Phase } from '../model/instance.ts';
import type { FleetEntry, Sighting } from './entry.ts';
import type { StepContext } from './event.ts';

/** What every rule of the life cycle is made of: see step.ts. All pure; each returns a new entry. */

export function change(entry: FleetEntry, fields: Partial<Instance>): FleetEntry {
  return { ...entry, instance: { ...entry.instance, ...fields } };
}

export function sight(entry: FleetEntry, fields: Partial<Sighting>): FleetEntry {
  return { ...entry, sighting: { ...entry.sighting, ...fields } };
}

export function enter(
  entry: FleetEntry,
  phase: Phase,
  context: StepContext,
  fields: Partial<Instance> = {},
): FleetEntry {
  const deadlineMs = deadlineOf(phase, entry.instance, context);
  return change(entry, { phase, phaseSinceMs: context.nowMs, deadlineMs, ...fields });
}

export function deadlineOf(phase: Phase, instance: Instance, { nowMs, limits, ...context }: StepContext) {
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

export function end(entry: FleetEntry, context: StepContext, reason: EndReason): FleetEntry {
  const endReason = entry.instance.endReason ?? reason;
  return enter(entry, 'ended', context, { endReason, endedAtMs: context.nowMs });
}

export function terminate(entry: FleetEntry, context: StepContext, reason: EndReason): FleetEntry {
  return enter(entry, 'terminating', context, { endReason: reason });
}

export function fail(entry: FleetEntry, context: StepContext, reason: EndReason): FleetEntry {
  return enter(entry, 'failed', context, { endReason: reason });
}

export function isOverdue({ instance }: FleetEntry, atMs: number): boolean {
  return instance.deadlineMs !== null && atMs >= instance.deadlineMs;
}

/** What has been seen of a drain, when one begins or is taken back. */
export const notDrained = { drainedViews: 0, drainedSinceMs: null, undrainedAtMs: null } as const;

export function startDrain(
  entry: FleetEntry,
  { reason }: { reason: EndReason },
  context: StepContext,
): FleetEntry {
  return enter(sight(entry, notDrained), 'draining', context, {
    endReason: reason,
  });
}
