import type { ClassAd } from '../../classad/ad.ts';
import { evaluateAttribute } from '../../classad/evaluate.ts';
import { numberOf, stringOf } from '../../classad/value.ts';
import type { WorkerUse } from '../../model/demand.ts';

/** Whose jobs they are, as the negotiator accounts for them. */
export interface Account {
  readonly user: string | null;
  readonly group: string | null;
}

/** Asked for of every job; they tell groups apart, and no machine is matched by them. */
export const accountWords = [
  'Owner',
  'AcctGroup',
  'AcctGroupUser',
  'AccountingGroup',
  'JobPrio',
  'AllowedJobDuration',
  'AllowedExecuteDuration',
] as const;

/** Of a slot: who has it. */
export const slotAccountWords = ['RemoteOwner', 'AccountingGroup'] as const;

const text = (ad: ClassAd, name: string) => stringOf(evaluateAttribute(ad, name));

/** `accounting_group` and `accounting_group_user` of the job, else its owner and no group. */
export function accountOfJob(job: ClassAd): Account {
  const owner = text(job, 'Owner');
  const user = text(job, 'AcctGroupUser') ?? owner;
  const group = text(job, 'AcctGroup');
  if (group !== null) return { user, group };
  const both = text(job, 'AccountingGroup');
  return both === null ? { user, group: null } : accountNamed(both, user);
}

/** What the jobs on a worker's claimed slots take, by whose they are; null where no slot says. */
export function usageOf(claimed: readonly ClassAd[]): readonly WorkerUse[] | null {
  const uses = new Map<string, WorkerUse>();
  let told = claimed.length === 0;
  for (const slot of claimed) {
    const owner = withoutDomain(text(slot, 'RemoteOwner'));
    const both = withoutDomain(text(slot, 'AccountingGroup'));
    if (owner === null && both === null) continue;
    told = true;
    const { user, group } = both === null ? { user: owner, group: null } : accountNamed(both, owner);
    const key = `${group ?? ''}\n${user ?? ''}`;
    const cpus = numberOf(evaluateAttribute(slot, 'Cpus')) ?? 0;
    const job = text(slot, 'GlobalJobId');
    const known = uses.get(key);
    const jobIds = [...(known?.jobIds ?? []), ...(job === null ? [] : [job])];
    uses.set(key, {
      user,
      group,
      cpus: (known?.cpus ?? 0) + cpus,
      ...(jobIds.length === 0 ? {} : { jobIds }),
    });
  }
  return told ? [...uses.values()] : null;
}

/** `physics.higgs.alice` → group `physics.higgs`, user `alice`. A user's name may have a dot in it, if it is known. */
function accountNamed(both: string, user: string | null): Account {
  if (user !== null && both.endsWith(`.${user}`)) return { user, group: both.slice(0, -user.length - 1) };
  const dot = both.lastIndexOf('.');
  return dot <= 0 ? { user: both, group: null } : { user: both.slice(dot + 1), group: both.slice(0, dot) };
}

/** `alice@example.org` → `alice`. */
function withoutDomain(name: string | null): string | null {
  return name?.split('@')[0] ?? null;
}

/**
 * Priorities that are kept apart: the usual ones one by one, those beyond by their first digit. A user who gives every job
 * a priority of its own does not make every job a group of its own.
 */
export function priorityBand(priority: number): number {
  if (!Number.isFinite(priority)) return 0;
  const whole = Math.trunc(priority);
  const size = Math.abs(whole);
  if (size <= 20) return whole;
  const step = 10 ** Math.floor(Math.log10(size));
  return Math.sign(whole) * Math.floor(size / step) * step;
}

export interface WalltimeWord {
  readonly attribute: string;
  /** What one of it is, in ms. */
  readonly unitMs: number;
}

const usualWords: readonly WalltimeWord[] = [
  { attribute: 'AllowedJobDuration', unitMs: 1000 },
  { attribute: 'AllowedExecuteDuration', unitMs: 1000 },
];

/** The longest that a job may run: the least of what it says; null where it says nothing that it knows by itself. */
export function walltimeOf(job: ClassAd, own: WalltimeWord | null): number | null {
  let least: number | null = null;
  for (const { attribute, unitMs } of own === null ? usualWords : [...usualWords, own]) {
    if (!job.has(attribute)) continue;
    const value = numberOf(evaluateAttribute(job, attribute));
    if (value === null || !(value > 0)) continue;
    const ms = Math.ceil(value * unitMs);
    least = least === null ? ms : Math.min(least, ms);
  }
  return least;
}
