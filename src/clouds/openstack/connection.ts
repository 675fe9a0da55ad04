import { readFile } from 'node:fs/promises';
import type { Clock } from '../../model/clock.ts';
import { CloudError } from '../../model/errors.ts';
import { type OpenStack, openStack } from './client/client.ts';
import { readCloudsYaml } from './client/cloudsYaml.ts';
import type { Credentials, Named } from './client/identity.ts';
import type { OpenstackSettings } from './settings.ts';

export interface Connection {
  /** The client, made at the first call: a clouds.yaml that cannot be used is an error of that call. */
  readonly open: () => Promise<OpenStack>;
  close(): Promise<void>;
}

export function connectionFor(settings: OpenstackSettings, clock: Clock): Connection {
  let made: Promise<OpenStack> | null = null;
  const open = async () => {
    const access = accessOf(settings);
    const caFile = settings.caFile ?? access.caFile;
    return openStack({
      authUrl: access.authUrl,
      credentials: access.credentials,
      place: { region: access.region, interface: access.interface },
      endpoints: definedOnly(settings.endpoints),
      ca: caFile === null ? null : await readCertificates(caFile),
      verify: settings.verify ?? access.verify,
      clientCertificate: certificateOf(settings),
      clock,
    });
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

function certificateOf({ clientCertificate, clientKey }: OpenstackSettings) {
  if (clientCertificate === undefined) return null;
  return { certificate: clientCertificate, key: clientKey ?? clientCertificate };
}

interface Access {
  readonly authUrl: string;
  readonly credentials: Credentials;
  readonly region: string | null;
  readonly interface: 'public' | 'internal' | 'admin';
  readonly caFile: string | null;
  readonly verify: boolean;
}

function accessOf(settings: OpenstackSettings): Access {
  const { cloudsYaml, password, applicationCredential, authUrl = '' } = settings;
  if (cloudsYaml !== undefined) {
    const { file, secureFile, cloud } = cloudsYaml;
    const secure = secureFile?.text() ?? null;
    const entry = readCloudsYaml(file.text(), secure, cloud, settings.region ?? null);
    return {
      ...entry,
      region: entry.place.region,
      interface: settings.interface ?? entry.place.interface,
    };
  }
  const own = {
    authUrl,
    region: settings.region ?? null,
    interface: settings.interface ?? 'public',
    caFile: null,
    verify: true,
  };
  if (password !== undefined) {
    const user = named(password.userId, password.user, password.userDomain);
    const project = named(password.projectId, password.project, password.projectDomain);
    return { ...own, credentials: { kind: 'password', user, password: password.password.text(), project } };
  }
  if (applicationCredential === undefined) throw new CloudError('invalid', 'no credentials are configured');
  const { id, name = '', userId, user, userDomain, secret } = applicationCredential;
  const credential = id !== undefined ? { id } : { name, user: named(userId, user, userDomain) };
  return { ...own, credentials: { kind: 'applicationCredential', credential, secret: secret.text() } };
}

function named(id: string | undefined, name: string | undefined, domain: string): Named {
  return id === undefined ? { name: name ?? '', domain: { name: domain } } : { id };
}

async function readCertificates(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    throw new CloudError('invalid', `the certificates in ${path} cannot be read`);
  }
}

function definedOnly(endpoints: OpenstackSettings['endpoints']) {
  const { compute, network, image } = endpoints;
  return {
    ...(compute === undefined ? {} : { compute }),
    ...(network === undefined ? {} : { network }),
    ...(image === undefined ? {} : { image }),
  };
}
