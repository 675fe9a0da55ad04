import { createHash } from 'node:crypto';
import { adFromValues, type ClassAd, withAttributes } from '../../classad/ad.ts';
import { evaluateAttribute } from '../../classad/evaluate.ts';
import { type Expr, literal } from '../../classad/expr.ts';
import { unparse } from '../../classad/unparse.ts';
import { isError, kindOf, numberOf, type Value } from '../../classad/value.ts';
import type { Demand, DemandKind } from '../../model/demand.ts';
import { DemandId, JobId, type QueueName } from '../../model/ids.ts';
import { type Account, accountOfJob, type WalltimeWord, walltimeOf } from './accounting.ts';
import { addTally, type JobClass, type JobNumbers, type Tally } from './job-classes.ts';
import { referencesOf } from './references.ts';

const parallelUniverse = 11;
const requests = ['RequestCpus', 'RequestMemory', 'RequestDisk', 'RequestGPUs'] as const;
const ids: ReadonlySet<string> = new Set(['clusterid', 'procid', 'qdate']);

/** More groups than that are not handed to the planner: the rest of the jobs waits until some are gone. */
export const groupsMax = 10_000;
/** With more groups than that priorities and walltimes that differ little are put together. */
export const splitMax = 2000;

/** Classes of jobs at one schedd, with a parsed ad of each. */
export interface ReadClasses {
  readonly schedd: string;
  readonly classes: readonly { readonly jobs: JobClass; readonly ad: ClassAd }[];
}

export interface Grouping {
  /** Whether an attribute tells groups apart. */
  readonly isWish: (name: string) => boolean;
  /** Beside the usual words: the site's own for how long a job may run. */
  readonly walltime: WalltimeWord | null;
  /** As if there were too many groups. */
  readonly coarse?: boolean;
}

export interface Grouped {
  readonly demand: readonly Demand[];
  readonly complete: boolean;
  /** There were too many groups to tell all priorities apart. */
  readonly coarse: boolean;
}

/**
 * The demand of several schedds, jobs that want the same thing for the same user as one group. What tells groups apart is
 * what jobs say in `isWish` attributes and in whatever else their expressions refer to, in the words that they say it in;
 * then whose they are, how urgent, and how long they may run.
 *
 * A Request* that depends on the job alone is replaced by its value: `1 + (ProcId % 4)` makes four groups, where the
 * schedd's own autoclusters count one for each job. An id that remains in an expression sets each job apart.
 * `complete` is false where there are more than `groupsMax` groups.
 */
export function groupDemand(queue: QueueName, read: readonly ReadClasses[], how: Grouping): Grouped {
  const parts = read.flatMap(({ schedd, classes }) =>
    classes.flatMap(({ jobs, ad }) => partsOf({ queue, schedd, how }, jobs, ad)),
  );
  const fine = how.coarse === true ? null : collect(parts, { coarse: false, most: splitMax });
  const groups = fine?.complete === true ? fine : collect(parts, { coarse: true, most: groupsMax });
  const demand = [...groups.byId].map(
    ([id, { part, tally, priority, walltimeMs }]): Demand => ({
      id,
      queue,
      wishes: part.wishes,
      kind: part.kind,
      count: tally.count,
      ad: part.ad,
      sampleJobs: tally.samples.map(JobId),
      oldestSubmittedAtMs: tally.oldest === null ? null : tally.oldest * 1000,
      user: part.account.user,
      group: part.account.group,
      priority,
      workers: part.workers,
      walltimeMs,
    }),
  );
  return { demand, complete: groups.complete, coarse: groups !== fine };
}

/** Jobs that want the same for the same user, by priority. */
interface Part {
  /** A digest of what they want: the same words give the same, in whatever order and at whichever schedd. */
  readonly wishes: string;
  readonly kind: DemandKind;
  readonly workers: number;
  readonly ad: ClassAd;
  readonly account: Account;
  readonly walltimeMs: number | null;
  readonly tallies: ReadonlyMap<number, Tally>;
}

interface Group {
  readonly part: Part;
  readonly tally: Tally;
  readonly priority: number;
  readonly walltimeMs: number | null;
}

function collect(
  parts: readonly Part[],
  { coarse, most }: { coarse: boolean; most: number },
): { readonly byId: ReadonlyMap<DemandId, Group>; readonly complete: boolean } {
  const byId = new Map<DemandId, Group>();
  let complete = true;
  for (const part of parts) {
    for (const [priority, tally] of part.tallies) {
      const id = coarse
        ? groupId(part, 'any', octave(part.walltimeMs))
        : groupId(part, priority, part.walltimeMs);
      const known = byId.get(id);
      if (known === undefined && byId.size >= most) complete = false;
      else if (known === undefined) byId.set(id, { part, tally, priority, walltimeMs: part.walltimeMs });
      else
        byId.set(id, {
          part: known.part,
          tally: addTally(known.tally, tally),
          priority: Math.max(known.priority, priority),
          walltimeMs: longer(known.walltimeMs, part.walltimeMs),
        });
    }
    if (!complete && !coarse) break;
  }
  return { byId, complete };
}

function groupId(
  { wishes, account: { user, group } }: Part,
  priority: number | 'any',
  walltime: number | null,
): DemandId {
  const rest = JSON.stringify([user, group, priority, walltime]);
  return DemandId(createHash('sha256').update(`${wishes}\n${rest}`).digest('hex').slice(0, 16));
}

/** Walltimes that differ by less than an eighth or so. */
function octave(walltimeMs: number | null): number | null {
  return walltimeMs === null ? null : Math.ceil(Math.log2(walltimeMs) * 6);
}

function longer(a: number | null, b: number | null): number | null {
  return a === null || b === null ? null : Math.max(a, b);
}

/** One class of jobs, split where its jobs differ in what an expression makes of their ids. */
function partsOf(
  { queue, schedd, how }: { queue: QueueName; schedd: string; how: Grouping },
  jobs: JobClass,
  ad: ClassAd,
): readonly Part[] {
  const isParallel = numberOf(evaluateAttribute(ad, 'JobUniverse')) === parallelUniverse;
  const kind: DemandKind = isParallel ? 'gang' : 'counted';
  const hosts = isParallel ? numberOf(evaluateAttribute(ad, 'MaxHosts')) : null;
  const common = {
    kind,
    workers: hosts === null || !(hosts >= 1) ? 1 : Math.floor(hosts),
    account: accountOfJob(ad),
    walltimeMs: walltimeOf(ad, how.walltime),
  };
  const plan = planOf(ad, how.isWish);
  const named = (wished: ClassAd, tallies: ReadonlyMap<number, Tally>): Part => ({
    ...common,
    wishes: wishesId(queue, kind, wished),
    ad: wished,
    tallies: new Map(
      [...tallies].map(([priority, tally]) => [
        priority,
        { ...tally, samples: tally.samples.map((job) => `${schedd}#${job}`) },
      ]),
    ),
  });
  if (jobs.members === null || (plan.byJob.length === 0 && plan.idsKept.size === 0))
    return [named(wishAd(ad, plan.kept, Object.fromEntries(plan.once)), jobs.tallies)];

  const split = new Map<string, { readonly ad: ClassAd; readonly tallies: Map<number, Tally> }>();
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
    const known = split.get(key) ?? { ad: wishAd(ad, plan.kept, values), tallies: new Map<number, Tally>() };
    split.set(key, known);
    const { priority, submitted, cluster, proc } = member;
    const one = { count: 1, oldest: submitted, samples: [`${cluster}.${proc}`] };
    known.tallies.set(priority, addTally(known.tallies.get(priority), one));
  }
  return [...split.values()].map(({ ad: wished, tallies }) => named(wished, tallies));
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
  const own = ad.names().flatMap((name) => {
    const expr = ad.get(name);
    return expr !== undefined && kept.has(name.toLowerCase()) ? [[name, expr] as const] : [];
  });
  return adFromValues({ ...Object.fromEntries(own), ...values });
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

function wishesId(queue: QueueName, kind: DemandKind, ad: ClassAd): string {
  const said = ad
    .names()
    .map((name) => {
      const expr = ad.get(name);
      return `${name.toLowerCase()} = ${expr === undefined ? '' : unparse(expr, 'old')}`;
    })
    .toSorted();
  const digest = createHash('sha256').update([queue, kind, ...said].join('\n'));
  return digest.digest('hex').slice(0, 16);
}
