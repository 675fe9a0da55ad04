import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createRoughSite, judge, roughOptions } from '../support/roughSite.ts';
import { scenarios } from '../support/scenario.ts';

/**
 * Whatever happens in half an hour, the invariants hold, and when all is well again every job is done, every machine
 * has an owner, and none is left that nobody needs. A failure prints the seed and the happenings that show it.
 * SPILLWAY_SEED and SPILLWAY_RUNS look for others; SPILLWAY_LIMIT_MS bounds the time, on a slow host fewer are played.
 */
const seed = Number(process.env.SPILLWAY_SEED ?? 20_261_122);
const numRuns = Number(process.env.SPILLWAY_RUNS ?? 20);
const limitMs = Number(process.env.SPILLWAY_LIMIT_MS ?? 15_000);

test('the invariants hold whatever happens', { timeout: 4 * limitMs }, async () => {
  const property = fc.asyncProperty(scenarios(roughOptions), async (happenings) => {
    expect(await judge(createRoughSite(), happenings)).toEqual([]);
  });
  await fc.assert(property, { seed, numRuns, interruptAfterTimeLimit: limitMs });
});
