import type { ClassAd } from '../../classad/ad.ts';
import type { QueueSnapshot } from '../../model/demand.ts';
import { QueueError } from '../../model/errors.ts';
import type { DemandId } from '../../model/ids.ts';
import type { PollRequest, Queue, QueueAdapter, QueueDeps } from '../port.ts';
import { admissionOf } from './admission.ts';
import { htcondorChecks } from './checks.ts';
import { CollectorWatch } from './collector.ts';
import { type Grouping, groupDemand, type ReadClasses } from './demand.ts';
import { watchJobQueueLog } from './hint.ts';
import { holdJobs } from './hold.ts';
import { JobClasses } from './job-classes.ts';
import { readJob } from './jobs.ts';
import { LogSource, newsOf } from './log-source.ts';
import { AdReader } from './long-ads.ts';
import { watchProxies } from './proxies.ts';
import { readSchedd, type ScheddView } from './schedd.ts';
import { configSchema, type HtcondorSettings } from './settings.ts';
import { tellJobs } from './tell.ts';
import { createTools, readAds } from './tools.ts';
import { createVmReader } from './vm-jobs.ts';
import { expectationsOf } from './vm-settings.ts';
import { jobBasics, jobWishes, slotWords, Vocabulary, wordsMax, wordsOf } from './vocabulary.ts';
import { drainWorker, forgetWorker, undrainWorker } from './worker-commands.ts';
import { workersOf } from './workers.ts';

/** HTCondor 9 to 25 by its command line tools. Settings and the head node's side: docs/queues/htcondor.md. */
export const htcondorAdapter = {
  name: 'htcondor',
  configSchema,
  templateVariables: ({ join }) =>
    join === null ? ['attributes'] : ['attributes', 'token', 'collector', 'trustDomain'],
  expects: ({ vmSettings }) => expectationsOf(vmSettings),
  create: createQueue,
} satisfies QueueAdapter<HtcondorSettings>;

/** Schedds asked side by side. */
const scheddsAtOnceMax = 4;
/** A poll begins anew when the ads speak of attributes that it did not ask for: a requirement, what that refers to. */
const roundsMax = 4;
/** Provider ads that only say what HTCondor should believe in are no machines. */
const realMachines = 'Offline =!= true';

function createQueue(settings: HtcondorSettings, deps: QueueDeps): Queue {
  const { clock, log, queue } = deps;
  const tools = createTools(settings, clock);
  const toolsWith = (more: Readonly<Record<string, string>>) => createTools(settings, clock, more);
  const reader = new AdReader();
  const collector = new CollectorWatch(settings.updateIntervalMs);
  const wishes = new Vocabulary(jobWishes, wordsMax);
  const ownWords = settings.walltime === null ? [] : [settings.walltime.attribute];
  const jobWords = new Vocabulary([...jobBasics, ...jobWishes, ...ownWords], wordsMax);
  const machineWords = new Vocabulary(slotWords, wordsMax);
  const schedds = settings.schedds.length > 0 ? settings.schedds : [null];
  const words = createVmReader(tools, { settings: settings.vmSettings, schedds });
  const proxies = watchProxies({ tools, schedds, clock, warningMs: settings.proxyWarningMs });
  const isWish = (name: string) => wishes.has(name);
  const grouping: Grouping = { isWish, walltime: settings.walltime };
  let coarse = false;
  const { jobQueueLog } = settings;
  const source =
    jobQueueLog === null || settings.jobsFrom !== 'log'
      ? null
      : new LogSource({ path: jobQueueLog, isWish, log });
  const views = new Map<string | null, ScheddView>();
  const silent = new Map<string | null, string>();

  const readSlots = async (signal: AbortSignal): Promise<readonly ClassAd[]> => {
    for (let round = 1; ; round++) {
      const args = ['-constraint', realMachines, '-attributes', machineWords.projection()];
      const slots = await readAds(tools, reader, 'condor_status', args, signal);
      const { own, other } = wordsOf(slots);
      wishes.learn(other);
      jobWords.learn(other);
      if (!machineWords.learn(own) || slots.length === 0 || round === roundsMax) return slots;
    }
  };

  /** Those that answer; the others' failures are logged when they begin and end. Throws if none answers. */
  const readSchedds = async (signal: AbortSignal): Promise<readonly ScheddView[]> => {
    const query = {
      projection: jobWords.projection(),
      bigQueueJobs: settings.bigQueueJobs,
      rereadAfterMs: settings.rereadAfterMs,
      log: source,
    };
    const answers = await settleAll(schedds, scheddsAtOnceMax, async (name) => {
      const nowMs = clock.monotonicNow();
      const view = await readSchedd(tools, { ...query, name, nowMs }, views.get(name), signal);
      views.set(name, view);
      if (silent.delete(name)) log.info({ schedd: name }, 'schedd answers again');
      return view;
    });
    const failures = answers.flatMap(({ of, error }) => (error === undefined ? [] : [{ of, error }]));
    for (const { of, error } of failures) {
      const code = error instanceof QueueError ? error.code : 'unavailable';
      if (failures.length < schedds.length && silent.get(of) !== code) {
        log.warn({ schedd: of, code, error: messageOf(error) }, 'schedd does not answer');
        silent.set(of, code);
      }
    }
    if (failures.length === schedds.length) throw failures[0]?.error;
    return answers.flatMap(({ value }) => (value === undefined ? [] : [value]));
  };

  const parsed = (view: ScheddView): ReadClasses => ({
    schedd: view.totals.schedd,
    classes: view.classes.map((jobs) => ({ jobs, ad: reader.read(jobs.lines) })),
  });

  const look = async (signal: AbortSignal) => {
    let slots = await readSlots(signal);
    for (let round = 1; ; round++) {
      // After the machines: a collector that restarted before they were read is young now.
      const [workersComplete, views] = await Promise.all([
        collector.isComplete(tools, clock.monotonicNow(), signal),
        readSchedds(signal),
      ]);
      const classes = views.map(parsed);
      const news = learnFromJobs(classes.flatMap((read) => read.classes.map(({ ad }) => ad)));
      const again = { slots: news.slots && slots.length > 0, jobs: news.jobs };
      if (round === roundsMax || (!again.slots && !again.jobs))
        return { slots, workersComplete, views, classes };
      // Machines before jobs, as ever: a job that starts meanwhile is capacity too much and not demand too much.
      if (again.slots) slots = await readSlots(signal);
    }
  };

  const learnFromJobs = (jobs: readonly ClassAd[]) => {
    const { own, other } = wordsOf(jobs);
    return { jobs: jobWords.learn(own), slots: machineWords.learn(other) };
  };

  const poll = async (request: PollRequest, signal: AbortSignal): Promise<QueueSnapshot> => {
    wishes.learn(request.attributes);
    jobWords.learn(request.attributes);
    try {
      const { slots, workersComplete, views, classes } = await look(signal);
      const credentials = await proxies.look(signal);
      const grouped = groupDemand(queue, classes, grouping);
      const { demand, complete } = grouped;
      if (grouped.coarse && !coarse)
        log.warn({ groups: demand.length }, 'many kinds of jobs: priorities are put together');
      coarse = grouped.coarse;
      const sum = (count: (view: ScheddView) => number) => views.reduce((all, view) => all + count(view), 0);
      return {
        queue,
        takenAtMs: request.nowMs,
        workersComplete,
        demandComplete: complete && views.length === schedds.length && views.every((view) => view.complete),
        demand: await words.groups(demand, signal),
        ...(credentials === undefined ? {} : { credentials }),
        workers: workersOf(queue, slots, settings.join),
        jobs: {
          waiting: sum(({ totals }) => totals.matching),
          running: sum(({ totals }) => totals.running),
          held: sum(({ totals }) => totals.held),
        },
      };
    } catch (error) {
      collector.lost();
      throw error;
    }
  };

  /** Where a poll with the words known so far would count the job. */
  const demandOf = (schedd: string, lines: readonly string[]): DemandId | null => {
    const jobs = new JobClasses();
    jobs.take(lines.filter((line) => jobWords.has(line.slice(0, line.indexOf(' = ')))));
    const classes = jobs.all().map((job) => ({ jobs: job, ad: reader.read(job.lines) }));
    const [group] = groupDemand(queue, [{ schedd, classes }], { ...grouping, coarse }).demand;
    return group?.id ?? null;
  };

  const base: Queue = {
    poll,
    admit: async (request) => admissionOf(request, settings.join),
    drain: (worker, signal) => drainWorker(tools, worker, settings.retirementMinMs, signal),
    undrain: (worker, signal) => undrainWorker(tools, worker, signal),
    remove: (worker, signal) => forgetWorker(tools, worker, signal),
    job: async (id, signal) => {
      const found = await readJob(tools, reader, { id, schedds, demandOf }, signal);
      return found === null ? null : words.job(found, Math.floor(clock.wallNow() / 1000));
    },
    hold: (ids, why, signal) => holdJobs(tools, { jobs: ids, why, schedds }, signal),
    checks: (request) => htcondorChecks({ tools, toolsWith, settings, schedds, clock }, request),
    close: async () => {},
  };
  const telling: Pick<Queue, 'tell'> = settings.tellJobs
    ? { tell: (ids, why, signal) => tellJobs(tools, { jobs: ids, why, schedds }, signal) }
    : {};
  if (jobQueueLog === null) return { ...base, ...telling };
  const news = source ?? newsOf(jobQueueLog, isWish);
  return {
    ...base,
    ...telling,
    hint: (changed, signal) => watchJobQueueLog(jobQueueLog, { changed, news, log }, signal),
  };
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : 'unknown';
}

interface Settled<Item, Result> {
  readonly of: Item;
  readonly value?: Result;
  readonly error?: unknown;
}

/** Does it for each, so many at a time; the answers in the order of the items. */
async function settleAll<Item, Result>(
  items: readonly Item[],
  atOnceMax: number,
  run: (item: Item) => Promise<Result>,
): Promise<readonly Settled<Item, Result>[]> {
  const answers: Settled<Item, Result>[] = [];
  const left = items.entries();
  const work = async () => {
    for (const [index, of] of left) {
      try {
        answers[index] = { of, value: await run(of) };
      } catch (error) {
        answers[index] = { of, error };
      }
    }
  };
  await Promise.all(Array.from({ length: Math.min(atOnceMax, items.length) }, work));
  return answers;
}
