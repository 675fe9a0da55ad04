import { inspect } from 'node:util';
import type { SiteConfig } from '../config/site.ts';
import type { QueueName } from '../model/ids.ts';
import { createMemoryStore } from '../store/memory/store.ts';
import type { Store } from '../store/port.ts';
import { createAccounts, type Figures } from './accounts.ts';
import { createDice } from './dice.ts';
import { type FaultLevel, faultProfile } from './faultProfile.ts';
import { faultWindows } from './faultWindows.ts';
import { type Breach, createJudge } from './judge.ts';
import type { SimulatedQueue } from './simulatedQueue.ts';
import { createSimulatedSite, type SimulatedSite } from './simulatedSite.ts';
import { createThrashCount } from './thrash.ts';
import { createWeather } from './weather.ts';
import type { WorkItem } from './workload.ts';

export interface ReplayOptions {
  readonly workload: readonly WorkItem[];
  readonly config: SiteConfig;
  /** Where the jobs are submitted. */
  readonly queue: QueueName;
  /** From a create call's acceptance until its worker takes jobs; the cloud bills it. */
  readonly bootSeconds: number;
  readonly faults: FaultLevel;
  readonly seed: number;
  /** Aborted: the replay ends with what it has done so far. */
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: ReplayProgress) => void;
  /** Where the daemon remembers: `memory` is many times faster than SQLite (in memory, too). */
  readonly store?: 'memory' | 'sqlite' | (() => Store);
  /** Nothing is remembered that is over: months need no more memory than a day. */
  readonly forgets?: boolean;
}

export interface ReplayProgress {
  readonly simulatedMs: number;
  readonly ofMs: number;
  readonly figures: () => Figures;
}

export interface ReplayResult extends Figures {
  readonly launches: number;
  readonly terminations: number;
  readonly apiCalls: number;
  readonly polls: number;
  readonly jobsKilled: number;
  readonly thrash: number;
  readonly breaches: readonly Breach[];
  /** It was ended before the trace was. */
  readonly interrupted: boolean;
  readonly simulatedMs: number;
}

const stepMs = 600_000;
const dayMs = 86_400_000;

/** A change is seen so soon: as with a log that is watched. */
const hurryMs = 2_000;

/** Answers that come within so long are one tick's. */
const tickGapMs = 500;

/**
 * A trace under the daemon's own loop, store and planner, in simulated time: a cloud that boots machines in their time
 * and a scheduler that runs the jobs, both told of every invariant by the judge. Ends when every job is done and every
 * machine gone that the pools' min do not keep; a day after nothing more can be done at the latest.
 */
export async function replay(options: ReplayOptions): Promise<ReplayResult> {
  const { workload, config, signal } = options;
  const judge = createJudge();
  const accounts = createAccounts(() => site.clock.monotonicNow(), config.offers);
  const { watch } = judge;
  let killed = 0;
  const thrash = createThrashCount(
    () => site.clock.monotonicNow(),
    () => queue,
    ({ instance }) => site.store.instance(instance)?.cause.kind === 'demand',
  );
  const site: SimulatedSite = createSimulatedSite({
    config,
    offers: config.offers,
    pools: config.pools,
    hurryMs,
    tickGapMs,
    ...openerOf(options),
    forgets: options.forgets ?? true,
    capabilities: { batchMax: 100 },
    watch: {
      ...watch,
      created: (machine) => {
        watch.created?.(machine);
        accounts.created(machine);
        thrash.created(machine);
      },
      joined: (machine) => {
        watch.joined?.(machine);
        thrash.joined(machine);
      },
      stopped: (machine) => {
        watch.stopped?.(machine);
        thrash.stopped(machine);
      },
      gone: (machine) => {
        watch.gone?.(machine);
        accounts.gone(machine);
      },
      begun: (job) => {
        accounts.begun(job);
        thrash.begun(job);
      },
      killed: (job) => {
        killed += 1;
        accounts.killed(job);
      },
      done: (job) => accounts.done(job),
    },
    tampering: {
      cloud: judge.overhearCloud,
      queue: (queue) => judge.overhearQueue(queue, options.queue),
    },
  });
  judge.attach(site);
  const queue = queueOf(site, options.queue);

  for (const cloud of site.clouds.values()) {
    cloud.levers.fate = () => ({ bootMs: options.bootSeconds * 1000, joinMs: 0 });
    // Billing ends when the cloud has heard of the end.
    cloud.levers.endMs = 0;
  }
  for (const { levers } of site.queues.values())
    Object.assign(levers, {
      negotiateMs: 5_000,
      negotiateAtChanges: true,
      reuseClaims: true,
      jobLagMs: 0,
      namesJobs: false,
    });

  const lastMs = workload.at(-1)?.submitMs ?? 0;
  feed(site, queue, workload, accounts.submitted);
  blow(site, options, lastMs);

  site.start();
  const min = config.pools.reduce((sum, pool) => sum + pool.min, 0);
  const isOver = () =>
    site.clock.monotonicNow() > lastMs &&
    queue.waiting() + queue.running() === 0 &&
    site.alive().length <= min;
  const stall = { done: 0, atMs: 0 };
  while (!isOver() && !signal.aborted && site.ended === null) {
    await site.run(stepMs);
    const nowMs = site.clock.monotonicNow();
    if (queue.done() > stall.done || queue.running() > 0 || nowMs < lastMs)
      Object.assign(stall, { done: queue.done(), atMs: nowMs });
    if (nowMs - stall.atMs > dayMs) break;
    options.onProgress?.({ simulatedMs: nowMs, ofMs: lastMs, figures: accounts.figures });
  }
  if (site.ended !== null) judge.note('noFaultOfOurs', `the daemon ended by itself: ${inspect(site.ended)}`);
  for (const error of site.errors) judge.note('noFaultOfOurs', error);
  const result: ReplayResult = {
    ...accounts.figures(),
    launches: sum(site, ({ made }) => made),
    terminations: sum(site, ({ terminations }) => terminations),
    apiCalls: sum(site, ({ calls }) => calls.list + calls.launch + calls.resolve + calls.terminate),
    polls: [...site.queues.values()].reduce((all, { calls }) => all + calls.poll, 0),
    jobsKilled: killed,
    thrash: thrash.count,
    breaches: judge.breaches,
    interrupted: signal.aborted,
    simulatedMs: site.clock.monotonicNow(),
  };
  if (site.running) await site.stop();
  site.store.close();
  return result;
}

function queueOf(site: SimulatedSite, name: QueueName): SimulatedQueue {
  const queue = site.queues.get(name);
  if (queue === undefined) throw new Error(`no queue ${name}`);
  return queue;
}

function openerOf({ store, config }: ReplayOptions): { readonly openStore?: () => Store } {
  if (store === 'sqlite') return {};
  return { openStore: typeof store === 'function' ? store : () => createMemoryStore({ site: config.site }) };
}

function sum(site: SimulatedSite, of: (cloud: SimulatedSite['cloud']) => number): number {
  return [...site.clouds.values()].reduce((all, cloud) => all + of(cloud), 0);
}

/** Submits each job in its time. Only the next one waits at the clock. */
function feed(
  site: SimulatedSite,
  queue: SimulatedQueue,
  workload: readonly WorkItem[],
  submitted: (jobs: ReturnType<SimulatedQueue['submit']>) => void,
): void {
  let at = 0;
  const next = () => {
    for (let item = workload[at]; item !== undefined; item = workload[at]) {
      if (item.submitMs > site.clock.monotonicNow()) {
        site.clock.at(item.submitMs, next);
        return;
      }
      const { runMs } = item;
      submitted(item.parts.flatMap(({ jobClass, count }) => queue.submit(jobClass, { count, runMs })));
      at += 1;
    }
  };
  next();
}

/** Faults as the profile has them, and deaths of the daemon, each some seconds long. */
function blow(site: SimulatedSite, { faults, seed, bootSeconds }: ReplayOptions, lastMs: number): void {
  if (faults === 'none') return;
  const profile = {
    ...faultProfile(faults, seed),
    boot: { medianMs: bootSeconds * 700, sigma: 0.3, mostMs: bootSeconds * 3000 },
    join: { medianMs: bootSeconds * 300, sigma: 0.3, mostMs: bootSeconds * 1500 },
  };
  const horizon = { fromMs: 0, toMs: lastMs, clouds: site.clouds.size, queues: site.queues.size };
  const weather = createWeather(site, { profile, windows: faultWindows(profile, horizon) });
  site.clock.at(lastMs, () => weather.clear());
  const dice = createDice(seed, 'deaths');
  if (profile.crashesPerDay <= 0) return;
  const gapMs = () => (-Math.log(1 - dice.next()) * dayMs) / profile.crashesPerDay;
  const inMs = (ms: number, then: () => void) => site.clock.at(site.clock.monotonicNow() + ms, then);
  const die = () => {
    if (site.clock.monotonicNow() > lastMs) return;
    if (site.running) site.kill();
    inMs(dice.whole(1, 60) * 1000, () => {
      if (!site.running) site.start();
      inMs(gapMs(), die);
    });
  };
  inMs(gapMs(), die);
}
