import { onTestFinished } from 'vitest';
import { openstackDriver } from '../../../src/clouds/openstack/driver.ts';
import { type OpenstackSettings, openstackSettings } from '../../../src/clouds/openstack/settings.ts';
import type { Cloud, LaunchOrder } from '../../../src/clouds/port.ts';
import { CloudError } from '../../../src/model/errors.ts';
import { CloudName, InstanceId, IntentId, OfferName, PoolName, SiteId } from '../../../src/model/ids.ts';
import type { Log } from '../../../src/model/log.ts';
import { account } from '../../support/openstack/keystone.ts';
import { type LoopbackOpenstack, startLoopbackOpenstack } from '../../support/openstack/server.ts';
import { withPassword } from '../../support/openstack/under-test.ts';

export const site = 'site-a';

/** The loopback services and the driver on them, with one clock for both. */
export interface OpenstackBench {
  readonly server: LoopbackOpenstack;
  readonly world: LoopbackOpenstack['world'];
  readonly cloud: Cloud;
  readonly signal: AbortSignal;
  /** What was logged as a warning or worse: fields and message. */
  readonly warnings: readonly unknown[];
  readonly elapse: (ms: number) => void;
  readonly connect: (change?: Partial<OpenstackSettings>, as?: string) => Cloud;
}

export async function openstackBench(): Promise<OpenstackBench> {
  const server = await startLoopbackOpenstack();
  const warnings: unknown[] = [];
  const note = (...line: readonly unknown[]) => warnings.push(line);
  const log: Log = { debug() {}, info() {}, warn: note, error: note, child: () => log };
  let nowMs = 1_000_000;
  const clock = { wallNow: () => nowMs, monotonicNow: () => nowMs, sleep: async () => {} };
  const made: Cloud[] = [];
  const connect: OpenstackBench['connect'] = (change = {}, as = site) => {
    const settings = { ...withPassword(server.authUrl, account.password), ...change };
    const cloud = openstackDriver.create(settings, { site: SiteId(as), cloud: CloudName('c'), clock, log });
    made.push(cloud);
    return cloud;
  };
  onTestFinished(async () => {
    for (const cloud of made) await cloud.close();
    await server.stop();
  });
  return {
    server,
    world: server.world,
    cloud: connect(),
    signal: AbortSignal.timeout(60_000),
    warnings,
    elapse(ms) {
      nowMs += ms;
      server.advance(ms);
    },
    connect,
  };
}

let intents = 0;

/** `boot` is the offer's block as it stands in a config. */
export function anOrder(boot: object = {}, change: Partial<LaunchOrder> = {}): LaunchOrder {
  intents += 1;
  const intent = change.intent ?? IntentId(`in-${intents}`);
  return {
    intent,
    instances: [InstanceId(`${intent}-0`)],
    pool: PoolName('p'),
    offer: OfferName('o'),
    market: 'onDemand',
    settings: openstackDriver.offerSchema.parse({
      image: 'worker-a',
      flavor: 'm1.small',
      networks: 'none',
      ...boot,
    }),
    userData: null,
    ...change,
  };
}

export async function errorOf(work: Promise<unknown>): Promise<CloudError> {
  const thrown = await work.then(
    () => new Error('no error'),
    (error: unknown) => error,
  );
  if (thrown instanceof CloudError) return thrown;
  throw thrown;
}

/** Settings as the config gives them, their secrets unread. */
export const settingsOf = (fields: object) => openstackSettings.safeParse(fields);
