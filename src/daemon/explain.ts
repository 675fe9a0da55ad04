import type { JobExplanation, OfferVerdict, PoolRoom, WorkerSummary } from '../api/control.ts';
import type { ShortageView } from '../api/demandPlan.ts';
import type { ClassAd } from '../classad/ad.ts';
import { countsTowardMax, isComing } from '../fleet/entry.ts';
import { adForBoot, type Demand } from '../model/demand.ts';
import { DemandId, type JobId, type QueueName } from '../model/ids.ts';
import type { DemandReport, DemandShortage } from '../planner/plan.ts';
import type { JobView, Queue } from '../queues/port.ts';
import type { DaemonView } from './control.ts';
import { withDeadline } from './deadline.ts';
import { poolsOf, setAsidesOf } from './views.ts';

/** Asks each queue for the job; says why it waits, from the same views and rules that the plan is made of. */
export async function explainJob(
  view: DaemonView,
  id: JobId,
  signal: AbortSignal,
): Promise<JobExplanation | null> {
  for (const { config, queue } of view.parts.queues) {
    const job = await ask(view, { queue, deadlineMs: config.deadlineMs, id, signal });
    if (job !== null) return explain(view, config.name, job);
  }
  return null;
}

async function ask(
  view: DaemonView,
  { queue, deadlineMs, id, signal }: { queue: Queue; deadlineMs: number; id: JobId; signal: AbortSignal },
): Promise<JobView | null> {
  return withDeadline((inner) => queue.job(id, inner), { clock: view.parts.clock, ms: deadlineMs, signal });
}

function explain(view: DaemonView, queue: QueueName, job: JobView): JobExplanation {
  const offers = offerVerdicts(view, queue, adForBoot(job));
  const workers = workerSummary(view, queue, job);
  const pools = poolRooms(view, queue);
  const report = reportOf(view, queue, job);
  const [target] = view.parts.config.offers;
  const { verdict, next } = say(view, { queue, job, offers, workers, report });
  return {
    nowMs: view.now(),
    job: job.id,
    queue,
    owner: job.owner,
    state: job.state,
    demand: job.state === 'waiting' ? (report?.demand ?? null) : null,
    wants: target === undefined ? null : view.site.matchmaker.request(adForBoot(job), target.ad),
    turn: report === null ? null : { ...report.turn, of: view.lastTick()?.plan.demand.length ?? 0 },
    shortage: shortageOf(report),
    verdict,
    next,
    offers,
    workers,
    pools,
    remarks: job.remarks ?? [],
  };
}

function offerVerdicts(view: DaemonView, queue: QueueName, ad: ClassAd): OfferVerdict[] {
  const asides = setAsidesOf(view);
  return view.parts.config.pools
    .filter((pool) => pool.queue === queue)
    .flatMap((pool) =>
      pool.offers.flatMap((name) => {
        const offer = view.site.offers.get(name);
        if (offer === undefined) return [];
        const refusal = view.site.matchmaker.refusal(ad, offer);
        return [
          {
            pool: pool.name,
            offer: name,
            cloud: offer.cloud,
            matches: refusal === null,
            side: refusal === null ? null : refusal.side === 'offer' ? ('offer' as const) : ('job' as const),
            clause: refusal?.clause ?? null,
            found: refusal?.found ?? null,
            setAside: asides.find((aside) => aside.offer === name) ?? null,
          },
        ];
      }),
    );
}

/** The job as a group of one, to ask the matchmaker with. */
function alone(queue: QueueName, { id, ad }: JobView): Demand {
  return {
    id: DemandId(`job ${id}`),
    queue,
    kind: 'counted',
    count: 1,
    ad,
    sampleJobs: [id],
    oldestSubmittedAtMs: null,
    user: null,
    group: null,
    priority: 0,
    workers: 1,
    walltimeMs: null,
  };
}

function workerSummary(view: DaemonView, queue: QueueName, asked: JobView): WorkerSummary {
  const workers = view.queueSource(queue)?.latest?.workers ?? [];
  const job = alone(queue, asked);
  const { matchmaker, offers } = view.site;
  let matching = 0;
  let free = 0;
  for (const { slots, activity, total } of workers) {
    // What is taken now may be free later: whether it could ever serve is asked with all of the machine.
    if (slots.some((slot) => matchmaker.roomOn(job, slot, total) > 0)) matching += 1;
    const open = activity === 'idle' || activity === 'claimed';
    if (open && slots.some((slot) => slot.free.cpus > 0 && matchmaker.roomOn(job, slot, slot.free) > 0))
      free += 1;
  }
  const coming = [...view.state().fleet.entries.values()].filter(({ instance }) => {
    const offer = offers.get(instance.offer);
    return (
      instance.queue === queue &&
      isComing(instance, view.now()) &&
      offer !== undefined &&
      matchmaker.refusal(adForBoot(asked), offer) === null
    );
  }).length;
  return { total: workers.length, matching, free, coming };
}

function poolRooms(view: DaemonView, queue: QueueName): PoolRoom[] {
  const entries = [...view.state().fleet.entries.values()];
  return [...poolsOf(view).values()]
    .filter((pool) => pool.queue === queue)
    .map(({ name, min, max }) => ({
      pool: name,
      min,
      max,
      counted: entries.filter(({ instance }) => instance.pool === name && countsTowardMax(instance)).length,
    }));
}

/** The last plan's report on the group that the job is in: the one whose jobs want the same. */
function reportOf(view: DaemonView, queue: QueueName, job: JobView): DemandReport | null {
  const groups = view.queueSource(queue)?.latest?.demand ?? [];
  const group =
    groups.find(({ sampleJobs }) => sampleJobs.includes(job.id)) ??
    groups.find(({ id }) => id === job.demand);
  if (group === undefined) return null;
  return view.lastTick()?.plan.demand.find(({ demand }) => demand === group.id) ?? null;
}

function say(
  view: DaemonView,
  context: {
    readonly queue: QueueName;
    readonly job: JobView;
    readonly offers: readonly OfferVerdict[];
    readonly workers: WorkerSummary;
    readonly report: DemandReport | null;
  },
): { verdict: string; next: string } {
  const { queue, job, offers, workers, report } = context;
  if (job.state !== 'waiting')
    return { verdict: `It does not wait: it is ${job.state}.`, next: 'Nothing is to be done for it.' };
  const trouble = view.outlooks().queues.get(queue)?.trouble ?? null;
  if (trouble !== null)
    return {
      verdict: `It waits, and nothing is launched while queue ${queue} cannot be read: ${trouble}.`,
      next: 'The queue is read again at every period.',
    };
  const fitting = offers.filter(({ matches }) => matches);
  if (fitting.length === 0 && workers.matching === 0)
    return {
      verdict: `No offer and no worker fits it${firstClause(offers)}.`,
      next: 'It waits until the job or the offers are changed.',
    };
  if (report === null)
    return { verdict: 'It waits and has not been seen in a poll yet.', next: 'The next poll will show it.' };
  if (report.unmet === 0) {
    if (report.onWorkers === report.jobs)
      return { verdict: 'A worker has room for it.', next: 'The scheduler will start it there.' };
    if (report.onLaunches > 0)
      return {
        verdict: 'A machine is being launched for it.',
        next: 'It will run when the machine has joined.',
      };
    return { verdict: 'A machine for it is on its way.', next: 'It will run when the machine has joined.' };
  }
  const why = report.shortage?.why ?? 'there is no room';
  return {
    verdict: `${report.unmet} of the ${report.jobs} jobs that want the same get no machine now: ${why}.`,
    next: nextAfter(report.shortage),
  };
}

function shortageOf(report: DemandReport | null): ShortageView | null {
  if (report === null || report.shortage === null) return null;
  const { code, why, figures = {} } = report.shortage;
  return { code, why, figures };
}

function nextAfter(shortage: DemandShortage | null): string {
  switch (shortage?.code) {
    case 'tooLarge':
      return 'It waits until it wants fewer machines, or pools, offers, clouds and caps allow more.';
    case 'walltime':
      return 'It waits until it states a shorter time, or its pool has a longer lifetime.';
    case 'price':
      return 'It waits until an offer costs less, or it may cost more.';
    case 'userCap':
    case 'groupCap':
      return 'It is served when other jobs of theirs have ended.';
    default:
      return 'It is tried again at every poll; a machine that becomes free takes it.';
  }
}

function firstClause(offers: readonly OfferVerdict[]): string {
  const refused = offers.find(({ clause }) => clause !== null);
  if (refused === undefined) return '';
  const whose =
    refused.side === 'offer' ? `the requirements of offer ${refused.offer}` : "the job's requirements";
  return `: in ${whose}, ${refused.clause} is ${refused.found} (offer ${refused.offer})`;
}
