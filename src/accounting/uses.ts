import type { OpenUse } from '../model/accounting.ts';
import type { Worker } from '../model/demand.ts';

/** No machine has more. */
const cpusMax = 100_000;

/** A worker that is shown again as the same object is not looked through again. */
const known = new WeakMap<Worker, readonly OpenUse[]>();

/**
 * What a worker's jobs take of it, one use for each user and group. Where the scheduler does not tell whose they are, a
 * worker with a job is used whole, by nobody that is known.
 */
export function openUsesOf(worker: Worker): readonly OpenUse[] {
  const before = known.get(worker);
  if (before !== undefined) return before;
  const uses = readUses(worker);
  known.set(worker, uses);
  return uses;
}

function readUses({ usage, runningJobs, jobIds = [], total }: Worker): readonly OpenUse[] {
  if (usage === undefined)
    return runningJobs === 0 ? [] : [{ user: null, group: null, cpus: sane(total.cpus), jobIds }];
  const uses = new Map<string, OpenUse>();
  for (const { user, group, cpus, jobIds: own = [] } of usage) {
    const key = JSON.stringify([user, group]);
    const other = uses.get(key);
    uses.set(key, {
      user,
      group,
      cpus: sane((other?.cpus ?? 0) + cpus),
      jobIds: [...(other?.jobIds ?? []), ...own],
    });
  }
  const [only] = uses.values();
  if (uses.size === 1 && only !== undefined && only.jobIds.length === 0) return [{ ...only, jobIds }];
  return [...uses.values()];
}

/** What a machine says of itself is in no sum if it is no number of processors. */
function sane(cpus: number): number {
  return cpus >= 0 ? Math.min(cpus, cpusMax) : 0;
}

/**
 * Whether a worker is used as before. The usual answer, yes, is found by one look at each of its jobs, in the order in
 * which they were shown before, and nothing is made for it.
 */
export function sameUses(before: readonly OpenUse[], worker: Worker): boolean {
  const { usage, runningJobs } = worker;
  if (usage?.length === 0 || (usage === undefined && runningJobs === 0)) return before.length === 0;
  if (known.get(worker) === before || sameInOrder(before, worker)) return true;
  if (!equal(inOrder(before), inOrder(openUsesOf(worker)))) return false;
  known.set(worker, before);
  return true;
}

const none: readonly string[] = [];

function sameInOrder(before: readonly OpenUse[], { usage, jobIds = none }: Worker): boolean {
  if (usage?.length !== before.length) return false;
  for (const [at, use] of before.entries()) {
    const shown = usage[at];
    if (shown === undefined || !sameUse(use, shown)) return false;
    if (!sameIds(use.jobIds, shown.jobIds ?? (usage.length === 1 ? jobIds : none))) return false;
  }
  return true;
}

function sameUse(a: Omit<OpenUse, 'jobIds'>, b: Omit<OpenUse, 'jobIds'>): boolean {
  return a.cpus === b.cpus && a.user === b.user && a.group === b.group;
}

function sameIds(a: readonly string[], b: readonly string[]): boolean {
  if (a.length !== b.length) return false;
  for (let at = 0; at < a.length; at++) if (a[at] !== b[at]) return false;
  return true;
}

function equal(a: readonly OpenUse[], b: readonly OpenUse[]): boolean {
  return (
    a.length === b.length &&
    a.every((use, at) => {
      const other = b[at];
      return other !== undefined && sameUse(use, other) && sameIds(use.jobIds, other.jobIds);
    })
  );
}

function inOrder(uses: readonly OpenUse[]): readonly OpenUse[] {
  const key = ({ user, group }: OpenUse) => JSON.stringify([user, group]);
  return uses
    .map((use) => ({ ...use, jobIds: use.jobIds.toSorted() }))
    .toSorted((a, b) => (key(a) < key(b) ? -1 : 1));
}
