import { startOpenstackOnLoopback } from '../support/openstack/under-test.ts';
import { type DriverCase, driverConformance } from './driver-cases.ts';

const noToken = 'Nova has no idempotency token (replaySafe: false): what was made is looked for instead';
const later = 'Nova accepts it and says so later, in the list; test/clouds/openstack has a test for it';

const gaps: Partial<Record<DriverCase, string>> = {
  'makes nothing more when the same intent is sent again': noToken,
  'makes nothing more when the same intent is sent side by side': noToken,
  'leaves an intent in doubt when it is sent again with other contents': noToken,
  'a lost answer and the same intent again make each machine once': noToken,
  'takes fewer machines where there is room for fewer': later,
  'no room is capacity': later,
};

driverConformance('OpenStack on loopback services', {
  start: startOpenstackOnLoopback,
  gaps,
  column: {
    file: 'openstack-loopback',
    part: 'openstack',
    server: 'loopback services that behave as Keystone, Glance, Neutron and Nova were measured',
    proven: 'contract',
  },
});
