import { EC2Client } from '@aws-sdk/client-ec2';
import type { Renewal } from './exchange.ts';
import type { Ec2Settings } from './settings.ts';

/** A host that takes no connection for so long counts as not reached, and the request as not sent. */
const connectTimeoutMs = 5000;

const socketsMax = 16;

/** The SDK would warn on the console when calls wait for a connection. */
const silent = { trace() {}, debug() {}, info() {}, warn() {}, error() {} };

/** Files are read anew when credentials are renewed: the SDK keeps their text otherwise. It passes this on to its chain. */
const freshFiles = { ignoreCache: true };

export interface Ec2Connection {
  readonly client: EC2Client;
  /** Texts that must never show. */
  readonly secrets: readonly string[];
  /** Null where the config holds the credentials: there is nothing to renew them from. */
  readonly renewal: Renewal | null;
}

/**
 * Nothing is tried again by the SDK: whether and when is the core's to say. Nothing is logged: requests hold user data.
 * Credentials that are not in the config are found by the SDK's own chain at the first call: environment, shared files
 * (keys, a role to assume, single sign-on, a program), web identity, container, the machine's role. What comes with an
 * end is renewed before it.
 */
export function connectionTo(settings: Ec2Settings): Ec2Connection {
  const { region, endpoint, profile } = settings;
  const keys = keysOf(settings);
  const client = new EC2Client({
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
    ...(profile === undefined ? {} : { profile }),
    ...(keys === null ? freshFiles : { credentials: keys }),
  });
  const renewal: Renewal = {
    identity: async () => identityOf(await client.config.credentials()),
    renew: async () => identityOf(await client.config.credentials({ forceRefresh: true })),
  };
  return { client, secrets: Object.values(keys ?? {}), renewal: keys === null ? renewal : null };
}

interface Keys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
}

function identityOf({ accessKeyId, sessionToken }: { accessKeyId: string; sessionToken?: string }): string {
  return `${accessKeyId} ${sessionToken ?? ''}`;
}

/** Null: the SDK finds them by itself, at the first call. */
function keysOf({ credentials }: Ec2Settings): Keys | null {
  if (credentials === undefined) return null;
  const { accessKeyId, secretAccessKey, sessionToken } = credentials;
  const keys = { accessKeyId: accessKeyId.text(), secretAccessKey: secretAccessKey.text() };
  return sessionToken === undefined ? keys : { ...keys, sessionToken: sessionToken.text() };
}
