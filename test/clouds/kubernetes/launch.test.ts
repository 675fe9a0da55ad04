import { describe, expect, it } from 'vitest';
import { Secret } from '../../../src/config/secrets.ts';
import { InstanceId, IntentId } from '../../../src/model/ids.ts';
import { userDataOf } from '../../support/kubernetes/under-test.ts';
import { addPod, type FakePod, namespace } from '../../support/kubernetes/world.ts';
import { anOrder, errorOf, kubernetesBench, site } from './bench.ts';

const only = (pods: readonly FakePod[]): FakePod => {
  const [pod] = pods;
  if (pod === undefined || pods.length > 1) throw new Error(`${pods.length} pods`);
  return pod;
};
const workerOf = (pod: FakePod) => (pod.spec.containers as readonly Record<string, unknown>[])[0];

describe('the pod that is made', () => {
  it('has the name of its machine, and what the offer says', async () => {
    const { cloud, world, signal } = await kubernetesBench();
    const boot = { cpus: 1.5, memory: '3GiB', disk: '10GiB', gpus: 2 };
    const { instances } = await cloud.launch(anOrder(boot, { intent: IntentId('farm-k3') }), signal);
    const pod = only(world.pods);
    expect(pod.name).toBe('farm-k3-0');
    expect(instances[0]?.cloudId).toBe(`farm-k3-0/${pod.uid}`);
    const amount = { cpu: '1500m', memory: '3072Mi', 'ephemeral-storage': '10240Mi', 'nvidia.com/gpu': '2' };
    expect(workerOf(pod)).toMatchObject({
      name: 'worker',
      image: 'registry.example.org/worker:1',
      command: ['/run/spillway/user-data'],
      resources: { requests: amount, limits: amount },
    });
    expect(pod.spec).toMatchObject({
      restartPolicy: 'Never',
      automountServiceAccountToken: false,
      enableServiceLinks: false,
    });
  });

  it('keeps what its template says, and lets the offer have the last word', async () => {
    const { cloud, world, signal } = await kubernetesBench();
    const pod = {
      metadata: { labels: { team: 'physics' }, annotations: { 'example.org/cost': '7' } },
      spec: {
        automountServiceAccountToken: true,
        priorityClassName: 'batch',
        nodeSelector: { disk: 'ssd' },
        containers: [
          {
            name: 'main',
            image: 'template:1',
            command: ['/worker'],
            resources: { requests: { cpu: 1, memory: '1Gi' } },
            volumeMounts: [{ name: 'scratch', mountPath: '/scratch' }],
          },
          { name: 'beside', image: 'sidecar:1' },
        ],
        volumes: [{ name: 'scratch', emptyDir: {} }],
      },
    };
    await cloud.launch(anOrder({ image: 'own:2', memory: '2GiB', pod }), signal);
    const made = only(world.pods);
    expect(made.labels).toMatchObject({ team: 'physics', 'spillway/site': site });
    expect(made.annotations).toMatchObject({ 'example.org/cost': '7', 'spillway/pool': 'p' });
    expect(made.spec).toMatchObject({
      automountServiceAccountToken: true,
      priorityClassName: 'batch',
      nodeSelector: { disk: 'ssd' },
    });
    expect(workerOf(made)).toMatchObject({
      name: 'main',
      image: 'own:2',
      command: ['/worker'],
      resources: { requests: { cpu: '1', memory: '2048Mi' }, limits: { memory: '2048Mi' } },
    });
    const names = (made.spec.volumes as readonly { readonly name: string }[]).map(({ name }) => name);
    expect(names).toEqual(['scratch', 'spillway-user-data']);
    expect((made.spec.containers as readonly unknown[]).length).toBe(2);
  });

  it('is refused by the server, with its words, where the template has a field that there is not', async () => {
    const { cloud, world, signal } = await kubernetesBench();
    const error = await errorOf(cloud.launch(anOrder({ pod: { spec: { nodeSelektor: {} } } }), signal));
    expect(error).toMatchObject({ code: 'invalid', inDoubt: false });
    expect(error.message).toContain('unknown field "nodeSelektor"');
    expect([world.pods, world.secrets]).toEqual([[], []]);
  });

  it('is the one of a file', async () => {
    const { cloud, world, signal } = await kubernetesBench();
    const text = 'kind: Pod\nmetadata: {labels: {a: b}}\nspec: {containers: [{name: w, image: "i:1"}]}\n';
    const { settings } = anOrder({ image: undefined, podFile: 'file:/pod.yaml' });
    const order = anOrder({}, { settings: { ...(settings as object), podFile: Secret.of(text) } });
    await cloud.launch(order, signal);
    expect(only(world.pods)).toMatchObject({ labels: { a: 'b' } });
    expect(workerOf(only(world.pods))).toMatchObject({ name: 'w', image: 'i:1' });
  });

  it.each([
    ['{', 'it is not YAML'],
    ['kind: Job', 'kind'],
    ['spec: {}', 'it has no containers'],
  ])('is refused before the call where its file is none: %s', async (text, words) => {
    const { cloud, server, signal } = await kubernetesBench();
    const { settings } = anOrder({ image: undefined, podFile: 'file:/pod.yaml' });
    const order = anOrder({}, { settings: { ...(settings as object), podFile: Secret.of(text) } });
    const error = await errorOf(cloud.launch(order, signal));
    expect(error).toMatchObject({ code: 'invalid', inDoubt: false });
    expect(error.message).toContain(words);
    expect(server.log).toEqual([]);
  });

  it('runs the image itself where there are no user data', async () => {
    const { cloud, world, signal } = await kubernetesBench();
    await cloud.launch(anOrder({}, { userData: null }), signal);
    const pod = only(world.pods);
    expect(workerOf(pod)).not.toHaveProperty('command');
    expect(pod.spec).not.toHaveProperty('volumes');
    expect(world.secrets).toEqual([]);
  });
});

describe('user data', () => {
  it('are in a Secret that is the pod’s own, and not in the pod', async () => {
    const { cloud, world, signal } = await kubernetesBench();
    await cloud.launch(anOrder({}, { userData: 'join with token-Zx81' }), signal);
    const pod = only(world.pods);
    expect(userDataOf(world, pod.uid)?.toString()).toBe('join with token-Zx81');
    expect(world.secrets[0]).toMatchObject({ name: pod.name, owner: pod.uid });
    expect(JSON.stringify(pod)).not.toContain('token-Zx81');
    expect(pod.spec.volumes).toEqual([
      { name: 'spillway-user-data', secret: { secretName: pod.name, defaultMode: 0o500 } },
    ]);
  });

  it('come at the next look where only the answer was lost', async () => {
    const { cloud, server, world, signal } = await kubernetesBench();
    const order = anOrder();
    server.fault('POST pods', { kind: 'cut', when: 'after' });
    expect(await errorOf(cloud.launch(order, signal))).toMatchObject({ inDoubt: true });
    const pod = only(world.pods);
    expect(userDataOf(world, pod.uid)).toBeNull();
    expect(await cloud.resolve(order.intent, signal)).toHaveLength(1);
    expect(userDataOf(world, pod.uid)?.toString()).toBe(order.userData);
    await cloud.list(signal);
    expect(server.calls('POST secrets')).toBe(1);
  });

  it('come by a list as well, and by the same order again', async () => {
    for (const how of ['list', 'again'] as const) {
      const { cloud, server, world, signal } = await kubernetesBench();
      const order = anOrder();
      server.fault('POST secrets', { kind: 'cut', when: 'before' });
      expect(await errorOf(cloud.launch(order, signal))).toMatchObject({ inDoubt: true });
      if (how === 'list') await cloud.list(signal);
      else await cloud.launch(order, signal);
      expect(userDataOf(world, only(world.pods).uid)?.toString(), how).toBe(order.userData);
    }
  });

  it('that cannot be given now are tried at each look, and said', async () => {
    const { cloud, server, world, signal, warnings } = await kubernetesBench();
    const order = anOrder();
    server.fault('POST secrets', { kind: 'error', status: 500, code: 'trouble' }, 2);
    await errorOf(cloud.launch(order, signal));
    expect(await cloud.list(signal)).toHaveLength(1);
    expect(warnings).toHaveLength(1);
    await cloud.list(signal);
    expect(userDataOf(world, only(world.pods).uid)).not.toBeNull();
  });

  it('that are refused take the pod with them', async () => {
    const { cloud, server, signal } = await kubernetesBench();
    server.world.rights.set('provisioner', new Set(['create pods', 'get pods', 'list pods', 'delete pods']));
    const error = await errorOf(cloud.launch(anOrder(), signal));
    expect(error).toMatchObject({ code: 'auth', inDoubt: false });
    expect(await cloud.list(signal)).toEqual([]);
  });

  it('that are refused when the order comes again take no pod that may work', async () => {
    const { cloud, server, signal } = await kubernetesBench();
    const order = anOrder();
    await cloud.launch(order, signal);
    server.fault('POST secrets', {
      kind: 'error',
      status: 403,
      code: 'secrets "a" is forbidden: exceeded quota: q',
    });
    expect(await errorOf(cloud.launch(order, signal))).toMatchObject({ code: 'quota', inDoubt: true });
    expect(await cloud.list(signal)).toMatchObject([{ state: 'running' }]);
  });

  it('and the daemon’s death between the two: a pod that waits, and no second one', async () => {
    const bench = await kubernetesBench();
    const order = anOrder();
    bench.server.fault('POST secrets', { kind: 'cut', when: 'before' });
    await errorOf(bench.cloud.launch(order, bench.signal));
    const after = bench.connect();
    expect(await after.resolve(order.intent, bench.signal)).toHaveLength(1);
    expect(userDataOf(bench.world, only(bench.world.pods).uid)).toBeNull();
    // The same order, made anew from the store, is what completes it.
    await after.launch(order, bench.signal);
    expect(userDataOf(bench.world, only(bench.world.pods).uid)?.toString()).toBe(order.userData);
  });
});

describe('a name that is taken', () => {
  it('by somebody else is invalid, and not in doubt', async () => {
    const { cloud, world, signal } = await kubernetesBench();
    const order = anOrder();
    addPod(world, { name: `${order.intent}-0`, namespace, labels: { app: 'web' } });
    const error = await errorOf(cloud.launch(order, signal));
    expect(error).toMatchObject({ code: 'invalid', inDoubt: false });
    expect(world.secrets).toEqual([]);
  });

  it('by our own pod that is ending leaves a doubt, which a look resolves', async () => {
    const { cloud, world, signal } = await kubernetesBench();
    const order = anOrder();
    const { instances } = await cloud.launch(order, signal);
    world.levers.stopMs = 30_000;
    for (const { cloudId } of instances) await cloud.terminate(cloudId, signal);
    expect(await errorOf(cloud.launch(order, signal))).toMatchObject({ code: 'invalid', inDoubt: true });
    expect(await cloud.resolve(order.intent, signal)).toMatchObject([{ state: 'ending' }]);
  });

  it('by a pod that cannot be looked at leaves a doubt', async () => {
    const { cloud, server, signal } = await kubernetesBench();
    const order = anOrder();
    await cloud.launch(order, signal);
    server.fault('GET pods/NAME', { kind: 'error', status: 503, code: 'trouble' });
    expect(await errorOf(cloud.launch(order, signal))).toMatchObject({ code: 'unavailable', inDoubt: true });
  });
});

describe('refused before any call', () => {
  it.each([
    ['several seats', { instances: [InstanceId('a-0'), InstanceId('a-1')] }, 'invalid'],
    ['no seat', { instances: [] }, 'invalid'],
    ['a name that no pod can have', { instances: [InstanceId('A_0')] }, 'invalid'],
    ['the spot market', { market: 'spot' as const }, 'unsupported'],
  ])('%s', async (_, change, code) => {
    const { cloud, server, signal } = await kubernetesBench();
    expect(await errorOf(cloud.launch(anOrder({}, change), signal))).toMatchObject({ code, inDoubt: false });
    expect(server.log).toEqual([]);
  });
});

it('all calls go over few connections', async () => {
  const { cloud, server, signal } = await kubernetesBench();
  for (let n = 0; n < 20; n += 1) await cloud.launch(anOrder(), signal);
  for (let n = 0; n < 20; n += 1) await cloud.list(signal);
  expect(server.connections).toBeLessThanOrEqual(2);
});
