import { publicState } from '../fleet/entry.ts';
import type { Clock } from '../model/clock.ts';
import type { Hook, HookMoment } from '../model/hook.ts';
import type { Instance } from '../model/instance.ts';
import type { Log } from '../model/log.ts';
import { withDeadline } from './deadline.ts';

/** Runs one command with a text on its standard input. Throws where it cannot be run, or ends with another code than 0. */
export type RunHook = (command: readonly string[], input: string, signal: AbortSignal) => Promise<void>;

/** Runs at the same time; what comes then waits, in order. */
const runsMax = 8;
/** More than that are not waited for: the oldest are dropped, and it is said. */
const waitingMax = 1000;

/** Tells commands of the site what becomes of machines. Nothing waits for them, and none of their failures matters to us. */
export interface Hooks {
  /** What a tick has changed; `before` gives the record as it was, null for a new one. */
  tell(changed: readonly Instance[], before: (instance: Instance) => Instance | null): void;
  /** Waits for those that run; drops those that wait. */
  close(): Promise<void>;
}

export interface HooksParts {
  readonly hooks: readonly Hook[];
  readonly run: RunHook;
  readonly clock: Clock;
  readonly log: Log;
  /** A hook that failed, for the journal. */
  readonly onFailure: (moment: HookMoment, instance: Instance, why: string) => void;
}

interface Call {
  readonly hook: Hook;
  readonly moment: HookMoment;
  readonly instance: Instance;
}

export function createHooks({ hooks, run, clock, log, onFailure }: HooksParts): Hooks {
  const waiting: Call[] = [];
  const running = new Set<Promise<void>>();
  const stop = new AbortController();

  function begin(): void {
    while (running.size < runsMax) {
      const call = waiting.shift();
      if (call === undefined) return;
      const work = runOne(call).finally(() => {
        running.delete(work);
        begin();
      });
      running.add(work);
    }
  }

  async function runOne({ hook, moment, instance }: Call): Promise<void> {
    const { id, pool } = instance;
    const [program] = hook.command;
    try {
      const work = (signal: AbortSignal) =>
        run(hook.command, `${JSON.stringify(facts(moment, instance))}\n`, signal);
      await withDeadline(work, { clock, ms: hook.deadlineMs, signal: stop.signal });
      log.debug({ moment, instance: id, pool, program }, 'hook done');
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      log.warn({ moment, instance: id, pool, program, error: why }, 'hook failed');
      onFailure(moment, instance, `${program}: ${why}`);
    }
  }

  return {
    tell: (changed, before) => {
      if (hooks.length === 0) return;
      for (const instance of changed) {
        const moment = momentOf(before(instance), instance);
        if (moment === null) continue;
        for (const hook of hooks)
          if (hook.moments.includes(moment) && (hook.pools === null || hook.pools.includes(instance.pool)))
            waiting.push({ hook, moment, instance });
      }
      const dropped = waiting.splice(0, Math.max(0, waiting.length - waitingMax));
      if (dropped.length > 0)
        log.error({ dropped: dropped.length }, 'hooks are too slow: calls were dropped');
      begin();
    },
    close: async () => {
      waiting.length = 0;
      stop.abort(new Error('the daemon stops'));
      await Promise.all(running);
    },
  };
}

/** Null where no hook's moment has come: a machine that is on its way is Unusable and nobody's concern yet. */
export function momentOf(before: Instance | null, after: Instance): HookMoment | null {
  if (after.phase === 'ended') return after.joinedAtMs === null ? null : 'ended';
  const [was, is] = [before === null ? null : publicState(before.phase), publicState(after.phase)];
  if (is === was) return null;
  // Back from a job it is the same machine still: it has been told of when it became Free at first.
  if (is === 'Free') return was === 'Busy' ? null : 'free';
  if (is === 'Busy') return was === 'Unusable' && before?.joinedAtMs === null ? 'free' : null;
  // Its end is told of when it has come.
  return was === null || after.joinedAtMs === null || after.phase === 'terminating' ? null : 'unusable';
}

function facts(moment: HookMoment, instance: Instance) {
  const { id, pool, queue, offer, cloud, cloudId, address, worker, phase, endReason } = instance;
  return { moment, instance: id, pool, queue, offer, cloud, cloudId, address, worker, phase, endReason };
}
