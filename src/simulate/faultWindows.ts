import { createDice, type Dice } from './dice.ts';
import {
  type CloudFault,
  cloudFaults,
  type FaultKind,
  type FaultProfile,
  type HostFault,
  hostFaults,
  type QueueFault,
  queueFaults,
} from './faultProfile.ts';

/** One fault that goes on for a time: milliseconds by the simulation's own clock. */
export interface FaultWindow {
  readonly kind: FaultKind;
  /** Which of the site's clouds or queues, from 0; 0 for the host. */
  readonly target: number;
  readonly fromMs: number;
  readonly toMs: number;
  /** Makes the details: which offers, which machines. */
  readonly seed: number;
}

export interface Horizon {
  readonly fromMs: number;
  readonly toMs: number;
  readonly clouds: number;
  readonly queues: number;
}

export const isCloudFault = (kind: FaultKind): kind is CloudFault =>
  (cloudFaults as readonly FaultKind[]).includes(kind);
export const isQueueFault = (kind: FaultKind): kind is QueueFault =>
  (queueFaults as readonly FaultKind[]).includes(kind);
export const isHostFault = (kind: FaultKind): kind is HostFault =>
  (hostFaults as readonly FaultKind[]).includes(kind);

/** What befalls a site between two moments, by the profile's seed alone: in the order of their beginnings. */
export function faultWindows(profile: FaultProfile, horizon: Horizon): FaultWindow[] {
  const dice = createDice(profile.seed, 'windows');
  const windows = [
    ...drawFor(cloudFaults, horizon.clouds, { profile, horizon, dice }),
    ...drawFor(queueFaults, horizon.queues, { profile, horizon, dice }),
    ...drawFor(hostFaults, 1, { profile, horizon, dice }),
  ];
  return windows.toSorted((a, b) => a.fromMs - b.fromMs);
}

const dayMs = 86_400_000;

function drawFor(
  kinds: readonly FaultKind[],
  targets: number,
  { profile, horizon, dice }: { profile: FaultProfile; horizon: Horizon; dice: Dice },
): FaultWindow[] {
  const windows: FaultWindow[] = [];
  for (const kind of kinds)
    for (let target = 0; target < targets; target++) {
      const { perDay } = profile.habits[kind];
      if (perDay <= 0) continue;
      // Gaps between beginnings are exponential: faults come when they like, and may meet.
      let atMs = horizon.fromMs;
      for (;;) {
        atMs += (-Math.log(1 - dice.next()) * dayMs) / perDay;
        if (atMs >= horizon.toMs) break;
        windows.push(windowAt(profile, { kind, target, atMs, horizon, dice }));
      }
    }
  return windows;
}

/** One window of a kind from a moment on, as long as the profile has them, and not beyond the horizon. */
export function windowAt(
  profile: FaultProfile,
  {
    kind,
    target,
    atMs,
    horizon,
    dice,
  }: { kind: FaultKind; target: number; atMs: number; horizon: Horizon; dice: Dice },
): FaultWindow {
  const { minMs, maxMs } = profile.habits[kind];
  const fromMs = Math.floor(atMs);
  const toMs = Math.min(horizon.toMs, fromMs + dice.whole(minMs, maxMs));
  return { kind, target, fromMs, toMs, seed: dice.whole(0, 0x7fffffff) };
}
