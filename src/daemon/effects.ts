import type { Fleet, Outcome } from '../fleet/fleet.ts';
import { type Effect, owedEffects } from '../fleet/owed.ts';
import type { CloudName } from '../model/ids.ts';
import { isObserved, type Observed } from '../model/mode.ts';
import { createCallRate } from './callRate.ts';
import type { DaemonParts } from './daemonParts.ts';
import { createExecutor, type Executor } from './executor.ts';
import { makeOrder } from './order.ts';
import type { CoreState } from './tick.ts';
import type { Timeline } from './timeline.ts';

export interface EffectsInput {
  readonly parts: DaemonParts;
  readonly timeline: Timeline;
  readonly state: () => CoreState;
  readonly onOutcome: (outcome: Outcome) => void;
  readonly onDone: (effect: Effect, heldBack: boolean) => void;
}

export interface Effects {
  readonly executor: Executor;
  /** Create calls that may be begun now. */
  readonly launchesLeft: (cloud: CloudName, inFlightMax: number) => number;
}

/** What is owed and may be done: where the site only observes, nothing but to look. */
export function dueEffects(fleet: Fleet, observed: Observed | null | undefined): Effect[] {
  const owed = owedEffects(fleet);
  if (observed == null) return owed;
  return owed.filter((effect) => {
    if (effect.kind === 'resolve' || effect.kind === 'launch') return true;
    const instance = fleet.entries.get(effect.instance)?.instance;
    return instance === undefined || !isObserved(observed, instance);
  });
}

/** The executor for the configured clouds and queues, with each cloud's bound on calls. */
export function createEffects({ parts, timeline, state, onOutcome, onDone }: EffectsInput): Effects {
  const { clock, log, random, crashpoint = null } = parts;
  const rates = new Map(
    parts.clouds.map(({ config: { name, callsPerMinute } }) => [
      name,
      createCallRate(callsPerMinute ?? null, timeline),
    ]),
  );
  const executor = createExecutor({
    clouds: new Map(
      parts.clouds.map(({ config: { name, deadlineMs, pollMs }, cloud }) => [
        name,
        { cloud, deadlineMs, repeatMs: pollMs, rate: rates.get(name) ?? createCallRate(null, timeline) },
      ]),
    ),
    queues: new Map(
      parts.queues.map(({ config: { name, deadlineMs, pollMs }, queue }) => [
        name,
        { queue, deadlineMs, repeatMs: pollMs },
      ]),
    ),
    clock,
    timeline,
    random,
    log,
    crashpoint,
    order: (effect) => makeOrder(effect, { parts, state, wallNow: () => clock.wallNow() }),
    onOutcome,
    onDone,
  });
  return {
    executor,
    launchesLeft: (name, inFlightMax) => {
      const left = Math.max(0, inFlightMax - executor.launchesInFlight(name));
      return Math.min(left, rates.get(name)?.left() ?? left);
    },
  };
}
