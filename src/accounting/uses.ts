import type { OpenUse } from '../model/accounting.ts';
import type { Worker } from '../model/demand.ts';

/**
 * What a worker's jobs take of it, one use for each user and group, in one order. Where the scheduler does not tell whose
 * they are, a worker with a job is used whole, by nobody that is known.
 */
export function openUsesOf({ usage, runningJobs, jobIds = [], total }: Worker): readonly OpenUse[] {
  if (usage === undefined)
    return runningJobs === 0
      ? []
      : [{ user: null, group: null, cpus: total.cpus, jobIds: jobIds.toSorted() }];
  const uses = new Map<string, OpenUse>();
  for (const { user, group, cpus, jobIds: own = [] } of usage) {
    const key = JSON.stringify([user, group]);
    const known = uses.get(key);
    uses.set(key, {
      user,
      group,
      cpus: (known?.cpus ?? 0) + cpus,
      jobIds: [...(known?.jobIds ?? []), ...own],
    });
  }
  const [only] = uses.values();
  if (uses.size === 1 && only !== undefined && only.jobIds.length === 0)
    return [{ ...only, jobIds: jobIds.toSorted() }];
  return [...uses]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([, use]) => ({ ...use, jobIds: use.jobIds.toSorted() }));
}

/** Whether a worker is used as before; the usual answer, yes, is found without making anything. */
export function sameUses(before: readonly OpenUse[], worker: Worker): boolean {
  const { usage, jobIds = [], runningJobs } = worker;
  if (usage?.length === 0 || (usage === undefined && runningJobs === 0)) return before.length === 0;
  const [only] = before;
  const [shown] = usage ?? [];
  if (usage?.length === 1 && before.length === 1 && only !== undefined && shown !== undefined) {
    const ids = shown.jobIds ?? jobIds;
    if (ids.length < 2)
      return (
        only.user === shown.user &&
        only.group === shown.group &&
        only.cpus === shown.cpus &&
        only.jobIds.length === ids.length &&
        only.jobIds[0] === ids[0]
      );
  }
  return equal(before, openUsesOf(worker));
}

function equal(a: readonly OpenUse[], b: readonly OpenUse[]): boolean {
  return (
    a.length === b.length &&
    a.every((use, at) => {
      const other = b[at];
      return (
        other !== undefined &&
        use.user === other.user &&
        use.group === other.group &&
        use.cpus === other.cpus &&
        use.jobIds.length === other.jobIds.length &&
        use.jobIds.every((id, index) => id === other.jobIds[index])
      );
    })
  );
}
