import { expect, test } from 'vitest';
import { fold } from '../../src/fleet/fold.ts';
import { foldContext, makeEntry, makeFleet, makeInstance, news, t0 } from '../support/fleetParts.ts';
import { makePool } from '../support/siteParts.ts';

const hour = 3_600_000;
const day = 24 * hour;

const pools = [
  makePool({ offers: ['small'], limits: { lifetimeMs: day, lifetimeGraceMs: hour, drainMaxMs: hour } }),
];

const tickAt = (fleet: Parameters<typeof fold>[0], nowMs: number) =>
  fold(fleet, news({}), foldContext(nowMs, { pools }));

const phaseOf = (change: ReturnType<typeof fold>) => [...change.entries.values()][0]?.instance.phase;

test('at its lifetime a machine drains; what still runs when the grace is over is ended', () => {
  const fleet = makeFleet([makeEntry(makeInstance('claimed', { createdAtMs: t0, deadlineMs: t0 + day }))]);
  expect(phaseOf(tickAt(fleet, t0 + day - 1))).toBe('claimed');
  const draining = tickAt(fleet, t0 + day);
  expect(phaseOf(draining)).toBe('draining');
  expect(phaseOf(tickAt(draining.result(), t0 + day + hour - 1))).toBe('draining');
  expect(phaseOf(tickAt(draining.result(), t0 + day + hour))).toBe('terminating');
});

test('a clock that leaps by a month at a restart gives each machine its grace all the same', () => {
  const fleet = makeFleet([makeEntry(makeInstance('claimed', { createdAtMs: t0, deadlineMs: t0 + day }))]);
  const leapt = t0 + 30 * day;
  const draining = tickAt(fleet, leapt);
  expect(phaseOf(draining)).toBe('draining');
  expect(phaseOf(tickAt(draining.result(), leapt + 1000))).toBe('draining');
});

test('a drain that takes longer than drainMax is told once and waited for', () => {
  const since = t0 + 2 * hour;
  const draining = makeInstance('draining', {
    createdAtMs: t0,
    phaseSinceMs: since,
    deadlineMs: since + hour,
    endReason: 'idle',
  });
  const late = tickAt(makeFleet([makeEntry(draining)]), since + hour);
  expect(late.journal).toMatchObject([{ kind: 'phase', why: expect.stringContaining('drainMax') }]);
  const later = tickAt(late.result(), since + 2 * hour);
  expect(later.journal).toEqual([]);
  expect(phaseOf(later)).toBe('draining');
});
