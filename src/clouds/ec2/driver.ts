import { EC2Client } from '@aws-sdk/client-ec2';
import type { CloudDriver } from '../port.ts';
import { readCatalog } from './catalog.ts';
import { exchangeThrough } from './exchange.ts';
import { ec2Capabilities, launch, type RootDevices } from './launch.ts';
import { findIntent, listInstances } from './list.ts';
import { type Ec2Offer, type Ec2Settings, ec2Offer, ec2Settings } from './settings.ts';
import { terminate, type UnknownSince } from './terminate.ts';

/** A host that takes no connection for so long counts as not reached, and the request as not sent. */
const connectTimeoutMs = 5000;

const socketsMax = 16;

/** The SDK would warn on the console when calls wait for a connection. */
const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/**
 * Amazon EC2, and other clouds that speak its API. On-demand machines; one region for each cloud in the config.
 * What it asks of the account, and EC2's ways that a site should know of: docs/clouds/ec2.md.
 */
export const ec2Driver = {
  name: 'ec2',
  configSchema: ec2Settings,
  offerSchema: ec2Offer,
  capabilities: ec2Capabilities,

  create(settings: Ec2Settings, { site, clock }) {
    const keys = keysOf(settings);
    const client = clientFor(settings, keys);
    const exchange = exchangeThrough(client, Object.values(keys ?? {}));
    const roots: RootDevices = new Map();
    const unknownSince: UnknownSince = new Map();
    return {
      list: (signal) => listInstances(exchange, site, signal),
      launch: (order, signal) =>
        launch(exchange, site, roots, { ...order, settings: order.settings as Ec2Offer }, signal),
      resolve: (intent, signal) => findIntent(exchange, site, intent, signal),
      terminate: (instance, signal) => terminate(exchange, clock, unknownSince, instance, signal),
      // EC2's own API has no true figure: `max-instances` no longer says what on-demand machines are held to, and
      // that limit is in another service. A refusal for it comes as `quota`.
      quota: async () => null,
      catalog: (signal) => readCatalog(exchange, settings.imageOwners, signal),
      close: async () => client.destroy(),
    };
  },
} satisfies CloudDriver<Ec2Settings>;

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

/** Null: the SDK finds them by itself, at the first call. */
function keysOf({ credentials }: Ec2Settings): Keys | null {
  if (credentials === undefined) return null;
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const keys = { accessKeyId: accessKeyId.text(), secretAccessKey: secretAccessKey.text() };
  return sessionToken === undefined ? keys : { ...keys, sessionToken: sessionToken.text() };
}

/** Nothing is tried again in here: whether and when is the core's to say. Nothing is logged: requests hold user data. */
function clientFor({ region, endpoint }: Ec2Settings, keys: Keys | null): EC2Client {
  return new EC2Client({
    region,
    maxAttempts: 1,
    logger: silent,
    requestHandler: {
      logger: silent,
      connectionTimeout: connectTimeoutMs,
      // How long an answer may take is for the caller's signal to say; errors.ts relies on there being no other timer.
      socketTimeout: 0,
      httpAgent: { maxSockets: socketsMax },
      httpsAgent: { maxSockets: socketsMax },
    },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(keys === null ? {} : { credentials: keys }),
  });
}
