import { describe, expect, test } from 'vitest';
import type { Lesson } from '../../src/fleet/fleet.ts';
import type { CloudErrorCode } from '../../src/model/errors.ts';
import { IntentId, OfferName } from '../../src/model/ids.ts';
import type { EndReason } from '../../src/model/instance.ts';
import {
  admittance,
  cloudKey,
  dropStaleProbes,
  forgiveShortLives,
  learnSetAsides,
  offerKey,
  type SetAsides,
  withProbe,
} from '../../src/planner/setAside.ts';
import { makeEntry, makeInstance } from '../support/fleetParts.ts';
import { east } from '../support/siteParts.ts';

const offer = OfferName('small');
const key = offerKey(offer);
const cloud = cloudKey(east);
const policy = { setAsideFirstMs: 10_000, setAsideMaxMs: 100_000 };

const refused = (code: CloudErrorCode, over: Partial<Extract<Lesson, { kind: 'refused' }>> = {}): Lesson => ({
  kind: 'refused',
  offer,
  cloud: east,
  intent: IntentId('i'),
  code,
  message: 'no',
  retryAfterMs: null,
  ...over,
});
const failed = (reason: EndReason): Lesson => ({ kind: 'failed', offer, intent: IntentId('i'), reason });
const accepted: Lesson = { kind: 'accepted', offer, cloud: east, intent: IntentId('i') };
const joined: Lesson = { kind: 'joined', offer, tookMs: 1, intent: IntentId('i') };

/** With the jitter in the middle: delays are what they are named. */
const learn = (before: SetAsides, lessons: readonly Lesson[], nowMs = 0) =>
  learnSetAsides(before, lessons, { nowMs, policy, jitter: () => 0.5 });

const nothing: SetAsides = new Map();

describe('whom a refusal is blamed on', () => {
  test.each(['capacity', 'invalid', 'notFound', 'unsupported'] as const)('%s: the offer', (code) => {
    const asides = learn(nothing, [refused(code)]);
    expect(admittance(asides, key, 1)).toBe('closed');
    expect(admittance(asides, cloud, 1)).toBe('open');
  });

  test.each(['quota', 'auth', 'rateLimited', 'timeout', 'unavailable'] as const)('%s: the cloud', (code) => {
    const asides = learn(nothing, [refused(code)]);
    expect(admittance(asides, cloud, 1)).toBe('closed');
    expect(admittance(asides, key, 1)).toBe('open');
  });
});

describe('create calls that are accepted and come to nothing for want of room', () => {
  const lacked = (code: CloudErrorCode): Lesson => ({
    kind: 'lacked',
    offer,
    cloud: east,
    intent: IntentId('i'),
    code,
    message: 'no room after all',
  });
  const booted = (tookMs: number): Lesson => ({ kind: 'booted', offer, cloud: east, tookMs });

  test('are blamed as a refusal is, for a time that grows though the next call is accepted', () => {
    const once = learn(nothing, [lacked('capacity')]);
    expect(once.get(key)).toMatchObject({ failures: 1, untilMs: 10_000 });
    const probing = withProbe(once, key, IntentId('p'));
    const taken = learn(probing, [accepted], 10_000);
    expect(taken.get(key)).toMatchObject({ probe: 'p' });
    expect(dropStaleProbes(taken, () => 'accepted')).toBe(taken);
    expect(learn(taken, [lacked('capacity')], 12_000).get(key)).toMatchObject({
      failures: 2,
      untilMs: 32_000,
    });
    expect(admittance(learn(nothing, [lacked('quota')]), cloud, 29_000)).toBe('closed');
  });

  test('are over when a machine boots that was asked for since, and not with an older one', () => {
    const asides = learn(nothing, [lacked('quota')], 50_000);
    expect(learn(asides, [booted(30_000)], 60_000).has(cloud)).toBe(true);
    expect(learn(asides, [booted(30_000)], 90_000).has(cloud)).toBe(false);
  });
});

describe('for how long', () => {
  test('a machine that fails to join meanwhile does not end what a refusal has begun', () => {
    const asides = learn(nothing, [refused('capacity')]);
    const later = learn(asides, [failed('joinDeadline')], 1000);
    expect(later.get(key)).toEqual(asides.get(key));
    expect(admittance(later, key, 1001)).toBe('closed');
  });

  test('each failure in a row doubles the delay, up to the most', () => {
    let asides = nothing;
    let nowMs = 0;
    const delays = Array.from({ length: 6 }, () => {
      asides = learn(asides, [refused('capacity')], nowMs);
      const untilMs = asides.get(key)?.untilMs ?? 0;
      const delayMs = untilMs - nowMs;
      nowMs = untilMs;
      return delayMs;
    });
    expect(delays).toEqual([10_000, 20_000, 40_000, 80_000, 100_000, 100_000]);
  });

  test('refusals of launches that were under way together are one', () => {
    const asides = learn(
      learn(nothing, [refused('capacity'), refused('capacity')]),
      [refused('capacity')],
      5,
    );
    expect(asides.get(key)).toMatchObject({ failures: 1 });
  });

  test('the jitter spreads it by a quarter each way', () => {
    const until = (jitter: number) =>
      learnSetAsides(nothing, [refused('capacity')], { nowMs: 0, policy, jitter: () => jitter }).get(key)
        ?.untilMs;
    expect([until(0), until(1)]).toEqual([7500, 12_500]);
  });

  test('a limit of the account is left alone for half a minute at least, and what the cloud asks for is kept', () => {
    expect(learn(nothing, [refused('quota')]).get(cloud)?.untilMs).toBe(30_000);
    expect(learn(nothing, [refused('rateLimited', { retryAfterMs: 55_000 })]).get(cloud)?.untilMs).toBe(
      55_000,
    );
    const shortest = (lesson: Lesson) =>
      learnSetAsides(nothing, [lesson], { nowMs: 0, policy, jitter: () => 0 }).get(cloud)?.untilMs;
    expect(shortest(refused('quota'))).toBe(30_000);
    expect(shortest(refused('rateLimited', { retryAfterMs: 155_000 }))).toBe(155_000);
  });

  test('another failure meanwhile does not shorten it', () => {
    const asked = learn(nothing, [refused('rateLimited', { retryAfterMs: 40_000 })]);
    const meanwhile = learn(asked, [refused('timeout')], 4000);
    expect(admittance(meanwhile, cloud, 39_999)).toBe('closed');
    expect(admittance(meanwhile, cloud, 40_000)).toBe('probe');
  });

  test('one machine may fail by itself; the second in a row sets the offer aside', () => {
    const once = learn(nothing, [failed('bootDeadline')]);
    expect(admittance(once, key, 0)).toBe('open');
    const twice = learn(once, [failed('joinDeadline')], 5);
    expect(admittance(twice, key, 5)).toBe('closed');
    expect(twice.get(key)).toMatchObject({ reason: 'joinDeadline', failures: 2, untilMs: 10_005 });
  });
});

describe('machines that are lost young', () => {
  const lost = failed('lost');
  const serving = (joinedAtMs: number) =>
    new Map([['i-0', makeEntry(makeInstance('claimed', { offer, joinedAtMs }))]]);

  test('two of them set the offer aside, and that the next has joined is no word of its own', () => {
    const asides = learn(learn(nothing, [lost]), [joined, lost], 5);
    expect(admittance(asides, key, 6)).toBe('closed');
    expect(learn(asides, [accepted, joined], 20_000).has(key)).toBe(true);
  });

  test('one that has joined since and lives on ends it; one from before does not', () => {
    const asides = learn(nothing, [lost, lost], 1000);
    expect(forgiveShortLives(asides, serving(500), 1e6).has(key)).toBe(true);
    expect(forgiveShortLives(asides, serving(2000), 301_999).has(key)).toBe(true);
    expect(forgiveShortLives(asides, serving(2000), 302_000).has(key)).toBe(false);
  });

  test('twenty that fail together are one failure', () => {
    const asides = learn(
      nothing,
      Array.from({ length: 20 }, () => failed('bootFailed')),
    );
    expect(asides.get(key)).toMatchObject({ failures: 2, untilMs: 10_000 });
  });
});

describe('how it ends', () => {
  test('when its time has come one launch is let through, and no other while that is under way', () => {
    const asides = learn(nothing, [refused('capacity')]);
    expect(admittance(asides, key, 9999)).toBe('closed');
    expect(admittance(asides, key, 10_000)).toBe('probe');
    expect(admittance(withProbe(asides, key, IntentId('p')), key, 10_000)).toBe('closed');
  });

  test('a probe that is accepted ends a refusal', () => {
    const asides = learn(nothing, [refused('capacity'), refused('unavailable')]);
    expect([...learn(asides, [accepted], 10_000)]).toEqual([]);
  });

  test('a machine that joins does not end a refusal: it was asked for before', () => {
    const asides = learn(nothing, [refused('capacity')]);
    expect(learn(asides, [joined], 3000)).toEqual(asides);
  });

  test('a probe that is accepted does not end boot failures: its machine must join', () => {
    const asides = learn(nothing, [failed('bootFailed'), failed('bootFailed')]);
    expect(learn(asides, [accepted], 20_000).has(key)).toBe(true);
    expect(learn(asides, [joined], 20_000).has(key)).toBe(false);
  });

  test('a probe that fails doubles the delay', () => {
    const probing = withProbe(learn(nothing, [refused('capacity')]), key, IntentId('p'));
    expect(learn(probing, [refused('capacity')], 10_000).get(key)).toMatchObject({
      failures: 2,
      untilMs: 30_000,
      probe: null,
    });
  });

  test('a probe that ended without a word is over', () => {
    const probing = withProbe(learn(nothing, [refused('capacity')]), key, IntentId('p'));
    expect(dropStaleProbes(probing, () => 'open')).toBe(probing);
    expect(dropStaleProbes(probing, () => 'unknown')).toBe(probing);
    // Found in the cloud after a crash: nobody has told what came of the call.
    expect(
      admittance(
        dropStaleProbes(probing, () => 'accepted'),
        key,
        10_000,
      ),
    ).toBe('probe');
    expect(
      admittance(
        dropStaleProbes(probing, () => undefined),
        key,
        10_000,
      ),
    ).toBe('probe');
  });
});
