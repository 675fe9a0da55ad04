import type { z } from 'zod';
import type { Access } from './access.ts';
import { bodyOf } from './answer.ts';
import type { CredentialHost } from './credentials.ts';
import {
  anyObject,
  type Node,
  nodeShape,
  type Pod,
  pageOf,
  podShape,
  quotaShape,
  type ResourceQuota,
  reviewShape,
  versionedShape,
  versionShape,
} from './objects.ts';
import { allPages } from './pages.ts';
import { openSession } from './session.ts';
import { type Watch, watchEvents } from './watch.ts';
import type { WireAnswer } from './wire.ts';

export interface KubernetesOptions {
  readonly access: Access;
  readonly namespace: string;
  /** Objects asked for in one call. */
  readonly pageSize: number;
  readonly host: CredentialHost;
  /** The server does not know who we are, with whatever the access gives: it may be old. */
  readonly onRefused?: () => void;
}

/** Something that one may or may not do in the namespace. */
export interface Deed {
  readonly verb: string;
  readonly resource: string;
}

/**
 * A client of the few parts of the Kubernetes API that worker pods need, in one namespace. It retries nothing but a call
 * whose credential was refused, and has no timers beside the one for making a connection; every failure is a
 * `KubernetesFailure`.
 */
export interface Kubernetes {
  readonly namespace: string;
  /** One call. A pod of the name that there is already is refused: 409 AlreadyExists. Fields that the server does not know are refused, too. */
  createPod(manifest: unknown, options: { readonly dryRun?: boolean }, signal: AbortSignal): Promise<Pod>;
  createSecret(manifest: unknown, secrets: readonly string[], signal: AbortSignal): Promise<void>;
  pod(name: string, signal: AbortSignal): Promise<Pod>;
  /** All pages of the pods whose labels are so, read from one state of the cluster. */
  pods(labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly Pod[]>;
  /** One small call: the version of the cluster's state that a watch can begin with. */
  podsVersion(labels: Readonly<Record<string, string>>, signal: AbortSignal): Promise<string>;
  /** What happens to the pods whose labels are so; resolves when the server ends it. It holds a connection for as long. */
  watchPods(labels: Readonly<Record<string, string>>, watch: Watch, signal: AbortSignal): Promise<void>;
  /** One call; only where the pod of the name has that uid. It may stay for as long as its grace. */
  deletePod(name: string, uid: string, signal: AbortSignal): Promise<void>;
  quotas(signal: AbortSignal): Promise<readonly ResourceQuota[]>;
  /** Of the whole cluster. */
  nodes(signal: AbortSignal): Promise<readonly Node[]>;
  /** Whether the identity has the right to it. */
  mayDo(deed: Deed, signal: AbortSignal): Promise<boolean>;
  /** The server's version, and its clock as the `Date` header has it. */
  version(signal: AbortSignal): Promise<{ readonly version: string; readonly date: string | null }>;
  close(): Promise<void>;
}

export function kubernetes({
  access,
  namespace,
  pageSize,
  host,
  onRefused = () => {},
}: KubernetesOptions): Kubernetes {
  const session = openSession(access, host, onRefused);
  const here = `/api/v1/namespaces/${encodeURIComponent(namespace)}`;
  const get = (call: string, path: string, signal: AbortSignal) =>
    session.request({ call, path, expect: [200] }, signal);

  async function listed<Shape extends z.ZodType>(
    call: string,
    {
      path,
      query,
      shape,
    }: { readonly path: string; readonly query: Readonly<Record<string, string>>; readonly shape: Shape },
    signal: AbortSignal,
  ): Promise<readonly z.output<Shape>[]> {
    return await allPages(call, async (next) => {
      const asked = new URLSearchParams({ ...query, limit: String(pageSize) });
      if (next !== null) asked.set('continue', next);
      const answer: WireAnswer = await get(call, `${path}?${asked.toString()}`, signal);
      const page = bodyOf(answer, pageOf(shape), call);
      return { rows: page.items ?? [], next: page.metadata.continue || null };
    });
  }

  return {
    namespace,
    async createPod(manifest, { dryRun = false }, signal) {
      const call = dryRun ? 'try to create pod' : 'create pod';
      const path = `${here}/pods?fieldValidation=Strict${dryRun ? '&dryRun=All' : ''}`;
      const answer = await session.request(
        { call, method: 'POST', path, body: manifest, expect: [201] },
        signal,
      );
      return bodyOf(answer, podShape, call);
    },
    async createSecret(manifest, secrets, signal) {
      const call = 'create secret';
      const path = `${here}/secrets`;
      const answer = await session.request(
        { call, method: 'POST', path, body: manifest, expect: [201], secrets },
        signal,
      );
      bodyOf(answer, anyObject, call);
    },
    async pod(name, signal) {
      const call = 'read pod';
      return bodyOf(await get(call, `${here}/pods/${encodeURIComponent(name)}`, signal), podShape, call);
    },
    pods: (labels, signal) => {
      const query = { labelSelector: selectorOf(labels) };
      return listed('list pods', { path: `${here}/pods`, query, shape: podShape }, signal);
    },
    async podsVersion(labels, signal) {
      const call = 'read version of pods';
      const asked = new URLSearchParams({ labelSelector: selectorOf(labels), limit: '1' });
      const answer = await get(call, `${here}/pods?${asked.toString()}`, signal);
      return bodyOf(answer, versionedShape, call).metadata.resourceVersion;
    },
    async watchPods(labels, { version, seconds, onEvent }, signal) {
      const call = 'watch pods';
      const asked = new URLSearchParams({
        watch: 'true',
        labelSelector: selectorOf(labels),
        resourceVersion: version,
        allowWatchBookmarks: 'true',
        timeoutSeconds: String(seconds),
      });
      const path = `${here}/pods?${asked.toString()}`;
      await session.request({ call, path, expect: [200], onData: watchEvents(call, onEvent) }, signal);
    },
    async deletePod(name, uid, signal) {
      const call = 'delete pod';
      const body = {
        kind: 'DeleteOptions',
        apiVersion: 'v1',
        preconditions: { uid },
        propagationPolicy: 'Background',
      };
      const path = `${here}/pods/${encodeURIComponent(name)}`;
      const answer = await session.request(
        { call, method: 'DELETE', path, body, expect: [200, 202] },
        signal,
      );
      bodyOf(answer, anyObject, call);
    },
    quotas: (signal) =>
      listed('list quotas', { path: `${here}/resourcequotas`, query: {}, shape: quotaShape }, signal),
    nodes: (signal) => listed('list nodes', { path: '/api/v1/nodes', query: {}, shape: nodeShape }, signal),
    async mayDo({ verb, resource }, signal) {
      const call = 'review access';
      const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
      const resourceAttributes = { namespace, verb, resource };
      const body = {
        kind: 'SelfSubjectAccessReview',
        apiVersion: 'authorization.k8s.io/v1',
        spec: { resourceAttributes },
      };
      const answer = await session.request({ call, method: 'POST', path, body, expect: [201] }, signal);
      return bodyOf(answer, reviewShape, call).status.allowed;
    },
    async version(signal) {
      const call = 'read version';
      const answer = await get(call, '/version', signal);
      return {
        version: bodyOf(answer, versionShape, call).gitVersion,
        date: answer.headers.get('date') ?? null,
      };
    },
    close: () => session.close(),
  };
}

function selectorOf(labels: Readonly<Record<string, string>>): string {
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}
