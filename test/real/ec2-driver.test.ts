import { afterAll, describe } from 'vitest';
import { driverConformance } from '../conformance/driver-cases.ts';
import { ec2Testbed, had, isMissing, stopTestbeds } from '../support/testbed.ts';
import { startEc2OnTestbed, testbedGaps } from './ec2-on-testbed.ts';

const testbed = await ec2Testbed('driver');
afterAll(() => stopTestbeds(testbed));

describe.skipIf(isMissing(testbed))('a real EC2 server', () => {
  driverConformance('EC2 on moto', {
    start: () => startEc2OnTestbed(had(testbed)),
    gaps: testbedGaps,
    column: {
      file: 'ec2-moto',
      part: 'ec2',
      server: 'moto 5.2.5 with what EC2 does and moto does not (scripts/testbed/ec2)',
      proven: 'emulated',
    },
  });
});
