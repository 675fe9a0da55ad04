import { countsTowardMin, isComing, newEntry } from '../fleet/entry.ts';
import type { Fleet, FleetChange } from '../fleet/fleet.ts';
import { costUntil } from '../model/billing.ts';
import { InstanceId, IntentId } from '../model/ids.ts';
import type { Instance } from '../model/instance.ts';
import { isObserved } from '../model/mode.ts';
import { type Pool, type Price, termsOf } from '../model/offer.ts';
import { keepMsOf, keptHeadroomOf } from '../planner/idle.ts';
import { type Plan, type PlanInput, type PlannedLaunch, plan } from '../planner/plan.ts';
import { describeCause, newInstance } from './openIntent.ts';

/**
 * What would have been done where the site only observes. Beside the plan that is carried out, a second one is made
 * as if nothing were observed, in which the machines that it would have booted are taken to be on their way. They are no
 * instances: they have no intent, are in no book and in no cloud, and are kept as one fact.
 *
 * A would-be machine costs what its offer says, from the moment at which it would have been booted until no waiting job
 * has needed it for its pool's idle time. As it runs no job, those that it is for wait on: the cost is that of the farm
 * which the waiting jobs ask for, and an upper bound where they would soon have been done.
 */
export interface ShadowState {
  /** Since when something has been observed; null: nothing is. */
  readonly sinceMs: number | null;
  /** Would-be machines that there are now. */
  readonly machines: ReadonlyMap<InstanceId, Instance>;
  /** All that have been, and what those have cost that are no more, by currency. */
  readonly booted: number;
  readonly spent: ReadonlyMap<string, number>;
  /** What has been said of machines that there are, each once: `drain ID`. */
  readonly said: ReadonlySet<string>;
  /** When a waiting job last needed it; begins anew after a restart. */
  readonly neededAtMs: ReadonlyMap<InstanceId, number>;
}

export const noShadow: ShadowState = {
  sinceMs: null,
  machines: new Map(),
  booted: 0,
  spent: new Map(),
  said: new Set(),
  neededAtMs: new Map(),
};

/** The plan without what is only to be said; the same one where nothing is observed. */
export function actedOn(decided: Plan, input: PlanInput): Plan {
  if (input.observed == null) return decided;
  const isHeld = (id: InstanceId) => isHeldBack(input, id);
  return {
    ...decided,
    drains: decided.drains.filter(({ instance }) => !isHeld(instance)),
    undrains: decided.undrains.filter((id) => !isHeld(id)),
  };
}

function isHeldBack({ fleet, observed }: Pick<PlanInput, 'fleet' | 'observed'>, id: InstanceId): boolean {
  const entry = fleet.entries.get(id);
  return entry !== undefined && isObserved(observed, entry.instance);
}

/** As if nothing were observed, with the would-be machines on their way. */
export function shadowInput(input: PlanInput, { machines }: ShadowState): PlanInput {
  const entries = new Map(input.fleet.entries);
  for (const [id, instance] of machines) entries.set(id, newEntry(instance));
  const fleet: Fleet = { ...input.fleet, entries };
  return { ...input, fleet, observed: null };
}

/** What the shadow's plan would do that is only to be said. */
export function wouldDo(decided: Plan, input: PlanInput): Pick<Plan, 'launches' | 'drains'> {
  return {
    launches: decided.launches.filter((launch) => isObserved(input.observed, launch)),
    drains: decided.drains.filter(({ instance }) => isHeldBack(input, instance)),
  };
}

/** Makes the shadow's plan, tells the journal what is new in it, and keeps the account. The same state where nothing changes. */
export function cast(change: FleetChange, before: ShadowState, input: PlanInput): ShadowState {
  const { observed } = input;
  if (observed == null) return before.sinceMs === null ? before : lift(change, before);
  const draft = new Draft(change, before);
  const asIf = shadowInput(input, before);
  const decided = plan(asIf);
  const { launches, drains } = wouldDo(decided, input);
  for (const launch of launches) draft.boot(launch, input);
  for (const id of decided.needed) draft.needed(id);
  for (const { instance, why } of drains) {
    const { pool, cloud, offer } = change.entries.get(instance)?.instance ?? {};
    draft.say(`drain ${instance}`, {
      instance,
      ...(pool === undefined ? {} : { pool }),
      ...(cloud === undefined ? {} : { cloud }),
      ...(offer === undefined ? {} : { offer }),
      why: `would drain it: ${why}`,
    });
  }
  for (const { instance } of change.entries.values()) {
    if (instance.phase !== 'terminating' || !isObserved(observed, instance)) continue;
    const { id, pool, cloud, offer, endReason } = instance;
    const why = `would end it: ${endReason ?? 'its end is decided'}`;
    draft.say(`end ${id}`, { instance: id, pool, cloud, offer, why });
  }
  for (const pool of input.pools) draft.thin(pool, { asIf, needed: decided.needed });
  for (const [id, { pool, cloud }] of before.machines) {
    if (!isObserved(observed, { pool, cloud })) draft.end(id, 'it is observed no more');
    else if (!input.pools.some(({ name }) => name === pool)) draft.end(id, 'its pool is gone');
  }
  return draft.result();
}

/** Observing is over: what it has come to is said once, and forgotten. */
function lift(change: FleetChange, before: ShadowState): ShadowState {
  const draft = new Draft(change, before);
  for (const id of before.machines.keys()) draft.end(id, null);
  const { booted, spent } = draft.result();
  const sums = [...spent].map(([currency, amount]) => `${amount.toFixed(2)} ${currency}`).join(' and ');
  change.note({
    kind: 'observe',
    atMs: change.context.nowMs,
    why: `nothing is observed any more: ${count(booted, 'machine')} would have been booted${sums === '' ? '' : `, for ${sums}`}`,
    data: { would: 'over', machines: booted },
  });
  return noShadow;
}

/** One tick's changes of the state. */
class Draft {
  readonly #change: FleetChange;
  readonly #before: ShadowState;
  readonly #machines: Map<InstanceId, Instance>;
  readonly #spent: Map<string, number>;
  readonly #said: Set<string>;
  readonly #neededAtMs: Map<InstanceId, number>;
  #booted: number;
  #changed = false;

  constructor(change: FleetChange, before: ShadowState) {
    this.#change = change;
    this.#before = before;
    this.#machines = new Map(before.machines);
    this.#spent = new Map(before.spent);
    this.#said = new Set([...before.said].filter((text) => isStill(text, change)));
    this.#neededAtMs = new Map(before.neededAtMs);
    this.#booted = before.booted;
  }

  boot(launch: PlannedLaunch, { offers, pools }: PlanInput): void {
    const offer = offers.get(launch.offer);
    const pool = pools.find(({ name }) => name === launch.pool);
    if (offer === undefined || pool === undefined) return;
    for (let left = launch.count; left > 0; left -= 1) {
      this.#booted += 1;
      const id = InstanceId(`would-${this.#booted}`);
      // On its way for good: nothing will ever be seen of it.
      const own = { id, intent: IntentId(id), seat: 0, phase: 'joining', deadlineMs: null } as const;
      const { nowMs } = this.#change.context;
      this.#machines.set(id, newInstance(launch, pool, { ...own, terms: termsOf(offer) }, nowMs));
    }
    this.#changed = true;
    const each = offer.price === null ? '' : `, ${priceText(offer.price)} each`;
    this.#change.note({
      kind: 'observe',
      atMs: this.#change.context.nowMs,
      pool: launch.pool,
      cloud: launch.cloud,
      offer: launch.offer,
      ...(launch.cause.kind === 'demand' ? { demand: launch.cause.demand } : {}),
      why: `would boot ${count(launch.count, 'machine')}${each}: ${describeCause(launch)}`,
      data: { would: 'launch', machines: launch.count, perHour: offer.price?.perHour ?? null },
    });
  }

  needed(id: InstanceId): void {
    if (this.#machines.has(id)) this.#neededAtMs.set(id, this.#change.context.nowMs);
    // It may be given up another time: that is news then.
    else if (this.#said.delete(`drain ${id}`)) this.#changed = true;
  }

  say(key: string, entry: Omit<Parameters<FleetChange['note']>[0], 'kind' | 'atMs'>): void {
    if (this.#said.has(key)) return;
    this.#said.add(key);
    this.#changed = true;
    const [would = ''] = key.split(' ');
    const { nowMs } = this.#change.context;
    this.#change.note({ kind: 'observe', atMs: nowMs, ...entry, data: { ...entry.data, would } });
  }

  /** Ends those that no waiting job has needed for the pool's idle time, above its min and head-room. */
  thin(pool: Pool, { asIf, needed }: { asIf: PlanInput; needed: ReadonlySet<InstanceId> }): void {
    const own = [...this.#before.machines.values()].filter((one) => one.pool === pool.name);
    const queue = asIf.queues.get(pool.queue);
    const tells =
      queue?.view != null &&
      queue.trouble === null &&
      queue.view.demandComplete &&
      queue.view.workersComplete;
    if (own.length === 0) return;
    const { nowMs } = this.#change.context;
    if (!tells) {
      for (const { id } of own) this.#neededAtMs.set(id, nowMs);
      return;
    }
    const all = [...asIf.fleet.entries.values()].filter(({ instance }) => instance.pool === pool.name);
    const counted = all.filter(({ instance }) => countsTowardMin(instance, nowMs)).length;
    const spare = all.filter(
      ({ instance }) => !needed.has(instance.id) && (instance.phase === 'idle' || isComing(instance, nowMs)),
    ).length;
    const mayGo = Math.max(0, Math.min(counted - pool.min, spare - keptHeadroomOf(pool, asIf.idle)));
    const idle = own.filter(({ id, offer }) => {
      const sinceMs = this.#neededAtMs.get(id);
      if (sinceMs === undefined) this.#neededAtMs.set(id, nowMs);
      return sinceMs !== undefined && nowMs - sinceMs >= keepMsOf(pool, offer, asIf.idle);
    });
    for (const { id } of idle.slice(0, mayGo)) this.end(id, 'no waiting job needs it');
  }

  /** `why` null: it is said elsewhere. */
  end(id: InstanceId, why: string | null): void {
    const machine = this.#machines.get(id);
    if (machine === undefined) return;
    this.#machines.delete(id);
    this.#neededAtMs.delete(id);
    this.#changed = true;
    const { nowMs } = this.#change.context;
    const { pool, cloud, offer } = machine;
    const cost = costOf(machine, nowMs);
    if (cost !== null) this.#spent.set(cost.currency, (this.#spent.get(cost.currency) ?? 0) + cost.amount);
    if (why === null) return;
    const sum = cost === null ? '' : `; it would have cost ${cost.amount.toFixed(2)} ${cost.currency}`;
    this.#change.note({
      kind: 'observe',
      atMs: nowMs,
      pool,
      cloud,
      offer,
      why: `would end a machine again: ${why}${sum}`,
      data: { would: 'end', cost: cost?.amount ?? null, currency: cost?.currency ?? null },
    });
  }

  result(): ShadowState {
    const { sinceMs } = this.#before;
    const isSame = !this.#changed && sinceMs !== null && this.#said.size === this.#before.said.size;
    // What is not stored is kept in the same object: it does not make the fact another one.
    if (isSame) return { ...this.#before, neededAtMs: this.#neededAtMs };
    return {
      sinceMs: sinceMs ?? this.#change.context.nowMs,
      machines: this.#machines,
      booted: this.#booted,
      spent: this.#spent,
      said: this.#said,
      neededAtMs: this.#neededAtMs,
    };
  }
}

function isStill(said: string, change: FleetChange): boolean {
  const [, id = ''] = said.split(' ');
  return change.entries.has(InstanceId(id));
}

/** What a would-be machine has cost until then; null: its price is not known. */
export function costOf(
  { terms: { price, billing }, createdAtMs }: Pick<Instance, 'terms' | 'createdAtMs'>,
  nowMs: number,
): { readonly currency: string; readonly amount: number } | null {
  if (price === null) return null;
  const amount = costUntil({ price, billing, sinceMs: createdAtMs, untilMs: null }, nowMs);
  return { currency: price.currency, amount };
}

const count = (n: number, what: string): string => `${n} ${n === 1 ? what : `${what}s`}`;
const priceText = ({ perHour, currency }: Price): string => `${perHour} ${currency}/h`;
