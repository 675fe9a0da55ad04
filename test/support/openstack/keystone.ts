import { randomUUID } from 'node:crypto';
import { keystoneRefusal } from './refusal.ts';
import { demoProject, type FakeToken, type World } from './world.ts';

export const account = {
  user: 'demo',
  password: 'demo-password-7f3kQz9',
  credentialId: 'b2c4f5c0e5a74d3b9d6d2f6f5a9e7c11',
  credentialSecret: 'appcred-secret-Zx81mNqPw5',
} as const;

type Json = Readonly<Record<string, unknown>>;

const record = (value: unknown): Json => (typeof value === 'object' && value !== null ? (value as Json) : {});

const text = (value: unknown) => (typeof value === 'string' ? value : undefined);

/** `POST /v3/auth/tokens`. */
export function logIn(world: World, body: Json, base: string) {
  const auth = record(body.auth);
  const identity = record(auth.identity);
  const methods = Array.isArray(identity.methods) ? identity.methods : [];
  const refused = () =>
    keystoneRefusal(401, 'Unauthorized', 'The request you have made requires authentication.');
  let project: string | null;
  if (methods.includes('application_credential')) {
    const credential = record(identity.application_credential);
    if (credential.id === 'deleted') {
      throw keystoneRefusal(404, 'Not Found', 'Could not find Application Credential: deleted.');
    }
    if (credential.id !== account.credentialId || credential.secret !== account.credentialSecret)
      throw refused();
    // It has a project of its own, and takes no other.
    if (auth.scope !== undefined) throw refused();
    project = demoProject;
  } else {
    const user = record(record(identity.password).user);
    if (user.name !== account.user || user.password !== account.password) throw refused();
    const scope = record(record(auth.scope).project);
    const asked = text(scope.id) ?? world.projects[text(scope.name) ?? ''];
    if (auth.scope !== undefined && !Object.values(world.projects).includes(asked ?? '')) throw refused();
    project = auth.scope === undefined ? null : (asked ?? null);
  }
  return { token: issue(world, project), body: tokenBody(world, project, base) };
}

/** Without a project it is of no use, and no call says so. */
export function issue(world: World, project: string | null): FakeToken {
  const token: FakeToken = {
    text: `gAAAA${randomUUID()}${randomUUID()}`,
    project,
    expiresAtMs: world.now() + world.levers.tokenLifeMs,
    revoked: false,
  };
  world.tokens.set(token.text, token);
  return token;
}

const epochMs = Date.UTC(2026, 10, 22);

function tokenBody(world: World, project: string | null, base: string): unknown {
  const time = (ms: number) => new Date(epochMs + ms).toISOString().replace('Z', '000Z');
  const scoped =
    project === null
      ? {}
      : {
          project: { id: project, name: nameOf(world, project), domain: { id: 'default', name: 'Default' } },
          roles: world.levers.roles.map((name) => ({ id: name, name })),
          catalog: catalog(world, base),
        };
  return {
    token: {
      methods: ['password'],
      user: { id: 'u1', name: account.user, domain: { id: 'default', name: 'Default' } },
      issued_at: time(world.now()),
      expires_at: time(world.now() + world.levers.tokenLifeMs),
      ...scoped,
    },
  };
}

function nameOf(world: World, project: string): string {
  return Object.entries(world.projects).find(([, id]) => id === project)?.[0] ?? '';
}

function catalog(world: World, base: string): unknown {
  const entry = (type: string, path: string) => ({
    id: type,
    type,
    name: type,
    endpoints: ['RegionOne', 'RegionTwo'].flatMap((region) => [
      // Not reached from a client: which it must not choose.
      { id: `${type}-i`, interface: 'internal', region, region_id: region, url: 'http://127.0.0.1:1' },
      { id: `${type}-p`, interface: 'public', region, region_id: region, url: `${base}${path}` },
    ]),
  });
  return [
    entry('compute', '/compute/v2.1'),
    entry('network', '/network'),
    entry('image', '/image'),
    ...(world.levers.hasVolumes ? [entry('volumev3', '/volume/v3')] : []),
  ];
}

/** The project of a call's token; null for one without a project. */
export function projectOf(world: World, token: string | undefined): string | null {
  const known = token === undefined ? undefined : world.tokens.get(token);
  if (known === undefined || known.revoked || world.now() >= known.expiresAtMs) {
    throw keystoneRefusal(401, 'Unauthorized', 'The request you have made requires authentication.');
  }
  return known.project;
}
