import { startProactiveUnderTest } from '../support/proactive/under-test.ts';
import { type AdapterCase, adapterConformance } from './adapter-cases.ts';

const gaps: Partial<Record<AdapterCase, string>> = {
  'what a job requests is in the ad of the group': 'a task asks for nodes, not for processors or memory',
  'a job that comes is heard of at once': 'the server gives no sign: it is asked every `watch`',
};

adapterConformance('ProActive (loopback stand-in)', {
  start: startProactiveUnderTest,
  gaps,
  column: {
    file: 'proactive-loopback',
    part: 'proactive',
    server: 'a strict stand-in, which the official Java client 13.0.3 takes for a server',
    proven: 'contract',
  },
});
