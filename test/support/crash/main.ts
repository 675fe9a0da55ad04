import { applicableBoundaries, BOUNDARIES } from '../../../src/daemon/boundaries.ts';
import { booterTestbed, ec2Testbed, had, htcondorTestbed, stopTestbeds } from '../testbed.ts';
import { bounds, crashRun } from './run.ts';
import { allRounds, unvisited } from './visits.ts';

/**
 * The long form of the crash test: every applicable boundary TIMES times (3 by default), on real servers of its own.
 * Progress on standard error, one JSON summary on standard output; exit code 1 if a promise was broken or a boundary
 * was not come by.
 */
const times = Number(process.argv[2] ?? '3');
if (!Number.isInteger(times) || times < 1) throw new Error('usage: crash-test [TIMES]');

const say = (line: string): void => {
  process.stderr.write(`[${String(Math.round(performance.now() / 1000)).padStart(4)} s] ${line}\n`);
};
const rounds = allRounds(times);
const forgotten = unvisited(rounds);
if (forgotten.length > 0) throw new Error(`no round comes by ${forgotten.join(', ')}`);

const pool = await htcondorTestbed('crash-long');
const ec2 = await ec2Testbed('crash-long');
const booter = await booterTestbed('crash-long', { endpoint: had(ec2).endpoint });
try {
  had(ec2).setLevers({ boot_seconds: 1, stop_seconds: 1, hide_seconds: 2 });
  const report = await crashRun({
    pool: had(pool),
    ec2: had(ec2),
    booter: had(booter),
    site: 'crash-long',
    rounds,
    say,
  });
  const tooFew = applicableBoundaries
    .map(({ name }) => name)
    .filter((name) => (report.visits[name] ?? 0) < times);
  const isKept =
    tooFew.length +
      report.doubles.length +
      report.unowned.length +
      report.lost.length +
      report.evictions +
      report.boundsViolations.length ===
    0;
  const notApplicable = BOUNDARIES.length - applicableBoundaries.length;
  const summary = {
    passed: isKept,
    applicable: applicableBoundaries.length,
    notApplicable,
    times,
    tooFew,
    bounds,
    ...report,
  };
  process.stdout.write(`${JSON.stringify(summary, null, 2)}\n`);
  process.exitCode = isKept ? 0 : 1;
} finally {
  await stopTestbeds(booter, ec2, pool);
}
