import { ec2Driver } from '../../../src/clouds/ec2/driver.ts';
import type { Ec2Settings } from '../../../src/clouds/ec2/settings.ts';
import type { Cloud, LaunchOrder } from '../../../src/clouds/port.ts';
import { Secret } from '../../../src/config/secrets.ts';
import { CloudError } from '../../../src/model/errors.ts';
import { CloudName, InstanceId, IntentId, OfferName, PoolName, SiteId } from '../../../src/model/ids.ts';
import type { Log } from '../../../src/model/log.ts';

export const image = 'ami-0123456789abcdef0';
export const site = 'site-a';

const silent: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => silent };

/** A cloud at an endpoint, with credentials that any loopback server takes. */
export function connectTo(endpoint: string, change: Partial<Ec2Settings> = {}, as = site): Cloud {
  const credentials = { accessKeyId: Secret.of('AKIAEXAMPLE'), secretAccessKey: Secret.of('not-so-secret') };
  const clock = { wallNow: () => 0, monotonicNow: () => 0, sleep: async () => {} };
  const settings = { region: 'us-east-1', endpoint, imageOwners: ['self'], credentials, ...change };
  return ec2Driver.create(settings, { site: SiteId(as), cloud: CloudName('c'), clock, log: silent });
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

export async function errorOf(work: Promise<unknown>): Promise<CloudError> {
  const thrown = await work.then(
    () => new Error('no error'),
    (error: unknown) => error,
  );
  if (thrown instanceof CloudError) return thrown;
  throw new Error('not a CloudError', { cause: thrown });
}

export const soon = () => AbortSignal.timeout(20_000);
