import { applicableBoundaries, type BoundaryName } from '../../../src/daemon/boundaries.ts';

/** One death of the daemon, at a boundary; then, perhaps, another while it recovers. */
export interface Visit {
  readonly boundary: BoundaryName;
  /** Killed again at its nth commit from the start on, before or after it was written. */
  readonly again: { readonly moment: 'beforeCommit' | 'afterCommit'; readonly commit: number } | null;
}

/**
 * The deaths in the life of one machine, in the order in which the life comes by them: its job waits, it is launched,
 * runs the job, is drained, is un-drained for a second job, is drained again, ended, and its worker forgotten. A
 * boundary at which nothing has been done yet can be followed by another of the same effect; `unanswered` and
 * `notStored` are the last of theirs. An un-drain needs a drain that has been carried out before it. A worker
 * whose machine is shut down in order takes its leave of HTCondor by itself, and there is nothing to ask for: so before
 * `remove/halfSent` and `remove/unanswered` the machine dies suddenly, which needs an end that is stored and not yet
 * carried out; and the life before must have closed its books, as the daemon would else repeat that one's end first.
 */
export type Round = readonly Visit[];

const rounds: readonly (readonly BoundaryName[])[] = [
  [
    'launch/beforeCommit',
    'launch/afterCommit',
    'launch/halfSent',
    'launch/unanswered',
    'drain/beforeCommit',
    'drain/afterCommit',
    'drain/halfSent',
    'drain/unanswered',
    'undrain/beforeCommit',
    'undrain/afterCommit',
    'undrain/halfSent',
    'undrain/unanswered',
    'terminate/beforeCommit',
    'terminate/unanswered',
    'remove/beforeCommit',
    'remove/afterCommit',
  ],
  ['terminate/halfSent', 'remove/halfSent'],
  ['terminate/afterCommit', 'remove/unanswered'],
  ['admit/notStored', 'launch/notStored', 'drain/notStored', 'undrain/notStored', 'terminate/notStored'],
];

/**
 * After these a daemon that recovers may get as far as its second commit: what the next visit of the life is for has not
 * been done by then.
 */
const mayGoOn: ReadonlySet<BoundaryName> = new Set([
  'launch/unanswered',
  'launch/notStored',
  'undrain/unanswered',
  'undrain/notStored',
  'terminate/notStored',
  'remove/afterCommit',
  'remove/halfSent',
  'remove/unanswered',
]);

/** Every applicable boundary so many times; in three times each has had a second death after it. */
export function allRounds(times: number): readonly Round[] {
  return Array.from({ length: times }, (_, pass) => {
    let place = 0;
    return rounds.map((names) =>
      names.map((boundary): Visit => {
        place += 1;
        if (place % 3 !== pass % 3) return { boundary, again: null };
        const moment = place % 2 === 0 ? 'beforeCommit' : 'afterCommit';
        return { boundary, again: { moment, commit: mayGoOn.has(boundary) ? 2 : 1 } };
      }),
    );
  }).flat();
}

/** One life with the deaths that a careless daemon does not survive. */
export const shortRounds: readonly Round[] = [
  [
    { boundary: 'launch/afterCommit', again: null },
    { boundary: 'launch/halfSent', again: { moment: 'afterCommit', commit: 1 } },
    { boundary: 'launch/unanswered', again: null },
    { boundary: 'drain/unanswered', again: { moment: 'beforeCommit', commit: 1 } },
    { boundary: 'undrain/afterCommit', again: null },
    { boundary: 'terminate/beforeCommit', again: null },
    { boundary: 'terminate/unanswered', again: null },
    { boundary: 'remove/afterCommit', again: null },
  ],
];

export const boundariesOf = (visited: readonly Round[]): ReadonlySet<BoundaryName> =>
  new Set(visited.flat().map(({ boundary }) => boundary));

/** Those that no round comes by. */
export function unvisited(visited: readonly Round[]): readonly BoundaryName[] {
  const names = boundariesOf(visited);
  return applicableBoundaries.map(({ name }) => name).filter((name) => !names.has(name));
}
