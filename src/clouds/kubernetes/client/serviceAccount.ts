import { join } from 'node:path';
import type { Access, HostFiles } from './access.ts';
import { KubernetesFailure } from './failure.ts';

/** Where every container that has a service account finds it. */
export const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

export interface ClusterAddress {
  readonly host: string | undefined;
  readonly port: string | undefined;
}

/** The service account of the pod that this program runs in. Its token is renewed in place about once an hour. */
export async function readServiceAccount(
  { host, port }: ClusterAddress,
  folder: string,
  files: HostFiles,
): Promise<Access> {
  if (host === undefined || port === undefined || host === '' || port === '') {
    throw wrong('this program does not run in a pod: KUBERNETES_SERVICE_HOST and _PORT are not set');
  }
  const read = async (name: string) => {
    try {
      return (await files.readText(join(folder, name))).trim();
    } catch {
      throw wrong(`${join(folder, name)} cannot be read: the pod has no service account's token`);
    }
  };
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    tls: { ca: await read('ca.crt'), verify: true, serverName: null },
    identity: { kind: 'tokenFile', path: join(folder, 'token') },
    impersonate: null,
    namespace: await read('namespace'),
  };
}

function wrong(detail: string): KubernetesFailure {
  return new KubernetesFailure({ kind: 'settings', call: 'read service account', detail, sent: false });
}
