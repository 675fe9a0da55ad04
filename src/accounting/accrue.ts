import type { MachineUse, OpenUse, UsageRow } from '../model/accounting.ts';
import type { QueueSnapshot, Worker } from '../model/demand.ts';
import type { InstanceId, QueueName } from '../model/ids.ts';
import type { Instance } from '../model/instance.ts';
import type { Offer } from '../model/offer.ts';
import { windowAt, windowNumbered } from '../model/periods.ts';
import { noResources } from '../model/resources.ts';
import { bookMachine, bookUses, coreMs, createLedger, keyOf, type Ledger } from './ledger.ts';
import { openUsesOf, sameUses } from './uses.ts';

/**
 * What a tick adds to the accounts. Pure; a tick that changes no machine and brings no view costs nothing, and a view costs
 * one comparison for each worker. What a machine's jobs use counts from the view that showed it first until the first one
 * that shows something else: too long by as much as too short, on the average.
 *
 * Where nobody looked for longer than `bridgeMaxMs` (no daemon, a silent queue), what is different afterwards counts until
 * the last view before; jobs that are there on both sides, by their names, have been there all the time.
 */
export interface AccountingState {
  /** All that are had now. */
  readonly machines: ReadonlyMap<InstanceId, MachineUse>;
  readonly seen: ReadonlyMap<QueueName, Seen>;
  /** When `seen` was last stored: a crash may make it so much older. */
  readonly storedAtMs: number;
}

/** When the newest view of a queue was begun, and the newest complete one. */
export interface Seen {
  readonly anyMs: number;
  readonly wholeMs: number;
}

export const nothingAccounted: AccountingState = { machines: new Map(), seen: new Map(), storedAtMs: 0 };

export interface AccrualInput {
  readonly nowMs: number;
  /** Those that are new. */
  readonly views: readonly QueueSnapshot[];
  readonly instanceOf: (worker: Worker) => InstanceId | null;
  readonly changed: ReadonlyMap<InstanceId, Instance>;
  readonly offers: ReadonlyMap<string, Offer>;
}

/** To be stored in the tick's own transaction: records as they are now, and what is to be added to the sums. */
export interface Accrual {
  readonly state: AccountingState;
  readonly machines: readonly MachineUse[];
  readonly usage: readonly UsageRow[];
}

/** Gaps between two views that are taken for as busy as their beginning, whatever is seen at their end. */
export const bridgeMaxMs = 900_000;
/** `seen` is stored so often at most, and only when views come. */
const storeEveryMs = 300_000;

export function accrue(before: AccountingState, input: AccrualInput): Accrual {
  const books = new Books(before);
  for (const instance of input.changed.values()) books.begin(instance, input.offers);
  for (const view of newestOf(input.views)) books.look(view, input.instanceOf);
  for (const instance of input.changed.values())
    if (instance.phase === 'ended') books.end(instance, input.nowMs);
  return books.close(input.nowMs);
}

/** Of several views of a queue, the newest: what the others showed is over. */
function newestOf(views: readonly QueueSnapshot[]): Iterable<QueueSnapshot> {
  if (views.length < 2) return views;
  const newest = new Map<QueueName, QueueSnapshot>();
  for (const view of views)
    if (view.takenAtMs >= (newest.get(view.queue)?.takenAtMs ?? Number.NEGATIVE_INFINITY))
      newest.set(view.queue, view);
  return newest.values();
}

/** One mutable copy, private to a tick, made when something changes. */
class Books {
  private readonly before: AccountingState;
  private machines: Map<InstanceId, MachineUse> | null = null;
  private seen: Map<QueueName, Seen> | null = null;
  private readonly changed = new Map<InstanceId, MachineUse>();
  private readonly ledger: Ledger = createLedger();

  constructor(before: AccountingState) {
    this.before = before;
  }

  /** A machine is had as soon as the cloud has given it a name. */
  begin(instance: Instance, offers: ReadonlyMap<string, Offer>): void {
    const { id, cloudId, pool, queue, offer, cloud, cause, terms, createdAtMs } = instance;
    if (cloudId === null || this.get(id) !== undefined) return;
    const demanded = cause.kind === 'demand' ? cause : null;
    const machine: MachineUse = {
      instance: id,
      cloudId,
      pool,
      queue,
      offer,
      cloud,
      user: demanded?.user ?? null,
      group: demanded?.group ?? null,
      resources: offers.get(offer)?.resources ?? noResources,
      terms,
      startedAtMs: createdAtMs,
      endedAtMs: null,
      busyMs: 0,
      busyCoreMs: 0,
      jobs: 0,
      month: null,
      uses: [],
      sinceMs: createdAtMs,
    };
    this.put(machine);
  }

  look(view: QueueSnapshot, instanceOf: AccrualInput['instanceOf']): void {
    const { queue, takenAtMs, workersComplete } = view;
    const seen = (this.seen ?? this.before.seen).get(queue) ?? null;
    if (seen !== null && takenAtMs <= seen.anyMs) return;
    const shown = new Set<InstanceId>();
    for (const worker of view.workers) {
      const id = instanceOf(worker);
      const machine = id === null ? undefined : this.get(id);
      if (machine === undefined) continue;
      if (machine.uses.length > 0) shown.add(machine.instance);
      this.compare(machine, worker, { takenAtMs, lastMs: seen?.anyMs ?? null });
    }
    if (workersComplete) this.endUnshown(view, shown, seen?.wholeMs ?? null);
    this.seen ??= new Map(this.before.seen);
    const wholeMs = workersComplete ? takenAtMs : (seen?.wholeMs ?? takenAtMs);
    this.seen.set(queue, { anyMs: takenAtMs, wholeMs });
  }

  end(instance: Instance, nowMs: number): void {
    const machine = this.get(instance.id);
    if (machine === undefined) return;
    const endedAtMs = Math.max(machine.startedAtMs, instance.endedAtMs ?? nowMs);
    const lastMs = (this.seen ?? this.before.seen).get(machine.queue)?.anyMs ?? null;
    const settled = this.settle(machine, { uses: [], atMs: endedAtMs, lastMs });
    const ended = { ...settled, endedAtMs };
    bookMachine(this.ledger, ended, endedAtMs);
    this.put(ended);
    this.machines?.delete(instance.id);
  }

  close(nowMs: number): Accrual {
    const { before } = this;
    const seen = this.seen ?? before.seen;
    const isDue = this.seen !== null && nowMs - before.storedAtMs >= storeEveryMs;
    const storedAtMs = isDue ? nowMs : before.storedAtMs;
    const state =
      this.machines === null && this.seen === null
        ? before
        : { machines: this.machines ?? before.machines, seen, storedAtMs };
    return { state, machines: [...this.changed.values()], usage: this.ledger.rows() };
  }

  private get(id: InstanceId): MachineUse | undefined {
    return (this.machines ?? this.before.machines).get(id);
  }

  private put(machine: MachineUse): void {
    this.machines ??= new Map(this.before.machines);
    this.machines.set(machine.instance, machine);
    this.changed.set(machine.instance, machine);
  }

  private compare(
    machine: MachineUse,
    worker: Worker,
    { takenAtMs, lastMs }: { takenAtMs: number; lastMs: number | null },
  ): void {
    const bridged = lastMs !== null && takenAtMs - lastMs <= bridgeMaxMs;
    if (sameUses(machine.uses, worker)) {
      // Without names of jobs nobody knows whether they are the same after a long time.
      const known = machine.uses.every(({ jobIds }) => jobIds.length > 0);
      if (bridged || known || takenAtMs < machine.sinceMs) return;
    }
    const uses = openUsesOf(worker);
    this.put(this.settle(machine, { uses, atMs: takenAtMs, lastMs }));
  }

  private endUnshown(
    { queue, takenAtMs }: QueueSnapshot,
    shown: ReadonlySet<InstanceId>,
    lastMs: number | null,
  ): void {
    for (const machine of (this.machines ?? this.before.machines).values())
      if (machine.queue === queue && machine.uses.length > 0 && !shown.has(machine.instance))
        if (takenAtMs > machine.sinceMs)
          this.put(this.settle(machine, { uses: [], atMs: takenAtMs, lastMs }));
  }

  /** Books what it has been used for until `atMs`, or until the last view where that is too long ago. */
  private settle(
    machine: MachineUse,
    { uses, atMs, lastMs }: { uses: readonly OpenUse[]; atMs: number; lastMs: number | null },
  ): MachineUse {
    if (machine.uses.length === 0) return { ...machine, uses, sinceMs: Math.max(machine.sinceMs, atMs) };
    const bridged = lastMs !== null && atMs - lastMs <= bridgeMaxMs;
    const untilMs = Math.max(machine.sinceMs, bridged ? atMs : (lastMs ?? machine.sinceMs));
    bookUses(this.ledger, machine, untilMs);
    const day = windowAt('day', Math.max(machine.sinceMs, untilMs - 1)).index;
    let jobs = 0;
    for (const use of machine.uses) {
      const ended = endedOf(use, uses);
      if (ended > 0) this.ledger.add(keyOf(machine, day, use), { jobs: ended });
      jobs += ended;
    }
    return {
      ...busyUntil(machine, untilMs),
      jobs: machine.jobs + jobs,
      uses,
      sinceMs: Math.max(machine.sinceMs, atMs),
    };
  }
}

function endedOf({ jobIds }: OpenUse, now: readonly OpenUse[]): number {
  const still = new Set(now.flatMap((use) => use.jobIds));
  return jobIds.filter((id) => !still.has(id)).length;
}

/** The same machine with its own sums up to then. */
export function busyUntil(machine: MachineUse, untilMs: number): MachineUse {
  const { sinceMs, uses, busyCoreMs } = machine;
  if (uses.length === 0 || untilMs <= sinceMs) return machine;
  const ofSpan = (ms: number) => uses.reduce((sum, use) => sum + coreMs(use, ms), 0);
  const last = windowAt('month', untilMs - 1).index;
  const beganMs = windowNumbered('month', last).startMs;
  const isNew = machine.month === null || machine.month.index < last;
  return {
    ...machine,
    busyMs: machine.busyMs + untilMs - sinceMs,
    busyCoreMs: busyCoreMs + ofSpan(untilMs - sinceMs),
    month: isNew
      ? { index: last, busyCoreMs: busyCoreMs + ofSpan(Math.max(0, beganMs - sinceMs)) }
      : machine.month,
    sinceMs: untilMs,
  };
}
