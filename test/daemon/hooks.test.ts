import { describe, expect, it } from 'vitest';
import { createHooks, momentOf } from '../../src/daemon/hooks.ts';
import type { Hook } from '../../src/model/hook.ts';
import { PoolName } from '../../src/model/ids.ts';
import type { Instance, Phase } from '../../src/model/instance.ts';
import type { Log } from '../../src/model/log.ts';
import { createVirtualClock } from '../../src/simulate/virtualClock.ts';
import { anInstance } from '../conformance/rows.ts';

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => quiet };
const inPhase = (phase: Phase, joined = true): Instance =>
  anInstance('i1', 0, { phase, joinedAtMs: joined ? 5 : null });
const hook = (more: Partial<Hook> = {}): Hook => ({
  moments: ['free', 'unusable', 'ended'],
  pools: null,
  command: ['tell'],
  deadlineMs: 1000,
  ...more,
});

describe('the moments of hooks', () => {
  const cases: readonly (readonly [Instance | null, Instance, string | null])[] = [
    [inPhase('joining', false), inPhase('idle'), 'free'],
    [inPhase('joining', false), inPhase('claimed'), 'free'],
    [inPhase('idle'), inPhase('claimed'), null],
    [inPhase('claimed'), inPhase('idle'), null],
    [inPhase('idle'), inPhase('unreachable'), 'unusable'],
    [inPhase('unreachable'), inPhase('idle'), 'free'],
    [inPhase('draining'), inPhase('terminating'), null],
    [inPhase('terminating'), inPhase('ended'), 'ended'],
    [null, inPhase('requested', false), null],
    [inPhase('building', false), inPhase('failed', false), null],
    [inPhase('terminating', false), inPhase('ended', false), null],
  ];
  it.each(cases)('%#: %o', (before, after, moment) => {
    expect(momentOf(before, after)).toBe(moment);
  });
});

describe('hooks', () => {
  it('are told the facts of each machine, by pool and moment', async () => {
    const told: string[] = [];
    const hooks = createHooks({
      hooks: [hook({ pools: [PoolName('elsewhere')], command: ['never'] }), hook({ moments: ['free'] })],
      run: async ([program], input) => void told.push(`${program} ${input}`),
      clock: createVirtualClock(),
      log: quiet,
      onFailure: () => {},
    });
    hooks.tell([inPhase('idle')], () => inPhase('joining', false));
    hooks.tell([inPhase('ended')], () => inPhase('terminating'));
    await hooks.close();
    expect(told).toHaveLength(1);
    expect(JSON.parse((told[0] ?? '').replace('tell ', ''))).toMatchObject({
      moment: 'free',
      instance: 'i1-0',
    });
  });

  it('that fail or hang are seen, and hold nothing up', async () => {
    const clock = createVirtualClock();
    const failures: string[] = [];
    let calls = 0;
    const hooks = createHooks({
      hooks: [hook()],
      run: async (_, __, signal) => {
        calls += 1;
        if (calls === 1) throw new Error('exit code 3');
        await clock.sleep(3_600_000, signal);
      },
      clock,
      log: quiet,
      onFailure: (moment, { id }, why) => failures.push(`${moment} ${id} ${why}`),
    });
    for (let n = 0; n < 20; n += 1) hooks.tell([inPhase('idle')], () => inPhase('joining', false));
    await clock.advance(1500);
    expect(failures[0]).toBe('free i1-0 tell: exit code 3');
    expect(failures[1]).toContain('no answer within 1000 ms');
    // Eight at a time: the next ones have begun when the first were given up.
    expect(calls).toBe(17);
    await hooks.close();
  });

  it('that are too slow lose the oldest calls, not the daemon', async () => {
    const clock = createVirtualClock();
    const errors: unknown[] = [];
    const hooks = createHooks({
      hooks: [hook()],
      run: (_, __, signal) => clock.sleep(3_600_000, signal),
      clock,
      log: { ...quiet, error: (fields) => errors.push(fields) },
      onFailure: () => {},
    });
    const many = Array.from({ length: 1200 }, () => inPhase('idle'));
    hooks.tell(many, () => inPhase('joining', false));
    expect(errors).toEqual([{ dropped: 200 }]);
    await hooks.close();
  });
});
