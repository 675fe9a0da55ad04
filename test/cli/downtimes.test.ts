import { describe, expect, test } from 'vitest';
import { startTestApi, type TestApi } from '../support/apiServer.ts';
import { cli } from '../support/runCli.ts';

const ask = (api: TestApi, ...args: readonly string[]) => cli(args, { env: { SPILLWAY_SOCKET: api.socket } });
const add = (api: TestApi, ...args: readonly string[]) =>
  ask(api, 'downtime', 'add', '--reason', 'works', ...args);

describe('spillway downtime', () => {
  test('add sends what is declared: of a cloud, from a moment on, for a while', async () => {
    await using api = await startTestApi();
    const run = await add(
      api,
      '--cloud',
      'ec2',
      '--from',
      '2027-03-01T08:00Z',
      '--for',
      '4h',
      '--drain-ahead',
      '2h',
      '--force',
    );
    expect(run).toMatchObject({ code: 0, stderr: '' });
    expect(api.control.writes).toEqual([
      {
        addDowntime: {
          scope: { kind: 'cloud', cloud: 'ec2' },
          fromWallMs: Date.UTC(2027, 2, 1, 8),
          toWallMs: Date.UTC(2027, 2, 1, 12),
          reason: 'works',
          force: true,
          drainAheadMs: 7_200_000,
        },
      },
    ]);
  });

  test('without a name it is of the site, without a begin it begins now', async () => {
    await using api = await startTestApi();
    await add(api, '--to', '2100-01-01T00:00Z');
    expect(api.control.writes).toMatchObject([
      { addDowntime: { scope: { kind: 'site' }, fromWallMs: null, toWallMs: Date.UTC(2100, 0, 1) } },
    ]);
  });

  test.each([
    ['neither an end nor a length', []],
    ['both', ['--to', '2100-01-01T00:00Z', '--for', '1h']],
    ['a cloud and a pool', ['--for', '1h', '--cloud', 'ec2', '--pool', 'small']],
    ['no such moment', ['--to', '2100-02-30T00:00Z']],
    ['a moment without a zone', ['--to', '2100-02-03T00:00']],
  ])('add with %s is a wrong command line', async (_, args) => {
    await using api = await startTestApi();
    expect((await add(api, ...args)).code).toBe(2);
    expect(api.control.writes).toEqual([]);
  });

  test('list and end', async () => {
    await using api = await startTestApi();
    const list = await ask(api, 'downtime', 'list');
    expect(list.stdout).toContain('d1');
    expect(list.stdout).toContain('drains in 1h');
    expect(await ask(api, 'downtime', 'end', 'd1')).toMatchObject({ code: 0 });
    expect(await ask(api, 'downtime', 'end', 'd9')).toMatchObject({ code: 5 });
  });
});
