import { z } from 'zod';
import type { AccountingState } from '../accounting/accrue.ts';
import type { Learned } from '../fleet/learned.ts';
import { OfferName, PoolName } from '../model/ids.ts';
import type { PoolSettings } from '../model/poolOrder.ts';
import type { IdleState } from '../planner/idle.ts';
import type { SetAside, SetAsides } from '../planner/setAside.ts';
import type { Shares } from '../planner/share.ts';
import type { Fact, StoredState } from '../store/port.ts';
import { accountingFacts, rememberAccounting } from './accounting.ts';
import { type DowntimeState, downtimeFact, rememberDowntimes } from './downtimes.ts';
import { gapFacts, rememberGaps } from './gapFacts.ts';
import type { ShadowState } from './shadow.ts';
import { rememberShadow, shadowFacts } from './shadowFacts.ts';
import { rememberShares, shareFacts } from './shares.ts';
import { rememberSpending, type Spending, spendingFacts } from './spending.ts';
import { launchFacts, rememberWatch, type Watch } from './watch.ts';

/** Over the store's life. */
export interface Totals {
  readonly launched: number;
  readonly ended: number;
  /** Jobs that instances have been seen to begin, beyond the first of each. */
  readonly reused: number;
  /** Create calls that a cloud refused. */
  readonly refused: number;
}

interface Remembered {
  readonly seed: string;
  readonly learned: Learned;
  readonly setAsides: SetAsides;
  readonly poolSettings: PoolSettings;
  readonly downtimes: DowntimeState;
  readonly idle: IdleState;
  readonly watch: Watch;
  readonly spending: Spending;
  readonly shares: Shares;
  readonly accounting: AccountingState;
  readonly shadow: ShadowState;
  readonly totals: Totals;
}

const times = z.object({ bootMs: z.array(z.number()), joinMs: z.array(z.number()) });
const setAside = z.object({
  key: z.string(),
  reason: z.string(),
  message: z.string(),
  failures: z.number(),
  sinceMs: z.number(),
  untilMs: z.number(),
  probe: z.string().nullable(),
  late: z.literal(true).exactOptional(),
});
const totals = z.object({
  launched: z.number(),
  ended: z.number(),
  reused: z.number(),
  refused: z.number(),
});

const poolSettings = z.array(
  z.object({
    pool: z.string(),
    paused: z.boolean(),
    min: z.number().nullable(),
    max: z.number().nullable(),
  }),
);

const bootTimesKey = (offer: string) => `bootTimes/${offer}`;

/** The facts that differ between two states: what was learned is kept over a restart. */
export function factsOf(before: Remembered, after: Remembered): Fact[] {
  const facts: Fact[] = [];
  for (const [offer, value] of after.learned)
    if (before.learned.get(offer) !== value) facts.push({ key: bootTimesKey(offer), value });
  if (differs(before.setAsides, after.setAsides))
    facts.push({ key: 'setAsides', value: [...after.setAsides.values()] });
  if (before.poolSettings !== after.poolSettings)
    facts.push({
      key: 'poolSettings',
      value: [...after.poolSettings].map(([pool, setting]) => ({ pool, ...setting })),
    });
  facts.push(...gapFacts(before.idle, after.idle), ...launchFacts(before.watch, after.watch));
  const downtimes = downtimeFact(before.downtimes, after.downtimes);
  if (downtimes !== undefined) facts.push({ key: 'downtimes', value: downtimes });
  facts.push(...shareFacts(before.shares, after.shares));
  facts.push(...spendingFacts(before.spending, after.spending));
  facts.push(...shadowFacts(before.shadow, after.shadow));
  facts.push(...accountingFacts(before.accounting, after.accounting));
  const { launched, ended, reused, refused } = after.totals;
  const was = before.totals;
  if (launched !== was.launched || ended !== was.ended || reused !== was.reused || refused !== was.refused)
    facts.push({ key: 'totals', value: after.totals });
  return facts;
}

function differs(before: SetAsides, after: SetAsides): boolean {
  return before.size !== after.size || [...after].some(([key, aside]) => before.get(key) !== aside);
}

/** What the store remembers; `newSeed` is for a store that has none yet, and must then be stored. */
export function remember(
  { facts, machineUses }: StoredState,
  newSeed: () => string,
): Remembered & { readonly newSeed: boolean } {
  const byKey = new Map(facts.map(({ key, value }) => [key, value]));
  const learned = new Map(
    facts
      .filter(({ key }) => key.startsWith(bootTimesKey('')))
      .map(({ key, value }) => [OfferName(key.slice(bootTimesKey('').length)), times.parse(value)] as const),
  );
  const asides = z.array(setAside).parse(byKey.get('setAsides') ?? []) as SetAside[];
  const seed = z.string().optional().parse(byKey.get('seed'));
  return {
    seed: seed ?? newSeed(),
    newSeed: seed === undefined,
    learned,
    setAsides: new Map(asides.map((aside) => [aside.key, aside])),
    poolSettings: new Map(
      poolSettings
        .parse(byKey.get('poolSettings') ?? [])
        .map(({ pool, ...setting }) => [PoolName(pool), setting]),
    ),
    downtimes: rememberDowntimes(byKey.get('downtimes')),
    idle: rememberGaps(facts),
    watch: rememberWatch(facts),
    spending: rememberSpending(facts),
    shares: rememberShares(facts),
    accounting: rememberAccounting(byKey, machineUses),
    shadow: rememberShadow(byKey),
    totals: totals.parse(byKey.get('totals') ?? { launched: 0, ended: 0, reused: 0, refused: 0 }),
  };
}
