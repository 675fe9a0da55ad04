import { startHtcondorStandIn } from '../support/htcondor/under-test.ts';
import { type AdapterCase, adapterConformance } from './adapter-cases.ts';

const gaps: Partial<Record<AdapterCase, string>> = {
  'workers: half an answer that passes for all is no loss of machines':
    'condor_status has no totals to compare with: the core ends no machine for one view alone',
};

adapterConformance('HTCondor, stand-in tools', { start: startHtcondorStandIn, gaps });

adapterConformance('HTCondor, stand-in tools, jobs from job_queue.log', {
  start: () => startHtcondorStandIn('log'),
  gaps,
});
