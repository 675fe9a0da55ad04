import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { exampleJob, submitFile } from '../support/proactive/jobFile.ts';
import { hostNodeUserData, installNode } from '../support/proactive/node.ts';
import { type ProactiveStandIn, startProactive } from '../support/proactive/server.ts';
import { isOver } from '../support/proactive/world.ts';
import { createSite, type RunningSite, until } from '../support/runningSite.ts';

/**
 * The daemon as its users run it, with machines of this host that run config/user-data/proactive.sh, on the stand-in for a ProActive server.
 * */
const credentials = 'cred-of-nodes-Zx81Kd';

const config = (url: string) => `
site: pro
stateDir: FOLDER/state
queues:
  - name: proactive
    adapter: proactive
    poll: 300ms
    url: ${url}
    username: spillway
    password: file:FOLDER/password
    nodesPeriod: 1s
    watch: 1s
    nodes:
      url: pnp://127.0.0.1:64738
      credentials: file:FOLDER/cred
      owner: nodes
      tokenKey: file:FOLDER/key
    sources:
      - { pool: elastic, manage: create }
      - { name: cloud, pool: own, policy: iaas, manage: create }
clouds:
  - { name: here, driver: local, folder: FOLDER/machines, poll: 300ms, max: 8 }
offers:
  - name: large
    cloud: here
    cpus: 1
    memory: 512MiB
    disk: 1GiB
    attributes: { IaasInstanceType: LARGE, IaasImageId: debian-13 }
    boot: { environment: { PROACTIVE_HOME: FOLDER/proactive } }
pools:
  - { name: elastic, queue: proactive, offers: [large], max: 2, userData: boot.sh, limits: { idle: 2s, idleConfirm: 1s } }
  - { name: own, queue: proactive, offers: [large], max: 4, userData: boot.sh, limits: { idle: 20s, idleConfirm: 1s } }
`;

describe('a daemon and a ProActive scheduler', () => {
  let server: ProactiveStandIn;
  let site: RunningSite;
  afterEach(async () => {
    await site.dispose();
    await server.stop();
  });

  it('boots machines for any job and for a job’s own, through SIGKILL, and ends them', {
    timeout: 180_000,
  }, async () => {
    server = await startProactive({ nodeCredentials: credentials, now: Date.now });
    const { world } = server;
    site = createSite({
      config: config(server.url),
      files: {
        password: server.password,
        cred: credentials,
        key: 'key-of-machine-tokens',
        'boot.sh': hostNodeUserData(),
      },
    });
    installNode(join(site.folder, 'proactive'), server);
    await site.start();

    // Any job: a machine boots, joins, runs it, and goes when it is not needed.
    const any = world.submit({ owner: 'bob' });
    const begun = (job: typeof any) => () => {
      world.schedule();
      return job.tasks.some(({ status }) => status === 'RUNNING');
    };
    await until('the task runs', begun(any));
    expect(await site.instances()).toMatchObject([{ pool: 'elastic' }]);
    world.finishRunning();
    await until('its machine is gone', async () => (await site.instances()).length === 0);

    // A job's own machines, while the daemon is killed on the way.
    const job = submitFile(world, exampleJob);
    await until('its machines are made', async () => (await site.instances()).length === 2, { everyMs: 20 });
    await site.kill();
    await site.start();
    await until('its first task runs on both', begun(job));
    expect(job.tasks[0]?.on).toHaveLength(2);
    await site.kill();
    await site.start();
    await until('both are known again', async () =>
      (await site.instances()).every(({ phase }) => phase === 'claimed'),
    );
    expect((await site.instances()).map(({ pool }) => pool)).toEqual(['own', 'own']);

    // Nobody else's task gets there: it has a machine of its own.
    const other = world.submit({ owner: 'bob' });
    await until('another job has another machine', begun(other));
    expect(other.tasks[0]?.on[0]).not.toBe(job.tasks[0]?.on[0]);
    world.finishRunning();
    await until('its last task runs', () => {
      world.schedule();
      return job.tasks[1]?.status === 'RUNNING';
    });
    world.finishRunning();
    await until('all machines are gone', async () => (await site.instances()).length === 0);
    expect(job.tasks.every(isOver)).toBe(true);
    const ended = await site.instances({ ended: true });
    const reasons = (pool: string) =>
      ended.filter((one) => one.pool === pool).map(({ endReason }) => endReason);
    expect(reasons('own')).toEqual(['released', 'released']);
    expect(new Set(reasons('elastic'))).toEqual(new Set(['idle']));
    await until('the manager has forgotten their nodes', () => world.nodes.size === 0);
    const log = JSON.stringify(site.log());
    for (const secret of [server.password, credentials, 'key-of-machine-tokens', ...server.sessions])
      expect(log).not.toContain(secret);
  });
});
