import { Buffer } from 'node:buffer';
import { z } from 'zod';
import type { InstanceSource, RunningInstance } from './source.ts';

export interface OpenstackSourceOptions {
  /** Keystone's, with `/v3`. */
  readonly authUrl: string;
  /** Of the user and the project `admin`: user data are shown to administrators and to nobody else. */
  readonly adminPassword: string;
}

const pageServers = 500;
const pagesMax = 100;

const tokenShape = z.object({
  token: z.object({
    catalog: z.array(
      z.object({
        type: z.string(),
        endpoints: z.array(z.object({ interface: z.string(), url: z.string() })),
      }),
    ),
  }),
});

const pageShape = z.object({
  servers: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      metadata: z.record(z.string(), z.string()),
      'OS-EXT-STS:task_state': z.string().nullish(),
      'OS-EXT-SRV-ATTR:user_data': z.string().nullish(),
    }),
  ),
});
type Row = z.output<typeof pageShape>['servers'][number];

interface Access {
  readonly token: string;
  readonly compute: string;
}

/** Servers of all projects. */
export function openstackSource({ authUrl, adminPassword }: OpenstackSourceOptions): InstanceSource {
  let access: Access | null = null;
  /** As a list shows user data, too, nothing is asked for one by one. */
  let userDataOf: ReadonlyMap<string, string | null> = new Map();

  async function read(query: string, signal: AbortSignal): Promise<readonly Row[]> {
    access ??= await logIn(authUrl, adminPassword, signal);
    const answer = await fetch(`${access.compute}/servers/detail?${query}`, {
      headers: { 'x-auth-token': access.token, 'openstack-api-version': 'compute 2.93' },
      signal,
    });
    if (answer.status === 401) access = null;
    if (!answer.ok) throw new Error(`Nova says ${answer.status}`);
    return pageShape.parse(await answer.json()).servers;
  }

  return {
    async running(signal) {
      const rows: Row[] = [];
      for (let pages = 0; pages < pagesMax; pages += 1) {
        const last = rows.at(-1);
        const marker = last === undefined ? '' : `&marker=${last.id}`;
        const page = await read(`all_tenants=1&status=ACTIVE&limit=${pageServers}${marker}`, signal);
        rows.push(...page);
        if (page.length < pageServers) break;
      }
      const running = rows.filter((row) => row['OS-EXT-STS:task_state'] !== 'deleting');
      userDataOf = new Map(running.map((row) => [row.id, decoded(row['OS-EXT-SRV-ATTR:user_data'])]));
      return running.map(
        ({ id, name, metadata }): RunningInstance => ({ id, labels: [id, name, ...Object.values(metadata)] }),
      );
    },
    userData: async (id) => userDataOf.get(id) ?? null,
  };
}

const decoded = (base64: string | null | undefined) =>
  base64 ? Buffer.from(base64, 'base64').toString('utf8') : null;

async function logIn(authUrl: string, password: string, signal: AbortSignal): Promise<Access> {
  const domain = { id: 'default' };
  const identity = { methods: ['password'], password: { user: { name: 'admin', password, domain } } };
  const answer = await fetch(`${authUrl}/auth/tokens`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ auth: { identity, scope: { project: { name: 'admin', domain } } } }),
    signal,
  });
  const token = answer.headers.get('x-subject-token');
  if (!answer.ok || token === null) throw new Error(`Keystone says ${answer.status}`);
  const { catalog } = tokenShape.parse(await answer.json()).token;
  const compute = catalog
    .find(({ type }) => type === 'compute')
    ?.endpoints.find((endpoint) => endpoint.interface === 'public')?.url;
  if (compute === undefined) throw new Error('the catalog has no compute service');
  return { token, compute };
}
