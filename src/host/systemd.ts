import type { Clock } from '../model/clock.ts';
import type { Log } from '../model/log.ts';
import { runProgram } from './programs.ts';

/**
 * What systemd is told of this service (sd_notify(3)): that it is ready, that it lives, that it stops.
 *
 * The messages are datagrams on a unix socket, which Node cannot send. So each is sent by `systemd-notify`, which is there
 * wherever systemd is, as a process of its own; the unit needs NotifyAccess=all for it. Nothing waits for it: one is under
 * way at a time, and of those that wait meanwhile each kind is sent once. A message that cannot be sent is a line in the
 * log, and systemd acts as it must on a service that says nothing.
 */
export interface Systemd {
  /** The loop comes round at least so often; infinite where nobody watches for it. */
  readonly turnMaxMs: number;
  /** The loop has come round. The first says that the service is ready; the others feed the watchdog, four times in its time. */
  turned(): void;
  /** No more turns come. */
  stopping(): void;
  /** Resolves when what was to be said has been. */
  flush(): Promise<void>;
}

export interface SystemdOptions {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly pid: number;
  readonly clock: Clock;
  readonly log: Log;
  /** Sends one message, KEY=VALUE each; absent: by `systemd-notify`. */
  readonly send?: (message: readonly string[], signal: AbortSignal) => Promise<void>;
}

const sendMaxMs = 10_000;
/** Feeding it so often, two messages may be lost before it bites. */
const feedsInTime = 4;

const unwatched: Systemd = {
  turnMaxMs: Number.POSITIVE_INFINITY,
  turned: () => {},
  stopping: () => {},
  flush: async () => {},
};

/** Does nothing where no service manager has started this very process (no NOTIFY_SOCKET). */
export function createSystemd({
  environment,
  pid,
  clock,
  log,
  send = notifier(environment.NOTIFY_SOCKET ?? ''),
}: SystemdOptions): Systemd {
  if (environment.NOTIFY_SOCKET === undefined || environment.NOTIFY_SOCKET === '') return unwatched;
  const watchdogMs = watchdogOf(environment, pid);
  const waiting = new Map<string, readonly string[]>();
  let sending: Promise<void> | null = null;
  let isReady = false;
  let fedAtMs = Number.NEGATIVE_INFINITY;

  const say = (kind: string, message: readonly string[]) => {
    waiting.set(kind, message);
    sending ??= sendAll().finally(() => {
      sending = null;
    });
  };

  async function sendAll(): Promise<void> {
    for (;;) {
      const [next] = waiting;
      if (next === undefined) return;
      waiting.delete(next[0]);
      await sendOne(next[1]);
    }
  }

  async function sendOne(message: readonly string[]): Promise<void> {
    const late = new AbortController();
    const done = new AbortController();
    void clock.sleep(sendMaxMs, done.signal).then(
      () => late.abort(new Error(`not done within ${sendMaxMs} ms`)),
      () => {}, // it was sent in time
    );
    try {
      await send(message, late.signal);
    } catch (error) {
      log.error({ err: error, message }, 'the service manager could not be told');
    } finally {
      done.abort();
    }
  }

  return {
    turnMaxMs: watchdogMs === null ? Number.POSITIVE_INFINITY : watchdogMs / feedsInTime,
    turned: () => {
      const nowMs = clock.monotonicNow();
      if (!isReady) {
        isReady = true;
        fedAtMs = nowMs;
        say('state', ['READY=1']);
      } else if (watchdogMs !== null && nowMs - fedAtMs >= watchdogMs / feedsInTime / 2) {
        fedAtMs = nowMs;
        say('watchdog', ['WATCHDOG=1']);
      }
    },
    stopping: () => say('state', ['STOPPING=1']),
    flush: async () => {
      await sending;
    },
  };
}

/** The time within which the watchdog wants to hear of this process; null: there is none, or it watches another. */
function watchdogOf(environment: SystemdOptions['environment'], pid: number): number | null {
  const { WATCHDOG_USEC: usec, WATCHDOG_PID: watched } = environment;
  if (usec === undefined || !/^[1-9]\d{0,15}$/.test(usec)) return null;
  if (watched !== undefined && watched !== '' && watched !== String(pid)) return null;
  return Number(usec) / 1000;
}

function notifier(socket: string): NonNullable<SystemdOptions['send']> {
  const { PATH = '/usr/local/bin:/usr/bin:/bin' } = process.env;
  return async (message, signal) => {
    const { exitCode, stderr } = await runProgram(
      ['systemd-notify', ...message],
      { environment: { PATH, NOTIFY_SOCKET: socket }, stdoutBytesMax: 65_536 },
      signal,
    );
    if (exitCode !== 0) throw new Error(`systemd-notify: exit code ${exitCode}: ${stderr.trim()}`);
  };
}
