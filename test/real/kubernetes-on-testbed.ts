import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { Agent, request } from 'undici';
import { parseAllDocuments } from 'yaml';
import { kubernetesDriver } from '../../src/clouds/kubernetes/driver.ts';
import { labelValue, markAnnotations, markLabels } from '../../src/clouds/kubernetes/mark.ts';
import { kubernetesSettings } from '../../src/clouds/kubernetes/settings.ts';
import type { Cloud } from '../../src/clouds/port.ts';
import { Secret } from '../../src/config/secrets.ts';
import { CloudName, SiteId } from '../../src/model/ids.ts';
import type { CallKind, CloudUnderTest, Connection, Fault } from '../conformance/driver/harness.ts';
import type { DriverHarness } from '../conformance/driver-cases.ts';
import { type ProxiedCall, type ProxyFault, startFaultingProxy } from '../support/faultingProxy.ts';
import type { KubernetesTestbed } from '../support/testbed.ts';

/** Nothing of the cluster's own takes longer; more time than that passes for the driver only. */
const waitMaxMs = 10_000;
const readyMaxMs = 60_000;

const one = 'Kubernetes makes one pod in a call';
const later = 'Kubernetes accepts it and says so later, in the list; tests below show it';

export const testbedGaps: DriverHarness['gaps'] = {
  'an expired session is renewed once, and what was refused is carried out':
    'the tokens of this server do not end; on the loopback server a program makes others',
  'launches several in one call, in the order of their seats': one,
  'sends one create call for all seats': one,
  'takes fewer machines where there is room for fewer': one,
  'lists every machine of a call that made many': one,
  'no room is capacity': later,
  'an unknown image is notFound': later,
  'bears a view that lags, and calls nothing gone for it': 'a list shows all that was written before it',
  'lets no secret out when the cloud repeats the request':
    'the loopback server does, and this one never repeats it',
};

type Json = Readonly<Record<string, unknown>>;

/** The cluster as its administrator, and in place of its kubelets, which it does not have. */
export interface ClusterAdmin {
  call(method: 'GET' | 'POST' | 'PATCH' | 'DELETE', path: string, body?: unknown): Promise<Json>;
  pods(namespace: string): Promise<readonly AdminPod[]>;
  /** Merges a status into a pod's or a node's own. */
  setStatus(path: string, status: unknown): Promise<void>;
  close(): Promise<void>;
}

export interface AdminPod {
  readonly metadata: {
    readonly name: string;
    readonly uid: string;
    readonly annotations?: Readonly<Record<string, string>>;
    readonly deletionTimestamp?: string;
  };
  readonly spec: { readonly nodeName?: string };
}

export function adminOf({ endpoint, adminToken }: KubernetesTestbed): ClusterAdmin {
  const agent = new Agent({ connect: { rejectUnauthorized: false }, connections: 32 });
  const call: ClusterAdmin['call'] = async (method, path, body) => {
    const type = method === 'PATCH' ? 'application/strategic-merge-patch+json' : 'application/json';
    const answer = await request(`${endpoint}${path}`, {
      method,
      dispatcher: agent,
      headers: { authorization: `Bearer ${adminToken}`, 'content-type': type },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const text = await answer.body.text();
    if (answer.statusCode >= 400)
      throw new Error(`${method} ${path}: ${answer.statusCode} ${text.slice(0, 300)}`);
    return JSON.parse(text) as Json;
  };
  return {
    call,
    async pods(namespace) {
      const { items } = await call('GET', `/api/v1/namespaces/${namespace}/pods`);
      return (items ?? []) as readonly AdminPod[];
    },
    async setStatus(path, status) {
      await call('PATCH', `${path}/status`, { status });
    },
    close: () => agent.destroy(),
  };
}

/** Waits until it is so; the cluster's controllers see to it. */
export async function until(
  what: string,
  isSo: () => Promise<boolean>,
  withinMs = readyMaxMs,
): Promise<void> {
  const endMs = performance.now() + withinMs;
  while (!(await isSo().catch(() => false))) {
    if (performance.now() > endMs) throw new Error(`it is not so after ${withinMs} ms: ${what}`);
    await delay(100);
  }
}

let namespaces = 0;

interface Manifest {
  readonly kind: string;
  readonly metadata: Json;
}

const rbac = '/apis/rbac.authorization.k8s.io/v1';

/** The objects of a file in config/kubernetes, its bindings for the testbed's user. */
function manifestsOf(file: string, user: string): readonly Manifest[] {
  const text = readFileSync(join(import.meta.dirname, '../../config/kubernetes', file), 'utf8');
  const subjects = [{ kind: 'User', name: user, apiGroup: 'rbac.authorization.k8s.io' }];
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest)
    .map((object) => (object.kind.endsWith('Binding') ? { ...object, subjects } : object));
}

/** A namespace with the rights of config/kubernetes for the testbed's user, and no more. */
async function freshNamespace(admin: ClusterAdmin, { user }: KubernetesTestbed): Promise<string> {
  namespaces += 1;
  const namespace = `case-${process.pid}-${namespaces}`;
  await admin.call('POST', '/api/v1/namespaces', { metadata: { name: namespace } });
  for (const object of manifestsOf('rbac.yaml', user)) {
    const path = { Role: 'roles', RoleBinding: 'rolebindings' }[object.kind];
    if (path === undefined) continue;
    const metadata = { ...object.metadata, namespace };
    await admin.call('POST', `${rbac}/namespaces/${namespace}/${path}`, { ...object, metadata });
  }
  const account = `/api/v1/namespaces/${namespace}/serviceaccounts/default`;
  await until(
    'the namespace has its service account',
    async () => (await admin.call('GET', account)) !== null,
  );
  const review = `/apis/authorization.k8s.io/v1/namespaces/${namespace}/localsubjectaccessreviews`;
  const resourceAttributes = { namespace, verb: 'create', resource: 'pods' };
  await until('the rights are known', async () => {
    const spec = { user, resourceAttributes };
    const { status } = (await admin.call('POST', review, { metadata: { namespace }, spec })) as {
      readonly status: { readonly allowed: boolean };
    };
    return status.allowed;
  });
  return namespace;
}

const idleNode = 'idle-node';

/** For the catalog: one node, which is not ready, so nothing is put on it; and the right to list nodes. */
async function addIdleNode(admin: ClusterAdmin, { user }: KubernetesTestbed): Promise<void> {
  for (const object of manifestsOf('catalog.yaml', user)) {
    const path = `${rbac}/${object.kind.toLowerCase()}s`;
    await admin.call('POST', path, object).catch(unlessThere);
  }
  const labels = { 'topology.kubernetes.io/zone': 'nowhere', 'kubernetes.io/arch': 'amd64' };
  await admin.call('POST', '/api/v1/nodes', { metadata: { name: idleNode, labels } }).catch(unlessThere);
  const amount = { cpu: '8', memory: '32Gi', pods: '110' };
  await admin.setStatus(`/api/v1/nodes/${idleNode}`, { capacity: amount, allocatable: amount });
}

export async function removeIdleNode(admin: ClusterAdmin): Promise<void> {
  await admin.call('DELETE', `/api/v1/nodes/${idleNode}`);
}

/** For what may be made twice. */
export function unlessThere(error: unknown): void {
  if (!String(error).includes('AlreadyExists')) throw error;
}

const textHeaders = { 'content-type': 'text/plain; charset=utf-8' };
const json = { 'content-type': 'application/json' };

function wireFault(fault: Fault): ProxyFault {
  const answer = (
    status: number,
    body: string,
    headers: Readonly<Record<string, string>> = json,
  ): ProxyFault => ({
    kind: 'answer',
    when: status === 200 ? 'after' : 'before',
    answer: { status, headers, body },
  });
  switch (fault) {
    case 'throttled':
      return answer(429, 'Too many requests, please try again later.\n', {
        ...textHeaders,
        'retry-after': '7',
      });
    case 'trouble':
      return answer(500, '{"kind":"Status","status":"Failure","message":"etcdserver: no leader","code":500}');
    case 'cutBefore':
      return { kind: 'cut', when: 'before' };
    case 'cutAfter':
      return { kind: 'cut', when: 'after' };
    case 'hang':
      return { kind: 'hang', when: 'after' };
    case 'halfCut':
      return { kind: 'truncated', ending: 'cut' };
    case 'halfWhole':
      return { kind: 'truncated', ending: 'whole' };
    case 'oversized':
      return { kind: 'oversize', bytes: 100e6 };
    case 'foreign':
      return answer(200, '<html><body>Welcome to the hotel</body></html>', { 'content-type': 'text/html' });
    case 'empty':
      return answer(200, '');
    case 'echo':
      throw new Error('the proxy cannot repeat a request');
  }
}

function kindOf({ method, path }: ProxiedCall): CallKind | null {
  const { pathname } = new URL(path, 'http://proxy');
  if (pathname.endsWith('/pods')) return method === 'POST' ? 'create' : 'list';
  return method === 'DELETE' && /\/pods\/[^/]+$/.test(pathname) ? 'end' : null;
}

const wrongToken = 'token-of-nobody-5sVq0Rk2Lm8x';
const node = 'node-of-the-case';

export interface KubernetesUnderTest extends CloudUnderTest {
  readonly namespace: string;
  readonly admin: ClusterAdmin;
  /** Not by way of the bad network, which hands answers on whole: a watch has none. */
  connectStraight(as: Connection): Cloud;
}

/** The Kubernetes driver on a real control plane, in a namespace of its own for each case, with a bad network before it. */
export async function startKubernetesOnTestbed(testbed: KubernetesTestbed): Promise<KubernetesUnderTest> {
  const admin = adminOf(testbed);
  const namespace = await freshNamespace(admin, testbed);
  await addIdleNode(admin, testbed);
  const here = `/api/v1/namespaces/${namespace}`;
  const proxy = await startFaultingProxy({ endpoint: testbed.endpoint });
  const counts = new Map<CallKind, number>();
  // Set first, so it sees all calls; it never fits.
  proxy.set({
    fault: { kind: 'stale' },
    fits: (call) => {
      const kind = kindOf(call);
      if (kind !== null) counts.set(kind, (counts.get(kind) ?? 0) + 1);
      return false;
    },
  });
  const create = ({ site, clock, log }: Connection, settings: object, token: string) =>
    kubernetesDriver.create(
      {
        ...kubernetesSettings.parse({ ...settings, token: 'env:UNREAD', namespace }),
        token: Secret.of(token),
      },
      { site: SiteId(site), cloud: CloudName('testbed'), clock, log },
    );
  return {
    namespace,
    admin,
    driver: kubernetesDriver,
    boot: { image: 'registry.example.org/worker:1', cpus: 1, memory: '1GiB' },
    lacking: { market: 'spot' },
    bootUnknown: { image: 'registry.example.org/no-such-image:1' },
    secrets: [testbed.userToken, testbed.adminToken, wrongToken],
    connect: (as) =>
      create(
        as,
        { server: as.to === 'nowhere' ? 'http://127.0.0.1:1' : proxy.endpoint },
        as.to === 'wrong' ? wrongToken : testbed.userToken,
      ),
    connectStraight: (as) =>
      create(as, { server: testbed.endpoint, caFile: testbed.caPath }, testbed.userToken),
    truth: async () => {
      const userData = await userDataIn(admin, namespace);
      return (await admin.pods(namespace)).map(({ metadata }) => ({
        cloudId: `${metadata.name}/${metadata.uid}`,
        site: metadata.annotations?.[markAnnotations.site] ?? null,
        intent: metadata.annotations?.[markAnnotations.intent] ?? null,
        pool: metadata.annotations?.[markAnnotations.pool] ?? null,
        offer: metadata.annotations?.[markAnnotations.offer] ?? null,
        living: metadata.deletionTimestamp === undefined,
        userData: userData.get(metadata.name) ?? null,
      }));
    },
    async preload(site, count) {
      const names = Array.from({ length: count }, (_, n) => `preloaded-${n}`);
      while (names.length > 0) {
        await Promise.all(
          names.splice(0, 100).map((name) => admin.call('POST', `${here}/pods`, plainPod(name, site))),
        );
      }
    },
    async stranger() {
      await admin.call('POST', `${here}/pods`, plainPod('somebody-elses', null));
    },
    // A pod that no node has goes at once; one that has been bound waits for its kubelet.
    async slow({ stopMs }) {
      if (stopMs === 0) return;
      for (const { metadata } of await admin.pods(namespace))
        await bind(admin, namespace, metadata.name, node);
    },
    lag: async () => {
      throw new Error('a list shows what was written before it');
    },
    async elapse(ms) {
      if (ms > waitMaxMs) return;
      await delay(ms);
      await confirmEnds(admin, namespace);
    },
    room: async () => {
      throw new Error('the server takes pods that no node has room for');
    },
    async allowance(instances) {
      const quotas = `${here}/resourcequotas`;
      const spec = { hard: { pods: String(instances) } };
      await admin.call('POST', quotas, { metadata: { name: 'q' }, spec });
      await until('the quota is enforced', async () => {
        const { status } = (await admin.call('GET', `${quotas}/q`)) as {
          status?: { hard?: { pods?: string } };
        };
        return status?.hard?.pods === String(instances);
      });
    },
    fault: async (kind, fault, times = 1) => {
      proxy.set({ fault: wireFault(fault), fits: (call) => kindOf(call) === kind, times });
    },
    calls: async (kind) => counts.get(kind) ?? 0,
    async stop() {
      await proxy.stop();
      await confirmEnds(admin, namespace);
      await admin.call('DELETE', here);
      await admin.close();
    },
  };
}

function plainPod(name: string, site: string | null): unknown {
  const marked = site === null ? {} : { [markLabels.site]: labelValue(site), [markLabels.intent]: name };
  const annotations = site === null ? {} : { [markAnnotations.site]: site, [markAnnotations.intent]: name };
  return {
    metadata: { name, labels: { app: 'web', ...marked }, annotations },
    spec: {
      restartPolicy: 'Never',
      containers: [{ name: 'worker', image: 'registry.example.org/worker:1' }],
    },
  };
}

async function userDataIn(admin: ClusterAdmin, namespace: string): Promise<ReadonlyMap<string, Buffer>> {
  const { items } = (await admin.call('GET', `/api/v1/namespaces/${namespace}/secrets`)) as {
    readonly items: readonly {
      readonly metadata: { readonly name: string };
      readonly data?: Readonly<Record<string, string>>;
    }[];
  };
  return new Map(
    items.map(({ metadata, data }) => [metadata.name, Buffer.from(data?.['user-data'] ?? '', 'base64')]),
  );
}

/** What the scheduler does when it has found a node. */
export async function bind(admin: ClusterAdmin, namespace: string, name: string, to: string): Promise<void> {
  const target = { apiVersion: 'v1', kind: 'Node', name: to };
  await admin.call('POST', `/api/v1/namespaces/${namespace}/pods/${name}/binding`, {
    metadata: { name },
    target,
  });
}

/** What a kubelet does when the containers of a pod that is being deleted have stopped. */
export async function confirmEnds(admin: ClusterAdmin, namespace: string): Promise<void> {
  for (const { metadata, spec } of await admin.pods(namespace)) {
    if (metadata.deletionTimestamp === undefined || spec.nodeName === undefined) continue;
    await admin.call('DELETE', `/api/v1/namespaces/${namespace}/pods/${metadata.name}`, {
      gracePeriodSeconds: 0,
    });
  }
}
