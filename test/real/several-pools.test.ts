import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { condorQueue, forgetMachines, jobStarts, queueIsEmpty, submitJobs } from '../support/condorFarm.ts';
import { hostWorkerUserData } from '../support/hostCondorWorker.ts';
import { endHostSite } from '../support/hostMachines.ts';
import { createSite, type RunningSite, until } from '../support/runningSite.ts';
import { had, htcondorTestbed, isMissing, stopTestbeds } from '../support/testbed.ts';

/**
 * Two HTCondor pools, each with a collector, a schedd and a signing key of its own, and one daemon for both. The machines of
 * the second have GPUs, as HTCondor's own discovery simulates them.
 */
const north = await htcondorTestbed('north');
const south = isMissing(north) ? north : await htcondorTestbed('south');
afterAll(() => stopTestbeds(south, north));

const patient = { withinMs: 120_000 };
const pools = () => [
  { name: 'north', pool: had(north), offer: 'plain' },
  { name: 'south', pool: had(south), offer: 'gpu' },
];

const config = () => ({
  site: 'two',
  stateDir: 'FOLDER/state',
  queues: pools().map(({ name, pool }) => condorQueue(pool, { name, deadline: '5s' })),
  clouds: [{ name: 'here', driver: 'local', folder: 'FOLDER/machines', poll: '500ms', stopGrace: '5s' }],
  offers: [
    { name: 'plain', cloud: 'here', cpus: 2, memory: '512MiB', disk: '1GiB', boot: {} },
    { name: 'gpu', cloud: 'here', cpus: 2, memory: '512MiB', disk: '1GiB', gpus: 2, boot: {} },
  ],
  pools: pools().map(({ name, offer }) => ({
    name,
    queue: name,
    offers: [offer],
    max: 2,
    userData: `${name}.sh`,
    limits: { idle: '3s', idleConfirm: '2s', bootMax: '60s', joinMax: '60s', silent: '60s' },
  })),
});

describe.skipIf(isMissing(north) || isMissing(south))(
  'one daemon for two HTCondor pools',
  {
    timeout: 300_000,
  },
  () => {
    let site: RunningSite | null = null;
    afterEach(async () => {
      await had(south).lever('schedd-resume');
      for (const { pool } of pools()) await pool.run('condor_rm', ['-all']);
      if (site !== null) await endHostSite(site, 'two');
      site = null;
      for (const { pool } of pools()) await forgetMachines(pool);
    });

    it('has machines for each in its own pool, those with GPUs too, and one that hangs does not hold up the other', async () => {
      const running = createSite({
        config: JSON.stringify(config()),
        files: {
          'north.sh': hostWorkerUserData(had(north)),
          'south.sh': hostWorkerUserData(had(south), 'GPU_DISCOVERY_EXTRA = -extra -simulate:0,2'),
        },
      });
      site = running;
      await running.start();
      const plain = await submitJobs(had(north), { seconds: 5, count: 2 });
      const withGpu = await submitJobs(had(south), { seconds: 5, count: 2, gpus: 1 });
      for (const { name, pool } of pools()) {
        await until(`jobs of ${name} are done`, () => queueIsEmpty(pool), patient);
        const machines = (await pool.run('condor_status', ['-af', 'SpillwayPool'])).trim().split('\n');
        expect(new Set(machines)).toEqual(new Set([name]));
      }
      expect(await jobStarts(had(north), plain)).toEqual([1, 1]);
      expect(await jobStarts(had(south), withGpu)).toEqual([1, 1]);
      // Two jobs fit on one machine, of processors and of GPUs.
      const made = (await running.instances({ ended: true })).map(({ pool, offer }) => `${pool} ${offer}`);
      expect(made.toSorted()).toEqual(['north plain', 'south gpu']);
      const gpus = await had(south).run('condor_history', [String(withGpu), '-af', 'AssignedGPUs']);
      expect(new Set(gpus.trim().split('\n')).size).toBe(2);

      await had(south).lever('schedd-hang');
      const more = await submitJobs(had(north), { seconds: 1, count: 4 });
      await until('south is known to be silent', async () => {
        const { queues } = await running.status();
        return queues.find(({ name }) => name === 'south')?.trouble !== null;
      });
      await until('jobs of north are done all the same', () => queueIsEmpty(had(north)), patient);
      expect(await jobStarts(had(north), more)).toEqual([1, 1, 1, 1]);
      await had(south).lever('schedd-resume');
      await until('no machine is left', async () => (await running.instances()).length === 0, patient);
      const reasons = (await running.instances({ ended: true })).map(({ endReason }) => endReason);
      expect(new Set(reasons)).toEqual(new Set(['idle']));
    });
  },
);
