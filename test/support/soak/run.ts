import type { BoundaryName } from '../../../src/daemon/boundaries.ts';
import { CloudError } from '../../../src/model/errors.ts';
import { InstanceId, IntentId, type QueueName, SiteId } from '../../../src/model/ids.ts';
import type { Queue } from '../../../src/queues/port.ts';
import { createDice } from '../../../src/simulate/dice.ts';
import type { FaultKind } from '../../../src/simulate/faultProfile.ts';
import { type Breach, createJudge } from '../../../src/simulate/judge.ts';
import { workerIdOf } from '../../../src/simulate/simulatedQueue.ts';
import {
  createSimulatedSite,
  type SimulatedSite,
  type SiteWatch,
} from '../../../src/simulate/simulatedSite.ts';
import type { Tampering } from '../../../src/simulate/tampering.ts';
import { createWeather } from '../../../src/simulate/weather.ts';
import { createMemoryStore } from '../../../src/store/memory/store.ts';
import { judgeCalm } from './calm.ts';
import { createOnlooker } from './onlooker.ts';
import { judgePapers } from './papers.ts';
import { lookAtDaemon, type Play } from './play.ts';
import { makeStory, stormToMs } from './story.ts';
import type { Timeline } from './timeline.ts';

export interface SoakOptions {
  readonly tampering?: Tampering;
  /** What happens is told to it. */
  readonly timeline?: Timeline;
}

/** One death of the daemon at a boundary, and what was wrong with the site then. */
export interface Visit {
  readonly boundary: BoundaryName;
  readonly faults: readonly FaultKind[];
}

export interface SoakResult {
  readonly seed: number;
  readonly breaches: readonly Breach[];
  readonly visits: readonly Visit[];
  readonly kills: number;
  readonly jobs: number;
  readonly done: number;
  readonly machines: number;
  /** Machines that joined, had no job in all their life, and were ended by the daemon. */
  readonly unused: number;
  readonly simulatedMs: number;
}

const lookMs = 120_000;

/** Plays the story of a seed from its first to its last minute and judges it. Never throws for what the daemon does. */
export async function runSoak(seed: number, options: SoakOptions = {}): Promise<SoakResult> {
  const story = makeStory(seed);
  const judge = createJudge();
  const visits: Visit[] = [];
  let kills = 0;
  let upSinceMs: number | null = 0;
  const tell = (text: string) => options.timeline?.tell(text);

  const used = new Set<string>();
  const watch: SiteWatch = {
    ...judge.watch,
    begun: (_job, on) => {
      for (const { id } of on) used.add(id);
    },
  };
  const site: SimulatedSite = createSimulatedSite({
    ...story.site,
    ...(story.store === 'sqlite' ? {} : { openStore: () => createMemoryStore({ site: SiteId('farm') }) }),
    watch: options.timeline === undefined ? watch : options.timeline.beside(watch),
    log: (fields, message) => {
      options.timeline?.log(fields, message);
      if (JSON.stringify(fields).includes('token-of-')) judge.note('secretsStaySecret', `logged: ${message}`);
    },
    tampering: {
      ...(options.tampering?.core === undefined ? {} : { core: options.tampering.core }),
      cloud: (cloud, name) => {
        const heard = judge.overhearCloud(cloud);
        return options.tampering?.cloud?.(heard, name) ?? heard;
      },
      queue: (queue, name) => {
        const heard = withReturningUsers(judge.overhearQueue(queue, name), name);
        return options.tampering?.queue?.(heard, name) ?? heard;
      },
    },
  });
  judge.attach(site);
  options.timeline?.attach(site, story);
  const weather = createWeather(site, { profile: story.profile, windows: story.windows });
  const play: Play = { story, site, judge, weather, upSinceMs: () => upSinceMs };
  const onlooker = createOnlooker(play);
  let isStorm = true;

  const dice = createDice(seed, 'returning');
  function withReturningUsers(queue: Queue, name: QueueName): Queue {
    const classes = story.classes.filter((known) => known.queue === name);
    return {
      ...queue,
      drain: (worker, signal) => {
        if (isStorm && dice.chance(story.returning)) {
          const found = classes[dice.whole(0, classes.length - 1)];
          const runMs = dice.whole(20_000, 300_000);
          if (found !== undefined)
            site.clock.at(site.clock.monotonicNow() + dice.whole(1000, 60_000), () => {
              if (isStorm) site.queues.get(name)?.submit(found.jobClass, { count: 1, runMs });
            });
        }
        return queue.drain(worker, signal);
      },
    };
  }

  // The daemon's lives.
  const waiting: { readonly boundary: BoundaryName; readonly downMs: number }[] = [];
  let isDoomed = false;
  function arm(): void {
    const next = waiting[0];
    if (isDoomed || next === undefined) return;
    isDoomed = true;
    site.dieAt(next.boundary, () => {
      waiting.shift();
      isDoomed = false;
      visits.push({ boundary: next.boundary, faults: weather.inForce() });
      tell(`the daemon dies: ${next.boundary}`);
      site.kill();
      down(next.downMs);
    });
  }
  function down(forMs: number): void {
    upSinceMs = null;
    // When it is calm it is up, and the judge alone restarts it.
    site.clock.at(site.clock.monotonicNow() + forMs, () => {
      if (isStorm) up();
    });
  }
  function up(): void {
    if (site.running || site.ended !== null) return;
    tell('the daemon starts');
    site.start();
    upSinceMs = site.clock.monotonicNow();
    arm();
  }
  function killNow(downMs: number): void {
    if (!site.running) return;
    tell('the daemon is killed');
    kills += 1;
    site.kill();
    down(downMs);
  }

  const { clock } = site;
  for (const { atMs, of, count, runMs } of story.submissions)
    clock.at(atMs, () => {
      const found = story.classes[of];
      if (found !== undefined) site.queues.get(found.queue)?.submit(found.jobClass, { count, runMs });
    });
  for (const { atMs, which } of story.removals) clock.at(atMs, () => removeJob(site, which));
  for (const { atMs, boundary, downMs } of story.deaths)
    clock.at(atMs, () => {
      waiting.push({ boundary, downMs });
      arm();
    });
  for (const { atMs, downMs } of story.kills) clock.at(atMs, () => killNow(downMs));
  for (const { atMs, offer, pool } of story.plants)
    clock.at(atMs, () => plant(play, { offer, pool, number: atMs }));

  site.start();
  for (const stop of [...story.stops.map(({ atMs }) => atMs), stormToMs]) {
    await runTo(stop);
    if (stop === stormToMs) break;
    const downMs = story.stops.find(({ atMs }) => atMs === stop)?.downMs ?? 0;
    if (!site.running) continue;
    tell('the daemon is stopped');
    await site.stop();
    down(downMs);
  }
  isStorm = false;
  weather.clear();
  waiting.length = 0;
  site.dieAt(null);
  tell('it is calm from now on');
  up();
  if (judge.breaches.length === 0) await judgeCalm(play);
  judgePapers(play);

  async function runTo(endMs: number): Promise<void> {
    while (clock.monotonicNow() < endMs) {
      await site.run(Math.min(lookMs, endMs - clock.monotonicNow()));
      lookAtDaemon(play);
      onlooker.look();
      if (judge.breaches.length > 0) return;
    }
  }

  const machines = site.made();
  const all = [...site.queues.values()].flatMap(({ jobs }) => jobs);
  return {
    seed,
    breaches: judge.breaches,
    visits,
    kills,
    jobs: all.length,
    done: all.filter(({ state }) => state === 'done').length,
    machines: machines.length,
    unused: machines.filter(
      ({ joinedAtMs, vanished, terminatedAtMs, instance }) =>
        joinedAtMs !== null && !vanished && terminatedAtMs !== null && !used.has(workerIdOf(instance)),
    ).length,
    simulatedMs: clock.monotonicNow(),
  };
}

function removeJob(site: SimulatedSite, which: number): void {
  const live = [...site.queues.values()].flatMap((queue) =>
    queue.jobs
      .filter(({ state }) => state === 'waiting' || state === 'running')
      .map((job) => ({ queue, job })),
  );
  const found = live[which % Math.max(1, live.length)];
  found?.queue.removeJob(found.job);
}

/** As a daemon that has lost its store has made it: it bears the mark, and nobody remembers. */
function plant(
  { story, site, judge }: Play,
  { offer, pool, number }: { offer: number; pool: number; number: number },
): void {
  const made = story.site.offers[offer];
  const ofPool = story.site.pools[pool];
  if (made === undefined || ofPool === undefined) return;
  const intent = IntentId(`farm-planted${number}`);
  judge.excuse(intent);
  const instances = [InstanceId(`${intent}-0`)];
  try {
    site.clouds.get(made.cloud)?.plant({ intent, instances, pool: ofPool.name, offer: made.name });
  } catch (error) {
    // The cloud has no room for it, either.
    if (!(error instanceof CloudError)) throw error;
  }
}
