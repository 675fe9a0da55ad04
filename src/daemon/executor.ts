import type { Cloud } from '../clouds/port.ts';
import type { Outcome } from '../fleet/fleet.ts';
import type { Effect } from '../fleet/owed.ts';
import type { Clock, Random } from '../model/clock.ts';
import { CloudError } from '../model/errors.ts';
import type { CloudName, InstanceId, IntentId, QueueName } from '../model/ids.ts';
import type { Log } from '../model/log.ts';
import type { Queue } from '../queues/port.ts';
import type { Crashpoint } from './boundaries.ts';
import type { CallRate } from './callRate.ts';
import { DeadlineError, withDeadline } from './deadline.ts';
import { describe } from './source.ts';
import type { Timeline } from './timeline.ts';

/** What the executor needs of a configured cloud or queue. */
export interface CloudPort {
  readonly cloud: Cloud;
  readonly deadlineMs: number;
  readonly repeatMs: number;
  /** Absent: no bound. */
  readonly rate?: CallRate;
}

export interface QueuePort {
  readonly queue: Queue;
  readonly deadlineMs: number;
  readonly repeatMs: number;
}

export interface ExecutorDeps {
  readonly clouds: ReadonlyMap<CloudName, CloudPort>;
  readonly queues: ReadonlyMap<QueueName, QueuePort>;
  readonly clock: Clock;
  readonly timeline: Timeline;
  readonly random: Random;
  readonly log: Log;
  /** Makes the create call's order, user data and all. Throws a CloudError: nothing was sent then. */
  readonly order: (effect: Extract<Effect, { kind: 'launch' }>) => Promise<Parameters<Cloud['launch']>[0]>;
  /** Called once for each effect that ends and says something, never from within `start`. */
  readonly onOutcome: (outcome: Outcome) => void;
  /**
   * Called in its place where an effect has ended and says nothing: a view will tell what it did. `heldBack`: something
   * that is owed was not begun because too much was under way, and may be now.
   */
  readonly onDone?: (effect: Effect, heldBack: boolean) => void;
  /** Told of each answer before its outcome is; see boundaries.ts. */
  readonly crashpoint?: Crashpoint | null;
}

export interface Executor {
  /**
   * Begins an effect unless its instance has one under way, or it was tried too short a time ago: then it returns the
   * moment (daemon time, ms) at which it may be tried again. Never waits.
   */
  start(effect: Effect): number | null;
  launchesInFlight(cloud: CloudName): number;
  /** Waits until all that is under way has ended, or `ms` have passed; then abandons the rest. */
  drain(ms: number): Promise<void>;
}

/** Effects under way at a time for one cloud or one queue, launches apart (the planner bounds those). */
const sideBySideMax = 8;
const failureFirstMs = 1000;
const failureMostMs = 60_000;
const repeatsMost = 6;

interface Pace {
  readonly notBeforeMs: number;
  readonly failures: number;
  /** Times that it has worked, and is owed all the same. */
  readonly repeats: number;
}

/**
 * The only part that calls drivers and adapters to change something. One effect is under way for each instance, each
 * has a deadline, and what came of it goes back as an outcome. It retries nothing by itself: an effect that is still
 * owed comes again, and is let through when its pace allows. A removal alone is owed only once: it waits for its turn.
 */
export function createExecutor(deps: ExecutorDeps): Executor {
  const { clock, timeline, log, crashpoint = null } = deps;
  const underWay = new Map<string, { readonly effect: Effect; readonly done: Promise<void> }>();
  const paces = new Map<string, Pace>();
  const waiting: Effect[] = [];
  const abandoned = new AbortController();
  let heldBack = false;

  function start(effect: Effect): number | null {
    const key = keyOf(effect);
    if (underWay.has(key) || abandoned.signal.aborted) return null;
    const paceKey = `${effect.kind} ${key}`;
    const pace = paces.get(paceKey);
    if (pace !== undefined && timeline.now() < pace.notBeforeMs) return pace.notBeforeMs;
    if (effect.kind !== 'launch' && sideBySide(effect) >= sideBySideMax) {
      if (effect.kind === 'remove' && waiting.length < waitingMax) waiting.push(effect);
      else heldBack = true;
      return null;
    }
    const rate = 'cloud' in effect ? deps.clouds.get(effect.cloud)?.rate : undefined;
    if (effect.kind === 'launch') rate?.spend();
    else {
      const againMs = rate?.take() ?? null;
      if (againMs !== null) return againMs;
    }
    const done = perform(effect)
      .then((outcome) => finish(effect, { key, paceKey, outcome }))
      .catch((error: unknown) => {
        underWay.delete(key);
        log.error(
          { effect: effect.kind, problem: describe(error).message },
          'effect ended without an outcome',
        );
      });
    underWay.set(key, { effect, done });
    return null;
  }

  function sideBySide(effect: Effect): number {
    const target = 'cloud' in effect ? effect.cloud : effect.queue;
    let count = 0;
    for (const { effect: other } of underWay.values())
      if (other.kind !== 'launch' && ('cloud' in other ? other.cloud : other.queue) === target) count += 1;
    return count;
  }

  function finish(
    effect: Effect,
    { key, paceKey, outcome }: { key: string; paceKey: string; outcome: Outcome | null },
  ) {
    underWay.delete(key);
    const failed = outcome?.kind === 'effectFailed';
    const pace = paces.get(paceKey);
    const failures = failed ? (pace?.failures ?? 0) + 1 : 0;
    const repeats = failed ? (pace?.repeats ?? 0) : (pace?.repeats ?? 0) + 1;
    const waitMs = failed ? backOff(failures) : repeatAfter(effect, repeats);
    if (waitMs > 0) paces.set(paceKey, { notBeforeMs: timeline.now() + waitMs, failures, repeats });
    if (paces.size > pacesMax) forgetPaces();
    if (outcome !== null) deps.onOutcome(outcome);
    else {
      const wasHeldBack = heldBack;
      heldBack = false;
      deps.onDone?.(effect, wasHeldBack);
    }
    const next = waiting.shift();
    if (next !== undefined) start(next);
  }

  function backOff(failures: number): number {
    const most = Math.min(failureMostMs, failureFirstMs * 2 ** Math.min(failures - 1, 16));
    return most * (0.5 + 0.5 * deps.random.next());
  }

  /** Not again before a view can have shown what it did; an end that takes its time is asked after ever less often. */
  function repeatAfter(effect: Effect, repeats: number): number {
    switch (effect.kind) {
      case 'launch':
        return 0;
      case 'resolve':
        return deps.clouds.get(effect.cloud)?.repeatMs ?? 0;
      case 'terminate':
        return (deps.clouds.get(effect.cloud)?.repeatMs ?? 0) * Math.min(repeats, repeatsMost);
      case 'drain':
      case 'undrain':
      case 'remove':
        return 2 * (deps.queues.get(effect.queue)?.repeatMs ?? 0);
    }
  }

  function forgetPaces(): void {
    const nowMs = timeline.now();
    for (const [key, { notBeforeMs }] of paces) if (notBeforeMs < nowMs - failureMostMs) paces.delete(key);
  }

  async function perform(effect: Effect): Promise<Outcome | null> {
    switch (effect.kind) {
      case 'launch':
        return launch(effect);
      case 'resolve':
      case 'terminate':
        return attempt(effect, effect.instance, () => onCloud(effect));
      case 'drain':
      case 'undrain':
      case 'remove':
        return attempt(effect, effect.instance, () => onQueue(effect));
    }
  }

  async function launch(effect: Extract<Effect, { kind: 'launch' }>): Promise<Outcome> {
    const port = deps.clouds.get(effect.cloud);
    let sent = false;
    try {
      if (port === undefined) throw new CloudError('unsupported', `cloud ${effect.cloud} is not configured`);
      const options = { clock, ms: port.deadlineMs, signal: abandoned.signal };
      const order = await withDeadline(() => deps.order(effect), options);
      crashpoint?.('admit/notStored');
      sent = true;
      const accepted = await withDeadline((signal) => port.cloud.launch(order, signal), options);
      crashpoint?.('launch/notStored');
      return { kind: 'launched', intent: effect.intent, instances: accepted.instances };
    } catch (error) {
      if (abandoned.signal.aborted) return { kind: 'interrupted', intent: effect.intent };
      return launchFailed(effect.intent, error, sent);
    }
  }

  async function onCloud(effect: Extract<Effect, { kind: 'resolve' | 'terminate' }>): Promise<Outcome> {
    const port = deps.clouds.get(effect.cloud);
    if (port === undefined) throw new CloudError('unsupported', `cloud ${effect.cloud} is not configured`);
    const options = { clock, ms: port.deadlineMs, signal: abandoned.signal };
    if (effect.kind === 'resolve') {
      const askedAtMs = timeline.now();
      const instances = await withDeadline((signal) => port.cloud.resolve(effect.intent, signal), options);
      return { kind: 'resolved', intent: effect.intent, instances, askedAtMs };
    }
    const verdict = await withDeadline((signal) => port.cloud.terminate(effect.cloudId, signal), options);
    crashpoint?.('terminate/notStored');
    return { kind: 'terminated', instance: effect.instance, verdict };
  }

  async function onQueue(
    effect: Extract<Effect, { kind: 'drain' | 'undrain' | 'remove' }>,
  ): Promise<Outcome | null> {
    const port = deps.queues.get(effect.queue);
    if (port === undefined) return null;
    const { queue, deadlineMs } = port;
    await withDeadline((signal) => queue[effect.kind](effect.worker, signal), {
      clock,
      ms: deadlineMs,
      signal: abandoned.signal,
    });
    if (effect.kind !== 'remove') crashpoint?.(`${effect.kind}/notStored`);
    return effect.kind === 'undrain' ? { kind: 'undrained', instance: effect.instance } : null;
  }

  async function attempt(
    effect: Exclude<Effect, { kind: 'launch' }>,
    instance: InstanceId,
    call: () => Promise<Outcome | null>,
  ): Promise<Outcome | null> {
    try {
      return await call();
    } catch (error) {
      const { code, message } = describe(error);
      log.warn({ effect: effect.kind, instance, code, problem: message }, 'effect failed');
      return { kind: 'effectFailed', effect: effect.kind, instance, code, message };
    }
  }

  return {
    start,
    launchesInFlight: (cloud) => {
      let count = 0;
      for (const { effect } of underWay.values())
        if (effect.kind === 'launch' && effect.cloud === cloud) count += effect.instances.length;
      return count;
    },
    drain: async (ms) => {
      const timer = new AbortController();
      const all = Promise.allSettled([...underWay.values()].map(({ done }) => done));
      await Promise.race([all, clock.sleep(ms, timer.signal).catch(() => {})]);
      timer.abort();
      abandoned.abort(new Error('the daemon stops'));
      // What was given up ends at once, as an unknown outcome: it is told, stored, and resolved by the next run.
      await Promise.allSettled([...underWay.values()].map(({ done }) => done));
    },
  };
}

const pacesMax = 10_000;
const waitingMax = 10_000;

/** One under way for each. A removal comes once, when its machine is gone: it must not give way to a repeat of the end. */
function keyOf(effect: Effect): string {
  if (effect.kind === 'launch' || effect.kind === 'resolve') return effect.intent;
  return effect.kind === 'remove' ? `remove ${effect.instance}` : effect.instance;
}

/**
 * A create call that failed is in doubt unless the driver says that it is not: a deadline, a stop or a fault of ours
 * leaves open whether the cloud has carried it out.
 */
function launchFailed(intent: IntentId, error: unknown, sent: boolean): Outcome {
  if (error instanceof CloudError) {
    const { code, message, inDoubt, retryAfterMs } = error;
    return { kind: 'launchFailed', intent, code, message, inDoubt: sent && inDoubt, retryAfterMs };
  }
  const { message } = describe(error);
  const code = error instanceof DeadlineError ? 'timeout' : 'unavailable';
  return { kind: 'launchFailed', intent, code, message, inDoubt: sent, retryAfterMs: null };
}
