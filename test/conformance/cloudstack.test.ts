import { startCloudstackUnderTest } from '../support/cloudstack/under-test.ts';
import { type DriverCase, driverConformance } from './driver-cases.ts';

const one = 'CloudStack makes one machine in a call';
const noToken = 'CloudStack has no token that makes a create call idempotent';

const gaps: Partial<Record<DriverCase, string>> = {
  'an expired session is renewed once, and what was refused is carried out': 'keys do not expire',
  'launches several in one call, in the order of their seats': one,
  'sends one create call for all seats': one,
  'takes fewer machines where there is room for fewer': one,
  'lists every machine of a call that made many': one,
  'makes nothing more when the same intent is sent again': noToken,
  'makes nothing more when the same intent is sent side by side': noToken,
  'a lost answer and the same intent again make each machine once': noToken,
};

driverConformance('CloudStack on its stand-in', {
  start: startCloudstackUnderTest,
  gaps,
  column: {
    file: 'cloudstack-stand-in',
    part: 'cloudstack',
    server: 'a strict stand-in, witnessed by an independent client',
    proven: 'contract',
  },
});
