import type { SeedReport } from '../../simulate/run.ts';
import { counted, span } from '../format.ts';
import { printable } from '../table.ts';

/** For people: the figures of each seed, with units, and what they are to be compared with. */
export function renderSeeds(reports: readonly SeedReport[]): readonly string[] {
  return reports.flatMap((report, at) => [...(at > 0 ? [''] : []), ...renderSeed(report)]);
}

function renderSeed(report: SeedReport): readonly string[] {
  const { oracleObjective, fixedObjective } = report;
  const rows: readonly (readonly [string, string])[] = [
    [
      'policy',
      report.idleSeconds === null ? report.policy : `${report.policy}, idle ${report.idleSeconds} s`,
    ],
    ['jobs', `${report.done} of ${report.jobs} done${report.interrupted ? ', interrupted' : ''}`],
    ...(report.leftOut === 0
      ? []
      : ([
          ['left out', `${counted(report.leftOut, 'job')}: more machines at once than any pool may have`],
        ] as const)),
    ['simulated', span(report.simulatedSeconds * 1000)],
    [
      'wait',
      `${seconds(report.waitMeanSeconds)} on average, 95 of 100 below ${seconds(report.waitP95Seconds)}`,
    ],
    ...(report.slowdownMean === null ? [] : ([['slowdown', report.slowdownMean.toFixed(2)]] as const)),
    ['cost', `${money(report.cost)}${share(report.cost, report.busyCost, 'of the work alone')}`],
    [
      'cost and wait',
      `${money(report.objective)}${share(report.objective, oracleObjective, 'of the oracle’s')}`,
    ],
    ...(fixedObjective === null ? [] : ([['best fixed idle', money(fixedObjective)]] as const)),
    [
      'machines',
      `${counted(report.launches, 'launch', 'launches')}, ${counted(report.terminations, 'termination')}`,
    ],
    ['calls', `${counted(report.apiCalls, 'call')} to clouds, ${counted(report.polls, 'poll')} of queues`],
    ['thrash', String(report.thrash)],
    ['jobs killed', String(report.jobsKilled)],
    ['violations', String(report.violations.length)],
  ];
  const width = Math.max(...rows.map(([name]) => name.length));
  return [
    `seed ${report.seed}`,
    ...rows.map(([name, value]) => `  ${name.padEnd(width)}  ${value}`),
    ...report.violations.flatMap(({ invariant, atSeconds, what, command }) => [
      printable(`  ${invariant} at ${atSeconds} s: ${what}`),
      printable(`    replay: ${command}`),
    ]),
  ];
}

const money = (value: number): string => value.toFixed(2);
const seconds = (value: number): string => `${value.toFixed(1)} s`;

function share(value: number, of: number | null, what: string): string {
  return of === null || of === 0 ? '' : `, ${(value / of).toFixed(3)} × ${what} (${money(of)})`;
}
