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
import { together } from './client/together.ts';
import type { KubernetesSettings } from './settings.ts';

export interface Connection {
  /**
   * The client, made at the first call: a kubeconfig that cannot be used is an error of that call. Made anew when the files that it
   * was made from have changed: they are looked at every minute, and after the server has refused us.
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

/** What the files say is looked at again after so long: certificates are renewed in place. */
const accessHoldsMs = 60_000;

export function connectionFor(settings: KubernetesSettings, clock: Clock): Connection {
  let held: { readonly client: Kubernetes; readonly access: Access; untilMs: number } | null = null;

  const look = together(async (): Promise<Kubernetes> => {
    const access = await accessOrBefore();
    const untilMs = clock.monotonicNow() + accessHoldsMs;
    if (held !== null && JSON.stringify(held.access) === JSON.stringify(access)) {
      held.untilMs = untilMs;
      return held.client;
    }
    // Calls that are under way go on with what they have; the idle connections of the client before close by themselves.
    const client = kubernetes({
      access,
      namespace: settings.namespace ?? access.namespace ?? 'default',
      pageSize: settings.pageSize,
      host: { clock, files: hostFiles, programs: hostPrograms },
      onRefused: () => {
        if (held?.client === client) held.untilMs = Number.NEGATIVE_INFINITY;
      },
    });
    held = { client, access, untilMs };
    return client;
  });

  /** A file that is being written anew may not be whole: what was known before will do, and be refused if it does not. */
  async function accessOrBefore(): Promise<Access> {
    try {
      return await accessOf(settings);
    } catch (thrown) {
      if (held === null) throw thrown;
      return held.access;
    }
  }

  return {
    async open() {
      if (held !== null && clock.monotonicNow() < held.untilMs) return held.client;
      return await look(neverAborted);
    },
    async close() {
      const used = held;
      held = null;
      await used?.client.close();
    },
  };
}

const neverAborted = new AbortController().signal;

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
