import { createPod, createSecret } from './create.ts';
import { missing, refuse } from './refusal.ts';
import { beginEnd, exists, type Json, podBody, podNamed, type World } from './world.ts';

export interface ApiCall {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: Json;
  readonly user: string;
}

export interface ApiAnswer {
  readonly status: number;
  readonly body: unknown;
}

const verbs: Readonly<Record<string, string>> = { GET: 'get', POST: 'create', DELETE: 'delete' };

/** The calls that the driver makes, as strict as the server is. */
export function answerCall(world: World, call: ApiCall): ApiAnswer {
  const { method, path } = call;
  if (method === 'GET' && path === '/version') return ok({ major: '1', minor: '36', gitVersion: 'v1.36.3' });
  if (method === 'POST' && path === '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews') {
    return { status: 201, body: review(world, call) };
  }
  if (path === '/api/v1/nodes' && method === 'GET') {
    demand(world, call.user, 'list nodes', 'nodes');
    return ok(listed('NodeList', world.nodes, null));
  }
  const [, place, resource, name] =
    /^\/api\/v1\/namespaces\/([^/]+)\/(pods|secrets|resourcequotas)(?:\/([^/]+))?$/.exec(path) ?? [];
  if (place === undefined || resource === undefined) {
    refuse(404, 'NotFound', 'the server could not find the requested resource');
  }
  const isList = method === 'GET' && name === undefined;
  const verb = isWatch(call) ? 'watch' : isList ? 'list' : (verbs[method] ?? method);
  demand(world, call.user, `${verb} ${resource}`, resource);
  const at = { place: decodeURIComponent(place), name: decodeURIComponent(name ?? '') };
  switch (`${method} ${resource}${name === undefined ? '' : '/'}`) {
    case 'POST pods':
      return createPod(world, call, at.place);
    case 'POST secrets':
      return createSecret(world, call, at.place);
    case 'GET pods':
      if (isWatch(call)) return ok(null);
      return ok(listPods(world, call, at.place));
    case 'GET pods/':
      return ok(podBody(world, podNamed(world, at.place, at.name) ?? missing('pods', at.name)));
    case 'DELETE pods/':
      return ok(deletePod(world, call, at));
    case 'GET resourcequotas':
      return ok(listed('ResourceQuotaList', world.quotas, null));
    default:
      refuse(405, 'MethodNotAllowed', 'the server does not allow this method on the requested resource');
  }
}

/** It is judged here as any call is; the server begins it when it has been allowed. */
export function isWatch({ method, path, query }: Pick<ApiCall, 'method' | 'path' | 'query'>): boolean {
  return method === 'GET' && path.endsWith('/pods') && query.get('watch') === 'true';
}

const ok = (body: unknown): ApiAnswer => ({ status: 200, body });

function demand(world: World, user: string, deed: string, kind: string): void {
  const rights = world.rights.get(user);
  if (rights === undefined || rights.has(deed)) return;
  const [verb] = deed.split(' ');
  const message = `${kind} is forbidden: User "${user}" cannot ${verb} resource "${kind}" in API group ""`;
  refuse(403, 'Forbidden', message, { kind });
}

function review(world: World, { body, user }: ApiCall): Json {
  const spec = body.spec as {
    readonly resourceAttributes?: { readonly verb?: string; readonly resource?: string };
  };
  const { verb = '', resource = '' } = spec.resourceAttributes ?? {};
  const rights = world.rights.get(user);
  const allowed = rights === undefined || rights.has(`${verb} ${resource}`);
  return { kind: 'SelfSubjectAccessReview', metadata: {}, spec, status: { allowed } };
}

function deletePod(
  world: World,
  { body }: ApiCall,
  at: { readonly place: string; readonly name: string },
): unknown {
  const pod = podNamed(world, at.place, at.name) ?? missing('pods', at.name);
  const uid = (body.preconditions as { readonly uid?: string } | undefined)?.uid;
  if (uid !== undefined && uid !== pod.uid) {
    const message =
      `Operation cannot be fulfilled on Pod "${at.name}": the UID in the precondition (${uid}) does not match ` +
      `the UID in record (${pod.uid}). The object might have been deleted and then recreated`;
    refuse(409, 'Conflict', message, { name: at.name, kind: 'Pod' });
  }
  beginEnd(world, pod);
  return podBody(world, pod);
}

interface Token {
  readonly moment: number;
  readonly after: string;
}

/** What lists have begun, by the version that they are read from. */
const moments = new WeakMap<World, Map<number, readonly Json[]>>();

function listPods(world: World, { query }: ApiCall, place: string): unknown {
  const limit = Number(query.get('limit') ?? '0');
  const token = query.get('continue');
  const kept = moments.get(world) ?? new Map<number, readonly Json[]>();
  moments.set(world, kept);
  if (token === null) {
    const rows = world.pods
      .filter(
        (pod) =>
          pod.namespace === place && exists(world, pod) && fits(pod.labels, query.get('labelSelector')),
      )
      .toSorted((a, b) => (a.name < b.name ? -1 : 1))
      .map((pod) => podBody(world, pod));
    world.version += 1;
    kept.set(world.version, rows);
    return page(rows, { moment: world.version, after: '' }, limit);
  }
  const from = read(token);
  const rows = kept.get(from.moment);
  if (world.levers.expiredTokens > 0 || rows === undefined) {
    world.levers.expiredTokens -= 1;
    refuse(410, 'Expired', 'The provided continue parameter is too old to display a consistent list result.');
  }
  return page(rows, from, limit);
}

function page(rows: readonly Json[], { moment, after }: Token, limit: number): unknown {
  const nameOf = (row: Json) => (row.metadata as { readonly name: string }).name;
  const rest = rows.filter((row) => after === '' || nameOf(row) > after);
  const shown = limit === 0 ? rest : rest.slice(0, limit);
  const last = shown.at(-1);
  const next: Token | null =
    last === undefined || shown.length === rest.length ? null : { moment, after: nameOf(last) };
  return listed(
    'PodList',
    shown,
    next === null ? null : Buffer.from(JSON.stringify(next)).toString('base64url'),
    moment,
  );
}

function read(token: string): Token {
  try {
    return JSON.parse(Buffer.from(token, 'base64url').toString('utf8')) as Token;
  } catch {
    refuse(400, 'BadRequest', 'invalid continue token: continue key is not valid');
  }
}

/** A list without any is null, as Go writes it. */
function listed(kind: string, items: readonly unknown[], next: string | null, version = 1): unknown {
  const metadata = { resourceVersion: String(version), ...(next === null ? {} : { continue: next }) };
  return { kind, apiVersion: 'v1', metadata, items: items.length === 0 ? null : items };
}

export function fits(labels: Readonly<Record<string, string>>, selector: string | null): boolean {
  if (selector === null || selector === '') return true;
  return selector.split(',').every((part) => {
    const [, key, value] = /^([^=!]+)==?([A-Za-z0-9_.-]*)$/.exec(part) ?? [];
    if (key === undefined) refuse(400, 'BadRequest', `unable to parse requirement: ${part}`);
    return labels[key] === value;
  });
}
