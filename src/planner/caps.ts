import type { FleetEntry } from '../fleet/entry.ts';
import type { Demand, QueueSnapshot, Worker } from '../model/demand.ts';
import type { Cap } from '../model/fairness.ts';
import type { InstanceId } from '../model/ids.ts';

export interface CapShortage {
  readonly code: 'userCap' | 'groupCap';
  readonly why: string;
  readonly figures: Readonly<Record<string, number>>;
}

/** Says which machines a demand may have a job on, and keeps count. */
export interface Allowance {
  /** Machines beyond those that count already; infinite where nothing caps them. */
  readonly machinesLeft: number;
  /** It counts already. */
  has(machine: string): boolean;
  mayUse(machine: string): boolean;
  use(machine: string): void;
}

/**
 * What the caps leave, as the plan grows. Running jobs and machines on their way count from the start; what the plan puts
 * somewhere is added as it goes. Our machines count, others never do.
 */
export interface CapKeeper {
  /** Whether there is any cap at all. */
  readonly any: boolean;
  /** How many of the demand's jobs, at so many processors each, the caps allow now. */
  jobsAllowed(demand: Demand, cpusOfJob: number): number;
  spend(demand: Demand, cpus: number): void;
  /** Null where no cap on machines concerns the demand. */
  allowanceFor(demand: Demand): Allowance | null;
  /** The cap that stops so many jobs at once even where nobody else runs; null: none does. */
  tooSmallFor(demand: Demand, needs: { cpus: number; machines: number }): CapShortage | null;
  /** The tightest of the caps on the demand, in words. */
  shortage(demand: Demand): CapShortage;
}

interface Account {
  readonly cap: Cap;
  /** Whose it is. */
  readonly name: string;
  cpus: number;
  readonly machines: Set<string>;
}

export interface CapInput {
  readonly caps: readonly Cap[];
  readonly views: readonly QueueSnapshot[];
  readonly entries: ReadonlyMap<InstanceId, FleetEntry>;
  readonly instanceOf: (worker: Worker) => InstanceId | null;
}

interface Owner {
  readonly user: string | null;
  readonly group: string | null;
}

export function createCaps({ caps, views, entries, instanceOf }: CapInput): CapKeeper {
  const accounts = new Map<string, Account>();

  function accountsOf(owner: Owner): Account[] {
    return caps.flatMap((cap, at) => {
      const name = nameUnder(cap, owner);
      if (name === null) return [];
      const key = `${at} ${name}`;
      const account = accounts.get(key) ?? { cap, name, cpus: 0, machines: new Set<string>() };
      accounts.set(key, account);
      return [account];
    });
  }

  function note(owner: Owner, instance: InstanceId, cpus: number): void {
    for (const account of accountsOf(owner)) {
      account.cpus += cpus;
      account.machines.add(instance);
    }
  }

  if (caps.length > 0) {
    const told = new Set<InstanceId>();
    for (const { workers } of views) {
      for (const worker of workers) {
        const id = instanceOf(worker);
        if (id === null || worker.usage === undefined) continue;
        told.add(id);
        for (const { user, group, cpus } of worker.usage) note({ user, group }, id, cpus);
      }
    }
    for (const { instance } of entries.values()) {
      const { cause, phase } = instance;
      if (cause.kind !== 'demand') continue;
      // Where the scheduler does not tell whose jobs run, they are taken to be those that the machine was launched for.
      const isOnItsWay =
        phase === 'requested' || phase === 'unknown' || phase === 'building' || phase === 'joining';
      if (isOnItsWay || (phase === 'claimed' && !told.has(instance.id))) note(cause, instance.id, 0);
    }
  }

  const leftOf = ({ cap, cpus }: Account) => (cap.cpus === null ? Number.POSITIVE_INFINITY : cap.cpus - cpus);

  return {
    any: caps.length > 0,
    jobsAllowed: (demand, cpusOfJob) => {
      if (caps.length === 0) return Number.POSITIVE_INFINITY;
      const left = Math.min(Number.POSITIVE_INFINITY, ...accountsOf(demand).map(leftOf));
      return Math.max(0, Math.floor(left / Math.max(cpusOfJob, 1e-9)));
    },
    spend: (demand, cpus) => {
      if (caps.length > 0) for (const account of accountsOf(demand)) account.cpus += cpus;
    },
    allowanceFor: (demand) => {
      if (!caps.some(({ machines }) => machines !== null)) return null;
      const own = accountsOf(demand).filter(({ cap }) => cap.machines !== null);
      return own.length === 0 ? null : allowanceOf(own);
    },
    tooSmallFor: (demand, needs) => {
      if (caps.length === 0) return null;
      const found = accountsOf(demand).find(
        ({ cap }) =>
          (cap.cpus !== null && needs.cpus > cap.cpus) ||
          (cap.machines !== null && needs.machines > cap.machines),
      );
      return found === undefined ? null : describe(found);
    },
    shortage: (demand) => {
      const [first, ...rest] = accountsOf(demand);
      if (first === undefined) throw new Error('no cap concerns this demand');
      return describe(
        rest.reduce((tightest, one) => (partLeft(one) < partLeft(tightest) ? one : tightest), first),
      );
    },
  };
}

function nameUnder({ of, name }: Cap, { user, group }: Owner): string | null {
  if (of === 'user') return name === null || user === name ? user : null;
  if (group === null || name === null) return group;
  return group === name || group.startsWith(`${name}.`) ? name : null;
}

function allowanceOf(accounts: readonly Account[]): Allowance {
  const left = ({ cap, machines }: Account) => (cap.machines ?? Number.POSITIVE_INFINITY) - machines.size;
  return {
    get machinesLeft() {
      return Math.max(0, Math.min(...accounts.map(left)));
    },
    has: (machine) => accounts.every(({ machines }) => machines.has(machine)),
    mayUse: (machine) => accounts.every((account) => account.machines.has(machine) || left(account) > 0),
    use: (machine) => {
      for (const { machines } of accounts) machines.add(machine);
    },
  };
}

/** What is left of a cap, as a part of it. */
function partLeft({ cap, cpus, machines }: Account): number {
  const part = (most: number | null, used: number) =>
    most === null ? Number.POSITIVE_INFINITY : most === 0 ? 0 : (most - used) / most;
  return Math.min(part(cap.cpus, cpus), part(cap.machines, machines.size));
}

function describe({ cap, name, cpus, machines }: Account): CapShortage {
  const most = [
    ...(cap.cpus === null ? [] : [`${cap.cpus} cpus`]),
    ...(cap.machines === null ? [] : [`${cap.machines} machines`]),
  ].join(' and ');
  return {
    code: cap.of === 'user' ? 'userCap' : 'groupCap',
    why: `${cap.of} ${name} may have ${most} at a time`,
    figures: {
      ...(cap.cpus === null ? {} : { cpusMax: cap.cpus, cpusInUse: cpus }),
      ...(cap.machines === null ? {} : { machinesMax: cap.machines, machinesInUse: machines.size }),
    },
  };
}
