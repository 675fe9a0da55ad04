import { ec2Driver } from '../../../src/clouds/ec2/driver.ts';
import type { Ec2Settings } from '../../../src/clouds/ec2/settings.ts';
import type { CheckedOffer, Cloud, LaunchOrder } from '../../../src/clouds/port.ts';
import { Secret } from '../../../src/config/secrets.ts';
import type { Market } from '../../../src/model/billing.ts';
import { CloudError } from '../../../src/model/errors.ts';
import { CloudName, InstanceId, IntentId, OfferName, PoolName, SiteId } from '../../../src/model/ids.ts';
import type { Log } from '../../../src/model/log.ts';

export const image = 'ami-0123456789abcdef0';
export const site = 'site-a';

/** Settings for an endpoint, with credentials that any loopback server takes. */
export function settingsFor(endpoint: string, change: Partial<Ec2Settings> = {}): Ec2Settings {
  const credentials = { accessKeyId: Secret.of('AKIAEXAMPLE'), secretAccessKey: Secret.of('not-so-secret') };
  return { region: 'us-east-1', endpoint, imageOwners: ['self'], credentials, ...change };
}

export interface Surroundings {
  readonly as?: string;
  readonly monotonicNow?: () => number;
  readonly wallNow?: () => number;
  readonly warn?: Log['warn'];
}

export function connectTo(
  endpoint: string,
  change: Partial<Ec2Settings> = {},
  { as = site, monotonicNow = () => 0, wallNow = () => 0, warn = () => {} }: Surroundings = {},
): Cloud {
  const clock = { wallNow, monotonicNow, sleep: async () => {} };
  const log: Log = { debug() {}, info() {}, warn, error() {}, child: () => log };
  const deps = { site: SiteId(as), cloud: CloudName('c'), clock, log };
  return ec2Driver.create(settingsFor(endpoint, change), deps);
}

/** `boot` is the offer's block as it stands in a config. */
export function anOrder(boot: object = {}, change: Partial<LaunchOrder> = {}): LaunchOrder {
  return {
    intent: IntentId('in-1'),
    instances: [InstanceId('in-1-0')],
    pool: PoolName('p'),
    offer: OfferName('o'),
    market: 'onDemand',
    settings: ec2Driver.offerSchema.parse({ image, type: 'c5.large', ...boot }),
    userData: null,
    ...change,
  };
}

/** An offer as `check --live` hands it over. */
export function aCheckedOffer(name: string, boot: object, market: Market = 'onDemand'): CheckedOffer {
  return {
    name: OfferName(name),
    market,
    resources: { cpus: 2, memoryMiB: 4096, diskMiB: 10_240, gpus: 0 },
    settings: ec2Driver.offerSchema.parse({ image, type: 'c5.large', ...boot }),
  };
}

export async function errorOf(work: Promise<unknown>): Promise<CloudError> {
  const thrown = await work.then(
    () => new Error('no error'),
    (error: unknown) => error,
  );
  if (thrown instanceof CloudError) return thrown;
  throw new Error('not a CloudError', { cause: thrown });
}

export const soon = () => AbortSignal.timeout(20_000);
