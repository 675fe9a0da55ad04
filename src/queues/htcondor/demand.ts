import { createHash } from 'node:crypto';
import { adFromValues, type ClassAd, withAttributes } from '../../classad/ad.ts';
import { evaluateAttribute } from '../../classad/evaluate.ts';
import { type Expr, literal } from '../../classad/expr.ts';
import { unparse } from '../../classad/unparse.ts';
import { isError, kindOf, numberOf, type Value } from '../../classad/value.ts';
import type { Demand, DemandKind } from '../../model/demand.ts';
import { DemandId, JobId, type QueueName } from '../../model/ids.ts';
import { type JobClass, type JobNumbers, samplesMax } from './job-classes.ts';
import { referencesOf } from './references.ts';

const parallelUniverse = 11;
const requests = ['RequestCpus', 'RequestMemory', 'RequestDisk', 'RequestGPUs'] as const;
const ids: ReadonlySet<string> = new Set(['clusterid', 'procid', 'qdate']);

/** More groups than that are not handed to the planner: the rest of the jobs waits until some are gone. */
export const groupsMax = 10_000;

/** Classes of jobs at one schedd, with a parsed ad of each. */
export interface ReadClasses {
  readonly schedd: string;
  readonly classes: readonly { readonly jobs: JobClass; readonly ad: ClassAd }[];
}

/**
 * The demand of several schedds, jobs that want the same thing as one group. What tells groups apart is what jobs
 * say in `isWish` attributes and in whatever else their expressions refer to, in the words that they say it in.
 *
 * A Request* that depends on the job alone is replaced by its value: `1 + (ProcId % 4)` makes four groups, where the
 * schedd's own autoclusters count one for each job. An id that remains in an expression sets each job apart.
 * `complete` is false where there are more than `groupsMax` groups.
 */
export function groupDemand(
  queue: QueueName,
  read: readonly ReadClasses[],
  isWish: (name: string) => boolean,
): { readonly demand: readonly Demand[]; readonly complete: boolean } {
  const groups = new Map<DemandId, Growing>();
  let complete = true;
  for (const { schedd, classes } of read) {
    for (const { jobs, ad } of classes) {
      for (const part of partsOf(jobs, ad, isWish)) {
        const id = demandId(queue, part.kind, part.ad);
        const known = groups.get(id);
        if (known === undefined && groups.size >= groupsMax) complete = false;
        else groups.set(id, grown(known, part, schedd));
      }
    }
  }
  const demand = [...groups].map(
    ([id, group]): Demand => ({
      id,
      queue,
      kind: group.kind,
      count: group.count,
      ad: group.ad,
      sampleJobs: group.samples.slice(0, samplesMax).map(JobId),
      oldestSubmittedAtMs: group.oldest === null ? null : group.oldest * 1000,
      user: null,
      group: null,
      priority: 0,
      workers: 1,
      walltimeMs: null,
    }),
  );
  return { demand, complete };
}

interface Part {
  readonly kind: DemandKind;
  readonly ad: ClassAd;
  readonly count: number;
  readonly oldest: number | null;
  readonly samples: readonly string[];
}

type Growing = Part;

function grown(known: Growing | undefined, part: Part, schedd: string): Growing {
  const samples = part.samples.map((job) => `${schedd}#${job}`);
  if (known === undefined) return { ...part, samples };
  return {
    ...known,
    count: known.count + part.count,
    oldest: earlier(known.oldest, part.oldest),
    samples: known.samples.length >= samplesMax ? known.samples : [...known.samples, ...samples],
  };
}

function earlier(a: number | null, b: number | null): number | null {
  if (a === null || b === null) return a ?? b;
  return Math.min(a, b);
}

/** One class of jobs, split where its jobs differ in what an expression makes of their ids. */
function partsOf(jobs: JobClass, ad: ClassAd, isWish: (name: string) => boolean): readonly Part[] {
  const kind: DemandKind =
    numberOf(evaluateAttribute(ad, 'JobUniverse')) === parallelUniverse ? 'gang' : 'counted';
  const plan = planOf(ad, isWish);
  if (jobs.members === null || (plan.byJob.length === 0 && plan.idsKept.size === 0)) {
    const substituted = Object.fromEntries(plan.once);
    const part = wishAd(ad, plan.kept, substituted);
    return [{ kind, ad: part, count: jobs.count, oldest: jobs.oldest, samples: jobs.samples }];
  }
  const parts = new Map<string, Part>();
  for (const member of jobs.members) {
    const values: Record<string, Expr> = Object.fromEntries(plan.once);
    const numbers = numbersOf(member);
    const whole = withAttributes(ad, numbers);
    for (const name of plan.byJob) {
      const value = evaluateAttribute(whole, name);
      const expr = isPlain(value) ? literal(value) : ad.get(name);
      if (expr !== undefined) values[name] = expr;
      if (!isPlain(value)) Object.assign(values, numbers);
    }
    for (const name of plan.idsKept) Object.assign(values, pick(numbers, name));
    const key = Object.entries(values)
      .map(([name, expr]) => `${name}=${unparse(expr, 'old')}`)
      .join(';');
    const known = parts.get(key);
    const samples = [...(known?.samples ?? [])];
    if (samples.length < samplesMax) samples.push(`${member.cluster}.${member.proc}`);
    parts.set(key, {
      kind,
      ad: known?.ad ?? wishAd(ad, plan.kept, values),
      count: (known?.count ?? 0) + 1,
      oldest: earlier(known?.oldest ?? null, member.submitted),
      samples,
    });
  }
  return [...parts.values()];
}

interface Plan {
  /** Request* that are the same for the whole class, with their values. */
  readonly once: readonly (readonly [string, Expr])[];
  /** Request* whose value depends on which job it is. */
  readonly byJob: readonly string[];
  /** Ids that other expressions refer to, in lower case. */
  readonly idsKept: ReadonlySet<string>;
  /** Attributes that stay in the ad as they are, in lower case. */
  readonly kept: ReadonlySet<string>;
}

function planOf(ad: ClassAd, isWish: (name: string) => boolean): Plan {
  const once: (readonly [string, Expr])[] = [];
  const byJob: string[] = [];
  for (const name of requests) {
    const { own, target, unresolved, changing } = referencesOf(ad, name, ids);
    if (!ad.has(name) || target.size > 0 || unresolved.size > 0 || changing) continue;
    const value = evaluateAttribute(ad, name);
    if ([...own.keys()].some((word) => ids.has(word))) byJob.push(name);
    else if (isPlain(value)) once.push([name, literal(value)]);
  }
  const replaced = new Set([...once.map(([name]) => name), ...byJob].map((name) => name.toLowerCase()));
  const stops = new Set([...ids, ...replaced]);
  const kept = new Set<string>();
  for (const name of ad.names()) {
    const lower = name.toLowerCase();
    if (!isWish(name) || replaced.has(lower)) continue;
    kept.add(lower);
    for (const word of referencesOf(ad, name, stops).own.keys()) if (!replaced.has(word)) kept.add(word);
  }
  const idsKept = new Set([...kept].filter((name) => ids.has(name)));
  return { once, byJob, idsKept, kept };
}

function wishAd(ad: ClassAd, kept: ReadonlySet<string>, values: Readonly<Record<string, Expr>>): ClassAd {
  const record: Record<string, Expr> = {};
  for (const name of ad.names()) {
    const expr = ad.get(name);
    if (expr !== undefined && kept.has(name.toLowerCase())) record[name] = expr;
  }
  return adFromValues({ ...record, ...values });
}

function numbersOf({ cluster, proc, submitted }: JobNumbers): Record<string, Expr> {
  const numbers: Record<string, Expr> = { ClusterId: literal(cluster), ProcId: literal(proc) };
  return submitted === null ? numbers : { ...numbers, QDate: literal(submitted) };
}

function pick(numbers: Readonly<Record<string, Expr>>, lower: string): Record<string, Expr> {
  return Object.fromEntries(Object.entries(numbers).filter(([name]) => name.toLowerCase() === lower));
}

function isPlain(value: Value): boolean {
  const kind = kindOf(value);
  return (
    !isError(value) && (kind === 'integer' || kind === 'real' || kind === 'boolean' || kind === 'string')
  );
}

/** The same words give the same id, in whatever order and at whichever schedd they are said. */
function demandId(queue: QueueName, kind: DemandKind, ad: ClassAd): DemandId {
  const said = ad
    .names()
    .map((name) => {
      const expr = ad.get(name);
      return `${name.toLowerCase()} = ${expr === undefined ? '' : unparse(expr, 'old')}`;
    })
    .toSorted();
  const digest = createHash('sha256').update([queue, kind, ...said].join('\n'));
  return DemandId(digest.digest('hex').slice(0, 16));
}
