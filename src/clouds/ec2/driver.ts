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
    const client = clientFor(settings);
    const exchange = exchangeThrough(client, () => secretsOf(settings));
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

/** Nothing is tried again in here: whether and when is the core's to say. Nothing is logged: requests hold user data. */
function clientFor(settings: Ec2Settings): EC2Client {
  const { credentials } = settings;
  return new EC2Client({
    region: settings.region,
    maxAttempts: 1,
    requestHandler: {
      connectionTimeout: connectTimeoutMs,
      httpAgent: { maxSockets: socketsMax },
      httpsAgent: { maxSockets: socketsMax },
    },
    ...(settings.endpoint === undefined ? {} : { endpoint: settings.endpoint }),
    ...(credentials === undefined
      ? {}
      : {
          credentials: async () => ({
            accessKeyId: credentials.accessKeyId.text(),
            secretAccessKey: credentials.secretAccessKey.text(),
            ...(credentials.sessionToken === undefined
              ? {}
              : { sessionToken: credentials.sessionToken.text() }),
          }),
        }),
  });
}

function secretsOf({ credentials }: Ec2Settings): readonly string[] {
  if (credentials === undefined) return [];
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  return [accessKeyId, secretAccessKey, ...(sessionToken === undefined ? [] : [sessionToken])].map((secret) =>
    secret.text(),
  );
}
