import type { Downtime, DowntimeScope } from '../model/downtime.ts';
import { CloudName, OfferName, PoolName, QueueName, SiteId } from '../model/ids.ts';
import type { Pool, Spread } from '../model/offer.ts';
import type { Probe } from '../model/probe.ts';
import { accountingOf } from './accounting.ts';
import { budgetOf } from './budgets.ts';
import { fairnessOf } from './caps.ts';
import type { LoadedEntry } from './entries.ts';
import type { LoadedOffer } from './load-offers.ts';
import type { ConfigurableAdapter, ConfigurableDriver } from './parts.ts';
import type { PoolEntry } from './references.ts';
import type { CloudFields, PoolFields, QueueFields, SiteFields } from './schema.ts';
import type { ApiConfig, CloudConfig, QueueConfig, SiteConfig } from './site.ts';

/** The entries of a config's lists, right and wrong ones. */
export interface SiteParts {
  readonly queues: readonly LoadedEntry<QueueFields, ConfigurableAdapter>[];
  readonly clouds: readonly LoadedEntry<CloudFields, ConfigurableDriver>[];
  /** Those that nothing is wrong with. */
  readonly offers: readonly LoadedOffer[];
  readonly pools: readonly PoolEntry[];
}

export interface CheckedSite {
  readonly fields: SiteFields;
  readonly stateDir: string;
  readonly socket: string;
  readonly api: ApiConfig;
  readonly parts: SiteParts;
  /** Boot templates in the order of the pools. */
  readonly userData: readonly (string | null)[];
}

/** The config in the words of the model. Entries that are wrong are left out: then it is not used. */
export function buildSite({ fields, stateDir, socket, api, parts, userData }: CheckedSite): SiteConfig {
  const { site, policy } = fields;
  return {
    site: SiteId(site),
    mode: fields.mode,
    stateDir,
    socket,
    api,
    queues: parts.queues.flatMap((entry) =>
      entry.fields === null ? [] : queueOf(entry.fields, entry.settings),
    ),
    clouds: parts.clouds.flatMap((entry) =>
      entry.fields === null ? [] : cloudOf(entry.fields, entry.settings),
    ),
    offers: parts.offers.map(({ offer }) => offer),
    pools: parts.pools.flatMap((pool, index) =>
      pool.fields === null ? [] : poolOf(pool.fields, userData[index] ?? null),
    ),
    downtimes: fields.downtimes.map(downtimeOf),
    budgets: fields.budgets.map(budgetOf),
    hooks: fields.hooks.map(({ on, pools, command, deadline }) => ({
      moments: on,
      pools: pools?.map((name) => PoolName(name)) ?? null,
      command,
      deadlineMs: deadline,
    })),
    accounting: accountingOf(fields.accounting),
    policy: {
      reapMs: policy.reap,
      setAsideFirstMs: policy.setAsideFirst,
      setAsideMaxMs: policy.setAsideMax,
      massShare: policy.massShare,
      drainAheadMs: policy.drainAhead,
      alarmAfter: policy.alarmAfter,
      retentionMs: policy.retention,
      fairness: fairnessOf(policy),
    },
  };
}

function downtimeOf(fields: SiteFields['downtimes'][number], index: number): Downtime {
  const { cloud, pool, from, to, reason, force, drainAhead } = fields;
  return {
    id: `config-${index + 1}`,
    scope: scopeOf(cloud, pool),
    fromWallMs: from,
    toWallMs: to,
    reason,
    force,
    drainAheadMs: drainAhead ?? null,
  };
}

function scopeOf(cloud: string | undefined, pool: string | undefined): DowntimeScope {
  if (cloud !== undefined) return { kind: 'cloud', cloud: CloudName(cloud) };
  return pool === undefined ? { kind: 'site' } : { kind: 'pool', pool: PoolName(pool) };
}

export function queueOf(fields: QueueFields, settings: unknown): QueueConfig {
  const { name, adapter, poll, deadline, holdUnfitAfter } = fields;
  return {
    name: QueueName(name),
    adapter,
    pollMs: poll,
    deadlineMs: deadline,
    holdUnfitAfterMs: holdUnfitAfter,
    settings,
  };
}

export function cloudOf(fields: CloudFields, settings: unknown): CloudConfig {
  const { name, driver, mode, poll, deadline, max, launchesInFlight, callsPerMinute } = fields;
  return {
    name: CloudName(name),
    driver,
    mode,
    pollMs: poll,
    deadlineMs: deadline,
    max,
    launchesInFlightMax: launchesInFlight,
    callsPerMinute,
    settings,
  };
}

function spreadOf({ spread, weights }: PoolFields): Spread {
  if (spread === 'cheapest') return { kind: 'cheapest' };
  const entries = Object.entries(weights);
  return { kind: 'weighted', weights: new Map(entries.map(([name, weight]) => [CloudName(name), weight])) };
}

export function poolOf(fields: PoolFields, userData: string | null): Pool {
  const { limits } = fields;
  return {
    name: PoolName(fields.name),
    queue: QueueName(fields.queue),
    mode: fields.mode,
    offers: fields.offers.map((name) => OfferName(name)),
    min: fields.min,
    max: fields.max,
    headroom: fields.headroom.machines,
    headroomShare: fields.headroom.share,
    launchesPerHour: fields.launchesPerHour,
    priority: fields.priority,
    spread: spreadOf(fields),
    fallbackAfterMs: fields.fallbackAfter,
    limits: {
      idleMs: limits.idle,
      idleMinMs: limits.idleMin,
      idleMaxMs: limits.idleMax,
      waitWeight: limits.waitWeight,
      idleConfirmMs: limits.idleConfirm,
      bootMaxMs: limits.bootMax,
      joinMaxMs: limits.joinMax,
      silentMs: limits.silent,
      drainMaxMs: limits.drainMax,
      lifetimeMs: limits.lifetime,
      lifetimeGraceMs: limits.lifetimeGrace,
    },
    probe: probeOf(fields),
    userData,
  };
}

function probeOf({ probe }: PoolFields): Probe | null {
  if (probe === null) return null;
  const { tcp, ssh, command, every, deadline, failures } = probe;
  const timing = { everyMs: every, deadlineMs: deadline, failuresMax: failures };
  if (tcp !== undefined) return { check: { kind: 'tcp', port: tcp }, ...timing };
  if (ssh !== undefined) return { check: { kind: 'ssh', ...ssh }, ...timing };
  return command === undefined ? null : { check: { kind: 'command', command }, ...timing };
}
