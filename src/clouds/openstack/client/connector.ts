import { readFile } from 'node:fs/promises';
import { buildConnector } from 'undici';

/** A certificate and its key to show to the server: PEM files, or one file with both in it, as a proxy is. */
export interface ClientCertificateFiles {
  readonly certificate: string;
  readonly key: string;
}

export interface ConnectorOptions {
  readonly timeoutMs: number;
  /** False: any certificate of the server will do. */
  readonly verify: boolean;
  /** PEM; null: those that the host trusts. */
  readonly ca: string | null;
  /** Null: the server wants none. */
  readonly clientCertificate: ClientCertificateFiles | null;
}

/**
 * Makes connections. The files of a client certificate are read for each, so that one that has been renewed is shown from
 * the next connection on; one that cannot be read is a connection that cannot be made.
 */
export function connectorFor(options: ConnectorOptions): buildConnector.connector {
  const { clientCertificate } = options;
  const common = {
    timeout: options.timeoutMs,
    rejectUnauthorized: options.verify,
    ...(options.ca === null ? {} : { ca: options.ca }),
  };
  if (clientCertificate === null) return buildConnector(common);
  let made: {
    readonly cert: string;
    readonly key: string;
    readonly connect: buildConnector.connector;
  } | null = null;
  const newest = async () => {
    const [cert, key] = await Promise.all([
      readFile(clientCertificate.certificate, 'utf8'),
      readFile(clientCertificate.key, 'utf8'),
    ]);
    if (made?.cert !== cert || made.key !== key) {
      // A session of the old certificate must not be taken up again.
      const connect = buildConnector({ ...common, cert, key, maxCachedSessions: 0 });
      made = { cert, key, connect };
    }
    return made.connect;
  };
  return (target, callback) => {
    newest().then(
      (connect) => connect(target, callback),
      (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), null),
    );
  };
}
