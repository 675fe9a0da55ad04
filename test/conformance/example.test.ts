import { startExampleUnderTest } from '../support/example-cloud/under-test.ts';
import { driverConformance } from './driver-cases.ts';

/** The driver of docs/writing-a-driver.md passes what every driver must. */
driverConformance('the example driver', {
  start: startExampleUnderTest,
  gaps: {
    'what this cloud does not have is unsupported': 'its offers can ask for nothing that it lacks',
    'an expired session is renewed once, and what was refused is carried out': 'its token does not expire',
  },
  column: null,
});
