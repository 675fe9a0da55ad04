import { startEc2OnLoopback } from '../support/loopback-ec2/under-test.ts';
import { driverConformance } from './driver-cases.ts';

driverConformance('EC2 fleets on the loopback server', {
  start: () => startEc2OnLoopback('fleets'),
  gaps: {
    'what this cloud does not have is unsupported': 'a fleet takes another type, or another zone',
    'an expired session is renewed once, and what was refused is carried out':
      'keys in a config do not expire; test/clouds/ec2/credentials.test.ts has those that do',
  },
  column: null,
});
