import { onTestFinished } from 'vitest';
import { cloudstackDriver } from '../../../src/clouds/cloudstack/driver.ts';
import type { Cloud, LaunchOrder } from '../../../src/clouds/port.ts';
import { Secret } from '../../../src/config/secrets.ts';
import {
  type CloudId,
  CloudName,
  InstanceId,
  IntentId,
  OfferName,
  PoolName,
  SiteId,
} from '../../../src/model/ids.ts';
import type { Log } from '../../../src/model/log.ts';
import { type CloudstackStandIn, startCloudstack } from '../../support/cloudstack/server.ts';

export interface Bench {
  readonly server: CloudstackStandIn;
  readonly cloud: Cloud;
  readonly signal: AbortSignal;
  /** Messages that were logged as warnings. */
  readonly warnings: readonly string[];
  /** Another connection to the same account, that remembers nothing of the first. */
  readonly connect: (settings?: Readonly<Record<string, unknown>>) => Cloud;
  readonly order: (boot?: Readonly<Record<string, unknown>>, over?: Partial<LaunchOrder>) => LaunchOrder;
  /** Launches one machine and gives its id. */
  readonly launched: (boot?: Readonly<Record<string, unknown>>) => Promise<CloudId>;
  readonly close: () => Promise<void>;
  /** The parameters of the last call of a command. */
  readonly lastCall: (command: string) => Readonly<Record<string, string>>;
}

/** A bench for one test, closed when the test is over. */
export async function startBench(settings: Readonly<Record<string, unknown>> = {}): Promise<Bench> {
  const bench = await openBench(settings);
  onTestFinished(() => bench.close());
  return bench;
}

export async function openBench(settings: Readonly<Record<string, unknown>> = {}): Promise<Bench> {
  const server = await startCloudstack();
  const { signal } = new AbortController();
  const clock = { wallNow: server.world.now, monotonicNow: server.world.now, sleep: async () => {} };
  const clouds: Cloud[] = [];
  const warnings: string[] = [];
  const warn = (_fields: object, message: string) => void warnings.push(message);
  const log: Log = { debug() {}, info() {}, warn, error() {}, child: () => log };
  const connect: Bench['connect'] = (more = {}) => {
    const parsed = cloudstackDriver.configSchema.parse({
      endpoint: server.endpoint,
      credentials: { apiKey: 'env:KEY', secretKey: 'env:SECRET' },
      ...settings,
      ...more,
    });
    const credentials = { apiKey: Secret.of(server.apiKey), secretKey: Secret.of(server.secretKey) };
    const deps = { site: SiteId('farm'), cloud: CloudName('campus'), clock, log };
    const cloud = cloudstackDriver.create({ ...parsed, credentials }, deps);
    clouds.push(cloud);
    return cloud;
  };
  const cloud = connect();
  let last = 0;
  const order: Bench['order'] = (boot = {}, over = {}) => {
    last += 1;
    const intent = IntentId(`farm-k${last}`);
    return {
      intent,
      instances: [InstanceId(`${intent}-0`)],
      pool: PoolName('batch'),
      offer: OfferName('small'),
      market: 'onDemand',
      settings: cloudstackDriver.offerSchema.parse({
        zone: 'north',
        serviceOffering: 'small',
        template: 'worker',
        ...boot,
      }),
      userData: null,
      ...over,
    };
  };
  return {
    server,
    cloud,
    signal,
    warnings,
    connect,
    order,
    async launched(boot) {
      const { instances } = await cloud.launch(order(boot), signal);
      const [made] = instances;
      if (made === undefined) throw new Error('nothing was launched');
      return made.cloudId;
    },
    async close() {
      for (const one of clouds) await one.close();
      await server.stop();
    },
    lastCall(command) {
      const call = server.requests.findLast((request) => request.command === command);
      if (call === undefined) throw new Error(`no ${command}`);
      return Object.fromEntries(call.params);
    },
  };
}
