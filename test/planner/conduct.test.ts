import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { FleetEntry } from '../../src/fleet/entry.ts';
import { InstanceId } from '../../src/model/ids.ts';
import { blackHoles, type Conducts, doubted, ignoredMs, noteConduct } from '../../src/planner/conduct.ts';
import { makeEntry, makeInstance, t0 } from '../support/fleetParts.ts';

const second = 1000;
const minute = 60 * second;

/** What a view shows of a machine: the jobs that it has. */
type Jobs = readonly string[];

const entry = (name: string, jobIds: Jobs): FleetEntry => {
  const phase = jobIds.length > 0 ? 'claimed' : 'idle';
  return makeEntry(makeInstance(phase, { name, claims: jobIds.length }), { activity: phase, jobIds });
};

/** Machines over time: each moment shows the jobs of each machine, and which free ones jobs are put on. */
function watched(
  moments: readonly { readonly atMs: number; readonly jobs: Readonly<Record<string, Jobs>> }[],
  waitedFor: readonly string[] = [],
) {
  let conducts: Conducts = new Map();
  let entries: FleetEntry[] = [];
  let atMs = t0;
  for (const moment of moments) {
    entries = Object.entries(moment.jobs).map(([name, jobs]) => entry(name, jobs));
    atMs = moment.atMs;
    conducts = noteConduct(conducts, entries, {
      waitedFor: new Set(waitedFor.map((name) => InstanceId(`${name}-0`))),
      atMs,
    });
  }
  const holes = blackHoles(entries, conducts, atMs);
  return { holes: holes.map(({ instance, kind }) => `${instance} ${kind}`), conducts };
}

/** A view each five seconds for so long. */
const views = (forMs: number, jobs: (n: number) => Record<string, Jobs>) =>
  Array.from({ length: Math.floor(forMs / (5 * second)) }, (_, n) => ({
    atMs: t0 + n * 5 * second,
    jobs: jobs(n),
  }));

describe('a machine that ends every job in seconds', () => {
  const lasting = { a: ['s#1.0'], b: ['s#1.1'], c: ['s#1.2'] };

  test('while jobs that were submitted with them run on elsewhere is a black hole', () => {
    const { holes } = watched(views(4 * minute, (n) => ({ ...lasting, hole: [`s#1.${n + 10}`] })));
    expect(holes).toEqual(['hole-0 endsAll']);
  });

  test('is none where all jobs of the family are short', () => {
    const short = (n: number) =>
      Object.fromEntries(['a', 'b', 'c', 'd'].map((name, at) => [name, [`s#1.${4 * n + at}`]]));
    expect(watched(views(10 * minute, short)).holes).toEqual([]);
  });

  test('is none where its jobs are others than those that run long: it may have been given all the short ones', () => {
    const { holes } = watched(views(10 * minute, (n) => ({ ...lasting, quick: [`s#2.${n}`] })));
    expect(holes.filter((hole) => !hole.endsWith('suspect'))).toEqual([]);
  });

  test('is none where one of its last jobs ran for longer', () => {
    const jobs = (n: number): Jobs => (n < 15 ? ['s#1.99'] : [`s#1.${n + 100}`]);
    expect(watched(views(2.5 * minute, (n) => ({ ...lasting, mixed: jobs(n) }))).holes).toEqual([]);
  });

  test('is none before it has ended many', () => {
    expect(watched(views(50 * second, (n) => ({ ...lasting, hole: [`s#1.${n + 10}`] }))).holes).toEqual([]);
  });

  test('whatever the lengths of the jobs: machines that are dealt jobs of one family alike are never taken for one', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 100 }), { minLength: 4, maxLength: 4 }),
        fc.integer({ min: 1, max: 8 }),
        (offsets, views5s) => {
          // Each machine runs jobs of the same length, however short, one after the other.
          const jobs = (n: number) =>
            Object.fromEntries(
              ['a', 'b', 'c', 'd'].map((name, at) => [
                name,
                [`s#1.${name}${Math.floor((n + (offsets[at] ?? 0)) / views5s)}`],
              ]),
            );
          expect(watched(views(5 * minute, jobs)).holes).toEqual([]);
        },
      ),
      { numRuns: 30 },
    );
  });
});

describe('a machine that takes no job although jobs are put on it', () => {
  const long = ignoredMs + minute;

  test('while others of its offer begin some is a black hole', () => {
    const busy = (n: number) => ({ a: [`s#1.${Math.floor(n / 24)}`], hole: [] });
    expect(watched(views(long, busy), ['hole']).holes).toEqual(['hole-0 takesNone']);
  });

  test('is doubted where there is none to compare it with, so that another is launched', () => {
    const { holes, conducts } = watched(
      views(long, () => ({ only: [] })),
      ['only'],
    );
    expect(holes).toEqual(['only-0 suspect']);
    expect([...doubted(conducts)]).toEqual(['only-0']);
  });

  test('is not doubted any more when no job waits for it', () => {
    const { holes, conducts } = watched(
      views(long, () => ({ only: [] })),
      ['only'],
    );
    expect(holes).toHaveLength(1);
    const idle = noteConduct(conducts, [entry('only', [])], {
      waitedFor: new Set(),
      atMs: t0 + long + minute,
    });
    expect(doubted(idle).size).toBe(0);
  });

  test('two that take none are not to blame: both are counted on again', () => {
    const { holes, conducts } = watched(
      views(long, () => ({ one: [], two: [] })),
      ['one', 'two'],
    );
    expect(holes).toEqual(['one-0 suspect', 'two-0 suspect']);
    expect(doubted(conducts).size).toBe(0);
  });

  test('is none where many take none while others work: it is the jobs that wait for something else', () => {
    const busy = (n: number) => ({
      a: [`s#1.${Math.floor(n / 24)}`],
      b: [`s#2.${Math.floor(n / 24)}`],
      c: [],
      d: [],
    });
    expect(watched(views(long, busy), ['c', 'd']).holes).toEqual(['c-0 suspect', 'd-0 suspect']);
  });

  test('is none where no job needed it, or it has worked before', () => {
    const busy = (n: number) => ({ a: [`s#1.${Math.floor(n / 24)}`], free: [] });
    expect(watched(views(long, busy)).holes).toEqual([]);
    const worked = (n: number) => ({ a: [`s#1.${Math.floor(n / 24)}`], free: n === 0 ? ['s#0.0'] : [] });
    expect(watched(views(long, worked), ['free']).holes).toEqual([]);
  });
});
