import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { until } from '../support/runningSite.ts';
import { sshMachinesMissing } from '../support/torque/machines.ts';
import { errorsOf, type Job, type Mom, outputOf } from '../support/torque/mom.ts';
import { startTorqueNode, type TorqueNode } from '../support/torque/node.ts';
import { commandsOfPage, momConfigOfPage } from '../support/torque/page.ts';

const missing = sshMachinesMissing();
const machinesCount = 8;
const support = join(import.meta.dirname, '../support/torque');

/** Says DIRTY where anything of an earlier user is on the machine, and leaves behind whatever a user could. */
const canary = `#!/bin/bash
found=$(find "$HOME" /tmp /var/tmp /dev/shm -user vmuser ! -path "$HOME" ! -path "$HOME/.spillway-job*" ! -path "$HOME/.ssh*" 2>/dev/null)
others=$(pgrep -u vmuser -f left-behind)
[ -z "$found$others" ] && echo CLEAN || echo "DIRTY $found $others"
touch "$HOME/canary" /tmp/canary-$PBS_JOBID /dev/shm/canary
mkdir -p "$HOME/.ssh" && echo "ssh-ed25519 AAAA left" >> "$HOME/.ssh/authorized_keys"
setsid nohup bash -c 'exec -a left-behind sleep 10000' >/dev/null 2>&1 </dev/null &
`;

describe.skipIf(missing !== null)('Torque jobs on borrowed machines', { timeout: 900_000 }, () => {
  let node: TorqueNode;
  let mom: Mom | null = null;

  beforeAll(async () => {
    node = await startTorqueNode(machinesCount);
  }, 300_000);
  afterEach(async () => {
    await mom?.close();
    mom = null;
  });
  afterAll(() => node?.dispose());

  /** Whatever a job's user has on any machine. */
  function leftOnMachines(): string {
    const find =
      'ps -u vmuser -o pid=,args=; find /home/vmuser /tmp /var/tmp /dev/shm -mindepth 1 -user vmuser';
    return node.machines.addresses.map((address) => node.machines.run(address, `${find}; true`)).join('');
  }

  async function isRunning(job: Job): Promise<void> {
    await until(`${job.id} runs`, () => existsSync(job.stdoutPath) && outputOf(job).includes('begun'));
  }

  it('brings environment, credentials, standard input, output and exit code through', async () => {
    mom = node.mom({ np: 1 });
    const proxy = join(node.site.folder, 'proxy');
    writeFileSync(proxy, 'a proxy\n', { mode: 0o644 });
    const job = await mom.ended(
      mom.submit({
        name: 'env',
        script: `#!/bin/bash
echo "id $PBS_JOBID name $PBS_JOBNAME odd [$ODD] home $HOME host $(hostname) user $(id -un)"
echo "nodes $(cat "$PBS_NODEFILE") proxy $(cat "$X509_USER_PROXY") at $X509_USER_PROXY"
echo "read [$(cat)]"
echo problem >&2
exit 7
`,
        variables: {
          ODD: `two words, 'quotes' "and" $more \\ \nlines`,
          X509_USER_PROXY: proxy,
          job: 'x',
          shell: 'y',
        },
      }),
    );
    expect(errorsOf(job)).toBe('problem\n');
    expect(outputOf(job)).toMatch(
      /^id \d+\.pbshead name env odd \[two words, 'quotes' "and" \$more \\ \nlines\] home \/home\/vmuser host machine-127\.0\.0\.2\d user vmuser\nnodes wn1 proxy a proxy at \/home\/vmuser\/\.spillway-job\/credentials\/X509_USER_PROXY\nread \[\]\n$/,
    );
    expect(job).toMatchObject({ exitStatus: 7, startCount: 1 });
    await node.untilQuiet();
    expect(leftOnMachines()).toBe('');
  });

  it('gives the keys to the job’s user alone while the job runs', async () => {
    mom = node.mom({ np: 1 });
    const job = mom.submit({ script: '#!/bin/sh\necho begun\nsleep 600\n' });
    await isRunning(job);
    const folder = join(node.stateDir, 'jobs', job.id);
    expect(readdirSync(folder).toSorted()).toEqual(['key', 'known_hosts', 'machine']);
    for (const name of readdirSync(folder)) {
      const { mode, uid } = statSync(join(folder, name));
      expect([mode & 0o777, uid]).toEqual([0o400, 65534]);
    }
    expect(statSync(folder)).toMatchObject({ uid: 0 });
    expect(statSync(join(node.stateDir, 'leases')).mode & 0o777).toBe(0o700);
    expect((await node.leases()).map(({ lease }) => [lease.user, lease.note.split(' ')[2]])).toEqual([
      ['nobody', job.id],
    ]);
    await mom.qdel(job);
    await mom.ended(job);
    await node.untilQuiet();
  });

  it('qdel: the job gets the signal, and nothing of it is left on the machine', async () => {
    mom = node.mom({ np: 2 });
    const polite = mom.submit({
      script: `#!/bin/bash\n${canary.split('\n').slice(1).join('\n')}\ntrap 'echo got TERM; exit 143' TERM\necho begun\nwhile :; do sleep 0.2; done\n`,
    });
    const stubborn = mom.submit({
      script: "#!/bin/bash\ntrap '' TERM\necho begun\ntouch $HOME/file\nwhile :; do sleep 1; done\n",
    });
    await Promise.all([isRunning(polite), isRunning(stubborn)]);
    await Promise.all([mom.qdel(polite), mom.qdel(stubborn)]);
    await Promise.all([mom.ended(polite), mom.ended(stubborn)]);
    expect(outputOf(polite)).toContain('got TERM');
    expect(polite.exitStatus).toBe(256 + 15);
    expect(stubborn.exitStatus).toBe(256 + 9);
    await node.untilQuiet();
    expect(leftOnMachines()).toBe('');
  });

  it('qsig: a signal reaches the job, which goes on and ends as it likes', async () => {
    mom = node.mom({ np: 1 });
    const { qsig, submit, ended } = mom;
    const job = submit({
      script: `#!/bin/bash
trap 'echo got USR1' USR1
trap 'echo got TERM; exit 9' TERM
echo begun
while :; do sleep 0.2; done
`,
    });
    await isRunning(job);
    qsig(job, 'SIGUSR1');
    await until('it has met the signal', () => outputOf(job).includes('got USR1'));
    qsig(job, 'SIGTERM');
    await ended(job);
    expect([outputOf(job), job.exitStatus]).toEqual(['begun\ngot USR1\ngot TERM\n', 9]);
    await node.untilQuiet();
  });

  it('50 jobs queued at np = 8: each runs once, and none meets anything of another', async () => {
    mom = node.mom({ np: machinesCount });
    const { submit, ended } = mom;
    const jobs = Array.from({ length: 50 }, (_, index) => submit({ script: `${canary}exit ${index}\n` }));
    await Promise.all(jobs.map(ended));
    expect(jobs.map((job) => [job.exitStatus, job.startCount, outputOf(job)])).toEqual(
      jobs.map((_, index) => [index, 1, 'CLEAN\n']),
    );
    expect(mom.mostAtOnce).toBe(machinesCount);
    await node.untilQuiet();
    expect(leftOnMachines()).toBe('');
  });

  it('50 prologues at once, as np is misconfigured: they wait in line, and all jobs run', async () => {
    mom = node.mom({ np: 50, prologAlarmMs: 600_000 });
    const { submit, ended } = mom;
    const jobs = Array.from({ length: 50 }, () => submit({ script: canary }));
    await Promise.all(jobs.map(ended));
    expect(mom.mostAtOnce).toBe(50);
    expect(jobs.map((job) => [job.exitStatus, job.startCount, outputOf(job)])).toEqual(
      jobs.map(() => [0, 1, 'CLEAN\n']),
    );
    await node.untilQuiet();
  });

  it.each(['process', 'group'] as const)(
    'a prologue that the alarm kills (%s) gives back what it had, or asked for',
    async (alarmKills) => {
      // Its settings allow it ten minutes, so that it is the alarm that ends it while it waits.
      const holding = node.mom({ np: machinesCount });
      const holders = Array.from({ length: machinesCount }, () =>
        holding.submit({ script: '#!/bin/sh\necho begun\nsleep 600\n' }),
      );
      await Promise.all(holders.map(isRunning));
      mom = node.mom({ np: 1, prologAlarmMs: 8_000, saidAlarmMs: 600_000, alarmKills });
      const job = mom.submit({ script: canary });
      await until('two prologues have been killed', () => job.startCount >= 3);
      const waiting = (await node.leases()).filter(({ lease }) => lease.state === 'waiting');
      expect(waiting.length).toBeLessThanOrEqual(1);
      await Promise.all(holders.map((one) => holding.qdel(one)));
      await Promise.all([...holders.map(holding.ended), mom.ended(job)]);
      expect(outputOf(job)).toBe('CLEAN\n');
      await node.untilQuiet();
    },
  );

  it('epilogue twice, and epilogue without prologue: harmless', async () => {
    mom = node.mom({ np: 1 });
    const job = mom.submit({ script: canary });
    await mom.ended(job);
    expect(await mom.hook('epilogue', job)).toBe(0);
    expect(await mom.hook('epilogue', { ...job, id: '999999.pbshead' })).toBe(0);
    expect(await mom.hook('epilogue', { ...job, id: '../../etc' })).toBe(0);
    await node.untilQuiet();
  });

  it('a prologue after a prologue that was never ended gives back the first machine', async () => {
    mom = node.mom({ np: 1 });
    const job: Job = { ...mom.submit({ script: canary }) };
    await until(
      'the first job is over',
      async () => existsSync(job.stdoutPath) && outputOf(job) === 'CLEAN\n',
    );
    await node.untilQuiet();
    const again = { ...job, id: '500000.pbshead', scriptPath: '/etc/hostname' };
    expect(await mom.hook('prologue', again)).toBe(0);
    expect(await mom.hook('prologue', again)).toBe(0);
    await until('one lease is left', async () => (await node.leases()).length === 1);
    expect(await mom.hook('epilogue', again)).toBe(0);
    await node.untilQuiet();
  });

  it('kill -9 of the daemon while jobs wait, run and end: all run once', async () => {
    mom = node.mom({ np: machinesCount + 2 });
    const { submit, ended } = mom;
    const jobs = Array.from({ length: 16 }, () => submit({ script: `${canary}echo begun\nsleep 3\n` }));
    await until('some run', () => jobs.some((job) => existsSync(job.stdoutPath) && outputOf(job) !== ''));
    for (let kills = 0; kills < 2; kills += 1) {
      await node.site.kill();
      await node.site.start();
      const before = jobs.filter(({ state }) => state === 'C').length;
      await until('another job is over', () => jobs.filter(({ state }) => state === 'C').length > before);
    }
    await Promise.all(jobs.map(ended));
    expect(jobs.map((job) => [job.exitStatus, outputOf(job)])).toEqual(jobs.map(() => [0, 'CLEAN\nbegun\n']));
    await node.untilQuiet();
    expect(leftOnMachines()).toBe('');
  });

  it('a job that no machine can be had for is ended, and told why', async () => {
    mom = node.mom({ np: 1 });
    const wide = await mom.ended(
      mom.submit({ script: canary, resources: 'nodes=2:ppn=2,neednodes=2:ppn=2' }),
    );
    expect(wide).toMatchObject({ exitStatus: -2, startCount: 1 });
    expect(errorsOf(wide)).toContain('nodes=2:ppn=2: a job here runs on one borrowed machine');
  });

  it('a job that mom has dropped without an epilogue (qdel -p) loses its machine', async () => {
    mom = node.mom({ np: 1 });
    const script = join(node.site.folder, 'dropped.SC');
    writeFileSync(script, canary);
    const job = { ...mom.submit({ script: canary }), id: '600000.pbshead', scriptPath: script };
    expect(await mom.hook('prologue', job)).toBe(0);
    execFileSync('rm', [script]);
    await node.untilQuiet();
  });

  it('spillway torque sync makes np the pool’s max, and warns with --check', async () => {
    const torque = mkdtempSync(join(node.site.folder, 'torque-'));
    cpSync(join(support, 'bin'), join(torque, 'bin'), { recursive: true });
    cpSync(join(support, '../../data/torque'), join(torque, 'data'), { recursive: true });
    mkdirSync(join(torque, 'bin/state'));
    writeFileSync(join(torque, 'bin/state/np'), '4');
    const settings = join(torque, 'torque.conf');
    writeFileSync(settings, `pool = vmpool\ntorqueBin = ${join(torque, 'bin')}\n`);
    const sync = (...more: string[]) =>
      node.site.ask(['torque', 'sync', '--node', 'wn1', '--settings', settings, ...more], [0, 1]);
    const asIs = { node: 'wn1', pools: ['vmpool'], max: machinesCount, np: 4, changed: false };
    expect(await sync('--check')).toEqual(asIs);
    expect(await sync()).toEqual({ ...asIs, np: machinesCount, changed: true });
    expect(await sync()).toEqual({ ...asIs, np: machinesCount });
    await node.site.ask(['pool', 'scale', 'vmpool', '--min', '0', '--max', '5']);
    expect(await sync('--check')).toEqual({ ...asIs, max: 5, np: machinesCount });
    await node.site.ask(['pool', 'scale', 'vmpool', '--min', 'config', '--max', 'config']);
    writeFileSync(join(torque, 'bin/state/trouble'), 'server');
    expect(await sync()).toMatchObject({ error: { code: 'queueTrouble' } });
  });

  it('every command of the page is run here, but for those of Torque and systemd', async () => {
    expect(await node.site.ask<{ leases: unknown[] }>(['leases'])).toEqual({ leases: [] });
    const notOurs = /^(?:systemctl|qmgr|echo .* \| qsub) /;
    const isRun = /^(?:install|spillway (?:check|run|leases|torque sync)\b)/;
    expect(commandsOfPage().filter((line) => !notOurs.test(line) && !isRun.test(line))).toEqual([]);
    expect(momConfigOfPage().get('prologalarm')).toBe('900');
  });

  it('a job starter without a machine refuses', () => {
    const { status, stderr } = starterWithout('77.pbshead');
    expect([status, stderr]).toEqual([254, 'spillway: no machine is borrowed for job 77.pbshead\n']);
  });

  function starterWithout(id: string): { status: number; stderr: string } {
    try {
      execFileSync('sh', [join(import.meta.dirname, '../../config/torque/job_starter'), '/bin/bash'], {
        env: { PATH: '/bin:/usr/bin', PBS_JOBID: id },
        stdio: ['pipe', 'pipe', 'pipe'],
        encoding: 'utf8',
      });
      return { status: 0, stderr: '' };
    } catch (error) {
      const { status, stderr } = error as { status: number; stderr: string };
      return { status, stderr: stderr.replace(/^sed: .*\n/gm, '') };
    }
  }
});
