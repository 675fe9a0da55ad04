import type { Memory } from '../model/memory.ts';
import type { TickResult } from './tick.ts';

/** What the daemon changes in the world; `admit` mints a machine's credential on the way to its create call. */
export const boundaryEffects = ['launch', 'terminate', 'drain', 'undrain', 'remove', 'admit'] as const;
export type BoundaryEffect = (typeof boundaryEffects)[number];

/**
 * Where the daemon may die on the way of one effect.
 *
 * beforeCommit  decided, and not stored
 * afterCommit   stored, and not begun
 * halfSent      the request has left in part: it is never carried out
 * unanswered    carried out, and no answer has come
 * notStored     answered, and what came of it is not stored
 */
export const boundaryMoments = [
  'beforeCommit',
  'afterCommit',
  'halfSent',
  'unanswered',
  'notStored',
] as const;
export type BoundaryMoment = (typeof boundaryMoments)[number];

export type BoundaryName = `${BoundaryEffect}/${BoundaryMoment}`;

export interface Boundary {
  readonly name: BoundaryName;
  readonly effect: BoundaryEffect;
  readonly moment: BoundaryMoment;
  /** Why the daemon cannot die there in a way that differs from another; null where it can. */
  readonly notApplicable: string | null;
}

const notApplicable: Readonly<Partial<Record<BoundaryName, string>>> = {
  'admit/beforeCommit':
    'a credential is not decided by itself: it is part of a launch, see launch/beforeCommit',
  'admit/afterCommit':
    'nothing is stored of a credential: it is made from the stored intent, see launch/afterCommit',
  'admit/halfSent': 'a credential is minted in the daemon: no request leaves it',
  'admit/unanswered': 'a credential is minted in the daemon: it is there when it has been made',
  'remove/notStored':
    'nothing is stored of its answer and nothing waits for it: the same as remove/unanswered',
};

/** Every pair of an effect and a moment; the crash test visits each that is applicable and counts its visits. */
export const BOUNDARIES: readonly Boundary[] = boundaryEffects.flatMap((effect) =>
  boundaryMoments.map((moment) => {
    const name: BoundaryName = `${effect}/${moment}`;
    return { name, effect, moment, notApplicable: notApplicable[name] ?? null };
  }),
);

export const applicableBoundaries: readonly Boundary[] = BOUNDARIES.filter(
  (boundary) => boundary.notApplicable === null,
);

/**
 * Where the process can be made to kill itself. `tick/…` is any commit, whatever it decides: so a daemon can be killed
 * while it recovers. Requests that are cut half-way or never answered are a proxy's to make, not ours.
 */
export type CrashpointName =
  | `${Exclude<BoundaryEffect, 'admit'> | 'tick'}/${'beforeCommit' | 'afterCommit'}`
  | `${Exclude<BoundaryEffect, 'remove'>}/notStored`
  | LeaseBoundary;

/** Where a change of leases is stored; each change is one commit, so there is nothing in between. */
export const leaseBoundaries = ['lease/beforeCommit', 'lease/afterCommit'] as const;
export type LeaseBoundary = (typeof leaseBoundaries)[number];

const crashpointNames: readonly CrashpointName[] = [
  ...(['launch', 'terminate', 'drain', 'undrain', 'remove', 'tick'] as const).flatMap(
    (what): CrashpointName[] => [`${what}/beforeCommit`, `${what}/afterCommit`],
  ),
  ...(['launch', 'terminate', 'drain', 'undrain', 'admit'] as const).map(
    (what): CrashpointName => `${what}/notStored`,
  ),
  ...leaseBoundaries,
];

/** Dies there, if that is what the process was started for. Called at each such place, every time. */
export type Crashpoint = (name: CrashpointName) => void;

/** The variable that a test sets; nothing else switches a crash point on. */
export const crashpointVariable = 'SPILLWAY_CRASHPOINT';

/**
 * From the variable's text, `NAME` or `NAME#n`: dies at the nth time that the place is reached, 1 by default. Null
 * where it is absent or empty: then no place is looked at, and nothing is worked out for one. Throws for any other
 * text, as a test that meant to crash should not pass for not having done so.
 */
export function crashpointOf(text: string | undefined, die: () => void): Crashpoint | null {
  if (text === undefined || text === '') return null;
  const [, name = '', nth = '1'] = /^([^#]*)(?:#([1-9]\d{0,5}))?$/.exec(text) ?? [];
  const armed = crashpointNames.find((known) => known === name);
  if (armed === undefined)
    throw new Error(
      `${crashpointVariable}: no crash point ${text}; there are: ${crashpointNames.join(', ')}`,
    );
  let left = Number(nth);
  return (reached) => {
    if (reached !== armed) return;
    left -= 1;
    if (left === 0) die();
  };
}

/** The effects that a tick has decided and its batch is about to store. */
export function decidedEffects({ batch, effects }: TickResult): readonly Exclude<BoundaryEffect, 'admit'>[] {
  const decided = new Set<Exclude<BoundaryEffect, 'admit'>>();
  for (const { kind } of effects) if (kind === 'launch' || kind === 'remove') decided.add(kind);
  for (const { phase, cloudId, endReason } of batch?.instances ?? []) {
    if (phase === 'terminating' && cloudId !== null) decided.add('terminate');
    if (phase === 'draining') decided.add(endReason === null ? 'undrain' : 'drain');
  }
  return [...decided];
}

/** A queue's memory that dies where the crash point says; as it is where there is none. */
export function mortalMemory(memory: Memory, crashpoint: Crashpoint | null): Memory {
  if (crashpoint === null) return memory;
  return {
    load: () => memory.load(),
    save: (changes) => {
      crashpoint('lease/beforeCommit');
      memory.save(changes);
      crashpoint('lease/afterCommit');
    },
  };
}
