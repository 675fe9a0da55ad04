import { describe, expect, test } from 'vitest';
import type { AccountingView } from '../../src/api/accounting.ts';
import { accountingSchema } from '../../src/api/schema/accounting.ts';
import { exitCodes } from '../../src/cli/exit.ts';
import { csvOfAccounting, renderAccounting } from '../../src/cli/show/accounting.ts';
import { createStyle } from '../../src/cli/table.ts';
import { startTestApi } from '../support/apiServer.ts';
import { cli } from '../support/runCli.ts';

const row = {
  machines: 2,
  machineSeconds: 5400,
  coreSeconds: 21_600,
  memoryMiBSeconds: 1024 * 3600 * 3,
  busySeconds: 1800,
  busyCoreSeconds: 1801,
  jobs: 7,
};
const view: AccountingView = {
  nowMs: 0,
  from: '2026-11-01',
  to: '2026-11-23',
  by: ['user', 'day'],
  rows: [
    {
      ...row,
      keys: { user: 'ann, "the\n1st"', day: '2026-11-02' },
      costs: [{ currency: 'EUR', amount: 1.5 }],
    },
    { ...row, keys: { user: null, day: '2026-11-03' }, costs: [{ currency: 'USD', amount: 0.0123 }] },
  ],
};

describe('what was used', () => {
  test('as a table', () => {
    expect(renderAccounting(view, createStyle(false)).map((line) => line.trimEnd())).toEqual([
      'from 2026-11-01 up to 2026-11-23, which is not in it',
      'USER                DAY         MACHINES  MACHINE-H  CORE-H  GIB-H  BUSY-H  BUSY CORE-H  JOBS        COST',
      'ann, "the\\u{a}1st"  2026-11-02         2       1.50    6.00   3.00    0.50         0.50     7    1.50 EUR',
      '-                   2026-11-03         2       1.50    6.00   3.00    0.50         0.50     7  0.0123 USD',
    ]);
    expect(renderAccounting({ ...view, rows: [] }, createStyle(false))).toEqual([
      'nothing was used from 2026-11-01 up to 2026-11-23, which is not in it',
    ]);
  });

  test('as comma-separated values, one line each whatever is in a name', () => {
    expect(csvOfAccounting(view)).toEqual([
      'user,day,machines,machine_hours,core_hours,memory_gib_hours,busy_hours,busy_core_hours,jobs,cost_EUR,cost_USD',
      '"ann, ""the\\u{a}1st""",2026-11-02,2,1.5,6,3,0.5,0.500278,7,1.5,0',
      ',2026-11-03,2,1.5,6,3,0.5,0.500278,7,0,0.0123',
    ]);
  });

  test('is asked of the daemon', async () => {
    await using api = await startTestApi();
    const ask = (...args: string[]) => cli(['accounting', ...args, '--socket', api.socket]);
    const told = await ask('--from', '2026-10', '--to', '2026-11-05', '--by', 'pool, month', '--json');
    expect(told).toMatchObject({ code: 0, stderr: '' });
    expect(accountingSchema.parse(JSON.parse(told.stdout)).by).toEqual(['pool', 'month']);
    expect((await ask('--csv')).stdout.split('\n')[0]).toMatch(/^user,machines,/);
    expect((await ask()).stdout).toContain('1.50 EUR');
  });

  test.each([
    [['--from', '2026-02-30'], 'day'],
    [['--by', 'colour'], 'some of user'],
    [['--by', 'user,user'], 'each once'],
    [['--csv', '--json'], 'cannot be used with'],
  ])('%j is no question', async (args, why) => {
    const refused = await cli(['accounting', ...args]);
    expect(refused.code).toBe(exitCodes.usage);
    expect(refused.stderr).toContain(why);
  });
});

describe('usage records', () => {
  test('are put by the daemon where it is told, or where its config says', async () => {
    await using api = await startTestApi();
    const told = await cli(['accounting', 'apel', '--out', 'outgoing', '--socket', api.socket]);
    expect(told).toEqual({ code: 0, stdout: '/srv/outgoing: 3 records in 1 message\n', stderr: '' });
    const json = await cli(['accounting', 'apel', '--json', '--socket', api.socket]);
    expect(JSON.parse(json.stdout)).toEqual({ folder: '/var/spool/apel/outgoing', messages: 1, records: 3 });
    expect(api.control.writes).toEqual([{ reportUsage: '/srv/outgoing' }, { reportUsage: null }]);
  });
});
