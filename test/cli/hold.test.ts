import { describe, expect, it } from 'vitest';
import type { LeaseAnswer } from '../../src/api/schema/leases.ts';
import { CliError, exitCodes } from '../../src/cli/exit.ts';
import { type HoldDeps, type LeaseClient, untilHeld } from '../../src/cli/lease/hold.ts';
import { createVirtualClock } from '../../src/simulate/virtualClock.ts';

const never = new AbortController().signal;
const gone = new CliError(exitCodes.unreachable, 'unreachable', 'nobody listens at /run/api.sock');

const waiting = {
  lease: { id: 'l-1', pool: 'desks', state: 'waiting', end: null },
  access: null,
} as LeaseAnswer;

/** A daemon that answers nothing any more. */
const deadClient = new Proxy({} as LeaseClient, { get: () => () => Promise.reject(gone) });

describe('waiting for a machine', () => {
  it('ends when the time is up, though the daemon has been gone since it was asked', async () => {
    const clock = createVirtualClock();
    const deps: HoldDeps = {
      client: deadClient,
      sleep: (ms, signal) => clock.sleep(ms, signal),
      monotonicNow: () => clock.monotonicNow(),
    };
    const outcome = untilHeld(waiting, deps, { signal: never, waitMsMax: 300_000, show: () => {} }).then(
      () => null,
      (error: unknown) => error,
    );
    await clock.advance(299_000);
    expect(await Promise.race([outcome, Promise.resolve('it waits')])).toBe('it waits');
    await clock.advance(3000);
    expect(await outcome).toMatchObject({
      exitCode: exitCodes.failed,
      code: 'timeout',
      message: 'no machine of desks in time: nobody listens at /run/api.sock',
    });
  });
});
