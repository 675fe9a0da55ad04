import { describe, expect, it } from 'vitest';
import { createSystemd } from '../../src/host/systemd.ts';
import type { Log } from '../../src/model/log.ts';
import { createVirtualClock } from '../../src/simulate/virtualClock.ts';

const quiet: Log = { debug: () => {}, info: () => {}, warn: () => {}, error: () => {}, child: () => quiet };
const minute = 60_000;

/** Lets promises that wait for nothing else go on. */
const settle = async () => {
  for (let turn = 0; turn < 20; turn += 1) await Promise.resolve();
};

function manage(environment: Record<string, string>, send?: () => Promise<void>) {
  const clock = createVirtualClock();
  const sent: string[] = [];
  const errors: object[] = [];
  const log: Log = { ...quiet, error: (fields) => void errors.push(fields) };
  const manager = createSystemd({
    environment,
    pid: 42,
    clock,
    log,
    send: async (message) => {
      sent.push(message.join(' '));
      await send?.();
    },
  });
  return { clock, sent, errors, manager };
}

const watched = { NOTIFY_SOCKET: '/run/systemd/notify', WATCHDOG_USEC: String(4 * minute * 1000) };

describe('what systemd is told', () => {
  it('is nothing where it has not started the process', async () => {
    const { manager, sent } = manage({ WATCHDOG_USEC: '1000000' });
    manager.turned();
    manager.stopping();
    await manager.flush();
    expect(sent).toEqual([]);
    expect(manager.turnMaxMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('is once that the service is ready, after the first turn of the loop', async () => {
    const { manager, sent } = manage({ NOTIFY_SOCKET: '/run/systemd/notify' });
    await settle();
    expect(sent).toEqual([]);
    manager.turned();
    manager.turned();
    await manager.flush();
    expect(sent).toEqual(['READY=1']);
    expect(manager.turnMaxMs).toBe(Number.POSITIVE_INFINITY);
  });

  it('feeds the watchdog when the loop turns, and not when time passes', async () => {
    const { manager, sent, clock } = manage(watched);
    expect(manager.turnMaxMs).toBe(minute);
    manager.turned();
    await clock.advance(10 * minute);
    expect(sent).toEqual(['READY=1']);
    manager.turned();
    await settle();
    expect(sent).toEqual(['READY=1', 'WATCHDOG=1']);
  });

  it('feeds it at most eight times in its time, however often the loop turns', async () => {
    const { manager, sent, clock } = manage(watched);
    for (let turn = 0; turn < 240; turn += 1) {
      manager.turned();
      await clock.advance(1000);
    }
    expect(sent).toEqual(['READY=1', ...Array(7).fill('WATCHDOG=1')]);
  });

  it('is no watchdog message where the watchdog watches another process, or none', async () => {
    for (const more of [{ WATCHDOG_PID: '41' }, { WATCHDOG_USEC: '0' }, { WATCHDOG_USEC: 'x' }]) {
      const { manager, sent, clock } = manage({ ...watched, ...more });
      manager.turned();
      await clock.advance(10 * minute);
      manager.turned();
      await manager.flush();
      expect(sent).toEqual(['READY=1']);
    }
  });

  it('is said one thing after the other, and what waits is said once', async () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    const { manager, sent, clock } = manage(watched, () => promise);
    for (let turn = 0; turn < 10; turn += 1) {
      manager.turned();
      await clock.advance(1000 * 30);
      if (turn === 0) expect(sent).toEqual(['READY=1']);
    }
    manager.stopping();
    resolve();
    await manager.flush();
    expect(sent).toEqual(['READY=1', 'WATCHDOG=1', 'STOPPING=1']);
  });

  it('costs a line in the log where it cannot be said', async () => {
    const { manager, errors } = manage(watched, () => Promise.reject(new Error('no such program')));
    manager.turned();
    await manager.flush();
    expect(errors).toEqual([{ err: new Error('no such program'), message: ['READY=1'] }]);
  });

  it('is given up where it takes too long', async () => {
    const clock = createVirtualClock();
    let given = false;
    const manager = createSystemd({
      environment: watched,
      pid: 42,
      clock,
      log: quiet,
      send: (_message, signal) => {
        const { promise, reject } = Promise.withResolvers<void>();
        signal.addEventListener('abort', () => {
          given = true;
          reject(signal.reason);
        });
        return promise;
      },
    });
    manager.turned();
    await clock.advance(9_000);
    expect(given).toBe(false);
    await clock.advance(2_000);
    expect(given).toBe(true);
  });
});
