import { Agent } from 'undici';
import { type Compute, openCompute } from './compute.ts';
import { type ClientCertificateFiles, connectorFor } from './connector.ts';
import type { Credentials } from './identity.ts';
import { type ImageApi, openImage } from './image.ts';
import { type NetworkApi, openNetwork } from './network.ts';
import type { Place, Service } from './serviceCatalog.ts';
import { type MonotonicClock, openSession, type Session } from './session.ts';

/** A host that takes no connection for so long counts as not reached, and the request as not sent. */
const connectTimeoutMs = 5000;
const socketsMax = 16;

export interface OpenStackOptions {
  readonly authUrl: string;
  readonly credentials: Credentials;
  readonly place: Place;
  readonly endpoints: Readonly<Partial<Record<Service, string>>>;
  /** PEM; null: the ones that the host trusts. */
  readonly ca: string | null;
  /** False: any certificate will do. */
  readonly verify: boolean;
  /** Shown to servers that ask for one; null or absent: none is. */
  readonly clientCertificate?: ClientCertificateFiles | null;
  readonly clock: MonotonicClock;
}

/**
 * A client of OpenStack's Keystone v3, Nova, Neutron and Glance. It retries nothing but a call whose token was refused, has
 * no timers beside the one for making a connection, and writes nothing anywhere: the caller's signals and
 * `OpenStackFailure` say all.
 */
export interface OpenStack {
  readonly session: Session;
  readonly compute: Compute;
  readonly network: NetworkApi;
  readonly image: ImageApi;
  close(): Promise<void>;
}

export function openStack(options: OpenStackOptions): OpenStack {
  const agent = new Agent({
    connections: socketsMax,
    connect: connectorFor({
      timeoutMs: connectTimeoutMs,
      verify: options.verify,
      ca: options.ca,
      clientCertificate: options.clientCertificate ?? null,
    }),
  });
  const session = openSession({
    dispatcher: agent,
    clock: options.clock,
    authUrl: options.authUrl,
    credentials: options.credentials,
    place: options.place,
    endpoints: options.endpoints,
  });
  return {
    session,
    compute: openCompute(session),
    network: openNetwork(session),
    image: openImage(session),
    close: () => agent.destroy(),
  };
}
