import type { Control } from '../api/control.ts';
import type { Cloud, CloudCapabilities } from '../clouds/port.ts';
import type { CloudConfig, QueueConfig, SiteConfig } from '../config/site.ts';
import { neverSeen } from '../fleet/entry.ts';
import type { Outcome } from '../fleet/fleet.ts';
import { owedEffects } from '../fleet/owed.ts';
import type { Clock, Random } from '../model/clock.ts';
import type { CloudSnapshot } from '../model/cloud.ts';
import type { QueueSnapshot } from '../model/demand.ts';
import type { QueueName } from '../model/ids.ts';
import type { JournalEntry } from '../model/journal.ts';
import type { Log } from '../model/log.ts';
import type { Queue } from '../queues/port.ts';
import type { Batch, Store } from '../store/port.ts';
import { type Crashpoint, decidedEffects } from './boundaries.ts';
import { createCallRate } from './callRate.ts';
import { type ByHand, createControl, type DaemonView } from './control.ts';
import { coreSite, warnOfStrayed } from './coreSite.ts';
import { outlookOf } from './downtimes.ts';
import { nextDue } from './due.ts';
import { createExecutor } from './executor.ts';
import { remember } from './facts.ts';
import { createHooks, type RunHook } from './hooks.ts';
import { idleOutlook } from './idleOutlook.ts';
import { createJobWatch } from './jobSightings.ts';
import { machinesOf } from './machines.ts';
import { makeOrder } from './order.ts';
import { outlooksOf } from './outlooks.ts';
import { type AskMachine, createProbes } from './probes.ts';
import { createPruning } from './pruning.ts';
import { watchQuotas } from './quotas.ts';
import { reportTick, troubleEntry } from './report.ts';
import { createSources } from './sources.ts';
import { type CoreState, type TickResult, tick } from './tick.ts';
import { createTimeline } from './timeline.ts';
import { createWake } from './wake.ts';

/** A configured cloud or queue, ready to be used. */
export interface CloudPart {
  readonly config: CloudConfig;
  readonly cloud: Cloud;
  readonly capabilities: CloudCapabilities;
}

export interface QueuePart {
  readonly config: QueueConfig;
  readonly queue: Queue;
}

export interface DaemonParts {
  readonly version: string;
  readonly config: SiteConfig;
  readonly store: Store;
  readonly clouds: readonly CloudPart[];
  readonly queues: readonly QueuePart[];
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  /** For a store that is new. */
  readonly newSeed: () => string;
  /** Only in a process that a test has started in order to see it die; null or absent in all others. */
  readonly crashpoint?: Crashpoint | null;
  /** How soon after the last a hurried look at a queue may begin; absent: a fifth of its period. */
  readonly hurryMs?: number;
  /** The next tick comes no sooner after one, so that answers that come together are one tick's. */
  readonly tickGapMs?: number;
  /** For pools with a probe; absent: every machine answers. */
  readonly askMachine?: AskMachine;
  /** For the site's hooks; absent: none is run. */
  readonly runHook?: RunHook;
  /** The pure core; another one only in a simulation that breaks it on purpose. */
  readonly core?: typeof tick;
}

export interface Daemon {
  readonly control: Control;
  /**
   * Runs until the signal is aborted, then finishes or abandons what is under way and returns. Ends no instance.
   * Rejects with a StoreError when a decision cannot be stored: nothing may be done that is not.
   */
  run(signal: AbortSignal): Promise<void>;
}

/** Ticks at least so often, whatever is due; anything new wakes the loop at once. */
const tickPeriodMaxMs = 300_000;
const tickGapMsDefault = 5;
/** A queue is looked at no sooner again because something is due. */
const dueGapMs = 5000;
const stopMs = 10_000;

/**
 * The loop: sources → tick → store → effects → outcomes → tick. It waits for nothing but the bell: looks and effects
 * run beside it and come back as data.
 */
export function createDaemon(parts: DaemonParts): Daemon {
  const { clock, config, log, store, crashpoint = null, core = tick } = parts;
  const { tickGapMs = tickGapMsDefault } = parts;
  const stored = store.load();
  const timeline = createTimeline(clock, stored.nowMs);
  const remembered = remember(stored, parts.newSeed);
  const startedAtMs = timeline.now();
  const wake = createWake(clock);
  const site = coreSite(parts);

  let state: CoreState = {
    ...remembered,
    sequence: stored.sequence,
    fleet: {
      entries: new Map(stored.instances.map((instance) => [instance.id, { instance, sighting: neverSeen }])),
      intents: new Map(stored.intents.map((intent) => [intent.id, intent])),
      strangers: new Map(),
    },
    unmet: new Map(),
  };
  const totalsAtStart = state.totals;
  warnOfStrayed(state, parts);
  let lastTick: TickResult | null = null;
  let stopping = false;
  let everReady = false;
  /** When an effect that is owed may be tried again. */
  let owedAgainMs = Number.POSITIVE_INFINITY;
  /** When a queue was last looked at early because something was due. */
  const jobsEnded = createJobWatch();
  const hurriedAtMss = new Map<QueueName, number>();

  // What has come in since the last tick.
  let outcomes: Outcome[] = [
    { kind: 'resumed', awayMs: stored.nowMs === null ? 0 : startedAtMs - stored.nowMs },
    ...stored.intents
      .filter(({ state: intentState }) => intentState === 'open')
      .map(({ id }) => ({ kind: 'interrupted', intent: id }) as const),
  ];
  let lists: CloudSnapshot[] = [];
  let views: QueueSnapshot[] = [];
  let notes: JournalEntry[] = [
    {
      kind: 'started',
      atMs: startedAtMs,
      why: `spillway ${parts.version} started`,
      data: { instances: stored.instances.length },
    },
  ];

  const probes = createProbes({
    pools: config.pools,
    ask: parts.askMachine ?? (async () => true),
    machines: () => config.queues.flatMap(({ name }) => machines(name)),
    onChange: () => {
      for (const source of queueSources.values()) source.hurry();
    },
    clock,
    log,
  });
  const machines = (queue: QueueName) =>
    machinesOf(queue, { fleet: state.fleet, offers: site.offers, isReachable: probes.isReachable });
  const hooks = createHooks({
    hooks: config.hooks,
    run: parts.runHook ?? (async () => {}),
    clock,
    log,
    onFailure: (moment, { id, pool }, why) => {
      notes.push({ kind: 'hook', atMs: timeline.now(), instance: id, pool, why: `${moment}: ${why}` });
      wake.now();
    },
  });
  const {
    clouds: cloudSources,
    queues: queueSources,
    all: sources,
  } = createSources({
    parts,
    timeline,
    probes,
    machines,
    onList: (list) => {
      lists.push(list);
      wake.now();
    },
    onView: (view) => {
      notes.push(...jobsEnded(view));
      views.push(view);
      wake.now();
    },
    onTrouble: (where, trouble) => {
      notes.push(troubleEntry(timeline.now(), where, trouble));
      wake.now();
    },
  });

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
    random: parts.random,
    log,
    crashpoint,
    order: (effect) => makeOrder(effect, { parts, state: () => state, wallNow: () => clock.wallNow() }),
    onOutcome: (outcome) => {
      outcomes.push(outcome);
      wake.now();
    },
    onDone: (effect, heldBack) => {
      if (effect.kind === 'drain') queueSources.get(effect.queue)?.hurry();
      if (heldBack) wake.now();
    },
  });

  const quotas = watchQuotas(parts, timeline);

  const outlooks = outlooksOf({
    parts,
    cloudSources,
    queueSources,
    quotaOf: (name) => quotas.of(name),
    launchesLeft: (name, inFlightMax) => {
      const left = Math.max(0, inFlightMax - executor.launchesInFlight(name));
      return Math.min(left, rates.get(name)?.left() ?? left);
    },
    stopping: () => stopping,
  });

  /** One tick: everything new, decided and stored, then begun. Synchronous. Throws StoreError, and has then changed nothing. */
  function runTick({
    orders = [],
    launches = [],
    poolOrders = [],
    downtimeOrders = [],
  }: Partial<ByHand> = {}): TickResult {
    const nowMs = timeline.now();
    const { clouds, queues } = outlooks(nowMs, (name) => views.some(({ queue }) => queue === name));
    everReady ||= [...clouds.values(), ...queues.values()].every(({ trouble }) => trouble === null);
    const latestViews = new Map(
      [...queues].flatMap(([name, { view }]) => (view === null ? [] : [[name, view] as const])),
    );
    const input = {
      nowMs,
      wallMs: Math.floor(clock.wallNow()),
      outcomes,
      orders,
      lists,
      views,
      latestViews,
      queues,
      clouds,
      launches,
      poolOrders,
      downtimeOrders,
      notes,
    };
    const result = core(state, input, site);
    if (result.batch !== null) commit(result.batch, result);
    [outcomes, lists, views, notes] = [[], [], [], []];
    reportTick(log, input.outcomes, result);
    hooks.tell(result.batch?.instances ?? [], ({ id }) => state.fleet.entries.get(id)?.instance ?? null);
    state = result.state;
    lastTick = result;
    for (const effect of result.effects) executor.start(effect);
    owedAgainMs = Number.POSITIVE_INFINITY;
    for (const effect of owedEffects(state.fleet))
      owedAgainMs = Math.min(owedAgainMs, executor.start(effect) ?? Number.POSITIVE_INFINITY);
    hurrySources(input.outcomes, result);
    return result;
  }

  function commit(batch: Batch, result: TickResult): void {
    const decided = crashpoint === null ? [] : ([...decidedEffects(result), 'tick'] as const);
    for (const what of decided) crashpoint?.(`${what}/beforeCommit`);
    store.commit(batch);
    for (const what of decided) crashpoint?.(`${what}/afterCommit`);
  }

  /** A machine that was just made or ended is looked at sooner than the period would have it. */
  function hurrySources(ended: readonly Outcome[], { effects }: TickResult): void {
    for (const outcome of ended)
      if (outcome.kind === 'launched' || outcome.kind === 'terminated')
        for (const source of cloudSources.values()) source.hurry();
    if (effects.some(({ kind }) => kind === 'remove'))
      for (const source of queueSources.values()) source.hurry();
  }

  async function loop(signal: AbortSignal): Promise<void> {
    const prune = createPruning(store, {
      retentionMs: config.policy.retentionMs,
      startMs: timeline.now(),
    });
    while (!signal.aborted) {
      const tickedAtMs = timeline.now();
      runTick();
      prune(timeline.now());
      await wake.wait(untilDue(), signal);
      const gapMs = tickedAtMs + tickGapMs - timeline.now();
      if (gapMs > 0) await clock.sleep(gapMs, signal).catch(() => {});
    }
  }

  /** How long nothing is due, in ms. A look that is due is begun. */
  function untilDue(): number {
    const nowMs = timeline.now();
    const due = nextDue({
      nowMs,
      fleet: state.fleet,
      pools: site.pools,
      setAsides: state.setAsides,
      downtimes: outlookOf(state.downtimes, site, { nowMs, wallMs: Math.floor(clock.wallNow()) }),
      idle: idleOutlook(state),
      reapMs: site.policy.reapMs,
      viewedAtMs: (queue) => queueSources.get(queue)?.latestAtMs ?? null,
    });
    let untilMs = Math.min(due.tickMs ?? Number.POSITIVE_INFINITY, owedAgainMs);
    for (const [queue, atMs] of due.looks) {
      const hurriedAtMs = hurriedAtMss.get(queue) ?? 0;
      // Machines that are due one by one are looked at together.
      const lookAtMs = Math.max(atMs, hurriedAtMs + dueGapMs);
      if (lookAtMs > nowMs) untilMs = Math.min(untilMs, lookAtMs);
      else if (atMs > hurriedAtMs) {
        hurriedAtMss.set(queue, nowMs);
        queueSources.get(queue)?.hurry();
      }
    }
    // A timer may come a little early.
    return Math.min(tickPeriodMaxMs, Math.max(1, untilMs - nowMs + 1));
  }

  async function run(signal: AbortSignal): Promise<void> {
    if (remembered.newSeed) store.commit(seedBatch());
    const inner = new AbortController();
    const stop = () => {
      stopping = true;
      inner.abort(signal.reason);
    };
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    for (const {
      queue,
      config: { name },
    } of parts.queues)
      queue.hint?.(() => queueSources.get(name)?.hurry(), inner.signal);
    const looks = Promise.all([...sources, quotas, probes].map((source) => source.run(inner.signal)));
    try {
      await loop(inner.signal);
    } finally {
      signal.removeEventListener('abort', stop);
      stopping = true;
      inner.abort();
      await looks;
      await executor.drain(stopMs);
    }
    notes.push({ kind: 'stopped', atMs: timeline.now(), why: 'stopped; every instance lives on' });
    runTick();
    await Promise.allSettled([
      hooks.close(),
      ...parts.clouds.map(({ cloud }) => cloud.close()),
      ...parts.queues.map(({ queue }) => queue.close()),
    ]);
  }

  function seedBatch(): Batch {
    const times = { nowMs: timeline.now(), wallMs: Math.floor(clock.wallNow()) };
    const facts = [{ key: 'seed', value: state.seed }];
    return { ...times, sequence: state.sequence, intents: [], instances: [], facts, journal: [] };
  }

  const view: DaemonView = {
    parts,
    site,
    startedAtMs,
    totalsAtStart,
    now: () => timeline.now(),
    wallNow: () => Math.floor(clock.wallNow()),
    state: () => state,
    stopping: () => stopping,
    everReady: () => everReady,
    lastTick: () => lastTick,
    // A dry run asks what would be done if the newest view came in now.
    outlooks: () => outlooks(timeline.now(), () => true),
    cloudSource: (name) => cloudSources.get(name) ?? null,
    queueSource: (name) => queueSources.get(name) ?? null,
    launchesInFlight: (cloud) => executor.launchesInFlight(cloud),
    runTick,
  };
  return { control: createControl(view), run };
}
