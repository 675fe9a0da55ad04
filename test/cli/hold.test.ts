import { beforeEach, describe, expect, it } from 'vitest';
import type { LeaseAnswer } from '../../src/api/schema/leases.ts';
import { CliError, exitCodes } from '../../src/cli/exit.ts';
import { askOnce, type HoldDeps, type LeaseClient, untilHeld } from '../../src/cli/lease/hold.ts';
import { createVirtualClock, type VirtualClock } from '../../src/simulate/virtualClock.ts';

const cut = new CliError(exitCodes.unreachable, 'cut', 'the answer was cut short');
const gone = new CliError(exitCodes.unreachable, 'unreachable', 'nobody listens at /run/api.sock');

const waiting = {
  lease: { id: 'l-1', pool: 'desks', state: 'waiting', end: null },
  access: null,
} as LeaseAnswer;

/** A daemon that takes the wish, and answers nothing then or any more. */
const deadClient = new Proxy({} as LeaseClient, {
  get: (_, name) => () => Promise.reject(name === 'askLease' ? cut : gone),
});

const patience = { signal: new AbortController().signal, untilMs: 300_000 };

describe('waiting for a machine ends when the time is up', () => {
  let clock: VirtualClock;
  let deps: HoldDeps;

  beforeEach(() => {
    clock = createVirtualClock();
    deps = {
      client: deadClient,
      sleep: (ms, signal) => clock.sleep(ms, signal),
      monotonicNow: () => clock.monotonicNow(),
    };
  });

  it.each([
    [
      'though the daemon has been gone since it was asked',
      () => untilHeld(waiting, deps, { patience, show: () => {} }),
    ],
    [
      'though nobody can tell whether it was asked',
      () => askOnce({ publicKey: 'ssh-ed25519 A' }, deps, patience),
    ],
  ])('%s', async (_, wait) => {
    const outcome = wait().then(
      () => null,
      (error: unknown) => error,
    );
    await clock.advance(299_000);
    expect(await Promise.race([outcome, Promise.resolve('it waits')])).toBe('it waits');
    await clock.advance(3000);
    expect(await outcome).toMatchObject({
      exitCode: exitCodes.failed,
      code: 'timeout',
      message: 'no machine in time: nobody listens at /run/api.sock',
    });
  });
});
