import type { DaemonControl } from '../api/control.ts';
import type { Outcome } from '../fleet/fleet.ts';
import type { QueueName } from '../model/ids.ts';
import type { JournalEntry } from '../model/journal.ts';
import { isObserved } from '../model/mode.ts';
import type { Batch, Fact } from '../store/port.ts';
import { createAccountKeeping } from './accountKeeping.ts';
import { decidedEffects } from './boundaries.ts';
import { type ByHand, createControl, type DaemonView } from './control.ts';
import { coreSite, warnOfStrayed } from './coreSite.ts';
import type { DaemonParts } from './daemonParts.ts';
import { createEffects, dueEffects } from './effects.ts';
import { remember } from './facts.ts';
import { firstOutcomes, firstState } from './firstState.ts';
import { createHooks } from './hooks.ts';
import { createJobReasons } from './jobReasons.ts';
import { createJobWatch } from './jobSightings.ts';
import { machinesOf } from './machines.ts';
import { watchLag } from './meter/lag.ts';
import { measureParts } from './meter/measured.ts';
import { createNews } from './news.ts';
import { createNextTick } from './nextTick.ts';
import { outlooksOf } from './outlooks.ts';
import { watchPrices } from './prices.ts';
import { createProbes } from './probes.ts';
import { createPruning } from './pruning.ts';
import { createPulse } from './pulse.ts';
import { watchQuotas } from './quotas.ts';
import { reportTick, troubleEntry } from './report.ts';
import { watchRetirement, writtenFacts } from './retiring.ts';
import { describe } from './source.ts';
import { createSources } from './sources.ts';
import { type TickResult, tick } from './tick.ts';
import { createTickBell } from './ticked.ts';
import { createTimeline } from './timeline.ts';
import { turning } from './turning.ts';
import { watchUnfit } from './unfit.ts';
import { createWake } from './wake.ts';

export interface Daemon {
  readonly control: DaemonControl;
  /**
   * Runs until the signal is aborted, then finishes or abandons what is under way and returns. Ends no instance.
   * Rejects with a StoreError when a decision cannot be stored: nothing may be done that is not.
   */
  run(signal: AbortSignal): Promise<void>;
  /** For the journal, with the next tick. */
  note(entry: Omit<JournalEntry, 'atMs'>): void;
}

const tickGapMsDefault = 5;
const stopMs = 10_000;

/** What goes on beside the loop for as long as the daemon runs. */
interface Looking {
  run(signal: AbortSignal): Promise<void>;
}

/**
 * The loop: sources → tick → store → effects → outcomes → tick. It waits for nothing but the bell: looks and effects
 * run beside it and come back as data.
 */
export function createDaemon(given: DaemonParts): Daemon {
  const parts = measureParts(given);
  const { clock, config, log, store, crashpoint = null, core = tick } = parts;
  const { tickGapMs = tickGapMsDefault } = parts;
  const stored = store.load();
  const timeline = createTimeline(clock, stored.nowMs);
  const remembered = remember(stored, parts.newSeed);
  const startedAtMs = timeline.now();
  const wake = createWake(clock);
  const pulse = createPulse();
  const bell = createTickBell();
  const site = coreSite(parts);

  let state = firstState(stored, remembered);
  const seedFact: Fact = { key: 'seed', value: state.seed };
  const totalsAtStart = state.totals;
  warnOfStrayed(state, parts);
  let lastTick: TickResult | null = null;
  let stopping = false;
  let everReady = false;
  /** From when on another plan may come of time alone, as it was known when the loop went to sleep. */
  let planAtMs = 0;
  /** When an effect that is owed may be tried again. */
  let owedAgainMs = Number.POSITIVE_INFINITY;
  const jobsEnded = createJobWatch();
  const news = createNews(firstOutcomes(stored, startedAtMs));
  const started = {
    kind: 'started',
    why: `spillway ${parts.version} started`,
    data: { instances: stored.instances.length },
  } as const;
  for (const entry of parts.notes ?? [started]) news.note({ ...entry, atMs: startedAtMs });
  const retirement = watchRetirement(parts);

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
      news.note({ kind: 'hook', atMs: timeline.now(), instance: id, pool, why: `${moment}: ${why}` });
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
      news.list(list);
      wake.now();
    },
    onView: (view) => {
      news.note(...jobsEnded(view));
      news.view(view);
      wake.now();
    },
    onTrouble: (where, trouble) => {
      news.note(troubleEntry(timeline.now(), where, trouble));
      wake.now();
    },
  });

  const { executor, launchesLeft } = createEffects({
    parts,
    timeline,
    state: () => state,
    onOutcome: (outcome) => {
      news.outcome(outcome);
      wake.now();
    },
    onDone: (effect, heldBack) => {
      if (effect.kind === 'drain') queueSources.get(effect.queue)?.hurry();
      if (heldBack) wake.now();
    },
  });

  const quotas = watchQuotas(parts, timeline);
  const prices = watchPrices(parts, timeline);
  const unfit = watchUnfit({
    parts,
    site,
    timeline,
    viewOf: (name) => queueSources.get(name)?.latest ?? null,
    reports: () => lastTick?.plan.demand ?? [],
    note: (entry) => {
      news.note(entry);
      wake.now();
    },
  });

  const jobReasons = createJobReasons({ parts, reports: () => lastTick?.plan.demand ?? [] });

  const wallNow = () => Math.floor(clock.wallNow());
  const nextTick = createNextTick({ site, queueSources, now: () => timeline.now(), wallNow });

  const outlooks = outlooksOf({
    parts,
    cloudSources,
    queueSources,
    quotaOf: (name) => quotas.of(name),
    pricesOf: (name) => prices.of(name),
    unfitOf: (name) => unfit.of(name),
    launchesLeft,
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
    const beganMs = clock.monotonicNow();
    const arrived = news.arrived();
    const { clouds, queues } = outlooks(nowMs, (name) => arrived.views.some(({ queue }) => queue === name));
    everReady ||= [...clouds.values(), ...queues.values()].every(({ trouble }) => trouble === null);
    const latestViews = new Map(
      [...queues].flatMap(([name, { view }]) => (view === null ? [] : [[name, view] as const])),
    );
    const input = {
      nowMs,
      wallMs: wallNow(),
      ...arrived,
      orders,
      latestViews,
      queues,
      clouds,
      launches,
      poolOrders,
      downtimeOrders,
      isDue: nowMs >= planAtMs,
    };
    const result = core(state, input, site);
    if (result.batch !== null) commit(result.batch, result);
    news.clear();
    reportTick(log, input.outcomes, result);
    hooks.tell(
      (result.batch?.instances ?? []).filter((instance) => !isObserved(site.observed, instance)),
      ({ id }) => state.fleet.entries.get(id)?.instance ?? null,
    );
    const before = state;
    state = result.state;
    lastTick = result;
    for (const effect of result.effects) executor.start(effect);
    owedAgainMs = Number.POSITIVE_INFINITY;
    for (const effect of dueEffects(state.fleet, site.observed))
      owedAgainMs = Math.min(owedAgainMs, executor.start(effect) ?? Number.POSITIVE_INFINITY);
    hurrySources(input.outcomes, result);
    retirement(state.fleet);
    bell.tell({ before, input, result, tookMs: clock.monotonicNow() - beganMs });
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
      parts.supervisor?.turned();
      const turnMaxMs = parts.supervisor?.turnMaxMs ?? Number.POSITIVE_INFINITY;
      const next = nextTick(state, owedAgainMs);
      planAtMs = next.planAtMs;
      const dueInMs = Math.min(turnMaxMs, next.forMs);
      pulse.ticked(timeline.now(), dueInMs);
      await wake.wait(dueInMs, signal);
      const gapMs = tickedAtMs + tickGapMs - timeline.now();
      if (gapMs > 0) await clock.sleep(gapMs, signal).catch(() => {});
    }
  }

  async function run(signal: AbortSignal): Promise<void> {
    const facts = [...(remembered.newSeed ? [seedFact] : []), ...writtenFacts(parts, stored)];
    if (facts.length > 0) store.commit(firstBatch(facts));
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
    for (const {
      cloud,
      config: { name },
    } of parts.clouds)
      cloud
        .hint?.(() => cloudSources.get(name)?.hurry(), inner.signal)
        .catch((error: unknown) =>
          log.error({ cloud: name, problem: describe(error).message }, 'hints have ended'),
        );
    const looking: readonly Looking[] = [...sources, quotas, prices, unfit, jobReasons, probes];
    const looks = Promise.all(
      looking
        .concat(watchLag(parts), createAccountKeeping(parts, timeline))
        .map((source) => source.run(inner.signal)),
    );
    try {
      await loop(inner.signal);
    } finally {
      signal.removeEventListener('abort', stop);
      stopping = true;
      pulse.over(timeline.now());
      inner.abort();
      await looks;
      await executor.drain(stopMs);
    }
    if (signal.reason !== turning)
      news.note({ kind: 'stopped', atMs: timeline.now(), why: 'stopped; every instance lives on' });
    runTick();
    await Promise.allSettled([
      hooks.close(),
      ...parts.clouds.map(({ cloud }) => cloud.close()),
      ...parts.queues.map(({ queue }) => queue.close()),
    ]);
  }

  function firstBatch(facts: readonly Fact[]): Batch {
    const times = { nowMs: timeline.now(), wallMs: wallNow() };
    return { ...times, sequence: state.sequence, intents: [], instances: [], facts, journal: [] };
  }

  const view: DaemonView = {
    parts,
    site,
    startedAtMs,
    totalsAtStart,
    now: () => timeline.now(),
    wallNow,
    state: () => state,
    stopping: () => stopping,
    everReady: () => everReady,
    lastTick: () => lastTick,
    // A dry run asks what would be done if the newest view came in now.
    outlooks: () => outlooks(timeline.now(), () => true),
    cloudSource: (name) => cloudSources.get(name) ?? null,
    queueSource: (name) => queueSources.get(name) ?? null,
    launchesInFlight: (cloud) => executor.launchesInFlight(cloud),
    pulse,
    bell,
    runTick,
  };
  const note: Daemon['note'] = (entry) => {
    news.note({ ...entry, atMs: timeline.now() });
    wake.now();
  };
  return { control: createControl(view), run, note };
}
