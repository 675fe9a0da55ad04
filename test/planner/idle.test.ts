import { describe, expect, test } from 'vitest';
import type { Instance } from '../../src/model/instance.ts';
import { type IdleState, nextReleaseMs, noIdleState } from '../../src/planner/idle.ts';
import type { Plan } from '../../src/planner/plan.ts';
import { makeJobClass, makePool } from '../support/siteParts.ts';
import {
  coming,
  decide,
  demandOf,
  draining,
  launched,
  named,
  nowMs,
  type Situation,
  serving,
} from '../support/situation.ts';

const minute = 60_000;
const learns = { idleMs: null, idleMinMs: 30_000, idleMaxMs: 60 * minute };
const pool = makePool({ offers: ['small'], max: 100, limits: learns });
const bootMs = () => 2 * minute;

/** Views one after the other, each at its own time before now; what the last one decides. */
function over(
  moments: readonly { readonly agoMs: number; readonly situation: Situation }[],
  from: IdleState = noIdleState,
): Plan {
  let state = from;
  let decided: Plan | null = null;
  for (const { agoMs, situation } of moments) {
    const view = { takenAtMs: nowMs - agoMs, ...situation.view };
    decided = decide({ pools: [pool], ...situation, view, idle: { state, bootMs } });
    state = decided.idle;
  }
  if (decided === null) throw new Error('no moment');
  return decided;
}

const free = (name: string, more: Partial<Instance> = {}) =>
  serving('idle', name, { idleSinceMs: nowMs - 50 * minute, ...more });
const busy = (name: string) => serving('claimed', name);
const drained = ({ drains }: Plan) => drains.map(({ instance }) => instance);

describe('a learned idle time', () => {
  test('a free machine goes when one fewer has been needed for half a boot time, however long it has been free itself', () => {
    const before = { agoMs: 61_000, situation: { machines: [busy('a'), busy('b')] } };
    const since = { agoMs: 60_000, situation: { machines: [busy('a'), free('b')] } };
    const at = (agoMs: number) =>
      drained(over([before, since, { agoMs, situation: { machines: [busy('a'), free('b')] } }]));
    expect(at(1)).toEqual([]);
    expect(at(0)).toEqual(['b-0']);
  });

  test('the scheduler may use another of the free ones each time: what counts is how many are needed', () => {
    const views = Array.from({ length: 40 }, (_, n) => ({
      agoMs: (40 - n) * 10_000,
      situation: { machines: n % 2 === 0 ? [busy('a'), free('b')] : [free('a'), busy('b')] },
    }));
    expect(drained(over([...views, { agoMs: 0, situation: { machines: [busy('a'), free('b')] } }]))).toEqual([
      'b-0',
    ]);
  });

  test('longer where machines were needed again soon after half a boot time', () => {
    const gapMs = 100_000;
    const uses = Array.from({ length: 30 }, (_, n) => {
      const freeAgoMs = 90_000 + 2 * gapMs * (29 - n);
      return [
        { agoMs: freeAgoMs + gapMs, situation: { machines: [busy('a')] } },
        { agoMs: freeAgoMs, situation: { machines: [free('a')] } },
      ];
    });
    const now = { agoMs: 0, situation: { machines: [free('a')] } };
    expect(drained(over([...uses.slice(-5).flat(), now]))).toEqual(['a-0']);
    expect(drained(over([...uses.flat(), now]))).toEqual([]);
  });

  test('after a restart a machine that has been free for long is watched anew', () => {
    expect(drained(over([{ agoMs: 0, situation: { machines: [free('a')] } }]))).toEqual([]);
  });

  test('a view that is incomplete or old tells nothing', () => {
    const machines = [free('a')];
    const state = over([{ agoMs: 10 * minute, situation: { machines } }]).idle;
    const decide = (situation: Situation) =>
      over([{ agoMs: 0, situation: { machines, ...situation } }], state);
    expect(drained(decide({}))).toEqual(['a-0']);
    for (const situation of [{ view: { workersComplete: false } }, { isNew: false }]) {
      const decided = decide(situation);
      expect(drained(decided)).toEqual([]);
      expect(decided.idle).toBe(state);
    }
  });
});

describe('an interval that is paid for', () => {
  const hourly = {
    market: 'onDemand',
    price: null,
    billing: { minimumMs: 0, incrementMs: 60 * minute },
  } as const;
  const aged = (ageMs: number) => free('a', { terms: hourly, createdAtMs: nowMs - ageMs });
  const state = over([{ agoMs: 30 * minute, situation: { machines: [free('a')] } }]).idle;
  const dueAt = (ageMs: number) =>
    drained(over([{ agoMs: 0, situation: { machines: [aged(ageMs)] } }], state));

  test('is used up: a machine that nothing needs goes shortly before the next one begins', () => {
    expect(dueAt(10 * minute)).toEqual([]);
    expect(dueAt(58 * minute)).toEqual([]);
    expect(dueAt(59 * minute)).toEqual(['a-0']);
    expect(dueAt(61 * minute)).toEqual([]);
    expect(dueAt(119 * minute)).toEqual(['a-0']);
  });

  test('the one whose interval ends goes before one that has been free for longer', () => {
    const machines = [
      free('old', { terms: hourly, createdAtMs: nowMs - 61 * minute, idleSinceMs: nowMs - 55 * minute }),
      free('due', { terms: hourly, createdAtMs: nowMs - 59 * minute, idleSinceMs: nowMs - 5 * minute }),
    ];
    expect(drained(over([{ agoMs: 0, situation: { machines } }], state))).toEqual(['due-0']);
  });
});

describe('head-room as a share', () => {
  const shared = { ...pool, headroomShare: 0.1 };
  const machines = named(
    Array.from({ length: 25 }, (_, n) => `m${n}`),
    busy,
  );
  const at = (agoMs: number, situation: Situation) => ({
    agoMs,
    situation: { pools: [shared], ...situation },
  });

  test('follows the machines in use, rounded down', () => {
    const decided = over([at(1000, { machines }), at(0, { machines })]);
    expect(launched(decided)).toEqual(['pool/small ×2 headroom']);
  });

  test('is not launched for a pool in which nothing is in use', () => {
    expect(launched(over([at(1000, {}), at(0, {})]))).toEqual([]);
  });

  test('counts what is free or coming already, and these are not drained', () => {
    const full = [...machines, free('x'), coming('y')];
    const decided = over([
      at(20 * minute, { machines: full }),
      at(1000, { machines: full }),
      at(0, { machines: full }),
    ]);
    expect(launched(decided)).toEqual([]);
    expect(drained(decided)).toEqual([]);
  });
});

describe('min and head-room', () => {
  test('take back what drains for want of work before anything is launched', () => {
    const decided = decide({
      pools: [makePool({ offers: ['small'], min: 2 })],
      machines: [draining('a'), busy('b')],
    });
    expect(decided.undrains).toEqual(['a-0']);
    expect(decided.launches).toEqual([]);
    const spare = decide({
      pools: [makePool({ offers: ['small'], headroom: 2 })],
      machines: [draining('a'), draining('b', 'operator')],
    });
    expect(spare.undrains).toEqual(['a-0']);
    expect(launched(spare)).toEqual(['pool/small ×1 headroom']);
  });

  test('nothing is launched for machines that a job takes back already', () => {
    const decided = decide({
      pools: [makePool({ offers: ['small'], min: 1 })],
      machines: [draining('a')],
      demand: [demandOf(makeJobClass(), 1)],
    });
    expect(decided.undrains).toEqual(['a-0']);
    expect(decided.launches).toEqual([]);
  });
});

describe('a machine that its jobs want kept', () => {
  const fixed = makePool({ offers: ['small'], max: 100, limits: { idleMs: 60_000 } });
  const keepAliveMs = 30 * minute;
  const cause = { kind: 'demand', demand: 'd' as never, job: null, user: null, group: null } as const;
  const freeFor = (ms: number, keepMs: number) =>
    serving('idle', 'a', { idleSinceMs: nowMs - ms, cause: { ...cause, keepAliveMs: keepMs } });
  const goes = (ms: number, keepMs: number) =>
    drained(decide({ pools: [fixed], machines: [freeFor(ms, keepMs)], view: { takenAtMs: nowMs } }))
      .length === 1;

  test('stays so long after its last job, and no longer', () => {
    expect([goes(2 * minute, 0), goes(2 * minute, keepAliveMs)]).toEqual([true, false]);
    expect([goes(keepAliveMs - 1, keepAliveMs), goes(keepAliveMs, keepAliveMs)]).toEqual([false, true]);
  });

  test('stays where the idle time is learned, too', () => {
    const before = { agoMs: 61_000, situation: { machines: [busy('b'), busy('a')] } };
    const now = (keepMs: number) => ({
      agoMs: 0,
      situation: { machines: [busy('b'), freeFor(10 * minute, keepMs)] },
    });
    const since = { agoMs: 60_000, situation: now(0).situation };
    expect(drained(over([before, since, now(0)]))).toEqual(['a-0']);
    expect(drained(over([before, since, now(keepAliveMs)]))).toEqual([]);
  });

  test('is looked at again when its time is over', () => {
    const entry = freeFor(2 * minute, keepAliveMs);
    const atMs = nextReleaseMs(fixed, [entry], { atMs: nowMs, idle: { state: noIdleState, bootMs } });
    expect(atMs).toBe(nowMs + 28 * minute);
  });
});
