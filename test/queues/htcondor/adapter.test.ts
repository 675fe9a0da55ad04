import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { InstanceId, JobId, PoolName, WorkerId } from '../../../src/model/ids.ts';
import { eventually } from '../../support/eventually.ts';
import { bench, forever, jobs, noMachine, removeTools, settled, totals } from './adapter-bench.ts';
import { type FakeAnswer, recorded } from './fake-tools.ts';

afterEach(removeTools);

describe('workers', () => {
  const worker = WorkerId('i1-0.pool.test');
  const drained = (name: string): FakeAnswer => ({
    tool: 'condor_drain',
    stderr: recorded(`failures/${name}.err`),
    exitCode: 1,
  });

  it('a drain lets jobs go on, can be taken back, and is checked by the machine', async () => {
    const { queue, tools } = bench([{ tool: 'condor_drain' }]);
    await queue.drain(worker, forever);
    expect(tools.calls()).toEqual([
      'condor_drain -graceful -reason spillway -check State =!= "Claimed" || SpillwayRetirement >= 86400 || RetirementTimeRemaining >= 86400 i1-0.pool.test',
    ]);
  });

  it('a drain may be repeated', async () => {
    const { queue } = bench([drained('drain_again')]);
    await expect(queue.drain(worker, forever)).resolves.toBeUndefined();
  });

  it('a drain that would end jobs is refused', async () => {
    const { queue } = bench([drained('drain_bad_check')]);
    await expect(queue.drain(worker, forever)).rejects.toMatchObject({
      code: 'unavailable',
      message: 'i1-0.pool.test: a drain might end its jobs; its MAXJOBRETIREMENTTIME should be 86400 or more',
    });
  });

  it('an unknown machine: notFound', async () => {
    const { queue } = bench([drained('drain_unknown')]);
    await expect(queue.drain(worker, forever)).rejects.toMatchObject({ code: 'notFound' });
    await expect(queue.undrain(worker, forever)).rejects.toMatchObject({ code: 'notFound' });
  });

  it('undrain cancels', async () => {
    const { queue, tools } = bench([{ tool: 'condor_drain' }]);
    await queue.undrain(worker, forever);
    expect(tools.calls()).toEqual(['condor_drain -cancel i1-0.pool.test']);
  });

  it.each(['', '-fast', 'm 10.0.0.5'])('no name for a machine: "%s"', async (name) => {
    const { queue, tools } = bench([{ tool: 'condor_drain' }]);
    await expect(queue.drain(WorkerId(name), forever)).rejects.toMatchObject({ code: 'invalid' });
    expect(tools.calls()).toEqual([]);
  });

  it('remove takes all its ads out, and minds nothing where there are none', async () => {
    const { queue, tools } = bench([
      { tool: 'condor_status', stdout: 'slot1@m\nslot1_1@m\n' },
      { tool: 'condor_advertise' },
    ]);
    await queue.remove(WorkerId('m'), forever);
    expect(tools.calls().at(-1)).toBe('condor_advertise INVALIDATE_STARTD_ADS -');
    tools.answer([{ tool: 'condor_status' }, { tool: 'condor_advertise', exitCode: 1 }]);
    await expect(queue.remove(WorkerId('m'), forever)).resolves.toBeUndefined();
  });
});

describe('job', () => {
  const one: FakeAnswer = { tool: 'condor_q', stdout: recorded('answers/job_long.out') };

  it('by its full name, with its state', async () => {
    const { queue, tools } = bench([one]);
    const job = await queue.job(JobId('schedd@lab#3.0'), forever);
    expect(job).toMatchObject({ id: 'schedd@lab#3.0', state: 'waiting', owner: 'pool' });
    expect(tools.calls()).toEqual(['condor_q -allusers 3.0 -long']);
  });

  it('is in the group where a poll counts it', async () => {
    const text = recorded('answers/jobs.out');
    const { queue, poll, tools } = bench([settled, noMachine, totals(15), jobs]);
    const { demand } = await poll();
    const whole = (text.split('\n\n')[1] ?? '').replace(
      '\n',
      '\nGlobalJobId = "schedd@pool#6.1#1795325896"\nJobStatus = 1\n',
    );
    tools.answer([{ tool: 'condor_q', stdout: `${whole}\n\n` }]);
    const job = await queue.job(JobId('6.1'), forever);
    expect(job?.demand).toBe(
      demand.find(({ sampleJobs }) => sampleJobs.includes(JobId('schedd@pool#6.1')))?.id,
    );
  });

  it.each(['schedd@lab#9.0', '9.0'])('unknown: null (%s)', async (id) => {
    expect(await bench([{ tool: 'condor_q' }]).queue.job(JobId(id), forever)).toBeNull();
  });

  it.each(['other@lab#3.0'])('of another schedd: null (%s)', async (id) => {
    expect(await bench([one]).queue.job(JobId(id), forever)).toBeNull();
  });

  it.each(['', 'x', '-all', '3', '3.0 -all', '#3.0', '-name#3.0'])(
    'no job’s name: null, and nobody is asked (%s)',
    async (id) => {
      const { queue, tools } = bench([one]);
      expect(await queue.job(JobId(id), forever)).toBeNull();
      expect(tools.calls()).toEqual([]);
    },
  );
});

describe('admit', () => {
  const request = {
    instance: InstanceId('x-0'),
    pool: PoolName('workers'),
    issuedAtSeconds: 1000,
    lifetimeMs: null,
    attributes: {},
  };

  it('without a join section gives what the machine says of itself, and no credential', async () => {
    const { queue } = bench([]);
    const admission = await queue.admit({ ...request, attributes: { VMType: '"a$(b)"', Cpus: '4' } });
    expect(admission.perMachine).toBe(false);
    expect(Object.keys(admission.variables)).toEqual(['attributes']);
    expect(admission.variables.attributes?.split('\n')).toEqual([
      'VMType = "a$(DOLLAR)(b)"',
      'SpillwayRetirement = $(MAXJOBRETIREMENTTIME:0)',
      'STARTD_ATTRS = $(STARTD_ATTRS) VMType SpillwayRetirement',
    ]);
  });

  it('refuses an attribute that would be another setting', async () => {
    const { queue } = bench([]);
    const attributes = { VMType: '"a"\nDAEMON_LIST = SCHEDD' };
    await expect(queue.admit({ ...request, attributes })).rejects.toMatchObject({ code: 'invalid' });
  });
});

describe('hint', () => {
  it('comes when the schedd writes to its log, also after the log was replaced', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'spool-'));
    const path = join(folder, 'job_queue.log');
    writeFileSync(path, '107 1 CreationTimestamp 1\n');
    const { queue } = bench([], { jobQueueLog: path });
    const stop = new AbortController();
    let hints = 0;
    queue.hint?.(() => hints++, stop.signal);
    writeFileSync(path, `${readFileSync(path, 'utf8')}105\n106\n`);
    await eventually('a hint', () => hints > 0, { everyMs: 10 });
    writeFileSync(join(folder, 'new'), '107 2 CreationTimestamp 2\n');
    renameSync(join(folder, 'new'), path);
    const before = hints;
    writeFileSync(path, '105\n106\n');
    await eventually('another', () => hints > before, { everyMs: 10 });
    stop.abort();
    rmSync(folder, { recursive: true });
  });

  it('a log that cannot be seen is said, and is no failure', () => {
    const { queue, said } = bench([], { jobQueueLog: '/nonexistent/job_queue.log' });
    queue.hint?.(() => {}, forever);
    expect(said.join()).toContain('warn job_queue.log cannot be watched');
  });

  it('there is none by default', () => {
    expect('hint' in bench([]).queue).toBe(false);
  });
});
