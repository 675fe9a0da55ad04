import { startEc2OnLoopback } from '../support/loopback-ec2/under-test.ts';
import { driverConformance } from './driver-cases.ts';

driverConformance('EC2 on the loopback server', {
  start: startEc2OnLoopback,
  gaps: {
    'an expired session is renewed once, and what was refused is carried out':
      'keys in a config do not expire; test/clouds/ec2/credentials.test.ts has those that do',
  },
  column: {
    file: 'ec2-loopback',
    part: 'ec2',
    server: 'a loopback server that speaks the EC2 query API',
    proven: 'contract',
  },
});
