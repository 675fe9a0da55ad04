import type { InstanceView, StatusView } from '../../src/api/control.ts';
import type { DemandPlan } from '../../src/api/demandPlan.ts';
import { pointOf } from '../../src/api/live/historian.ts';
import { type History, type HistoryView, noHistory, remember, viewOf } from '../../src/api/live/history.ts';
import type { PhaseCounts, StateCounts } from '../../src/api/poolStatus.ts';
import { publicState } from '../../src/fleet/entry.ts';
import { type Phase, phases } from '../../src/model/instance.ts';
import { createDice } from '../../src/simulate/dice.ts';
import {
  createFixtureControl,
  type FixtureControl,
  fixtureInstances,
  fixturePlan,
  fixtureStatus,
} from './fixtureControl.ts';

/** A large farm at work, made up: for the page's benchmark and its pictures. What it is asked to do, it does not do. */
export interface BusySite {
  readonly control: FixtureControl;
  /** Lets so much time go by: some machines take jobs, some come, some go. */
  step(ms: number): void;
  /** As a daemon would have it that has watched for the last hour. */
  history(): HistoryView;
}

interface PoolShape {
  readonly name: string;
  readonly share: number;
  readonly offers: readonly (readonly [string, string, number])[];
}

/** Offers with their clouds and prices in an hour. */
const poolShapes: readonly PoolShape[] = [
  {
    name: 'analysis',
    share: 0.62,
    offers: [
      ['c5.large', 'ec2-frankfurt', 0.096],
      ['m1.large', 'campus', 0.031],
    ],
  },
  { name: 'reconstruction', share: 0.28, offers: [['c5.4xlarge-spot', 'ec2-frankfurt', 0.264]] },
  { name: 'gpu', share: 0.06, offers: [['g5.xlarge', 'ec2-frankfurt', 1.258]] },
  { name: 'desks', share: 0.04, offers: [['m1.small', 'campus', 0.012]] },
];
const users = ['ada', 'bela', 'chen', 'dora', 'emeka', 'farah'];
const letters = 'b c d f g h j k l m n p q r s t v w x z'.split(' ');

export function createBusySite(machines: number, seed = 1): BusySite {
  const random = createDice(seed, 'busy site');
  const dice = () => random.next();
  let nowMs = fixtureStatus.nowMs;
  let made = 0;
  let waiting = machines * 0.4;
  let live: InstanceView[] = [];
  let totals = { launched: 0, ended: 0, reused: 0, refused: 3 };

  const pick = <T>(items: readonly [T, ...T[]] | readonly T[]): T => {
    const found = items[Math.floor(dice() * items.length)];
    if (found === undefined) throw new Error('nothing to pick from');
    return found;
  };
  const [pattern] = fixtureInstances.slice(1);

  function make(phase: Phase, shape: PoolShape): InstanceView {
    if (pattern === undefined) throw new Error('the fixture has no instance');
    made += 1;
    totals = { ...totals, launched: totals.launched + 1 };
    const intent = `farm-${Array.from({ length: 9 }, () => pick(letters)).join('')}`;
    const [offer, cloud, perHour] = pick(shape.offers);
    const ageMs = dice() * 5 * 3_600_000;
    return {
      ...pattern,
      id: `${intent}-0`,
      intent,
      pool: shape.name,
      queue: 'htcondor',
      offer,
      cloud,
      cause: { kind: 'demand', demand: 'g1', job: `${1000 + made}.0`, user: pick(users) },
      phase,
      state: publicState(phase),
      market: offer.endsWith('spot') ? 'spot' : 'onDemand',
      price: { perHour, currency: 'EUR' },
      address: `10.2.${(made >> 8) & 255}.${made & 255}`,
      runningJobs: phase === 'claimed' || phase === 'draining' ? 1 : phase === 'idle' ? 0 : null,
      phaseSinceMs: nowMs - dice() * Math.min(ageMs, 1_800_000),
      createdAtMs: nowMs - ageMs,
      claims: Math.floor(dice() * 12),
    };
  }

  for (const shape of poolShapes) {
    const count = Math.round(machines * shape.share);
    for (let n = 0; n < count; n += 1) {
      const at = dice();
      const phase: Phase =
        at < 0.76
          ? 'claimed'
          : at < 0.88
            ? 'idle'
            : at < 0.93
              ? 'joining'
              : at < 0.96
                ? 'building'
                : at < 0.98
                  ? 'draining'
                  : 'terminating';
      live.push(make(phase, shape));
    }
  }

  const next: Partial<Record<Phase, readonly (readonly [number, Phase])[]>> = {
    building: [[0.2, 'joining']],
    joining: [[0.15, 'idle']],
    idle: [
      [0.1, 'claimed'],
      [0.11, 'draining'],
    ],
    claimed: [[0.008, 'idle']],
    draining: [[0.08, 'terminating']],
    terminating: [[0.2, 'ended']],
  };

  function step(ms: number): void {
    nowMs += ms;
    const share = ms / 10_000;
    waiting = Math.max(
      0,
      waiting + (Math.sin(nowMs / 900_000) * machines * 0.012 + (dice() - 0.5) * machines * 0.01) * share,
    );
    live = live.flatMap((one) => {
      const at = dice();
      const to = next[one.phase]?.find(([chance]) => at < chance * share)?.[1];
      if (to === undefined) return [one];
      if (to === 'ended') {
        totals = { ...totals, ended: totals.ended + 1 };
        return [];
      }
      if (to === 'claimed') totals = { ...totals, reused: totals.reused + 1 };
      const runningJobs = to === 'claimed' || to === 'draining' ? 1 : to === 'idle' ? 0 : null;
      return [
        {
          ...one,
          phase: to,
          state: publicState(to),
          phaseSinceMs: nowMs,
          runningJobs,
          claims: one.claims + (to === 'claimed' ? 1 : 0),
        },
      ];
    });
    const wanted = machines * (0.94 + 0.06 * Math.sin(nowMs / 700_000));
    for (const shape of poolShapes) {
      const have = live.filter(({ pool }) => pool === shape.name).length;
      for (let n = have; n < Math.round(wanted * shape.share); n += 1)
        live.push({ ...make('building', shape), createdAtMs: nowMs, phaseSinceMs: nowMs, claims: 0 });
    }
  }

  const control = createFixtureControl();
  const count = (of: readonly InstanceView[]): StateCounts => {
    const counts = { Free: 0, Busy: 0, Unusable: 0 };
    for (const { state } of of) if (state !== null) counts[state] += 1;
    return counts;
  };
  const countPhases = (of: readonly InstanceView[]): PhaseCounts => {
    const counts = Object.fromEntries(phases.map((phase) => [phase, 0])) as Record<Phase, number>;
    for (const { phase } of of) counts[phase] += 1;
    const { ended: _, ...rest } = counts;
    return rest;
  };
  const paused = new Set<string>();

  control.status = (): StatusView => {
    const [queue] = fixtureStatus.queues;
    const [cloud] = fixtureStatus.clouds;
    const [pool] = fixtureStatus.pools;
    if (queue === undefined || cloud === undefined || pool === undefined) throw new Error('an empty fixture');
    const spent = live.reduce((sum, { price }) => sum + (price?.perHour ?? 0), 0);
    const setAside = [
      {
        offer: 'g5.xlarge',
        cloud: 'ec2-frankfurt',
        code: 'capacity',
        why: 'InsufficientInstanceCapacity in eu-central-1a',
        failures: 3,
        untilMs: nowMs + 4 * 60_000,
      },
      {
        offer: 'c5.4xlarge-spot',
        cloud: 'ec2-frankfurt',
        code: 'lost',
        why: 'two machines were taken back within five minutes',
        failures: 1,
        untilMs: nowMs + 70_000,
      },
    ];
    return {
      ...fixtureStatus,
      site: 'atlas-farm',
      nowMs,
      wallMs: nowMs,
      uptimeMs: 76 * 3_600_000 + (nowMs - fixtureStatus.nowMs),
      queues: [
        {
          ...queue,
          name: 'htcondor',
          jobs: { waiting: Math.round(waiting), running: count(live).Busy, held: 12 },
          workers: { ours: count(live).Busy + count(live).Free, others: 240 },
          demandGroups: 6,
        },
      ],
      clouds: ['ec2-frankfurt', 'campus'].map((name) => ({
        ...cloud,
        name,
        driver: name === 'campus' ? 'fixed' : 'ec2',
        instances: count(live.filter((one) => one.cloud === name)),
        max: name === 'campus' ? null : 6_000,
        launchesInFlight: name === 'campus' ? 0 : 3,
        launchesInFlightMax: 10,
        trouble: null,
        quota: name === 'campus' ? null : { instances: 740, cpus: 2_960, memoryMiB: null },
        setAside: name === 'campus' ? [] : setAside,
      })),
      pools: poolShapes.map(({ name, share }) => {
        const own = live.filter((one) => one.pool === name);
        const unmet =
          name === 'gpu'
            ? [
                {
                  demand: 'g3',
                  jobs: 34,
                  code: 'setAside',
                  why: 'offer g5.xlarge is set aside after 3 failures: capacity',
                },
              ]
            : name === 'analysis'
              ? [{ demand: 'g5', jobs: 8, code: 'noOffer', why: 'no offer matches TARGET.Memory >= 262144' }]
              : [];
        return {
          ...pool,
          name,
          queue: 'htcondor',
          min: name === 'desks' ? 10 : 0,
          max: Math.ceil((machines * share * 1.2) / 10) * 10,
          paused: paused.has(name),
          states: count(own),
          phases: countPhases(own),
          unmet,
        };
      }),
      totals: { sinceStart: totals, sinceStore: totals },
      alarms: [],
      downtimes: [],
      money: {
        spending: [
          {
            kind: 'site',
            name: null,
            currency: 'EUR',
            hour: spent * 0.4,
            day: spent * 9.3,
            month: spent * 190,
          },
          ...poolShapes.map(({ name, share }) => ({
            kind: 'pool' as const,
            name,
            currency: 'EUR',
            hour: spent * 0.4 * share,
            day: spent * 9.3 * share,
            month: spent * 190 * share,
          })),
        ],
        budgets: [
          {
            ...budgetOf('site', null),
            per: 'day',
            cap: spent * 20,
            spent: spent * 9.3,
            committed: spent * 0.6,
          },
          {
            ...budgetOf('pool', 'gpu'),
            per: 'month',
            cap: spent * 14,
            spent: spent * 12.9,
            committed: spent * 0.3,
          },
        ],
        unpriced: 0,
        losses: [],
      },
    };
  };
  control.instances = ({ limit }) => ({ nowMs, total: live.length, instances: live.slice(-limit) });
  control.plan = () => ({ ...fixturePlan, nowMs, demand: demandOf(Math.round(waiting)), launches: [] });
  control.explainInstance = (id) => {
    const instance = live.find((one) => one.id === id);
    if (instance === undefined) return null;
    return {
      nowMs,
      instance: { ...instance, cost: 0.41 },
      bootedBecause: `${instance.cause.job} of ${instance.cause.user} and 11 more waited, and no worker took them.`,
      keptBecause:
        instance.phase === 'idle'
          ? 'It is kept for 4m: machines like it were needed again within 3m as a rule.'
          : null,
      endedBecause: null,
      journal: [
        {
          number: 1,
          kind: 'launch',
          atMs: instance.createdAtMs,
          wallMs: instance.createdAtMs,
          why: '12 jobs of demand g1 wait',
          instance: id,
        },
        {
          number: 2,
          kind: 'phase',
          atMs: instance.createdAtMs + 41_000,
          wallMs: instance.createdAtMs + 41_000,
          why: 'building → joining: the cloud says that it runs',
          instance: id,
        },
        {
          number: 3,
          kind: 'phase',
          atMs: instance.createdAtMs + 96_000,
          wallMs: instance.createdAtMs + 96_000,
          why: 'joining → idle: its worker is in the queue',
          instance: id,
        },
      ],
    };
  };
  control.adjustPool = async (order) => {
    control.writes.push(order);
    if (order.kind === 'pause') paused.add(order.pool);
    if (order.kind === 'resume') paused.delete(order.pool);
    const pool = control.status().pools.find(({ name }) => name === order.pool);
    if (pool === undefined) throw new Error(`no pool ${order.pool}`);
    return {
      nowMs,
      pool,
      changed: true,
      next: order.kind === 'pause' ? 'it takes no new machines' : 'it takes new machines',
    };
  };

  return {
    control,
    step,
    history: () => {
      let history: History = noHistory;
      for (let n = 0; n < 360; n += 1) {
        step(10_000);
        history = remember(history, pointOf(control.status()));
      }
      return viewOf(history.fine, { nowMs, sinceMs: 0, seesPool: () => true, seesQueue: () => true });
    },
  };
}

function budgetOf(kind: 'site' | 'pool', name: string | null) {
  const [budget] = fixturePlan.budgets;
  if (budget === undefined) throw new Error('the fixture has no budget');
  return { ...budget, kind, name, currency: 'EUR', overspent: 0, usedUp: false, reachedAtMs: null };
}

function demandOf(waiting: number): readonly DemandPlan[] {
  const [group] = fixturePlan.demand;
  if (group === undefined) throw new Error('the fixture has no demand');
  const rows: readonly (readonly [string, number, number, number, number, string | null, string | null])[] = [
    ['g1', 0.5, 0.3, 0.7, 0, null, null],
    ['g2', 0.3, 0.2, 0.5, 0, null, null],
    ['g3', 0, 0, 0, 34, 'setAside', 'offer g5.xlarge is set aside after 3 failures: capacity'],
    ['g4', 0.15, 1, 0, 0, null, null],
    ['g5', 0, 0, 0, 8, 'noOffer', 'no offer matches TARGET.Memory >= 262144'],
    ['g6', 0.05, 0, 1, 0, null, null],
  ];
  return rows.map(([demand, share, there, coming, unmet, unmetCode, unmetWhy], at) => {
    const jobs = Math.round(waiting * share) + unmet;
    const [servedByWorkers, servedComing] = [Math.floor(jobs * there), Math.floor(jobs * coming)];
    const rest = Math.max(0, jobs - unmet - servedByWorkers - servedComing);
    return {
      ...group,
      demand,
      queue: 'htcondor',
      user: users[at] ?? null,
      sampleJobs: [`${4711 + at}.0`],
      turn: { ...group.turn, place: at + 1, of: rows.length },
      jobs,
      servedByWorkers,
      servedComing,
      toLaunch: rest,
      unmet,
      unmetCode,
      unmetWhy,
      refusedOffers: [],
    };
  });
}
