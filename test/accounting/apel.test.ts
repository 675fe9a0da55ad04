import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ApelSite, apelHeader, recordsPerMessageMax, reportUse } from '../../src/accounting/apel.ts';
import type { MachineUse, UnreportedMachine } from '../../src/model/accounting.ts';
import { windowAt } from '../../src/model/periods.ts';
import { aMachineUse } from '../conformance/account-cases.ts';

const site: ApelSite = {
  siteName: 'EXAMPLE-T2',
  cloudComputeService: null,
  benchmark: { type: 'HEPscore23', value: 12.5 },
  fqans: new Map([['physics', '/vo.example.org']]),
  globalUserNames: new Map([['ann', '/DC=org/DC=example/CN=Ann']]),
  cloudType: (cloud) => (cloud === 'east' ? 'ec2' : null),
};

/** The records of a message as its receiver reads them: cut at each `%%`, then at whatever Python takes for a line's end. */
function recordsOf(text: string): Record<string, string>[] {
  const [header = '', ...lines] = text.split('\n');
  expect(header).toBe(apelHeader);
  const parts = lines.join('\n').split('%%');
  expect(parts.pop()).toBe('\n');
  return parts.map((part) =>
    Object.fromEntries(
      part
        .trim()
        .split(/[\p{Cc}\p{Zl}\p{Zp}]/u)
        .map((line) => {
          const at = line.indexOf(':');
          return [line.slice(0, at), line.slice(at + 1).trim()];
        }),
    ),
  );
}

const at = (text: string) => Date.parse(text);
const november = at('2026-11-01T00:00:00Z');
const december = at('2026-12-01T00:00:00Z');
const january = at('2027-01-01T00:00:00Z');
const fresh = (machine: MachineUse): UnreportedMachine => ({ machine, reportedUntilMs: null });
const read = (machines: readonly UnreportedMachine[], monthMs: number) => {
  const { texts, marks } = reportUse(machines, { monthMs, site });
  return { records: texts.flatMap(({ text }) => recordsOf(text)), marks };
};

const short = aMachineUse('farm-abc-0', {
  group: 'physics',
  resources: { cpus: 4, memoryMiB: 8192, diskMiB: 20_481, gpus: 0 },
  startedAtMs: at('2026-11-22T10:00:00.900Z'),
  endedAtMs: at('2026-11-22T12:00:01.100Z'),
  busyMs: 3_600_000,
  busyCoreMs: 7_200_999,
  jobs: 2,
});
const long = aMachineUse('farm-xyz-0', {
  user: null,
  cloud: 'gone' as never,
  startedAtMs: at('2026-11-30T23:00:00Z'),
  uses: [{ user: 'bob', group: null, cpus: 2, jobIds: ['1'] }],
  sinceMs: at('2026-11-30T23:30:00Z'),
});

describe('usage records', () => {
  test('say all of a machine that has ended, once', () => {
    const { records, marks } = read([fresh(short)], november);
    expect(records).toEqual([
      {
        VMUUID: '2026-11-22T10:00Z EXAMPLE-T2 farm-abc-0',
        SiteName: 'EXAMPLE-T2',
        CloudComputeService: 'east',
        MachineName: 'farm-abc-0',
        LocalUserId: 'ann',
        LocalGroupId: 'physics',
        GlobalUserName: '/DC=org/DC=example/CN=Ann',
        FQAN: '/vo.example.org',
        Status: 'completed',
        StartTime: '1795341600',
        EndTime: '1795348801',
        SuspendDuration: '0',
        WallDuration: '7201',
        CpuDuration: '7200',
        CpuCount: '4',
        Memory: '8192',
        Disk: '21',
        BenchmarkType: 'HEPscore23',
        Benchmark: '12.5',
        ImageId: 'small',
        CloudType: 'ec2',
      },
    ]);
    expect(marks).toEqual([{ instance: 'farm-abc-0', untilMs: short.endedAtMs }]);
    expect(read([{ machine: short, reportedUntilMs: short.endedAtMs }], november)).toMatchObject({
      marks: [],
    });
  });

  test('count a machine that goes on up to the last second of each month, and from its start', () => {
    const first = read([fresh(long)], december);
    expect(first.records).toMatchObject([{ Status: 'started', WallDuration: '3599', CpuDuration: '3600' }]);
    expect(first.records[0]).not.toHaveProperty('EndTime');
    expect(first.records[0]).not.toHaveProperty('LocalUserId');
    expect(first.records[0]).not.toHaveProperty('CloudType');
    expect(first.marks).toEqual([{ instance: 'farm-xyz-0', untilMs: december }]);

    const endedAtMs = december + 60_000;
    const ended = { ...long, uses: [], busyCoreMs: 3_660_000, endedAtMs };
    const second = read([{ machine: ended, reportedUntilMs: december }], december);
    expect(second.records).toMatchObject([
      { Status: 'completed', WallDuration: '3660', CpuDuration: '3660', EndTime: '1796083260' },
    ]);
  });

  test('of a month that was over before it was reported are made up for', () => {
    const ended = {
      ...long,
      uses: [],
      busyCoreMs: 9000,
      month: { index: windowAt('month', december).index, busyCoreMs: 4000 },
      endedAtMs: january + 1000,
    };
    expect(read([fresh(ended)], january).records).toMatchObject([
      { Status: 'started', WallDuration: '3599', CpuDuration: '4' },
      { Status: 'started', WallDuration: String(3599 + 31 * 86_400) },
      { Status: 'completed', WallDuration: String(3601 + 31 * 86_400), CpuDuration: '9' },
    ]);
  });

  test('are none of a machine whose month goes on', () => {
    expect(read([fresh(long)], november)).toEqual({ records: [], marks: [] });
  });

  test('are at most so many in a message', () => {
    const machines = Array.from({ length: recordsPerMessageMax + 1 }, (_, n) =>
      fresh({ ...short, instance: `i${n}` as never }),
    );
    expect(reportUse(machines, { monthMs: november, site }).texts.map(({ records }) => records)).toEqual([
      recordsPerMessageMax,
      1,
    ]);
  });

  test('stay what they are, whatever is in a name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', maxLength: 400 }), (name) => {
        const { records } = read(
          [fresh({ ...short, user: `${name}\n%%\nVMUUID: x`, group: name })],
          november,
        );
        expect(records).toHaveLength(1);
        expect(records[0]).toMatchObject({ MachineName: 'farm-abc-0', Status: 'completed' });
      }),
    );
  });

  /** As the receiver does: one record for each VMUUID and month, the difference to the one before. */
  test('add up to the machine’s life, month by month, in however many goes they are made', () => {
    const month = fc.integer({ min: 0, max: 5 });
    fc.assert(
      fc.property(
        fc.nat({ max: 86_400 * 100 }),
        fc.nat({ max: 86_400 * 70 }),
        fc.array(month, { maxLength: 4 }),
        (startS, lifeS, goes) => {
          const startedAtMs = november + startS * 1000;
          const endedAtMs = startedAtMs + lifeS * 1000;
          const walls = new Map<number, number>();
          let reportedUntilMs: number | null = null;
          const report = (monthMs: number, ended: boolean) => {
            const machine = { ...short, startedAtMs, endedAtMs: ended ? endedAtMs : null };
            const { records, marks } = read([{ machine, reportedUntilMs }], monthMs);
            reportedUntilMs = marks[0]?.untilMs ?? reportedUntilMs;
            for (const { StartTime, WallDuration } of records) {
              const key = windowAt('month', (Number(StartTime) + Number(WallDuration)) * 1000).index;
              expect(walls.has(key)).toBe(false);
              walls.set(key, Number(WallDuration));
            }
          };
          for (const n of goes.toSorted((a, b) => a - b)) {
            const monthMs = Date.UTC(2026, 10 + n);
            if (monthMs < endedAtMs) report(monthMs, false);
          }
          report(windowAt('month', endedAtMs).startMs, true);
          const inOrder = [...walls].toSorted(([a], [b]) => a - b);
          expect(inOrder.at(-1)?.[1]).toBe(lifeS);
          for (const [at, [key, wall]] of inOrder.entries()) {
            const begin = windowAt('month', startedAtMs).index;
            expect(key).toBe(begin + at);
            expect(wall).toBeGreaterThanOrEqual(inOrder[at - 1]?.[1] ?? 0);
          }
        },
      ),
    );
  });
});
