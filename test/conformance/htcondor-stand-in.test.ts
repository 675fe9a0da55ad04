import { startHtcondorStandIn } from '../support/htcondor/under-test.ts';
import { type AdapterCase, adapterConformance } from './adapter-cases.ts';

const gaps: Partial<Record<AdapterCase, string>> = {
  'workers: half an answer that passes for all is no loss of machines':
    'condor_status has no totals to compare with: the core ends no machine for one view alone',
};

adapterConformance('HTCondor, stand-in tools', {
  start: () => startHtcondorStandIn(),
  gaps,
  column: {
    file: 'htcondor-stand-in',
    part: 'htcondor',
    server: 'stand-ins for its command-line tools, with recorded answers',
    proven: 'recorded',
  },
});

adapterConformance('HTCondor, stand-in tools, jobs from job_queue.log', {
  start: () => startHtcondorStandIn('log'),
  gaps,
  column: {
    file: 'htcondor-stand-in-log',
    part: 'htcondor',
    server: 'the same, jobs read from job_queue.log',
    proven: 'recorded',
  },
});
