import { afterAll, describe } from 'vitest';
import { driverConformance } from '../conformance/driver-cases.ts';
import { ec2Testbed, had, isMissing, stopTestbeds } from '../support/testbed.ts';
import { startEc2OnTestbed, testbedGaps } from './ec2-on-testbed.ts';

const testbed = await ec2Testbed('driver');
afterAll(() => stopTestbeds(testbed));

describe.skipIf(isMissing(testbed))('a real EC2 server', () => {
  driverConformance('EC2 on moto', { start: () => startEc2OnTestbed(had(testbed)), gaps: testbedGaps });
});
