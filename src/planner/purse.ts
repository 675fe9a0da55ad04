import { isComing } from '../fleet/entry.ts';
import type { Fleet } from '../fleet/fleet.ts';
import { type Bill, billOf, costBetween } from '../model/billing.ts';
import {
  type Account,
  accountOfPool,
  accountOfUser,
  type Budget,
  type ReachedBudget,
  type ReachedBudgets,
  reachedKey,
} from '../model/budget.ts';
import type { CloudName, OfferName, PoolName } from '../model/ids.ts';
import type { Instance } from '../model/instance.ts';
import type { Offer, Pool } from '../model/offer.ts';
import { momentText, type Period, type Window, windowAt, windowNumbered } from '../model/periods.ts';
import { type Amounts, amountKey, amountKeys, type Ledger, spentIn } from './ledger.ts';

/** What a plan may spend, and what it must know to say so. */
export interface MoneyOutlook {
  readonly budgets: readonly Budget[];
  readonly ledger: Ledger;
  /** Those that were found used up before. */
  readonly reached: ReachedBudgets;
  /** From the launch until its worker has joined, at the latest. */
  readonly comingMs: (offer: OfferName, pool: PoolName) => number;
  /** From the decision to end a machine without a job until it is gone, if all goes well. */
  readonly windDownMs: (pool: PoolName, cloud: CloudName) => number;
  /** Losses to expect in an hour of a machine's life. */
  readonly lostPerHour: (offer: Offer) => number;
}

/** How a budget stands now. */
export interface BudgetReport {
  readonly budget: Budget;
  readonly account: Account;
  readonly window: Window;
  readonly spent: number;
  /** What the machines that there are will yet cost in this window although they are ended as soon as can be. */
  readonly committed: number;
  /** Null: it may be spent from. */
  readonly reached: ReachedBudget | null;
}

/** What is left of the budgets as a plan grows. */
export interface Purse {
  readonly reports: readonly BudgetReport[];
  /** How many machines more the budgets bear; null where no budget is asked. */
  left(launch: Purchase): Affordable | null;
  take(launch: Purchase, count: number): void;
  /** Takes back what was taken last. */
  giveBack(launch: Purchase, count: number): void;
  /** The budget that is used up and that the machine counts in; null: none. */
  usedUp(instance: Instance): BudgetReport | null;
}

export interface Affordable {
  readonly left: number;
  readonly why: string;
  /** Of the budget that bears least. */
  readonly figures: Readonly<Record<'spent' | 'committed' | 'cap' | 'freesAtMs', number>>;
}

export interface Purchase {
  readonly pool: Pool;
  readonly offer: Offer;
  /** For whose jobs; null: nobody's. */
  readonly user: string | null;
}

export interface PurseInput {
  readonly nowMs: number;
  readonly fleet: Fleet;
  readonly offers: ReadonlyMap<string, Offer>;
  readonly money?: MoneyOutlook;
}

/** A machine as a budget sees it. */
interface Member {
  readonly bill: Bill;
  /** From now until it can be gone at the earliest. */
  readonly windDownMs: number;
  readonly isBusy: boolean;
}

/** One budget of one account. */
interface Pot {
  readonly report: BudgetReport;
  readonly members: Member[];
  /** What the members will be charged in each window from this one on if they stay for so many minutes at least. */
  readonly staying: Map<number, number[]>;
}

const minuteMs = 60_000;

/** Sums of prices are not exact to the last bit. */
const tolerance = 1e-9;

/** For a site without budgets. */
const bottomless: Purse = {
  reports: [],
  left: () => null,
  take: () => {},
  giveBack: () => {},
  usedUp: () => null,
};

/**
 * Cost: linear in machines, for each budget and for each number of minutes that machines of an offer take; nothing on a
 * site without budgets.
 */
export function createPurse(input: PurseInput): Purse {
  const { money } = input;
  if (money === undefined || money.budgets.length === 0) return bottomless;
  const { nowMs, fleet } = input;
  const { budgets, ledger, comingMs, windDownMs } = money;
  const reachedBefore = money.reached;
  const members = membersOf(input, money);
  const spent = new Map<Period, Amounts>();
  const pots = new Map<string, Pot>();
  const potsBy = new Map<string, readonly Pot[]>();
  const named = new Set(
    budgets.flatMap(({ scope, per, currency }) =>
      scope.kind === 'user' && scope.user !== null
        ? [reachedKey({ account: accountOfUser(scope.user), per, currency })]
        : [],
    ),
  );

  const spentBy = (period: Period): Amounts => {
    const known = spent.get(period);
    if (known !== undefined) return known;
    const live = [...fleet.entries.values()].map(({ instance }) => instance);
    const amounts = spentIn(ledger, live, { window: windowAt(period, nowMs), nowMs });
    spent.set(period, amounts);
    return amounts;
  };

  function potOf(budget: Budget, account: Account): Pot {
    const { per, currency, amount: cap } = budget;
    const key = reachedKey({ account, per, currency });
    const known = pots.get(key);
    if (known !== undefined) return known;
    const own = members.get(amountKey(account, currency)) ?? [];
    const window = windowAt(per, nowMs);
    const spentNow = spentBy(per).get(amountKey(account, currency)) ?? 0;
    const committed = own.reduce((sum, { bill, windDownMs }) => sum + within(bill, window, windDownMs), 0);
    const before = reachedBefore.get(key);
    const still =
      before !== undefined && before.window === window.index && before.cap === cap ? before : null;
    const isOver = spentNow + committed > cap * (1 + tolerance);
    const reached: ReachedBudget | null =
      still ??
      (isOver
        ? {
            account,
            per,
            currency,
            cap,
            window: window.index,
            atMs: nowMs,
            spent: spentNow,
            committed,
            machines: own.length,
            busy: own.filter(({ isBusy }) => isBusy).length,
          }
        : null);
    const report = { budget, account, window, spent: spentNow, committed, reached };
    const pot: Pot = { report, members: own, staying: new Map() };
    pots.set(key, pot);
    return pot;
  }

  /** The account of the budget that a machine's cost goes to; null: it does not count in it. */
  function accountIn({ scope, per, currency }: Budget, pool: PoolName, user: string | null): Account | null {
    switch (scope.kind) {
      case 'site':
        return 'site';
      case 'pool':
        return scope.pool === pool ? accountOfPool(pool) : null;
      case 'user': {
        if (user === null || (scope.user !== null && scope.user !== user)) return null;
        const account = accountOfUser(user);
        const hasOwn = scope.user === null && named.has(reachedKey({ account, per, currency }));
        return hasOwn ? null : account;
      }
    }
  }

  function potsFor(pool: PoolName, user: string | null): readonly Pot[] {
    const key = user === null ? pool : `${pool}\n${user}`;
    const known = potsBy.get(key);
    if (known !== undefined) return known;
    const own: Pot[] = [];
    potsBy.set(key, own);
    for (const budget of budgets) {
      const account = accountIn(budget, pool, user);
      if (account !== null) own.push(potOf(budget, account));
    }
    return own;
  }

  function within(bill: Bill, { startMs, endMs }: Window, forMs: number): number {
    const fromMs = Math.max(nowMs, startMs);
    const toMs = Math.min(nowMs + forMs, endMs);
    return toMs <= fromMs ? 0 : costBetween(bill, { fromMs, toMs });
  }

  function newMember({ pool, offer }: Purchase): Member | null {
    if (offer.price === null) return null;
    const bill = { price: offer.price, billing: offer.billing, sinceMs: nowMs, untilMs: null };
    const forMs = comingMs(offer.name, pool.name) + windDownMs(pool.name, offer.cloud);
    return { bill, windDownMs: forMs, isBusy: false };
  }

  /**
   * Until the new machine could be gone again, all that is there is taken to stay: what is launched now is not to be
   * ended, before it has done anything, for what the others spend.
   */
  function roomIn(pot: Pot, wanted: Member): number {
    const { budget, window, spent: spentNow } = pot.report;
    const others = stayingFor(pot, Math.ceil(wanted.windDownMs / minuteMs));
    let room = Number.POSITIVE_INFINITY;
    for (const [at, sum] of others.entries()) {
      const index = window.index + at;
      const price = within(wanted.bill, windowNumbered(budget.per, index), wanted.windDownMs);
      if (price <= 0) continue;
      const charged = sum + (index === window.index ? spentNow : 0);
      room = Math.min(room, Math.floor((budget.amount * (1 + tolerance) - charged) / price));
    }
    return room;
  }

  /** Worked out once for each number of minutes, and kept up as the plan grows. */
  function stayingFor({ report, members: own, staying }: Pot, minutes: number): readonly number[] {
    const known = staying.get(minutes);
    if (known !== undefined) return known;
    const { budget, window } = report;
    const last = windowAt(budget.per, nowMs + minutes * minuteMs).index;
    const sums = Array.from({ length: last - window.index + 1 }, () => 0);
    for (const member of own) stay({ report, sums, minutes }, member, 1);
    staying.set(minutes, sums);
    return sums;
  }

  function stay(
    { report, sums, minutes }: { report: BudgetReport; sums: number[]; minutes: number },
    { bill, windDownMs: downMs }: Member,
    count: number,
  ): void {
    for (const [at, sum] of sums.entries()) {
      const window = at === 0 ? report.window : windowNumbered(report.budget.per, report.window.index + at);
      sums[at] = sum + count * within(bill, window, Math.max(downMs, minutes * minuteMs));
    }
  }

  function left(launch: Purchase): Affordable | null {
    const own = potsFor(launch.pool.name, launch.user);
    if (own.length === 0) return null;
    const wanted = newMember(launch);
    const [first] = own;
    if (wanted === null && first !== undefined) {
      const why = `offer ${launch.offer.name} has no price, and a budget counts it`;
      return { left: 0, why, figures: figuresOf(first.report) };
    }
    if (wanted === null) return null;
    let least = Number.POSITIVE_INFINITY;
    let tightest: Pot | null = null;
    for (const pot of own) {
      const room = pot.report.reached === null ? Math.max(0, roomIn(pot, wanted)) : 0;
      if (tightest !== null && room >= least) continue;
      least = room;
      tightest = pot;
    }
    if (tightest === null) return null;
    const { report } = tightest;
    return { left: least, why: describeBudget(report), figures: figuresOf(report) };
  }

  function take(launch: Purchase, count: number): void {
    const own = potsFor(launch.pool.name, launch.user);
    const member = own.length === 0 ? null : newMember(launch);
    if (member === null) return;
    for (const list of new Set(own.map((pot) => pot.members)))
      for (let n = 0; n < count; n++) list.push(member);
    restay(own, member, count);
  }

  function restay(own: readonly Pot[], member: Member, count: number): void {
    for (const { report, staying } of own)
      for (const [minutes, sums] of staying) stay({ report, sums, minutes }, member, count);
  }

  function giveBack(launch: Purchase, count: number): void {
    const member = newMember(launch);
    if (member === null) return;
    const own = potsFor(launch.pool.name, launch.user);
    for (const list of new Set(own.map((pot) => pot.members))) list.length -= count;
    restay(own, member, -count);
  }

  // Every account that a budget holds is looked at, whether or not anything is to be launched for it.
  for (const { instance } of fleet.entries.values()) potsFor(instance.pool, userOf(instance));
  for (const budget of budgets) for (const account of accountsHeldBy(budget)) potOf(budget, account);

  function accountsHeldBy({ scope, per, currency }: Budget): readonly Account[] {
    switch (scope.kind) {
      case 'site':
        return ['site'];
      case 'pool':
        return [accountOfPool(scope.pool)];
      case 'user': {
        if (scope.user !== null) return [accountOfUser(scope.user)];
        const prefix = amountKey(accountOfUser(''), currency);
        const users = [...spentBy(per).keys()].filter((key) => key.startsWith(prefix));
        return users
          .map((key) => accountOfUser(key.slice(prefix.length)))
          .filter((account) => !named.has(reachedKey({ account, per, currency })));
      }
    }
  }

  return {
    // Before anything is taken: how things stand.
    reports: [...pots.values()].map(({ report }) => report),
    left,
    take,
    giveBack,
    usedUp: (instance) =>
      potsFor(instance.pool, userOf(instance)).find(({ report }) => report.reached !== null)?.report ?? null,
  };
}

export function userOf({ cause }: Pick<Instance, 'cause'>): string | null {
  return cause.kind === 'demand' ? cause.user : null;
}

function figuresOf({ budget, window, spent, committed }: BudgetReport): Affordable['figures'] {
  return { spent, committed, cap: budget.amount, freesAtMs: window.endMs };
}

/** One clause: how it stands, and when it may be spent from again. */
export function describeBudget({ budget, account, window, spent, committed, reached }: BudgetReport): string {
  const { per, amount, currency } = budget;
  const sums = `${money2(spent)} spent and ${money2(committed)} committed of ${amount} ${currency}`;
  const state = reached === null ? 'does not bear another machine' : 'is used up';
  return `the budget of ${account === 'site' ? 'the site' : account} per ${per} ${state}: ${sums}; a new ${per} begins at ${momentText(window.endMs)}`;
}

const money2 = (amount: number): string => amount.toFixed(2);

/** Machines by account and currency. */
function membersOf({ nowMs, fleet, offers }: PurseInput, money: MoneyOutlook): Map<string, Member[]> {
  const members = new Map<string, Member[]>();
  const keysOf = amountKeys();
  const add = (keys: readonly string[], member: Member) => {
    for (const key of keys) {
      const list = members.get(key);
      if (list === undefined) members.set(key, [member]);
      else list.push(member);
    }
  };
  for (const { instance } of fleet.entries.values()) {
    const bill = billOf(instance);
    if (bill === null) continue;
    const isBusy =
      instance.phase === 'claimed' || instance.phase === 'leased' || instance.phase === 'draining';
    add(keysOf(instance, bill.price.currency), {
      bill,
      windDownMs: earliestEnd(instance, nowMs, money),
      isBusy,
    });
  }
  // A machine with our mark that we do not know yet costs money like any other.
  for (const { cloud, found, firstListedAtMs } of fleet.strangers.values()) {
    const offer = found.offer === null ? undefined : offers.get(found.offer);
    if (found.pool === null || offer === undefined || offer.price === null) continue;
    const bill = { price: offer.price, billing: offer.billing, sinceMs: firstListedAtMs, untilMs: null };
    const windDownMs = money.windDownMs(found.pool, cloud);
    const accounts: Account[] = ['site', accountOfPool(found.pool)];
    const keys = accounts.map((account) => amountKey(account, bill.price.currency));
    add(keys, { bill, windDownMs, isBusy: false });
  }
  return members;
}

/** A machine on its way is ended when it has joined, or when it is late: what it was launched with is not taken back. */
function earliestEnd(instance: Instance, nowMs: number, money: MoneyOutlook): number {
  const { pool, cloud, offer, createdAtMs } = instance;
  const downMs = money.windDownMs(pool, cloud);
  if (!isComing(instance, nowMs)) return downMs;
  return Math.max(downMs, createdAtMs + money.comingMs(offer, pool) + downMs - nowMs);
}
