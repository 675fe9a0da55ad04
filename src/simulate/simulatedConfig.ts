import { usualAccounting } from '../config/accounting.ts';
import { type Leavers, retiringPool } from '../config/retiring.ts';
import type { SiteConfig } from '../config/site.ts';
import { usualFairness } from '../model/fairness.ts';
import { CloudName, QueueName, SiteId } from '../model/ids.ts';
import type { SiteOptions } from './simulatedSite.ts';

const site = SiteId('farm');

/** The only queue and the only cloud, unless others are asked for. */
export const batchQueue = QueueName('batch');
export const east = CloudName('east');

/** What the options say, and for the rest what suits an hour of simulated time. */
export function configOf(options: SiteOptions): SiteConfig {
  const { offers, pools, pollMs = 10_000, deadlineMs = 30_000 } = options;
  const cloudOptions: NonNullable<SiteOptions['clouds']> = options.clouds ?? [{ name: east }];
  return {
    site,
    stateDir: '/nowhere',
    api: { listen: [], tokens: [], visitors: null, userSocket: null },
    socket: '/nowhere/socket',
    queues: (options.queues ?? [batchQueue]).map((name) => ({
      name,
      adapter: 'simulated',
      pollMs,
      deadlineMs,
      settings: {},
    })),
    clouds: cloudOptions.map(({ name, max = null, launchesInFlightMax = 20, callsPerMinute }) => ({
      name,
      driver: 'simulated',
      pollMs,
      deadlineMs,
      max,
      launchesInFlightMax,
      ...(callsPerMinute === undefined ? {} : { callsPerMinute }),
      settings: {},
    })),
    offers,
    pools,
    downtimes: options.downtimes ?? [],
    accounting: usualAccounting,
    budgets: options.budgets ?? [],
    hooks: [],
    policy: {
      reapMs: 120_000,
      setAsideFirstMs: 30_000,
      setAsideMaxMs: 600_000,
      massShare: 0.5,
      alarmAfter: 3,
      drainAheadMs: 600_000,
      retentionMs: 7 * 86_400_000,
      fairness: usualFairness,
      ...options.policy,
    },
  };
}

/** What is in the one and not in the other, as it is when it has left a config. */
export function leaversOf(earlier: SiteConfig, { queues, clouds, pools }: SiteConfig): Leavers {
  const without = <T extends { readonly name: string }>(all: readonly T[], still: readonly T[]) =>
    all.filter(({ name }) => !still.some((one) => one.name === name));
  return {
    queues: without(earlier.queues, queues).map((queue) => ({ ...queue, retiring: true })),
    clouds: without(earlier.clouds, clouds).map((cloud) => ({ ...cloud, retiring: true })),
    pools: without(earlier.pools, pools).map(retiringPool),
  };
}
