import { readFile } from 'node:fs/promises';
import { dirname, isAbsolute } from 'node:path';
import type { Secret } from '../../config/secrets.ts';
import { runProgram } from '../../host/programs.ts';
import type { Clock } from '../../model/clock.ts';
import type { Access, HostFiles, HostPrograms } from './client/access.ts';
import { type Kubernetes, kubernetes } from './client/client.ts';
import { KubernetesFailure } from './client/failure.ts';
import { readKubeconfig } from './client/kubeconfig.ts';
import { readServiceAccount, serviceAccountFolder } from './client/serviceAccount.ts';
import type { KubernetesSettings } from './settings.ts';

export interface Connection {
  /**
   * The client, made at the first call: a kubeconfig that cannot be used is an error of that call. Made anew, from what the files
   * have then, after the server has refused us.
   */
  readonly open: () => Promise<Kubernetes>;
  close(): Promise<void>;
}

const textBytesMax = 1024 * 1024;

export const hostFiles: HostFiles = {
  async readText(path) {
    const bytes = await readFile(path);
    if (bytes.length > textBytesMax) throw new Error('too large');
    return bytes.toString('utf8');
  },
};

const { PATH = '/usr/local/bin:/usr/bin:/bin', HOME = '/', LANG = 'C.UTF-8' } = process.env;

export const hostPrograms: HostPrograms = {
  run: (argv, environment, signal) =>
    runProgram(
      argv,
      { environment: { PATH, HOME, LANG, ...environment }, stdoutBytesMax: textBytesMax },
      signal,
    ),
};

export function connectionFor(settings: KubernetesSettings, clock: Clock): Connection {
  let made: Promise<Kubernetes> | null = null;
  let current: Kubernetes | null = null;
  const open = async () => {
    const access = await accessOf(settings);
    const client: Kubernetes = kubernetes({
      access,
      namespace: settings.namespace ?? access.namespace ?? 'default',
      pageSize: settings.pageSize,
      host: { clock, files: hostFiles, programs: hostPrograms },
      onRefused: () => {
        // Calls that are under way go on with what they have; idle connections close by themselves.
        if (current === client) made = null;
      },
    });
    current = client;
    return client;
  };
  return {
    async open() {
      made ??= open();
      try {
        return await made;
      } catch (thrown) {
        made = null;
        throw thrown;
      }
    },
    async close() {
      const used = made;
      made = null;
      const client = await used?.catch(() => null);
      await client?.close();
    },
  };
}

async function accessOf(settings: KubernetesSettings): Promise<Access> {
  const { server, token, tokenFile, caFile, verify, kubeconfig } = settings;
  if (kubeconfig !== undefined) {
    const { file, context = null } = kubeconfig;
    const { content, folder } = await freshText(file);
    return await readKubeconfig({ content, folder, context }, hostFiles);
  }
  if (server === undefined) {
    const { KUBERNETES_SERVICE_HOST: host, KUBERNETES_SERVICE_PORT: port } = process.env;
    return await readServiceAccount({ host, port }, serviceAccountFolder, hostFiles);
  }
  return {
    server: server.replace(/\/+$/, ''),
    tls: { ca: caFile === undefined ? null : await certificates(caFile), verify, serverName: null },
    identity:
      tokenFile === undefined
        ? { kind: 'token', token: token?.text() ?? '' }
        : { kind: 'tokenFile', path: tokenFile },
    impersonate: null,
    namespace: null,
  };
}

/** A kubeconfig as it is now, since whoever renews its certificate writes it anew; else as it was when the config was read. */
async function freshText(
  file: Secret,
): Promise<{ readonly content: string; readonly folder: string | null }> {
  const { ref } = file;
  if (ref.kind !== 'file' || !isAbsolute(ref.path)) return { content: file.text(), folder: null };
  const folder = dirname(ref.path);
  const content = await hostFiles.readText(ref.path).catch(() => file.text());
  return { content, folder };
}

async function certificates(path: string): Promise<string> {
  try {
    return await hostFiles.readText(path);
  } catch {
    const detail = `the certificates in ${path} cannot be read`;
    throw new KubernetesFailure({ kind: 'settings', call: 'read certificates', detail, sent: false });
  }
}
