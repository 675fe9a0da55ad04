import { join } from 'node:path';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { condorQueue, forgetMachines, jobStarts, queueIsEmpty, submitJobs } from '../support/condorFarm.ts';
import { hostWorkerUserData } from '../support/hostCondorWorker.ts';
import { endHostSite, hostMachines } from '../support/hostMachines.ts';
import { hostNodeUserData, installNode } from '../support/proactive/node.ts';
import { type ProactiveStandIn, startProactive } from '../support/proactive/server.ts';
import { isOver } from '../support/proactive/world.ts';
import { createSite, type RunningSite, spillway, until } from '../support/runningSite.ts';
import { had, htcondorTestbed, isMissing, stopTestbeds } from '../support/testbed.ts';

/**
 * One daemon with a real HTCondor pool, a ProActive server's stand-in and leases, over one cloud: machines of this host, each
 * of which runs the boot template that its queue is shipped with.
 */
const pool = await htcondorTestbed('three-queues');
afterAll(() => stopTestbeds(pool));

const credentials = 'cred-of-nodes-Zx81Kd';
const machinesMax = 6;
const patient = { withinMs: 180_000 };
const names = ['batch', 'tasks', 'desks'] as const;
type Name = (typeof names)[number];

const config = (proactiveUrl: string) => ({
  site: 'three',
  stateDir: 'FOLDER/state',
  queues: [
    condorQueue(had(pool)),
    {
      name: 'proactive',
      adapter: 'proactive',
      poll: '300ms',
      url: proactiveUrl,
      username: 'spillway',
      password: 'file:FOLDER/password',
      nodesPeriod: '1s',
      watch: '1s',
      nodes: {
        url: 'pnp://127.0.0.1:64738',
        credentials: 'file:FOLDER/cred',
        owner: 'nodes',
        tokenKey: 'file:FOLDER/key',
      },
      sources: [{ pool: 'tasks', manage: 'create' }],
    },
    { name: 'leases', adapter: 'lease', poll: '500ms' },
  ],
  clouds: [
    {
      name: 'here',
      driver: 'local',
      folder: 'FOLDER/machines',
      poll: '500ms',
      stopGrace: '5s',
      max: machinesMax,
    },
  ],
  offers: [
    {
      name: 'small',
      cloud: 'here',
      cpus: 1,
      memory: '512MiB',
      disk: '1GiB',
      boot: { environment: { PROACTIVE_HOME: 'FOLDER/proactive' } },
    },
  ],
  pools: (
    [
      ['batch', 'condor', 'worker.sh'],
      ['tasks', 'proactive', 'node.sh'],
      ['desks', 'leases', null],
    ] as const
  ).map(([name, queue, userData]) => ({
    name,
    queue,
    offers: ['small'],
    max: machinesMax,
    ...(userData === null ? {} : { userData }),
    limits: { idle: '3s', idleConfirm: '2s', bootMax: '60s', joinMax: '60s', silent: '60s' },
  })),
  policy: { makeRoom: '3s' },
});

describe.skipIf(isMissing(pool))(
  'three queues over one cloud with a shared max',
  { timeout: 600_000 },
  () => {
    let site: RunningSite | null = null;
    let server: ProactiveStandIn | null = null;
    afterEach(async () => {
      await had(pool).run('condor_rm', ['-all']);
      if (site !== null) await endHostSite(site, 'three');
      site = null;
      await server?.stop();
      await forgetMachines(had(pool));
    });

    it('each has its part while all have work, through SIGKILL, and no job is ended for another', async () => {
      const proactive = await startProactive({ nodeCredentials: credentials, now: Date.now });
      server = proactive;
      const running = createSite({
        config: JSON.stringify(config(proactive.url)),
        files: {
          password: proactive.password,
          cred: credentials,
          key: 'key-of-machine-tokens',
          'worker.sh': hostWorkerUserData(had(pool)),
          'node.sh': hostNodeUserData(),
        },
      });
      site = running;
      installNode(join(running.folder, 'proactive'), proactive);
      await running.start();

      const alive = async (): Promise<Record<Name, number>> => {
        const instances = await running.instances();
        const of = (name: Name) => instances.filter((one) => one.pool === name).length;
        return { batch: of('batch'), tasks: of('tasks'), desks: of('desks') };
      };
      let most = 0;
      let finishedAt = performance.now();
      /** The schedulers go on, and the cloud's own count is taken. */
      const meanwhile = async () => {
        proactive.world.schedule();
        if (performance.now() - finishedAt > 4000) {
          proactive.world.finishRunning();
          finishedAt = performance.now();
        }
        const machines = await hostMachines(running, 'three');
        most = Math.max(most, machines.filter(({ state }) => state !== 'gone').length);
      };
      const eventually = (what: string, holds: () => Promise<boolean>) =>
        until(
          what,
          async () => {
            await meanwhile();
            return await holds();
          },
          patient,
        );

      const cluster = await submitJobs(had(pool), { seconds: 6, count: 60 });
      await eventually('the first has all', async () => (await alive()).batch === machinesMax);
      const jobs = Array.from({ length: 40 }, () => proactive.world.submit({ owner: 'bob' }));
      const socket = join(running.folder, 'api.sock');
      const asked = ['lease', '--pool', 'desks', '--socket', socket, '--quiet', '--wait', '5m', '--'];
      const lease = () => spillway(asked.concat('sh', '-c', 'sleep 15; echo done'));
      const leases = Array.from({ length: 5 }, lease);

      await eventually('room is being made', async () => (await alive()).batch < machinesMax);
      await running.kill();
      await running.start();
      await eventually('each has its part', async () => {
        const now = await alive();
        return names.every((name) => now[name] === 2);
      });

      await eventually('the tasks are done', async () => jobs.every(({ tasks }) => tasks.every(isOver)));
      for (const { code, stdout } of await Promise.all(leases))
        expect({ code, stdout }).toEqual({ code: 0, stdout: 'done\n' });
      await eventually('the jobs are done', () => queueIsEmpty(had(pool)));
      await eventually('no machine is left', async () => (await running.instances()).length === 0);

      expect(most).toBe(machinesMax);
      expect(await jobStarts(had(pool), cluster)).toEqual(Array.from({ length: 60 }, () => 1));
      // What was only meant to be launched when the daemon was killed was never sent.
      const ended = (await running.instances({ ended: true })).filter(
        ({ endReason }) => endReason !== 'neverLaunched',
      );
      expect(new Set(ended.map(({ endReason }) => endReason))).toEqual(new Set(['idle', 'yielded']));
      // Six; three for the tasks while only they ask, two for the leases, and four that fill the room again. None is swapped for its like.
      expect(ended.length, ended.map((one) => `${one.pool} ${one.endReason}`).join(', ')).toBeLessThanOrEqual(
        15,
      );
    });
  },
);
