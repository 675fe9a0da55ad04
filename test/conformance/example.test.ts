import { startExampleUnderTest } from '../support/example-cloud/under-test.ts';
import { driverConformance } from './driver-cases.ts';

/** The driver of docs/writing-a-driver.md passes what every driver must. */
driverConformance('the example driver', { start: startExampleUnderTest, gaps: {}, column: null });
