import { afterAll, expect, it } from 'vitest';
import { startCloudstack } from '../../support/cloudstack/server.ts';
import { createSite, until } from '../../support/runningSite.ts';

/** A daemon as its users run it, with machines of the stand-in: from the config to the last disk. */
const cloud = await startCloudstack({ now: () => Date.now() });
Object.assign(cloud.world.levers, { bootMs: 500, stopMs: 500, machinesMax: 5 });
cloud.preload(1, () => ({ owner: 'somebody else' }));

const site = createSite({
  config: `
site: campus
stateDir: FOLDER/state
queues:
  - {name: leases, adapter: lease, poll: 300ms}
clouds:
  - name: stack
    driver: cloudstack
    endpoint: ${cloud.endpoint}
    credentials: {apiKey: 'file:api.key', secretKey: 'file:secret.key'}
    pageSize: 2
    poll: 300ms
    deadline: 3s
offers:
  - name: small
    cloud: stack
    cpus: 2
    memory: 3GiB
    disk: 100GiB
    boot: {zone: north, serviceOffering: small, template: worker, networks: [farm], dataDisk: {offering: scratch}}
pools:
  - {name: desks, queue: leases, offers: [small], min: 3, max: 3, userData: boot.sh, limits: {idleConfirm: 1s}}
`,
  files: { 'api.key': cloud.apiKey, 'secret.key': cloud.secretKey, 'boot.sh': '#!/bin/sh\n# {{instance}}\n' },
});
afterAll(async () => {
  await site.dispose();
  await cloud.stop();
});

const ours = () => cloud.living().filter(({ details }) => details.get('spillway:site') === 'campus');

it('brings up what a pool wants at least and ends it, through lost answers and a death of its own', async () => {
  cloud.faults.set('deployVirtualMachine', { kind: 'cut', when: 'after' });
  await site.start();
  const free = async () => (await site.instances()).filter(({ state }) => state === 'Free').length;
  await until('three machines are free', async () => (await free()) === 3);
  const [first, second, third] = ours();
  expect(ours()).toHaveLength(3);
  expect([first, second, third].map((machine) => machine?.userData?.toString())).toEqual(
    [first, second, third].map((machine) => `#!/bin/sh\n# ${machine?.name}\n`),
  );

  await site.kill();
  await site.start();
  await until('three machines are free again', async () => (await free()) === 3);
  expect(ours()).toEqual([first, second, third]);

  cloud.faults.set('destroyVirtualMachine', { kind: 'cut', when: 'after' });
  cloud.faults.set('destroyVirtualMachine', { kind: 'error', status: 530, code: '' });
  await site.ask(['pool', 'scale', 'desks', '--min', '0', '--max', '0']);
  await until('all are ended', async () => (await site.instances()).length === 0);
  expect(ours()).toEqual([]);
  expect(cloud.world.disks.filter((disk) => !disk.isGone)).toEqual([]);
  expect(cloud.living()).toHaveLength(1);
  expect(cloud.world.machines).toHaveLength(4);
}, 120_000);
