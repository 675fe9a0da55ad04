import { z } from 'zod';
import { bodyOf, malformed } from './answer.ts';
import { OpenStackFailure } from './failure.ts';
import type { CatalogEntry } from './serviceCatalog.ts';
import type { WireAnswer } from './wire.ts';

/** By id, or by name in a domain. */
export type Named = { readonly id: string } | { readonly name: string; readonly domain: Domain };
export type Domain = { readonly id: string } | { readonly name: string };

export type Credentials =
  | {
      readonly kind: 'password';
      readonly user: Named;
      readonly password: string;
      readonly project: Named;
    }
  /** It is bound to one project, and is refused with a scope. */
  | {
      readonly kind: 'applicationCredential';
      readonly credential: { readonly id: string } | { readonly name: string; readonly user: Named };
      readonly secret: string;
    };

export interface Token {
  readonly text: string;
  readonly projectId: string;
  /** From when it was issued until it expires, by the server's own clock. */
  readonly lifetimeMs: number;
  /** Names of what its user is in the project. */
  readonly roles: readonly string[];
  readonly catalog: readonly CatalogEntry[];
}

/** What must not show in an error. */
export function secretsOf(credentials: Credentials): readonly string[] {
  return [credentials.kind === 'password' ? credentials.password : credentials.secret];
}

/** The body of `POST /v3/auth/tokens`. */
export function authBody(credentials: Credentials): unknown {
  if (credentials.kind === 'applicationCredential') {
    const application_credential = { ...credentials.credential, secret: credentials.secret };
    return { auth: { identity: { methods: ['application_credential'], application_credential } } };
  }
  const user = { ...credentials.user, password: credentials.password };
  const identity = { methods: ['password'], password: { user } };
  return { auth: { identity, scope: { project: credentials.project } } };
}

/** Epoch ms, by the server's clock. */
const time = z.coerce.date().transform((moment) => moment.getTime());

const tokenShape = z.object({
  token: z.object({
    expires_at: time,
    issued_at: time,
    project: z.object({ id: z.string().min(1), name: z.string().optional() }).optional(),
    roles: z.array(z.object({ name: z.string() })).default([]),
    catalog: z
      .array(
        z.object({
          type: z.string(),
          endpoints: z.array(
            z.object({
              interface: z.string(),
              region: z.string().nullish(),
              region_id: z.string().nullish(),
              url: z.string(),
            }),
          ),
        }),
      )
      .optional(),
  }),
});

/**
 * The token that an answer brings. One without a project is refused here: with it every list would be empty, and not an
 * error; and so is one of another project than was asked for.
 */
export function tokenOf(answer: WireAnswer, credentials: Credentials, call: string): Token {
  const { token } = bodyOf(answer, tokenShape, { call, secrets: secretsOf(credentials) });
  const text = answer.headers.get('x-subject-token') ?? '';
  if (text === '') throw malformed(answer, call, 'no token in the answer');
  const { project } = token;
  if (project === undefined) throw refused(call, 'the token has no project');
  if (credentials.kind === 'password' && !isAsked(project, credentials.project)) {
    throw refused(call, 'the token is for another project');
  }
  const lifetimeMs = token.expires_at - token.issued_at;
  const catalog = (token.catalog ?? []).map(({ type, endpoints }) => ({
    type,
    endpoints: endpoints.map((endpoint) => ({
      interface: endpoint.interface,
      region: endpoint.region_id ?? endpoint.region ?? null,
      url: endpoint.url,
    })),
  }));
  return { text, projectId: project.id, lifetimeMs, roles: token.roles.map(({ name }) => name), catalog };
}

function isAsked(
  project: { readonly id: string; readonly name?: string | undefined },
  asked: Named,
): boolean {
  return 'id' in asked
    ? project.id === asked.id
    : project.name === undefined || sameName(project.name, asked.name);
}

/** Keystone's database compares names without regard to case. */
function sameName(a: string, b: string): boolean {
  return a.toLowerCase() === b.toLowerCase();
}

function refused(call: string, detail: string): OpenStackFailure {
  return new OpenStackFailure({ kind: 'refused', call, detail, sent: true });
}
