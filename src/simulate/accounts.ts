import { costUntil } from '../model/billing.ts';
import type { OfferName } from '../model/ids.ts';
import type { Offer } from '../model/offer.ts';
import type { Job } from './scheduler.ts';
import type { Machine } from './simulatedCloud.ts';

/** What a replay has cost and how long its jobs have waited, so far. */
export interface Figures {
  /** Jobs of the trace that were submitted, and those whose every part has ended. */
  readonly jobs: number;
  readonly done: number;
  /** Of all that was put into the queue and has begun: the parts of a split job count one by one. */
  readonly waitMeanSeconds: number;
  readonly waitP95Seconds: number;
  /** (wait + run) / run, a run of less than 10 s counting as 10 s; never below 1. */
  readonly slowdownMean: number;
  /** Over all jobs, processors × hours. */
  readonly waitCoreHours: number;
  /** Of the work itself: processors × run times of what is done, in hours. */
  readonly busyCoreHours: number;
  /** Of machines: processors × time from the create call's acceptance until gone, in hours. */
  readonly paidCoreHours: number;
  readonly cost: number;
}

export interface Accounts {
  /** One job of the trace, as the jobs that it was put into the queue as. */
  readonly submitted: (jobs: readonly Job[]) => void;
  begun(job: Job): void;
  killed(job: Job): void;
  done(job: Job): void;
  created(machine: Machine): void;
  gone(machine: Machine): void;
  readonly figures: () => Figures;
}

interface Entry {
  left: number;
}

const hourMs = 3_600_000;
const shortRunMs = 10_000;

/** Keeps count as it happens: each event costs the same however many there were. */
export function createAccounts(nowMs: () => number, offers: readonly Offer[]): Accounts {
  const byName = new Map<OfferName, Offer>(offers.map((offer) => [offer.name, offer]));
  const entries = new Map<Job, Entry>();
  const waitingSinceMs = new Map<Job, number>();
  const alive = new Set<Machine>();
  const waitsMs: number[] = [];
  let submittedJobs = 0;
  let doneJobs = 0;
  let slowdownSum = 0;
  let waitCoreMs = 0;
  let busyCoreMs = 0;
  let paidCoreMs = 0;
  let cost = 0;

  const coresOf = ({ jobClass }: Job) => Math.max(1, jobClass.request.cpus) * (jobClass.workers ?? 1);

  function costOf(machine: Machine): { readonly cost: number; readonly coreMs: number } {
    const offer = byName.get(machine.offer);
    if (offer === undefined) return { cost: 0, coreMs: 0 };
    const { price, billing, resources } = offer;
    const { createdAtMs: sinceMs, goneAtMs: untilMs } = machine;
    const coreMs = ((untilMs ?? nowMs()) - sinceMs) * resources.cpus;
    return { coreMs, cost: price === null ? 0 : costUntil({ price, billing, sinceMs, untilMs }, nowMs()) };
  }

  return {
    submitted: (jobs) => {
      submittedJobs += 1;
      const entry: Entry = { left: jobs.length };
      for (const job of jobs) {
        entries.set(job, entry);
        waitingSinceMs.set(job, nowMs());
      }
    },
    begun: (job) => {
      const waitMs = nowMs() - (waitingSinceMs.get(job) ?? nowMs());
      waitingSinceMs.delete(job);
      waitCoreMs += waitMs * coresOf(job);
      if (job.starts > 1) return;
      waitsMs.push(waitMs);
      slowdownSum += Math.max(1, (waitMs + job.runMs) / Math.max(shortRunMs, job.runMs));
    },
    killed: (job) => {
      waitingSinceMs.set(job, nowMs());
    },
    done: (job) => {
      busyCoreMs += job.runMs * coresOf(job);
      const entry = entries.get(job);
      if (entry === undefined) return;
      entries.delete(job);
      entry.left -= 1;
      if (entry.left === 0) doneJobs += 1;
    },
    created: (machine) => {
      alive.add(machine);
    },
    gone: (machine) => {
      alive.delete(machine);
      const own = costOf(machine);
      cost += own.cost;
      paidCoreMs += own.coreMs;
    },
    figures: () => {
      let waitingCoreMs = waitCoreMs;
      for (const [job, sinceMs] of waitingSinceMs) waitingCoreMs += (nowMs() - sinceMs) * coresOf(job);
      const running = [...alive].map(costOf);
      const sorted = waitsMs.toSorted((a, b) => a - b);
      const mean = (sum: number) => (waitsMs.length === 0 ? 0 : sum / waitsMs.length);
      return {
        jobs: submittedJobs,
        done: doneJobs,
        waitMeanSeconds: mean(waitsMs.reduce((sum, ms) => sum + ms, 0)) / 1000,
        waitP95Seconds: (sorted[Math.ceil(sorted.length * 0.95) - 1] ?? 0) / 1000,
        slowdownMean: mean(slowdownSum),
        waitCoreHours: waitingCoreMs / hourMs,
        busyCoreHours: busyCoreMs / hourMs,
        paidCoreHours: (paidCoreMs + running.reduce((sum, { coreMs }) => sum + coreMs, 0)) / hourMs,
        cost: cost + running.reduce((sum, own) => sum + own.cost, 0),
      };
    },
  };
}
