import { type Bill, billOf, costBetween } from '../model/billing.ts';
import { type Account, accountOfPool, accountOfUser } from '../model/budget.ts';
import type { Instance } from '../model/instance.ts';
import { type Period, periods, type Window, windowAt, windowNumbered } from '../model/periods.ts';

/**
 * What machines that have ended have cost, by account and by the hour, day and month in which it was charged. Of those
 * that have not ended it is worked out from their records whenever it is asked for. A machine's cost is booked in the
 * same commit as its end: a crash neither loses nor doubles it, and it outlives the record.
 *
 * The calendar is UTC's, on daemon time. Each period keeps its newest windows, in as many slots.
 */
export type Ledger = ReadonlyMap<string, LedgerSlot>;

export interface LedgerSlot {
  readonly period: Period;
  /** See `Window.index`. */
  readonly index: number;
  readonly amounts: Amounts;
}

/** By `amountKey`. */
export type Amounts = ReadonlyMap<string, number>;

export const windowsKept: Readonly<Record<Period, number>> = { hour: 49, day: 63, month: 25 };

/** More users in one window than that are booked to the site and the pool alone. */
const amountsMax = 10_000;

export const amountKey = (account: Account, currency: string): string => `${currency} ${account}`;

export const slotKey = (period: Period, index: number): string => `${period}/${index % windowsKept[period]}`;

/** A machine's cost is counted once for the site, once for its pool, and once for the user whose jobs it was launched for. */
export function accountsOf({ pool, cause }: Pick<Instance, 'pool' | 'cause'>): readonly Account[] {
  const user = cause.kind === 'demand' ? cause.user : null;
  const all: Account[] = ['site', accountOfPool(pool)];
  if (user !== null) all.push(accountOfUser(user));
  return all;
}

export function chargedIn(bill: Bill, { startMs, endMs }: Window, nowMs: number): number {
  return costBetween(bill, { fromMs: startMs, toMs: Math.min(endMs, nowMs) });
}

/** Books machines that have ended; the same object where they have cost nothing. */
export function book(ledger: Ledger, ended: readonly Instance[]): Ledger {
  let next: Map<string, LedgerSlot> | null = null;
  for (const instance of ended) {
    const bill = billOf(instance);
    if (bill === null || bill.untilMs === null || bill.untilMs <= bill.sinceMs) continue;
    next ??= new Map(ledger);
    for (const period of periods) bookPeriod(next, { instance, bill, untilMs: bill.untilMs }, period);
  }
  return next ?? ledger;
}

function bookPeriod(
  ledger: Map<string, LedgerSlot>,
  { instance, bill, untilMs }: { instance: Instance; bill: Bill; untilMs: number },
  period: Period,
): void {
  const last = windowAt(period, untilMs).index;
  const first = Math.max(windowAt(period, bill.sinceMs).index, last - windowsKept[period] + 1);
  for (let index = first; index <= last; index++) {
    const charged = chargedIn(bill, windowNumbered(period, index), untilMs);
    if (charged === 0) continue;
    const key = slotKey(period, index);
    const slot = ledger.get(key);
    if (slot !== undefined && slot.index > index) continue;
    const amounts = new Map(slot?.index === index ? slot.amounts : []);
    for (const account of accountsOf(instance)) {
      const amount = amountKey(account, bill.price.currency);
      if (amounts.size < amountsMax || amounts.has(amount) || !account.startsWith('user '))
        add(amounts, amount, charged);
    }
    ledger.set(key, { period, index, amounts });
  }
}

function add(amounts: Map<string, number>, key: string, amount: number): void {
  amounts.set(key, (amounts.get(key) ?? 0) + amount);
}

/** All accounts' spending in a window until now: what is booked, and what the machines that there are have cost. */
export function spentIn(
  ledger: Ledger,
  live: Iterable<Instance>,
  { window, nowMs }: { window: Window; nowMs: number },
): Amounts {
  const amounts = new Map(bookedIn(ledger, window));
  const keysOf = amountKeys();
  for (const instance of live) {
    const bill = billOf(instance);
    if (bill === null) continue;
    const charged = chargedIn(bill, window, nowMs);
    if (charged === 0) continue;
    for (const key of keysOf(instance, bill.price.currency)) add(amounts, key, charged);
  }
  return amounts;
}

/** The keys of a machine's accounts; those of machines that share them are made once. */
export function amountKeys(): (
  instance: Pick<Instance, 'pool' | 'cause'>,
  currency: string,
) => readonly string[] {
  const known = new Map<string, Map<string | null, { currency: string; keys: readonly string[] }>>();
  return (instance, currency) => {
    const { pool, cause } = instance;
    const user = cause.kind === 'demand' ? cause.user : null;
    const ofPool = known.get(pool) ?? new Map<string | null, { currency: string; keys: readonly string[] }>();
    known.set(pool, ofPool);
    const before = ofPool.get(user);
    if (before?.currency === currency) return before.keys;
    const keys = accountsOf(instance).map((account) => amountKey(account, currency));
    ofPool.set(user, { currency, keys });
    return keys;
  };
}

function bookedIn(ledger: Ledger, { period, index }: Window): Amounts {
  const slot = ledger.get(slotKey(period, index));
  return slot?.index === index ? slot.amounts : new Map();
}
