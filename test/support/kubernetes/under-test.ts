import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { kubernetesDriver } from '../../../src/clouds/kubernetes/driver.ts';
import { labelValue, markAnnotations, markLabels } from '../../../src/clouds/kubernetes/mark.ts';
import { kubernetesSettings } from '../../../src/clouds/kubernetes/settings.ts';
import { Secret } from '../../../src/config/secrets.ts';
import { CloudName, SiteId } from '../../../src/model/ids.ts';
import type { CallKind, CloudUnderTest, Fault as NamedFault } from '../../conformance/driver/harness.ts';
import { type Fault, transportFaults } from '../loopback/faults.ts';
import { startLoopbackKubernetes } from './server.ts';
import { addPod, isLiving, namespace, type World } from './world.ts';

export const kinds: Readonly<Record<CallKind, string>> = {
  create: 'POST pods',
  list: 'GET pods',
  end: 'DELETE pods/NAME',
};

const wireFaults: Readonly<Record<NamedFault, Fault>> = {
  throttled: {
    kind: 'error',
    status: 429,
    code: 'Too many requests, please try again later.\n',
    headers: { 'content-type': 'text/plain; charset=utf-8', 'retry-after': '7' },
  },
  trouble: { kind: 'error', status: 500, code: 'Internal error occurred: etcdserver: no leader' },
  ...transportFaults,
  echo: { kind: 'echo', status: 400, code: 'BadRequest' },
};

const wrongToken = 'token-of-nobody-5sVq0Rk2Lm8x';

/** The Kubernetes driver on the loopback server, for the conformance suite. */
export async function startKubernetesOnLoopback(): Promise<CloudUnderTest> {
  const server = await startLoopbackKubernetes();
  const { world } = server;
  const logIn = await makeLogIn(server.token);
  return {
    driver: kubernetesDriver,
    boot: { image: 'registry.example.org/worker:1', cpus: 1, memory: '2GiB' },
    lacking: { market: 'spot' },
    bootUnknown: { image: 'registry.example.org/no-such-image:1' },
    secrets: [server.token, wrongToken],
    connect: ({ site, clock, log, to = 'cloud' }) =>
      kubernetesDriver.create(
        to === 'wrong'
          ? withToken(server.url, wrongToken)
          : logIn.settings(to === 'cloud' ? server.url : nowhere),
        { site: SiteId(site), cloud: CloudName('loopback'), clock, log },
      ),
    session: {
      expire: async () => {
        world.tokens.clear();
        world.tokens.set(await logIn.renew(), 'provisioner');
      },
      logIns: () => logIn.count(),
    },
    truth: async () =>
      world.pods.map((pod) => ({
        cloudId: `${pod.name}/${pod.uid}`,
        site: pod.annotations[markAnnotations.site] ?? null,
        intent: pod.annotations[markAnnotations.intent] ?? null,
        pool: pod.annotations[markAnnotations.pool] ?? null,
        offer: pod.annotations[markAnnotations.offer] ?? null,
        living: isLiving(world, pod),
        userData: userDataOf(world, pod.uid),
      })),
    preload: async (site, count) => {
      for (let n = 0; n < count; n += 1) preload(world, site, `preloaded-${n}`);
    },
    stranger: async () => {
      addPod(world, { name: 'somebody-elses', namespace, labels: { app: 'web' } });
    },
    slow: async (times) => {
      Object.assign(world.levers, times);
    },
    lag: async () => {
      throw new Error('a list shows what was written before it');
    },
    elapse: async (ms) => server.advance(ms),
    room: async () => {
      throw new Error('the server takes pods that no node has room for');
    },
    allowance: async (instances) => {
      world.levers.podsMax = instances;
    },
    fault: async (kind, fault, times) => server.fault(kinds[kind], wireFaults[fault], times),
    calls: async (kind) => server.calls(kinds[kind]),
    stop: async () => {
      await server.stop();
      await logIn.remove();
    },
  };
}

const nowhere = 'http://127.0.0.1:1';

/** A program that prints a token, as a kubeconfig's `exec` has it, and keeps count of how often it is run. */
async function makeLogIn(first: string) {
  const folder = await mkdtemp(join(tmpdir(), 'spillway-kubernetes-'));
  const [program, printed, runs] = ['login', 'printed.json', 'runs'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ];
  let tokens = 0;
  const print = (token: string) =>
    writeFile(
      printed,
      JSON.stringify({
        kind: 'ExecCredential',
        apiVersion: 'client.authentication.k8s.io/v1',
        status: { token },
      }),
    );
  await writeFile(program, '#!/bin/sh\necho run >>"$1"\nexec cat "$2"\n', { mode: 0o700 });
  await writeFile(runs, '');
  await print(first);
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: program, args: [runs, printed] };
  return {
    settings(url: string) {
      const content = stringify({
        clusters: [{ name: 'c', cluster: { server: url } }],
        users: [{ name: 'u', user: { exec } }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace } }],
        'current-context': 'x',
      });
      const read = kubernetesSettings.parse({ kubeconfig: { file: 'env:UNREAD' } });
      return { ...read, kubeconfig: { file: Secret.of(content) } };
    },
    async renew() {
      tokens += 1;
      const token = `${first}-${tokens}`;
      await print(token);
      return token;
    },
    count: async () => (await readFile(runs, 'utf8')).split('\n').length - 1,
    remove: () => rm(folder, { recursive: true }),
  };
}

/** A cloud's settings as the config gives them, with a token that has been read. */
export function withToken(url: string, token: string, more: Readonly<Record<string, unknown>> = {}) {
  const read = kubernetesSettings.parse({ server: url, token: 'env:UNREAD', namespace, ...more });
  return { ...read, token: Secret.of(token) };
}

/** The user data that the pod with this uid finds; null where its Secret is not there. */
export function userDataOf(world: World, podUid: string): Buffer | null {
  const secret = world.secrets.find(({ owner }) => owner === podUid);
  return secret === undefined ? null : Buffer.from(secret.data['user-data'] ?? '', 'base64');
}

export function preload(world: World, site: string, intent: string) {
  const labels = { [markLabels.site]: labelValue(site), [markLabels.intent]: labelValue(intent) };
  const annotations = { [markAnnotations.site]: site, [markAnnotations.intent]: intent };
  return addPod(world, { name: `${intent}-0`, namespace, labels, annotations });
}
