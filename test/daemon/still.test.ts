import { describe, expect, test } from 'vitest';
import type { TickInput, TickResult } from '../../src/daemon/tick.ts';
import { startSite } from '../support/scenes.ts';
import { makeJobClass } from '../support/siteParts.ts';
import { runSoak } from '../support/soak/run.ts';

/** A site whose ticks are noted. */
function watchedSite() {
  const ticks: { readonly input: TickInput; readonly result: TickResult; readonly stood: boolean }[] = [];
  const site = startSite({
    tampering: {
      core: (tick) => (state, input, parts) => {
        const result = tick(state, input, parts);
        ticks.push({ input, result, stood: result.plan === state.planned?.plan });
        return result;
      },
    },
  });
  return { site, ticks };
}

describe('a tick in which nothing happens', () => {
  test('makes no other plan where clouds have listed what was there, and does when a queue was looked at', async () => {
    const { site, ticks } = watchedSite();
    await site.run(120_000);
    const later = ticks.filter(({ input }) => input.lists.length + input.views.length > 0).slice(4);
    expect(later.some(({ stood }) => stood)).toBe(true);
    for (const { input, stood } of later) expect(stood).toBe(input.views.length === 0);
  });

  test('is no such tick when a job, an order or an outcome has come, or a moment that is due', async () => {
    const { site, ticks } = watchedSite();
    await site.run(60_000);
    site.queue.submit(makeJobClass(), { count: 3, runMs: 30_000 });
    await site.run(600_000);
    for (const { input, result, stood } of ticks) {
      const { views, outcomes, notes, isDue } = input;
      if (views.length + outcomes.length + notes.length > 0 || isDue !== false) expect(stood).toBe(false);
      if (stood) expect([result.batch, result.effects, result.launched]).toEqual([null, [], []]);
    }
    expect(ticks.filter(({ result }) => result.launched.length > 0)).not.toEqual([]);
  });

  test('leaves out next to nothing in a storm, and that for no longer than until the next view', async () => {
    let stood = 0;
    let missed = 0;
    for (const seed of [300, 301, 302, 305])
      await runSoak(seed, {
        tampering: {
          core: (tick) => (state, input, parts) => {
            const result = tick(state, input, parts);
            if (result.plan !== state.planned?.plan) return result;
            stood += 1;
            const other = tick({ ...state, planned: null }, input, parts);
            if (other.batch !== null || other.effects.length > 0) missed += 1;
            return result;
          },
        },
      });
    expect(stood).toBeGreaterThan(1000);
    // A machine's early drain and forgiven short lives are known to no `nextDue`.
    expect(missed / stood).toBeLessThan(0.01);
  });
});
