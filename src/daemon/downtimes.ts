import { z } from 'zod';
import type { FleetChange } from '../fleet/fleet.ts';
import type { Matchmaker } from '../matchmaker/matchmaker.ts';
import { type Downtime, type DowntimeStage, describeScope, downtimeStages } from '../model/downtime.ts';
import { CloudName, PoolName } from '../model/ids.ts';
import type { Pool } from '../model/offer.ts';
import {
  concerns,
  type Declared,
  type DowntimeOutlook,
  declare,
  drainsFromMs,
  nothingDeclared,
  type Window,
  windowsOf,
} from '../planner/downtimes.ts';
import { type LongestJobs, noteWalltimes } from '../planner/longestJobs.ts';
import type { TickInput } from './tick.ts';

/** What the core knows of downtimes. */
export interface DowntimeState {
  readonly declared: Declared;
  /** What the journal was told of each, by id. */
  readonly told: ReadonlyMap<string, DowntimeStage>;
  /** Seen anew after a restart; the rest is stored. */
  readonly longestJobs: LongestJobs;
}

/** What does not change from tick to tick. */
export interface DowntimeSite {
  readonly pools: ReadonlyMap<string, Pool>;
  readonly matchmaker: Matchmaker;
  /** Those in the config. */
  readonly downtimes: readonly Downtime[];
  readonly policy: { readonly drainAheadMs: number };
}

type Moment = Pick<TickInput, 'nowMs' | 'wallMs'>;

export function outlookOf(state: DowntimeState, site: DowntimeSite, moment: Moment): DowntimeOutlook {
  return {
    windows: windowsOf([...site.downtimes, ...state.declared.downtimes.values()], moment),
    longestJobs: state.longestJobs,
    drainAheadMs: site.policy.drainAheadMs,
  };
}

/** Takes orders and new views in, and tells the journal of each downtime that is declared, drains, begins or is over. */
export function foldDowntimes(
  change: FleetChange,
  before: DowntimeState,
  input: Moment & Pick<TickInput, 'downtimeOrders' | 'views'>,
  site: DowntimeSite,
): DowntimeState {
  const { wallMs, downtimeOrders, views } = input;
  const declared = declare(before.declared, downtimeOrders, wallMs);
  const pools = site.pools.values();
  const longestJobs = noteWalltimes(before.longestJobs, views, { pools, matchmaker: site.matchmaker });
  const after = { declared, longestJobs, told: before.told };
  for (const order of downtimeOrders)
    if (order.kind === 'end' && before.declared.downtimes.has(order.id))
      note(change, before.declared.downtimes.get(order.id), 'is ended by the operator');
  const { windows, ...outlook } = outlookOf(after, site, input);
  const told = new Map<string, DowntimeStage>();
  for (const window of windows) {
    const { downtime } = window;
    const stage = stageOf(window, { nowMs: input.nowMs, outlook: { ...outlook, windows }, site });
    told.set(downtime.id, stage);
    if (before.told.get(downtime.id) !== stage) note(change, downtime, said[stage]);
  }
  const all = [...site.downtimes, ...before.declared.downtimes.values()];
  for (const id of before.told.keys()) {
    const ended = downtimeOrders.some((order) => order.kind === 'end' && order.id === id);
    if (!told.has(id) && !ended)
      note(
        change,
        all.find((downtime) => downtime.id === id),
        'is over',
      );
  }
  const same =
    told.size === before.told.size && [...told].every(([id, stage]) => before.told.get(id) === stage);
  return same ? { ...after, told: before.told } : { ...after, told };
}

const said: Readonly<Record<DowntimeStage, string>> = {
  planned: 'is declared',
  draining: 'comes: its machines take no new jobs',
  active: 'has begun',
};

export function stageOf(
  window: Window,
  { nowMs, outlook, site }: { nowMs: number; outlook: DowntimeOutlook; site: DowntimeSite },
): DowntimeStage {
  if (nowMs >= window.fromMs) return 'active';
  return nowMs >= drainStartMs(window, { nowMs, outlook, site }) ? 'draining' : 'planned';
}

/** When the first of the machines that it concerns begins to drain. */
export function drainStartMs(
  window: Window,
  { nowMs, outlook, site }: { nowMs: number; outlook: DowntimeOutlook; site: DowntimeSite },
): number {
  const { scope } = window.downtime;
  const starts = [...site.pools.values()]
    .filter(({ name }) => scope.kind !== 'pool' || scope.pool === name)
    .map(({ name }) => drainsFromMs(window, { pool: name, nowMs, outlook }));
  return Math.min(window.fromMs, ...starts);
}

function note(change: FleetChange, downtime: Downtime | undefined, what: string): void {
  if (downtime === undefined) return;
  const { id, scope, fromWallMs, toWallMs, reason, force } = downtime;
  change.note({
    kind: 'downtime',
    atMs: change.context.nowMs,
    ...(scope.kind === 'pool' ? { pool: scope.pool } : {}),
    ...(scope.kind === 'cloud' ? { cloud: scope.cloud } : {}),
    why: `downtime ${id} of ${describeScope(scope)} ${what}: ${reason}`,
    data: { downtime: id, fromWallMs, toWallMs, force },
  });
}

/** Whether a cloud has a downtime now: that it does not answer is then no trouble. */
export function isDown(cloud: CloudName, { windows }: DowntimeOutlook, nowMs: number): boolean {
  return windows.some(({ downtime, fromMs, toMs }) => {
    if (nowMs < fromMs || nowMs >= toMs) return false;
    return downtime.scope.kind !== 'pool' && concerns(downtime, { cloud, pool: noPool });
  });
}

const noPool = PoolName('');

const scopeSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('site') }),
  z.object({ kind: z.literal('cloud'), cloud: z.string().transform(CloudName) }),
  z.object({ kind: z.literal('pool'), pool: z.string().transform(PoolName) }),
]);

const factSchema = z.object({
  count: z.number(),
  declared: z.array(
    z.object({
      id: z.string(),
      scope: scopeSchema,
      fromWallMs: z.number(),
      toWallMs: z.number(),
      reason: z.string(),
      force: z.boolean(),
      drainAheadMs: z.number().nullable(),
    }),
  ),
  told: z.array(z.tuple([z.string(), z.enum(downtimeStages)])),
});

/** As a fact in the store; undefined where it is stored already. */
export function downtimeFact(before: DowntimeState, after: DowntimeState): unknown {
  if (before.declared === after.declared && before.told === after.told) return undefined;
  const { downtimes, count } = after.declared;
  return { count, declared: [...downtimes.values()], told: [...after.told] };
}

export function rememberDowntimes(fact: unknown): DowntimeState {
  if (fact === undefined) return { declared: nothingDeclared, told: new Map(), longestJobs: new Map() };
  const { count, declared, told } = factSchema.parse(fact);
  return {
    declared: { count, downtimes: new Map(declared.map((downtime) => [downtime.id, downtime])) },
    told: new Map(told),
    longestJobs: new Map(),
  };
}
