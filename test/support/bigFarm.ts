import { join } from 'node:path';
import { perSecond } from '../../src/model/billing.ts';
import {
  CloudId,
  CloudName,
  InstanceId,
  IntentId,
  OfferName,
  PoolName,
  QueueName,
  SiteId,
} from '../../src/model/ids.ts';
import type { Instance, Intent } from '../../src/model/instance.ts';
import { openSqliteStore } from '../../src/store/sqlite/store.ts';
import { farmConfig } from './condorFarm.ts';
import { type LoopbackEc2, startLoopbackEc2 } from './loopback-ec2/server.ts';
import { createSite, type RunningSite } from './runningSite.ts';
import type { HTCondorTestbed } from './testbed.ts';

/** A site that has many machines on their way, in its store and in the cloud: what a restart finds. */
export interface BigFarm {
  readonly ec2: LoopbackEc2;
  readonly site: RunningSite;
  readonly stop: () => Promise<void>;
}

export async function bigFarm(pool: HTCondorTestbed, count: number): Promise<BigFarm> {
  const ec2 = await startLoopbackEc2({ now: () => performance.now() });
  const name = 'big-farm';
  const intentOf = (n: number) =>
    `${name}-${String(n)
      .padStart(12, 'a')
      .replaceAll(/\d/g, (digit) => 'bcdefghijk'[Number(digit)] ?? 'a')}`;
  const machines = ec2.preload(count, {
    mark: (n) => ({
      clientToken: intentOf(n),
      tags: {
        'spillway:site': name,
        'spillway:intent': intentOf(n),
        'spillway:pool': 'main',
        'spillway:offer': 'small',
      },
    }),
  });
  const site = createSite(
    farmConfig({
      pool,
      endpoint: ec2.endpoint,
      site: name,
      vmTypes: { small: { cpus: 1, type: 't3.micro' } },
      pools: [{ name: 'main', offers: ['small'], max: count + 100 }],
    }),
  );
  const nowMs = Date.now();
  const intents = machines.map((_, n): Intent => intent(intentOf(n), nowMs));
  const instances = machines.map(({ id }, n): Instance => joining(intentOf(n), id, nowMs));
  const store = openSqliteStore({ path: join(site.folder, 'state', 'spillway.db'), site: SiteId(name) });
  store.commit({
    nowMs,
    wallMs: nowMs,
    sequence: count,
    intents,
    instances,
    facts: [{ key: 'seed', value: 'big-farm' }],
    journal: [],
  });
  store.close();
  ec2.forgetCalls();
  return {
    ec2,
    site,
    stop: async () => {
      await site.dispose();
      await ec2.stop();
    },
  };
}

function intent(id: string, nowMs: number): Intent {
  return {
    id: IntentId(id),
    pool: PoolName('main'),
    offer: OfferName('small'),
    cloud: CloudName('ec2'),
    seats: 1,
    state: 'accepted',
    createdAtMs: nowMs,
    sentAtMs: nowMs,
  };
}

function joining(intentId: string, cloudId: string, nowMs: number): Instance {
  return {
    id: InstanceId(`${intentId}-0`),
    intent: IntentId(intentId),
    seat: 0,
    pool: PoolName('main'),
    queue: QueueName('condor'),
    offer: OfferName('small'),
    cloud: CloudName('ec2'),
    cause: { kind: 'operator' },
    terms: { market: 'onDemand', price: null, billing: perSecond },
    phase: 'joining',
    phaseSinceMs: nowMs,
    deadlineMs: nowMs + 3_600_000,
    cloudId: CloudId(cloudId),
    address: null,
    worker: null,
    createdAtMs: nowMs,
    runningAtMs: nowMs,
    joinedAtMs: null,
    idleSinceMs: null,
    claims: 0,
    endReason: null,
    endedAtMs: null,
  };
}
