import type { Cloud } from '../clouds/port.ts';
import type { CloudConfig, QueueConfig, SiteConfig } from '../config/site.ts';
import type { Check, CheckFinding, CheckSubject, CheckVerdict } from '../model/check.ts';
import { quotaFindings } from '../model/checkFindings.ts';
import type { Clock } from '../model/clock.ts';
import { CloudError, QueueError } from '../model/errors.ts';
import type { Offer } from '../model/offer.ts';
import type { Queue } from '../queues/port.ts';
import { withDeadline } from './deadline.ts';
import { jobAttributes } from './order.ts';

/** A cloud or a queue to be looked at, and what there is to look at. */
export interface LiveSource {
  readonly kind: 'cloud' | 'queue';
  readonly name: string;
  /** Its driver or adapter. */
  readonly part: string;
  /** For each check. */
  readonly deadlineMs: number;
  readonly checks: readonly Check[];
}

export interface LiveFinding {
  readonly subject: CheckSubject;
  readonly verdict: CheckVerdict;
  readonly message: string;
  /** Empty: it is about all of the source. */
  readonly offers: readonly string[];
  readonly figures: Readonly<Record<string, number>>;
}

export interface LiveResult extends Omit<LiveSource, 'checks' | 'deadlineMs'> {
  readonly findings: readonly LiveFinding[];
}

/** Sources that are looked at side by side, at most. */
const sourcesAtATime = 8;

/** More of one check nobody reads. */
const findingsMax = 200;
const messageCharsMax = 500;

/** What a site's clouds and queues say of themselves, in the order of the sources. Throws only where the signal is aborted. */
export async function lookAt(
  sources: readonly LiveSource[],
  { clock, signal }: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<readonly LiveResult[]> {
  const results: LiveResult[] = [];
  const waiting = [...sources.entries()];
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const [at, { kind, name, part, checks, deadlineMs }] = next;
      results[at] = { kind, name, part, findings: await runAll(checks, { clock, signal, deadlineMs }) };
    }
  };
  await Promise.all(Array.from({ length: Math.min(sourcesAtATime, sources.length) }, worker));
  return results;
}

export interface LiveSite {
  readonly config: SiteConfig;
  readonly clouds: readonly LiveCloud[];
  readonly queues: readonly LiveQueue[];
}

/** The queues first. Closes all of them. */
export async function lookAtSite(
  { config, clouds, queues }: LiveSite,
  parts: { readonly clock: Clock; readonly signal: AbortSignal },
): Promise<readonly LiveResult[]> {
  try {
    const sources = [
      ...queues.map((queue) => queueSource(queue, config, parts.clock)),
      ...clouds.map((cloud) => cloudSource(cloud, config)),
    ];
    return await lookAt(sources, parts);
  } finally {
    await Promise.allSettled([
      ...clouds.map(({ cloud }) => cloud.close()),
      ...queues.map(({ queue }) => queue.close()),
    ]);
  }
}

interface Bounds {
  readonly clock: Clock;
  readonly signal: AbortSignal;
  readonly deadlineMs: number;
}

async function runAll(checks: readonly Check[], bounds: Bounds): Promise<readonly LiveFinding[]> {
  const findings: LiveFinding[] = [];
  for (const [at, check] of checks.entries()) {
    const own = await runOne(check, bounds);
    findings.push(...own);
    if (check.subject !== 'login' || own.every(({ verdict }) => verdict !== 'error')) continue;
    // A clock that is wrong is refused as a credential that is.
    const left = checks.slice(at + 1).filter(({ subject }) => subject !== 'login');
    for (const clock of left.filter(({ subject }) => subject === 'clock')) {
      findings.push(...(await runOne(clock, bounds)));
    }
    const others = new Set(left.map(({ subject }) => subject).filter((subject) => subject !== 'clock'));
    return [...findings, ...[...others].map(notLookedAt)];
  }
  return findings;
}

const notLookedAt = (subject: CheckSubject): LiveFinding => ({
  subject,
  verdict: 'unknown',
  message: 'not looked at, as there is no log-in',
  offers: [],
  figures: {},
});

async function runOne(check: Check, { clock, signal, deadlineMs }: Bounds): Promise<LiveFinding[]> {
  const told = (finding: CheckFinding): LiveFinding => ({
    subject: check.subject,
    verdict: finding.verdict,
    message: lineOf(finding.message),
    offers: finding.offers ?? [],
    figures: finding.figures ?? {},
  });
  try {
    const found = await withDeadline((inner) => check.run(inner), { clock, ms: deadlineMs, signal });
    const left = found.length - findingsMax;
    if (left <= 0) return found.map(told);
    // What is wrong is shown rather than what is not.
    const worstFirst = found.toSorted((a, b) => ranks[b.verdict] - ranks[a.verdict]);
    const more: CheckFinding = { verdict: 'unknown', message: `${left} more findings are not shown` };
    return [...worstFirst.slice(0, findingsMax), more].map(told);
  } catch (error) {
    signal.throwIfAborted();
    return [told(findingOf(error))];
  }
}

const ranks: Readonly<Record<CheckVerdict, number>> = { ok: 0, unknown: 1, warning: 2, error: 3 };

function findingOf(error: unknown): CheckFinding {
  const message = error instanceof Error ? error.message : String(error);
  const ofPort = error instanceof CloudError || error instanceof QueueError;
  if (ofPort && error.code === 'unsupported') return { verdict: 'unknown', message };
  return { verdict: 'error', message: ofPort ? `${error.code}: ${message}` : message };
}

function lineOf(message: string): string {
  const line = message.replaceAll(/[\s\p{Cc}]+/gu, ' ').trim();
  return line.length > messageCharsMax ? `${line.slice(0, messageCharsMax)}…` : line;
}

export interface LiveCloud {
  readonly config: CloudConfig;
  readonly cloud: Cloud;
}

/** What a cloud's driver looks at, and where it does not say what is left of its account, that. */
export function cloudSource({ config, cloud }: LiveCloud, site: SiteConfig): LiveSource {
  const offers = site.offers.filter((offer) => offer.cloud === config.name);
  const request = { offers, machinesMax: machinesWanted(config, offers, site) };
  const own = cloud.checks?.(request) ?? [];
  const quota: Check = {
    subject: 'quota',
    run: async (signal) => quotaFindings(await cloud.quota(signal), null, request),
  };
  const hasQuota = own.some(({ subject }) => subject === 'quota');
  return {
    kind: 'cloud',
    name: config.name,
    part: config.driver,
    deadlineMs: config.deadlineMs,
    checks: hasQuota ? own : [...own, quota],
  };
}

/** The most that the config would ever have there. */
function machinesWanted(config: CloudConfig, offers: readonly Offer[], site: SiteConfig): number {
  const names = new Set(offers.map(({ name }) => name));
  const pools = site.pools.filter((pool) => pool.offers.some((name) => names.has(name)));
  const byPools = pools.reduce((sum, { max }) => sum + max, 0);
  return Math.min(config.max ?? byPools, byPools);
}

export interface LiveQueue {
  readonly config: QueueConfig;
  readonly queue: Queue;
}

/** What a queue's adapter looks at; one that has nothing to look at is polled once, as the daemon will do. */
export function queueSource(
  { config, queue }: LiveQueue,
  site: SiteConfig,
  clock: Pick<Clock, 'wallNow'>,
): LiveSource {
  const pools = site.pools
    .filter((pool) => pool.queue === config.name)
    .map(({ name, limits: { lifetimeMs, lifetimeGraceMs } }) => ({
      name,
      lifetimeMs: lifetimeMs === null ? null : lifetimeMs + lifetimeGraceMs,
    }));
  const attributes = jobAttributes(site.offers);
  const poll: Check = {
    subject: 'login',
    run: async (signal) => {
      const view = await queue.poll({ nowMs: clock.wallNow(), attributes, machines: [] }, signal);
      const jobs = view.demand.reduce((sum, { count }) => sum + count, 0);
      const message = `a poll sees ${jobs} waiting jobs in ${view.demand.length} groups, and ${view.workers.length} workers`;
      const figures = { jobsWaiting: jobs, demandGroups: view.demand.length, workers: view.workers.length };
      return [{ verdict: 'ok', message, figures }];
    },
  };
  return {
    kind: 'queue',
    name: config.name,
    part: config.adapter,
    deadlineMs: config.deadlineMs,
    checks: queue.checks?.({ attributes, pools }) ?? [poll],
  };
}
