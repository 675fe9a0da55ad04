import { countsTowardMax, countsTowardMin, isComing } from '../fleet/entry.ts';
import type { CloudName, InstanceId, OfferName, PoolName } from '../model/ids.ts';
import { isObserved } from '../model/mode.ts';
import type { Pool } from '../model/offer.ts';
import { closedBy, describeWindow } from './downtimes.ts';
import { launchesLeft as launchesLeftOf, launchesPerHour } from './launchRate.ts';
import { type Division, isWithin, nameOf } from './parts.ts';
import type { PlanInput } from './plan.ts';
import { createPurse, type Purchase, type Purse } from './purse.ts';
import { createQuotas } from './quota.ts';
import { type Admittance, admittance, cloudKey, offerKey } from './setAside.ts';

/** Why fewer machines than wanted may be launched. */
export interface Shortage {
  readonly code:
    | 'paused'
    | 'observe'
    | 'downtime'
    | 'launchRate'
    | 'poolMax'
    | 'cloudMax'
    | 'part'
    | 'offerMax'
    | 'budget'
    | 'quota'
    | 'setAside'
    | 'cloudTrouble'
    | 'launchesInFlight';
  readonly why: string;
  /** What the clause says in numbers, by name. */
  readonly figures?: Readonly<Record<string, number>>;
}

/** The clause is made only where it is said: most bounds stop nothing. */
interface Bound {
  readonly code: Shortage['code'];
  readonly why: () => string;
  readonly figures?: Readonly<Record<string, number>>;
  readonly left: number;
}

export interface Grant {
  readonly count: number;
  /** How many of them may be launched now; the others when create calls under way, or a probe, have come back. */
  readonly now: number;
  readonly probe: boolean;
  /** Set where `count` is less than wanted. */
  readonly short: Shortage | null;
}

/** The bounds, and what is left of them as the plan grows: every launch is reserved here, or it is not planned. */
export interface Room {
  reserve(launch: Purchase, wanted: number): Grant;
  /**
   * For what is wanted whole or not at all: only bounds that last are asked, so `now` may be less than `count`. The place
   * of all of them is taken.
   */
  reserveWhole(launch: Purchase, wanted: number): Grant;
  /** What is reserved in an attempt that comes to null is given back. */
  attempt<T>(work: () => T | null): T | null;
  missingToMin(pool: Pool): number;
  /** Machines of the pool that are free or on their way and that no waiting job needs. */
  spareOf(pool: Pool, needed: ReadonlySet<InstanceId>): number;
}

export function createRoom(
  input: PlanInput,
  purse: Purse = createPurse(input),
  divisions: readonly Division[] = [],
): Room {
  const { nowMs, fleet, clouds, setAsides, paused, downtimes, launchCounts } = input;
  const quotas = createQuotas(input);
  const launchesLeft = new Map<CloudName, number>();
  const probed = new Set<string>();
  const undos: (() => void)[] = [];
  const ofPool = createTally<PoolName | null>();
  const ofMin = createTally<PoolName>();
  const ofRate = createTally<PoolName>();
  const ofOffer = createTally<OfferName | null>();
  const ofCloud = createTally<CloudName>();
  const parts = divisions.map((division) => ({ ...division, has: createTally<PoolName>() }));
  const partsFor = ({ pool, offer }: Purchase) =>
    parts.flatMap(({ scope, parts: most, has }) => {
      const part = isWithin(scope, { cloud: offer.cloud, offer: offer.name })
        ? most.get(pool.name)
        : undefined;
      return part === undefined ? [] : [{ scope, part, has }];
    });
  const rateLeft = (pool: Pool) => launchesLeftOf(pool, launchCounts, nowMs);

  for (const { instance } of fleet.entries.values()) {
    if (countsTowardMin(instance, nowMs)) ofMin.add(instance.pool, 1);
    if (!countsTowardMax(instance)) continue;
    ofPool.add(instance.pool, 1);
    ofOffer.add(instance.offer, 1);
    ofCloud.add(instance.cloud, 1);
    for (const { scope, has } of parts) if (isWithin(scope, instance)) has.add(instance.pool, 1);
  }
  // A machine with our mark that we do not know yet costs money and quota like any other, and may be adopted.
  for (const { cloud, found } of fleet.strangers.values()) {
    if (found.pool !== null && (found.state === 'pending' || found.state === 'running'))
      ofMin.add(found.pool, 1);
    ofCloud.add(cloud, 1);
    ofPool.add(found.pool, 1);
    ofOffer.add(found.offer, 1);
  }

  function grant(launch: Purchase, wanted: number, isWhole: boolean): Grant {
    const { pool, offer } = launch;
    if (paused?.has(pool.name) === true) return refuse('paused', `pool ${pool.name} is paused`);
    if (isObserved(input.observed, { pool: pool.name, cloud: offer.cloud }))
      return refuse('observe', `pool ${pool.name} at cloud ${offer.cloud} is only observed`);
    const closing = closedBy({ pool: pool.name, cloud: offer.cloud }, nowMs, downtimes);
    if (closing !== null) return refuse('downtime', describeWindow(closing, nowMs));
    const cloud = clouds.get(offer.cloud);
    if (cloud === undefined || cloud.trouble !== null)
      return refuse('cloudTrouble', `cloud ${offer.cloud}: ${cloud?.trouble ?? 'not configured'}`);
    const keys = [offerKey(offer.name), cloudKey(offer.cloud)];
    const admitted = keys.map(
      (key): Admittance => (probed.has(key) ? 'closed' : admittance(setAsides, key, nowMs)),
    );
    const closed = keys.find((_, at) => admitted[at] === 'closed');
    if (closed !== undefined) {
      const aside = setAsides.get(closed);
      return refuse(
        'setAside',
        `${closed} is set aside: ${aside?.reason ?? 'being probed'} ${aside?.message ?? ''}`.trim(),
      );
    }
    const inFlight = launchesLeft.get(cloud.name) ?? cloud.launchesLeft;
    const seats = input.seatsPerCall?.(pool, cloud.name) ?? 1;
    const probe = admitted.includes('probe');
    const affordable = purse.left(launch);
    const allowed = quotas.left(offer);
    const shared = partsFor(launch);
    const bounds: readonly Bound[] = [
      {
        code: 'poolMax',
        why: () => `pool ${pool.name} has its max of ${pool.max}`,
        left: pool.max - ofPool.of(pool.name),
      },
      {
        code: 'launchRate',
        why: () =>
          `pool ${pool.name} has launched as many machines in an hour as it may (${launchesPerHour(pool)})`,
        left: rateLeft(pool) - ofRate.of(pool.name),
      },
      {
        code: 'offerMax',
        why: () => `offer ${offer.name} has its max of ${offer.max ?? 0}`,
        left: offer.max === null ? wanted : offer.max - ofOffer.of(offer.name),
      },
      {
        code: 'cloudMax',
        why: () => `cloud ${cloud.name} has its max of ${cloud.max ?? 0}`,
        left: cloud.max === null ? wanted : cloud.max - ofCloud.of(cloud.name),
      },
      {
        code: 'budget',
        why: () => affordable?.why ?? '',
        left: affordable?.left ?? wanted,
        ...(affordable === null ? {} : { figures: affordable.figures }),
      },
      { code: 'quota', why: () => allowed?.why ?? '', left: allowed?.left ?? wanted },
      ...shared.map(({ scope, part, has }) => ({
        code: 'part' as const,
        why: () =>
          `pool ${pool.name} has its part of ${nameOf(scope)}, ${part} machines, as jobs of other pools wait for theirs`,
        left: part - has.of(pool.name),
      })),
    ];
    const paces: readonly Bound[] = [
      {
        code: 'launchesInFlight',
        why: () => `cloud ${cloud.name} has as many create calls under way as it may`,
        // One whole call's worth, where a call makes many: an offer without room is not asked for by all calls at once.
        left: inFlight < 1 ? 0 : Math.max(inFlight, seats),
      },
      {
        code: 'setAside',
        why: () => `${keys.join(' and ')}: tried again with one machine`,
        left: probe ? 1 : wanted,
      },
    ];
    const least = (all: typeof bounds) =>
      all.reduce((tightest, bound) => (bound.left < tightest.left ? bound : tightest));
    const tightest = least(isWhole ? bounds : [...bounds, ...paces]);
    const pace = least(paces);
    const count = Math.max(0, Math.min(wanted, tightest.left));
    const now = Math.max(0, Math.min(count, pace.left));
    if (count > 0) {
      purse.take(launch, count);
      quotas.take(offer, count);
      ofPool.add(pool.name, count);
      ofMin.add(pool.name, count);
      ofRate.add(pool.name, count);
      ofOffer.add(offer.name, count);
      ofCloud.add(cloud.name, count);
      for (const { has } of shared) has.add(pool.name, count);
      launchesLeft.set(cloud.name, inFlight - Math.ceil(now / seats));
      const newlyProbed = probe ? keys.filter((key) => !probed.has(key)) : [];
      for (const key of newlyProbed) probed.add(key);
      undos.push(() => {
        purse.giveBack(launch, count);
        quotas.take(offer, -count);
        ofPool.add(pool.name, -count);
        ofMin.add(pool.name, -count);
        ofRate.add(pool.name, -count);
        ofOffer.add(offer.name, -count);
        ofCloud.add(cloud.name, -count);
        for (const { has } of shared) has.add(pool.name, -count);
        launchesLeft.set(cloud.name, inFlight);
        for (const key of newlyProbed) probed.delete(key);
      });
    }
    const short = count < wanted ? tightest : now < count ? pace : null;
    if (short === null) return { count, now, probe, short };
    const { left: _, why, ...shortage } = short;
    return { count, now, probe, short: { ...shortage, why: why() } };
  }

  function attempt<T>(work: () => T | null): T | null {
    const before = undos.length;
    const result = work();
    if (result === null) for (const undo of undos.splice(before).toReversed()) undo();
    return result;
  }

  function spareOf(pool: Pool, needed: ReadonlySet<InstanceId>): number {
    let spare = 0;
    for (const { instance } of fleet.entries.values())
      if (instance.pool === pool.name && !needed.has(instance.id))
        if (instance.phase === 'idle' || isComing(instance, nowMs)) spare += 1;
    return spare;
  }

  return {
    reserve: (launch, wanted) => grant(launch, wanted, false),
    reserveWhole: (launch, wanted) => grant(launch, wanted, true),
    attempt,
    missingToMin: (pool) => pool.min - ofMin.of(pool.name),
    spareOf,
  };
}

function refuse(code: Shortage['code'], why: string): Grant {
  return { count: 0, now: 0, probe: false, short: { code, why } };
}

interface Tally<Name> {
  add(name: Name, count: number): void;
  of(name: Name): number;
}

function createTally<Name>(): Tally<Name> {
  const counts = new Map<Name, number>();
  return {
    add: (name, count) => counts.set(name, (counts.get(name) ?? 0) + count),
    of: (name) => counts.get(name) ?? 0,
  };
}
