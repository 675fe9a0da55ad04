import { afterAll, describe, expect, it } from 'vitest';
import { crashRun } from '../support/crash/run.ts';
import { boundariesOf, shortRounds } from '../support/crash/visits.ts';
import {
  booterTestbed,
  ec2Testbed,
  had,
  htcondorTestbed,
  isMissing,
  stopTestbeds,
} from '../support/testbed.ts';

/** The short form; `npm run crash-test` is the whole of it. */
const pool = await htcondorTestbed('crash');
const ec2 = await ec2Testbed('crash');
const booter = isMissing(ec2) ? ec2 : await booterTestbed('crash', { endpoint: ec2.endpoint });
const missing = [pool, ec2, booter].some(isMissing);
afterAll(() => stopTestbeds(booter, ec2, pool));

describe.skipIf(missing)('killed again and again', { timeout: 180_000 }, () => {
  it('doubles no machine, leaves none, keeps its bounds and evicts no job', async () => {
    // A list that lags longer than a restart takes: a daemon that forgets a call makes it again.
    had(ec2).setLevers({ boot_seconds: 1, stop_seconds: 1, hide_seconds: 5 });
    const report = await crashRun({
      pool: had(pool),
      ec2: had(ec2),
      booter: had(booter),
      site: 'crash',
      rounds: shortRounds,
      say: (line) => process.stderr.write(`${line}\n`),
    });
    expect(report).toMatchObject({
      visits: Object.fromEntries([...boundariesOf(shortRounds)].map((boundary) => [boundary, 1])),
      secondKills: 2,
      machines: { dying: 1, steady: 1 },
      doubles: [],
      unowned: [],
      lost: [],
      evictions: 0,
      boundsViolations: [],
    });
    expect(report.jobs).toBeGreaterThanOrEqual(4);
  });
});
