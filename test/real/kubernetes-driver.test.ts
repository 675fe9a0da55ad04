import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { hostClock } from '../../src/daemon/clock.ts';
import { OfferName } from '../../src/model/ids.ts';
import type { Log } from '../../src/model/log.ts';
import { type Bench, expectNoSecret, makeBench, ourSite } from '../conformance/driver/bench.ts';
import { driverConformance } from '../conformance/driver-cases.ts';
import { had, isMissing, kubernetesTestbed, stopTestbeds } from '../support/testbed.ts';
import {
  bind,
  confirmEnds,
  type KubernetesUnderTest,
  removeIdleNode,
  startKubernetesOnTestbed,
  testbedGaps,
  unlessThere,
  until,
} from './kubernetes-on-testbed.ts';

/** The control plane is real; what a kubelet would write is written by the test. */
const testbed = await kubernetesTestbed('driver');
afterAll(() => stopTestbeds(testbed));

interface Place {
  readonly bench: Bench;
  readonly test: KubernetesUnderTest;
  /** The path of the namespace. */
  readonly here: string;
}

/** Runs with a namespace of its own, and ends what is left in it. */
async function inNamespace(work: (place: Place) => Promise<void>): Promise<void> {
  const test = await startKubernetesOnTestbed(had(testbed));
  const bench = { ...makeBench(test), signal: AbortSignal.timeout(400_000) };
  try {
    await work({ bench, test, here: `/api/v1/namespaces/${test.namespace}` });
    expectNoSecret(bench);
  } finally {
    await bench.cloud.close();
    await test.stop();
  }
}

const podOf = (cloudId: string) => cloudId.split('/')[0] ?? '';

async function launchOne(bench: Bench, boot?: unknown) {
  const order = bench.order(1, boot === undefined ? {} : { boot });
  const [instance] = (await bench.cloud.launch(order, bench.signal)).instances;
  if (instance === undefined) throw new Error('nothing was launched');
  return instance;
}

/** Where an object of the kind is made, in the namespace of the examples. */
function pathOf(kind: string): string {
  const rbac = '/apis/rbac.authorization.k8s.io/v1';
  const place = 'namespaces/spillway-workers';
  const paths: Readonly<Record<string, string>> = {
    ServiceAccount: `/api/v1/${place}/serviceaccounts`,
    Role: `${rbac}/${place}/roles`,
    RoleBinding: `${rbac}/${place}/rolebindings`,
    ClusterRole: `${rbac}/clusterroles`,
    ClusterRoleBinding: `${rbac}/clusterrolebindings`,
    StatefulSet: `/apis/apps/v1/${place}/statefulsets`,
  };
  const path = paths[kind];
  if (path === undefined) throw new Error(`no path for ${kind}`);
  return path;
}

/** A node as its kubelet would report it. */
async function addNode({ test }: Place, name: string, cpus: number): Promise<void> {
  const labels = { 'kubernetes.io/arch': 'amd64', 'topology.kubernetes.io/zone': 'a' };
  await test.admin.call('POST', '/api/v1/nodes', { metadata: { name, labels } });
  await reportReady({ test }, name, cpus);
}

async function reportReady({ test }: Pick<Place, 'test'>, name: string, cpus: number): Promise<void> {
  const amount = { cpu: String(cpus), memory: '64Gi', pods: '110', 'ephemeral-storage': '100Gi' };
  const conditions = [{ type: 'Ready', status: 'True', lastHeartbeatTime: new Date().toISOString() }];
  await test.admin.setStatus(`/api/v1/nodes/${name}`, { capacity: amount, allocatable: amount, conditions });
}

describe.skipIf(isMissing(testbed))('a real Kubernetes control plane', () => {
  driverConformance('Kubernetes on a real control plane', {
    start: () => startKubernetesOnTestbed(had(testbed)),
    gaps: testbedGaps,
    column: {
      file: 'kubernetes-apiserver',
      part: 'kubernetes',
      server: 'etcd, kube-apiserver, controllers and scheduler of Kubernetes 1.36.3; no kubelet',
      proven: 'real',
    },
  });

  it('makes 200 pods, lists each once, and ends them', { timeout: 400_000 }, () =>
    inNamespace(async ({ bench }) => {
      const orders = Array.from({ length: 200 }, () => bench.order(1));
      while (orders.length > 0) {
        await Promise.all(orders.splice(0, 20).map((order) => bench.cloud.launch(order, bench.signal)));
      }
      const listed = await bench.cloud.list(bench.signal);
      expect(new Set(listed.map(({ cloudId }) => cloudId)).size).toBe(200);
      for (const { cloudId } of listed) await bench.cloud.terminate(cloudId, bench.signal);
      expect(await bench.cloud.list(bench.signal)).toEqual([]);
    }),
  );

  it('says why a pod has no node, and that it has one', { timeout: 400_000 }, () =>
    inNamespace(async (place) => {
      const { bench, test } = place;
      await removeIdleNode(test.admin);
      const large = { ...(test.boot as object), cpus: 2 };
      const elsewhere = { ...large, pod: { spec: { nodeSelector: { disk: 'none' } } } };
      const { cloudId } = await launchOne(bench, large);
      const seen = async (id: string) =>
        (await bench.cloud.list(bench.signal)).find((instance) => instance.cloudId === id);
      const faultOf = async (id: string) => (await seen(id))?.fault ?? '';
      // The scheduler may still be busy with what other cases have left.
      await until('it is unschedulable', async () => (await faultOf(cloudId)) !== '', 180_000);
      expect(await faultOf(cloudId)).toBe('no room: no nodes available to schedule pods');
      await addNode(place, 'node-a', 3);
      try {
        await until('it has a node', async () => (await seen(cloudId))?.fault === null);
        const second = await launchOne(bench, large);
        const third = await launchOne(bench, elsewhere);
        await until('both are judged', async () =>
          (await Promise.all([second, third].map((one) => faultOf(one.cloudId)))).every(
            (text) => text !== '',
          ),
        );
        expect(await faultOf(second.cloudId)).toMatch(
          /^no room: 0\/1 nodes are available: 1 Insufficient cpu/,
        );
        expect(await faultOf(third.cloudId)).toMatch(
          /^fits no node: 0\/1 nodes are available: 1 node\(s\) didn't match/,
        );
        await bench.elapse(120_000);
        expect(await seen(second.cloudId)).toMatchObject({ state: 'error' });
      } finally {
        await test.admin.call('DELETE', '/api/v1/nodes/node-a');
      }
    }),
  );

  it('lets the cluster delete the Secret with its pod', { timeout: 400_000 }, () =>
    inNamespace(async ({ bench, test, here }) => {
      const { cloudId } = await launchOne(bench);
      const secret = `${here}/secrets/${podOf(cloudId)}`;
      expect(await test.admin.call('GET', secret)).toMatchObject({ immutable: true });
      // Deleted by somebody else, past the driver.
      await test.admin.call('DELETE', `${here}/pods/${podOf(cloudId)}`);
      await until('the Secret is gone', async () =>
        test.admin.call('GET', secret).then(
          () => false,
          (error: unknown) => String(error).includes('404'),
        ),
      );
      expect(await bench.cloud.terminate(cloudId, bench.signal)).toBe('gone');
    }),
  );

  it('says running, evicted and failed as the kubelet would write them', { timeout: 400_000 }, () =>
    inNamespace(async ({ bench, test, here }) => {
      const { cloudId } = await launchOne(bench);
      const path = `${here}/pods/${podOf(cloudId)}`;
      await bind(test.admin, test.namespace, podOf(cloudId), 'node-b');
      const states = async () =>
        (await bench.cloud.list(bench.signal)).map(({ state, fault }) => ({ state, fault }));
      await test.admin.setStatus(path, {
        phase: 'Running',
        podIP: '10.1.0.7',
        podIPs: [{ ip: '10.1.0.7' }],
        conditions: [{ type: 'Ready', status: 'True' }],
      });
      expect(await states()).toEqual([{ state: 'running', fault: null }]);
      await test.admin.setStatus(path, {
        phase: 'Failed',
        reason: 'Evicted',
        message: 'The node was low on memory.',
      });
      expect(await states()).toEqual([{ state: 'stopped', fault: 'Evicted: The node was low on memory.' }]);
      // What a kubelet would have to confirm has been bound and has ended: it goes at once or is confirmed.
      await bench.cloud.terminate(cloudId, bench.signal);
      await confirmEnds(test.admin, test.namespace);
      expect(await bench.cloud.terminate(cloudId, bench.signal)).toBe('gone');
    }),
  );

  it('shows a pod whose node is lost as ending, and as gone when the node is', { timeout: 400_000 }, () =>
    inNamespace(async (place) => {
      const { bench, test } = place;
      await addNode(place, 'node-c', 8);
      // Without a node that is well the cluster would take it for its own fault, and do nothing. This one has no room.
      await addNode(place, 'node-d', 0);
      const unreachable = { operator: 'Exists', effect: 'NoExecute', tolerationSeconds: 1 };
      const tolerations = ['not-ready', 'unreachable'].map((word) => ({
        key: `node.kubernetes.io/${word}`,
        ...unreachable,
      }));
      const boot = { ...(test.boot as object), pod: { spec: { tolerations } } };
      const { cloudId } = await launchOne(bench, boot);
      const stateOf = async () => (await bench.cloud.list(bench.signal))[0];
      const nodeOf = async () => (await test.admin.pods(test.namespace))[0]?.spec.nodeName;
      await until('the pod has a node', async () => (await nodeOf()) === 'node-c');
      // Its kubelet reports no more: after a while the cluster takes the node for lost, and its pods from it.
      const isTaken = async () => {
        await reportReady(place, 'node-d', 0);
        await delay(2000);
        return (await stateOf())?.state === 'ending';
      };
      await until('the pod is taken', isTaken, 180_000);
      expect((await stateOf())?.fault).toContain('DeletionByTaintManager');
      expect(await bench.cloud.terminate(cloudId, bench.signal)).toBe('ending');
      await test.admin.call('DELETE', '/api/v1/nodes/node-c');
      await until('the pod is gone', async () => (await stateOf()) === undefined, 180_000);
      expect(await bench.cloud.terminate(cloudId, bench.signal)).toBe('gone');
      await test.admin.call('DELETE', '/api/v1/nodes/node-d');
    }),
  );

  it(
    'leaves a create in doubt while the store is stalled, and makes one pod of it',
    { timeout: 400_000 },
    () =>
      inNamespace(async ({ bench }) => {
        const order = bench.order(1);
        await had(testbed).freeze();
        try {
          const giveUp = AbortSignal.timeout(2000);
          await bench.fails(bench.cloud.launch(order, giveUp), { code: 'timeout', inDoubt: true });
          await bench.fails(bench.cloud.list(AbortSignal.timeout(1000)), { code: 'timeout', inDoubt: false });
        } finally {
          await had(testbed).thaw();
        }
        await delay(2000);
        await bench.cloud.resolve(order.intent, bench.signal);
        await bench.cloud.launch(order, bench.signal);
        const made = (await bench.test.truth()).filter(({ intent }) => intent === order.intent);
        expect(made).toHaveLength(1);
        expect(made[0]?.userData?.toString()).toBe(order.userData);
      }),
  );

  it('is told of pods that come, change and go, with no more rights than config/kubernetes gives', () =>
    inNamespace(async ({ bench, test, here }) => {
      const logged: unknown[] = [];
      const note = (...line: readonly unknown[]) => void logged.push(line);
      const log: Log = { debug: note, info: note, warn: note, error: note, child: () => log };
      const watching = test.connectStraight({ site: ourSite, clock: hostClock, log });
      const stop = new AbortController();
      let hints = 0;
      const done = watching.hint?.(() => {
        hints += 1;
      }, stop.signal);
      const hintAfter = async (what: string, change: () => Promise<unknown>) => {
        const before = hints;
        await change();
        await until(`a hint: ${what}`, async () => hints > before);
      };
      try {
        await until('the watch has begun', async () => hints === 1);
        await hintAfter('a pod has come', () => launchOne(bench));
        const [made] = await bench.cloud.list(bench.signal);
        const pod = `${here}/pods/${podOf(made?.cloudId ?? '')}`;
        await hintAfter('it has failed', () =>
          test.admin.call('PATCH', `${pod}/status`, { status: { phase: 'Failed', reason: 'Evicted' } }),
        );
        await hintAfter('it is gone', () => test.admin.call('DELETE', `${pod}?gracePeriodSeconds=0`));
        await had(testbed).freeze();
        await delay(1000);
        await had(testbed).thaw();
        await hintAfter('another has come, once the store is back', () => launchOne(bench));
        expect(logged).toEqual([]);
      } finally {
        stop.abort();
        await done;
        await watching.close();
      }
    }));

  it('takes the manifests of config/kubernetes as they are', () =>
    inNamespace(async ({ test }) => {
      const folder = join(import.meta.dirname, '../../config/kubernetes');
      const accepted: string[] = [];
      await test.admin
        .call('POST', '/api/v1/namespaces', { metadata: { name: 'spillway-workers' } })
        .catch(() => {});
      for (const file of readdirSync(folder)) {
        for (const document of parseAllDocuments(readFileSync(join(folder, file), 'utf8'))) {
          const object = document.toJS() as { readonly kind: string };
          if (object.kind === 'Namespace') continue;
          const path = `${pathOf(object.kind)}?dryRun=All&fieldValidation=Strict`;
          await test.admin.call('POST', path, object).catch(unlessThere);
          accepted.push(object.kind);
        }
      }
      expect(accepted).toContain('StatefulSet');
    }));

  it('finds nothing wrong with the rights of config/kubernetes, and a LimitRange by a dry run', () =>
    inNamespace(async ({ bench, test, here }) => {
      const resources = { cpus: 1, memoryMiB: 1024, diskMiB: 0, gpus: 0 };
      const settings = test.driver.offerSchema.parse(test.boot);
      const offers = [{ name: OfferName('a'), market: 'onDemand' as const, resources, settings }];
      const verdicts = async () => {
        const found: Record<string, string> = {};
        for (const check of bench.cloud.checks?.({ offers, machinesMax: 10 }) ?? []) {
          // The bench has a clock of its own.
          if (check.subject === 'clock') continue;
          for (const { verdict, message } of await check.run(bench.signal)) {
            if (verdict === 'error' || verdict === 'warning') found[check.subject] = message;
          }
        }
        return found;
      };
      expect(await verdicts()).toEqual({});
      const limits = [{ type: 'Container', max: { cpu: '500m' } }];
      await test.admin.call('POST', `${here}/limitranges`, { metadata: { name: 'l' }, spec: { limits } });
      await until('it is enforced', async () => Object.keys(await verdicts()).length > 0);
      expect((await verdicts()).flavors).toContain('maximum cpu usage per Container is 500m, but limit is 1');
      expect(await bench.test.truth()).toEqual([]);
    }));
});
