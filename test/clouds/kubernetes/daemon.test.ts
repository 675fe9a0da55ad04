import { afterAll, expect, it } from 'vitest';
import { startLoopbackKubernetes } from '../../support/kubernetes/server.ts';
import { userDataOf } from '../../support/kubernetes/under-test.ts';
import { addPod, isLiving, namespace } from '../../support/kubernetes/world.ts';
import { createSite, until } from '../../support/runningSite.ts';

/** A daemon as its users run it, with pods of the loopback server: from the config to the last Secret. */
const cluster = await startLoopbackKubernetes(null, () => Date.now());
Object.assign(cluster.world.levers, { bootMs: 500, stopMs: 500 });
addPod(cluster.world, { name: 'somebody-elses', namespace, labels: { app: 'web' } });

const site = createSite({
  config: `
site: campus
stateDir: FOLDER/state
queues:
  - {name: leases, adapter: lease, poll: 300ms}
clouds:
  - name: cluster
    driver: kubernetes
    kubeconfig: {file: 'file:kubeconfig'}
    poll: 300ms
    deadline: 3s
offers:
  - name: pod
    cloud: cluster
    cpus: 2
    memory: 3GiB
    disk: 10GiB
    boot: {cpus: 2, memory: 3GiB, podFile: 'file:pod.yaml'}
pools:
  - {name: desks, queue: leases, offers: [pod], min: 3, max: 3, userData: boot.sh, limits: {idleConfirm: 1s}}
`,
  files: {
    kubeconfig: `
clusters: [{name: c, cluster: {server: '${cluster.url}'}}]
users: [{name: u, user: {token: '${cluster.token}'}}]
contexts: [{name: x, context: {cluster: c, user: u, namespace: ${namespace}}}]
current-context: x
`,
    'pod.yaml': `
apiVersion: v1
kind: Pod
metadata: {labels: {team: physics}}
spec: {containers: [{name: worker, image: 'registry.example.org/worker:1'}]}
`,
    'boot.sh': '#!/bin/sh\n# {{instance}}\n',
  },
});
afterAll(async () => {
  await site.dispose();
  await cluster.stop();
});

const ours = () =>
  cluster.world.pods.filter(
    (pod) => isLiving(cluster.world, pod) && pod.labels['spillway/site'] === 'campus',
  );

it('brings up what a pool wants at least and ends it, through lost answers and a death of its own', async () => {
  cluster.fault('POST pods', { kind: 'cut', when: 'after' });
  cluster.fault('POST secrets', { kind: 'cut', when: 'before' });
  await site.start();
  const free = async () => (await site.instances()).filter(({ state }) => state === 'Free').length;
  await until('three machines are free', async () => (await free()) === 3);
  const before = ours();
  expect(before.map(({ labels }) => labels.team)).toEqual(['physics', 'physics', 'physics']);
  expect(before.map(({ uid }) => userDataOf(cluster.world, uid)?.toString())).toEqual(
    before.map(({ name }) => `#!/bin/sh\n# ${name}\n`),
  );

  await site.kill();
  await site.start();
  await until('three machines are free again', async () => (await free()) === 3);
  expect(ours()).toEqual(before);

  cluster.fault('DELETE pods/NAME', { kind: 'cut', when: 'after' });
  cluster.fault('DELETE pods/NAME', { kind: 'error', status: 500, code: 'trouble' });
  await site.ask(['pool', 'scale', 'desks', '--min', '0', '--max', '0']);
  await until('all are ended', async () => (await site.instances()).length === 0);
  expect(ours()).toEqual([]);
  expect(cluster.world.pods).toHaveLength(4);
}, 120_000);
