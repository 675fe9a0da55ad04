import { describe, expect, test } from 'vitest';
import { applicableBoundaries } from '../../src/daemon/boundaries.ts';
import { faultKinds } from '../../src/simulate/faultProfile.ts';
import { coreMutants } from '../support/soak/coreMutants.ts';
import { createMatrix, fullRunSeeds } from '../support/soak/matrix.ts';
import { runSoak } from '../support/soak/run.ts';
import { makeStory, targetOf } from '../support/soak/story.ts';
import { createTimeline } from '../support/soak/timeline.ts';

/**
 * A part of `npm run soak`: the same stories, the same judge. SPILLWAY_RUNS looks at more, SPILLWAY_LIMIT_MS bounds the
 * time that the processor is used for them: on a slow host fewer are played.
 */
const seeds = Number(process.env.SPILLWAY_RUNS ?? 200);
const limitMs = Number(process.env.SPILLWAY_LIMIT_MS ?? 60_000);

/** From seed to seed both the boundary and the fault that a story aims at change. */
const step = applicableBoundaries.length + 1;

const cpuMs = () => {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
};

test('whatever a seed makes of clouds, queues and deaths, no promise is broken', {
  timeout: 10 * limitMs,
}, async () => {
  const matrix = createMatrix();
  const beganMs = cpuMs();
  let played = 0;
  for (; played < seeds && cpuMs() - beganMs < limitMs; played++) {
    const seed = played * step;
    const { breaches, visits, jobs } = await runSoak(seed);
    expect({ seed, breaches }).toEqual({ seed, breaches: [] });
    expect(jobs).toBeGreaterThanOrEqual(50);
    matrix.add(visits);
  }
  const isComplete = played >= 8 * applicableBoundaries.length;
  const atNone = applicableBoundaries.filter(({ name }) => matrix.deaths(name) === 0);
  const inNone = faultKinds.filter((fault) =>
    applicableBoundaries.every(({ name }) => matrix.visits(name, fault) === 0),
  );
  if (isComplete) expect({ atNone, inNone }).toEqual({ atNone: [], inNone: [] });
});

describe('the core with something broken on purpose is caught', () => {
  /** Where a mutant shows only in a certain weather. */
  const from: Readonly<Record<string, number>> = { 'a poll that fails is an empty queue': 419 };

  test.each(coreMutants)('$name', { timeout: 120_000 }, async ({ name, breaks, tampering }) => {
    const first = from[name] ?? 0;
    for (let seed = first; seed < first + 25; seed++) {
      const [breach] = (await runSoak(seed, { tampering: tampering() })).breaches;
      if (breach === undefined) continue;
      expect(breaks).toContain(breach.invariant);
      return;
    }
    expect.fail('not noticed by 25 seeds');
  });
});

describe('a story', () => {
  test('is the same for the same seed, to the letter', { timeout: 60_000 }, async () => {
    const [one, other] = [createTimeline(), createTimeline()];
    await runSoak(7, { timeline: one });
    await runSoak(7, { timeline: other });
    expect(one.lines.length).toBeGreaterThan(200);
    expect(other.lines).toEqual(one.lines);
  });

  test('aims at every pair of a boundary and a fault, eight times in a full run', () => {
    const aims = Map.groupBy(
      Array.from({ length: fullRunSeeds }, (_, seed) => targetOf(seed)),
      ({ boundary, fault }) => `${boundary} ${fault}`,
    );
    expect(aims.size).toBe(applicableBoundaries.length * faultKinds.length);
    expect([...aims.values()].every(({ length }) => length === 8)).toBe(true);
  });

  test('has two clouds, two queues, fifty jobs and a death at least', () => {
    for (let seed = 0; seed < 200; seed++) {
      const { site, submissions, deaths, kills } = makeStory(seed);
      expect(site.clouds.length).toBeGreaterThanOrEqual(2);
      expect(site.queues).toHaveLength(2);
      expect(submissions.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThanOrEqual(50);
      expect(deaths.length).toBeGreaterThanOrEqual(1);
      expect(kills.length).toBeGreaterThanOrEqual(1);
    }
  });
});
