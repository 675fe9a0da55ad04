import type { QueueSnapshot } from '../../model/demand.ts';
import { QueueError } from '../../model/errors.ts';
import type { InstanceId, WorkerId } from '../../model/ids.ts';
import type { PollRequest, Queue, QueueAdapter, QueueDeps } from '../port.ts';
import { admissionOf, templateVariables } from './admission.ts';
import { openBook } from './book.ts';
import { checksOf } from './checks.ts';
import { demandOf } from './demand.ts';
import { advance, jobsToAsk, tokensIn } from './deployments.ts';
import { type Host, hostsOf } from './hosts.ts';
import { readJob } from './job.ts';
import { createJobReader, type JobsView } from './jobs.ts';
import { lacking, settleMachines } from './machines.ts';
import { nodeCalls } from './nodeCalls.ts';
import { nodeSources } from './nodeSources.ts';
import { inParallel } from './parallel.ts';
import { openRest } from './rest.ts';
import { configSchema, type ProactiveSettings } from './settings.ts';
import { watchRevision } from './watch.ts';
import { readJobInfo } from './wire.ts';
import { namelessWorker, otherWorkers, ownWorker } from './workers.ts';

/** ProActive Scheduler by its REST interface. Settings and the server's side: docs/queues/proactive.md. */
export const proactiveAdapter = {
  name: 'proactive',
  configSchema,
  templateVariables: () => templateVariables,
  expects: ({ sources }) =>
    sources.map(({ pool }, at) => ({ kind: 'pool', path: ['sources', at, 'pool'], name: pool })),
  create: createQueue,
} satisfies QueueAdapter<ProactiveSettings>;

const askedAtOnceMax = 4;
const endedStates: ReadonlySet<string> = new Set(['FINISHED', 'CANCELED', 'FAILED', 'KILLED']);

/** What the last whole look at nodes came to. */
interface NodesSeen {
  readonly hosts: ReadonlyMap<WorkerId, Host>;
  readonly urls: ReadonlySet<string>;
  readonly lookedAtMs: number;
  readonly session: number;
}

function createQueue(settings: ProactiveSettings, deps: QueueDeps): Queue {
  const { clock, log, queue } = deps;
  const rest = openRest({ ...settings, clock });
  const book = openBook(deps.memory);
  const calls = nodeCalls(rest);
  const jobs = createJobReader(rest, settings, { clock, log });
  const sources = nodeSources(settings.sources, { calls, clock, log });
  const iaasSources = new Set(
    settings.sources.filter(({ policy }) => policy === 'iaas').map(({ name }) => name),
  );
  const draining = new Set<InstanceId>();
  const ended = new Set<string>();
  const complained = new Set<string>();
  const complaints = new Map<string, string | null>();
  let nodes: NodesSeen | null = null;
  let youngUntilMs = Number.NEGATIVE_INFINITY;
  /** Something has been done to nodes since the last look, or has still to be. */
  let unsettled = true;
  let attributes: readonly string[] = [];
  let last: {
    readonly key: string;
    readonly jobs: JobsView;
    readonly view: QueueSnapshot;
    readonly nextStartMs: number | null;
  } | null = null;
  let turn: Promise<unknown> = Promise.resolve();

  /** Once, until it is another complaint. */
  function complain(about: string, why: string | null, message: string): void {
    if (why !== null && complaints.get(about) !== why) log.warn({ why }, message);
    complaints.set(about, why);
  }

  /** One at a time: what a poll has bound, the next must see. */
  function inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const mine = turn.then(work, work);
    turn = mine.catch(() => {});
    return mine;
  }

  async function lookAtNodes(signal: AbortSignal) {
    const lookedAtMs = clock.monotonicNow();
    const { nodes: rows, sources: found } = await calls.all(signal);
    const session = rest.sessions('rm');
    if (nodes !== null && session !== nodes.session)
      youngUntilMs = begunAnewMs(nodes, lookedAtMs) + settings.settleMs;
    const urls = new Set(rows.rows.map(({ url }) => url));
    const missing = nodes === null ? [] : [...nodes.urls].filter((url) => !urls.has(url));
    // Nodes that were there and are not: by the manager's own count as well?
    const counted = missing.length === 0 ? null : await calls.count(signal);
    complain(
      'rows',
      rows.bad === 0 ? null : `${rows.bad} nodes`,
      'there are nodes that cannot be understood',
    );
    const all = hostsOf(rows.rows);
    const complete =
      rows.bad === 0 && (counted === null || counted <= rows.rows.length) && lookedAtMs >= youngUntilMs;
    // What an answer has lost is asked for again, and not taken for gone.
    if (complete || nodes === null)
      nodes = { hosts: new Map(all.map((host) => [host.id, host])), urls, lookedAtMs, session };
    else
      nodes = {
        ...nodes,
        hosts: new Map([...nodes.hosts, ...all.map((host) => [host.id, host] as const)]),
        lookedAtMs,
        session,
      };
    return { rows: rows.rows, found, all, complete };
  }

  /**
   * Another session is with a manager that may have begun anew, and its nodes come back one by one. Both halves are one
   * server: where the scheduler's session ended before this look, and after the last, it was then.
   */
  function begunAnewMs(before: NodesSeen, lookedAtMs: number): number {
    const sinceMs = rest.sessionSinceMs('scheduler') ?? lookedAtMs;
    return sinceMs >= before.lookedAtMs ? Math.min(sinceMs, lookedAtMs) : lookedAtMs;
  }

  /** Jobs that have ended for sure, of those that deployments are for. */
  async function askForEnds(view: JobsView, signal: AbortSignal): Promise<void> {
    const asked = jobsToAsk(book.deployments.values(), view.jobs).filter((job) => !ended.has(job));
    await inParallel(asked, askedAtOnceMax, async (job) => {
      try {
        const { status } = readJobInfo(
          await rest.json({ half: 'scheduler', method: 'GET', path: `/jobs/${job}/info` }, signal),
        );
        if (endedStates.has(status)) ended.add(job);
      } catch (error) {
        if (!(error instanceof QueueError) || error.code !== 'notFound') throw error;
        ended.add(job);
      }
    });
    for (const job of ended) if (view.jobs.some(({ row }) => row.id === job)) ended.delete(job);
  }

  async function deploy(view: JobsView, signal: AbortSignal): Promise<void> {
    if (iaasSources.size === 0) return;
    await askForEnds(view, signal);
    const held = new Set(
      [...book.machines.values()].flatMap(({ bound }) => (bound === null ? [] : [bound.key])),
    );
    const { changed, forgotten, wrong } = advance({
      deployments: book.deployments,
      jobs: view.jobs,
      complete: view.complete,
      ended,
      sources: iaasSources,
      isHeld: (key) => held.has(key),
      nextNumber: book.nextNumber,
    });
    book.save({ deployments: changed, forgotten });
    for (const { number, job, source, instances, over } of changed)
      log.info(
        { number, job, source, instances },
        over ? 'a job’s own machines are let go' : 'a job wants machines of its own',
      );
    for (const { job, why } of wrong) {
      if (complained.has(job) || complained.size > complainedMax) continue;
      complained.add(job);
      log.warn({ job, why }, 'a job asks for machines in a way that cannot be understood');
    }
  }

  const poll = async (request: PollRequest, signal: AbortSignal): Promise<QueueSnapshot> => {
    const key = JSON.stringify([
      request.attributes,
      request.machines.map(({ instance }) => instance).toSorted(),
    ]);
    attributes = request.attributes;
    const isOfInterest = (job: string) => [...book.deployments.values()].some((one) => one.job === job);
    const wallMs = clock.wallNow();
    if (last !== null && last.key === key && !unsettled && nodes !== null) {
      const { nextStartMs } = last;
      const isRecent = clock.monotonicNow() < nodes.lookedAtMs + settings.nodesPeriodMs;
      if (isRecent && (nextStartMs === null || wallMs < nextStartMs)) {
        // No task has begun or ended, and no machine is awaited: its nodes are as they were.
        if ((await jobs.same(signal)) === last.jobs) return last.view;
      }
    }
    // Machines before jobs: a task that starts meanwhile is capacity too much and not demand too much.
    const seen = await lookAtNodes(signal);
    const view = await jobs.read(isOfInterest, signal);
    await deploy(view, signal);
    const settledMachines = await settleMachines(
      {
        hosts: seen.all,
        machines: request.machines,
        book,
        calls,
        settings,
        draining,
        tokens: tokensIn(view.jobs),
      },
      signal,
    );
    complain(
      'nodes',
      settledMachines.failure?.message ?? null,
      'nodes could not be set up: it is tried again',
    );
    const { demand, waiting, running, held, nextStartMs } = demandOf({
      queue,
      view,
      sources: settings.sources,
      perMachine: settings.nodes.perMachine,
      attributes: request.attributes,
      deployments: lacking(book),
      wallMs,
    });
    const wanted = new Set(demand.flatMap(({ pools = [] }) => pools));
    const sourcesAreSettled = await sources.settle(
      { found: seen.found.rows, nodes: seen.rows, machines: request.machines, wanted },
      signal,
    );
    const snapshot: QueueSnapshot = {
      queue,
      takenAtMs: request.nowMs,
      workersComplete: seen.complete,
      demandComplete: view.complete,
      demand,
      workers: [
        ...settledMachines.own.map((own) => ownWorker(queue, own)),
        ...settledMachines.nameless.map(({ host, machine }) => namelessWorker(queue, host, machine)),
        ...settledMachines.others.flatMap((host) => otherWorkers(queue, host)),
      ],
      jobs: { waiting, running, held },
    };
    const there = new Set(snapshot.workers.map(({ instance }) => instance));
    const isQuiet = snapshot.workers.every(
      ({ instance, activity }) => instance === null || activity === 'idle' || activity === 'claimed',
    );
    unsettled =
      !seen.complete ||
      !settledMachines.settled ||
      !sourcesAreSettled ||
      !isQuiet ||
      request.machines.some(({ instance }) => !there.has(instance));
    last = { key, jobs: view, view: snapshot, nextStartMs };
    for (const id of draining)
      if (!request.machines.some(({ instance }) => instance === id)) draining.delete(id);
    return snapshot;
  };

  /** Of the last look, or of a new one: a worker that nobody knows is no worker. */
  async function hostOf(worker: WorkerId, signal: AbortSignal): Promise<Host> {
    if (nodes?.hosts.has(worker) !== true) await lookAtNodes(signal);
    const found = nodes?.hosts.get(worker);
    if (found === undefined) throw new QueueError('notFound', `no worker ${worker.slice(0, 200)}`);
    return found;
  }

  const holdOf = (host: Host) => {
    const bound = book.machines.get(host.name as InstanceId)?.bound ?? null;
    const deployment = bound === null ? undefined : book.deployments.get(bound.key);
    return deployment !== undefined && !deployment.over && deployment.number === bound?.number;
  };

  const base: Queue = {
    poll: (request, signal) => inTurn(() => poll(request, signal)),
    admit: async (request) => admissionOf(request, settings),
    drain: (worker, signal) =>
      inTurn(async () => {
        const host = await hostOf(worker, signal);
        draining.add(host.name as InstanceId);
        unsettled = true;
        // A machine that a token holds serves it to its end.
        if (!holdOf(host))
          await calls.lock(
            host.nodes.map(({ url }) => url),
            signal,
          );
      }),
    undrain: (worker, signal) =>
      inTurn(async () => {
        const host = await hostOf(worker, signal);
        draining.delete(host.name as InstanceId);
        unsettled = true;
        await calls.unlock(
          host.nodes.map(({ url }) => url),
          signal,
        );
      }),
    remove: (worker, signal) =>
      inTurn(async () => {
        await lookAtNodes(signal);
        const host = nodes?.hosts.get(worker);
        unsettled = true;
        for (const { url } of [...(host?.nodes ?? []), ...(host?.silent ?? [])])
          await calls.remove(url, signal);
      }),
    job: (id, signal) => readJob(jobs, { id, queue, settings, attributes, wallMs: clock.wallNow() }, signal),
    checks: (request) => checksOf({ jobs, calls, settings, request }),
    close: () => rest.close(),
  };
  const { watchMs } = settings;
  if (watchMs === null) return base;
  return { ...base, hint: (changed, signal) => watchRevision(jobs, { watchMs, clock, changed }, signal) };
}

const complainedMax = 10_000;
