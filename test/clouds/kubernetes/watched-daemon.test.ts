import { afterAll, expect, it } from 'vitest';
import { startLoopbackKubernetes } from '../../support/kubernetes/server.ts';
import { namespace } from '../../support/kubernetes/world.ts';
import { createSite, until } from '../../support/runningSite.ts';

/** A daemon that lists its pods every ten minutes, and hears of them in between. */
const cluster = await startLoopbackKubernetes(null, () => Date.now());
cluster.world.levers.bootMs = 3_600_000;

const site = createSite({
  config: `
site: campus
stateDir: FOLDER/state
queues:
  - {name: leases, adapter: lease, poll: 300ms}
clouds:
  - {name: cluster, driver: kubernetes, server: '${cluster.url}', token: 'file:token', namespace: ${namespace}, poll: 10m}
offers:
  - {name: pod, cloud: cluster, cpus: 1, memory: 1GiB, disk: 1GiB, boot: {image: 'registry.example.org/worker:1'}}
pools:
  - {name: desks, queue: leases, offers: [pod], min: 1, max: 1, userData: boot.sh}
`,
  files: { token: cluster.token, 'boot.sh': '#!/bin/sh\n' },
});
afterAll(async () => {
  await site.dispose();
  await cluster.stop();
});

it('sees a pod run long before the poll that would say so', async () => {
  await site.start();
  // The first list, the version for the watch, and the list that the new pod has brought.
  await until(
    'the pod is listed',
    async () => cluster.world.pods.length === 1 && cluster.calls('GET pods') >= 3,
  );
  const [pod] = cluster.world.pods;
  if (pod === undefined) throw new Error('there is no pod');
  expect((await site.instances()).map(({ state }) => state)).toEqual(['Unusable']);
  pod.status = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
  await until('it is free', async () => (await site.instances()).some(({ state }) => state === 'Free'));
  expect(cluster.calls('WATCH pods')).toBe(1);
}, 60_000);
