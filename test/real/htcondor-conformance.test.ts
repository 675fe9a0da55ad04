import { readFileSync } from 'node:fs';
import { afterAll, describe } from 'vitest';
import { type AdapterCase, adapterConformance } from '../conformance/adapter-cases.ts';
import { realPool } from '../support/htcondor/real-under-test.ts';
import { had, htcondorTestbed, isMissing, stopTestbeds } from '../support/testbed.ts';

/** The adapters' cases on a real pool, and machines that join with what `admit` gives them. */
const asked = 'SPILLWAY_HTCONDOR_CASES';
// It takes up to twenty minutes: every case has to wait for the pool.
const pool =
  process.env[asked] === '1'
    ? await htcondorTestbed('conformance')
    : ({ kind: 'missing', reason: `${asked} is not 1` } as const);
if (isMissing(pool)) process.stderr.write(`The cases on a real HTCondor pool are skipped: ${pool.reason}\n`);
afterAll(() => stopTestbeds(pool));

const gaps: Partial<Record<AdapterCase, string>> = {
  'a job that waits for another is no demand before that has ended':
    'DAGMan submits a job when its turn has come: the schedd knows no dependency',
  'a job that cannot be understood harms no other': 'condor_submit refuses what cannot be read',
  'workers: half an answer that passes for all is no loss of machines':
    'condor_status has no totals to compare with: the core ends no machine for one view alone',
  '300 machines are 300 workers': 'too many daemons for one host',
  'wrong credentials are denied':
    'the tools are let in by the file system here; refusals have cases of their own',
};

describe.skipIf(isMissing(pool))('a real pool', { timeout: 240_000 }, () => {
  const start = (jobsFrom: 'condor_q' | 'log') => () =>
    realPool(had(pool), readFileSync(had(pool).keyPath)).start(jobsFrom);

  adapterConformance('HTCondor 23.9.6', {
    start: start('condor_q'),
    gaps,
    column: { file: 'htcondor', part: 'htcondor', server: 'HTCondor 23.9.6', proven: 'real' },
  });

  adapterConformance('HTCondor 23.9.6, jobs from job_queue.log', {
    start: start('log'),
    gaps,
    column: {
      file: 'htcondor-log',
      part: 'htcondor',
      server: 'HTCondor 23.9.6, jobs read from job_queue.log',
      proven: 'real',
    },
  });
});
