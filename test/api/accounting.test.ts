import { Client } from 'undici';
import { describe, expect, test } from 'vitest';
import { AccessError } from '../../src/api/access.ts';
import type { AccountingQuery } from '../../src/api/accounting.ts';
import { guardControl } from '../../src/api/guard.ts';
import type { AccessGrant } from '../../src/model/access.ts';
import { PoolName } from '../../src/model/ids.ts';
import { keepLog, startTestApi } from '../support/apiServer.ts';
import { createFixtureControl } from '../support/fixtureControl.ts';

const grant = (over: Partial<AccessGrant>): AccessGrant => ({
  name: 'monitor',
  role: 'operate',
  pools: new Set([PoolName('gpu')]),
  wholeSite: false,
  leaseUsers: 'own',
  requestsPerSecond: 10,
  ...over,
});
const query: AccountingQuery = { fromDay: null, toDay: null, by: ['pool'], pools: null };

describe('over the network', () => {
  test('a token sees what its pools have used', () => {
    const control = createFixtureControl();
    const poolsOf = (over: Partial<AccessGrant>) =>
      guardControl(control, grant(over), keepLog([]))
        .accounting(query)
        .rows.map(({ keys }) => keys.pool);
    expect(poolsOf({})).toEqual(['gpu']);
    expect(poolsOf({ wholeSite: true })).toEqual(['batch', 'gpu']);
  });

  test('nobody has the daemon write folders of its host', async () => {
    const control = createFixtureControl();
    const operator = guardControl(control, grant({ wholeSite: true }), keepLog([]));
    await expect(operator.reportUsage('/etc')).rejects.toThrow(AccessError);
    expect(control.writes).toEqual([]);
  });
});

describe('what is asked', () => {
  test.each([
    '?from=2026-13-01',
    '?from=2026-02-30',
    '?to=yesterday',
    '?by=user,user',
    '?by=colour',
    '?days=3',
  ])('%s is invalid', async (search) => {
    await using api = await startTestApi();
    const client = new Client('http://spillway', { socketPath: api.socket });
    const { statusCode, body } = await client.request({ method: 'GET', path: `/v1/accounting${search}` });
    expect([statusCode, JSON.parse(await body.text())]).toMatchObject([400, { error: { code: 'invalid' } }]);
    await client.close();
  });

  test.each([{ folder: 'here' }, { folder: '' }, { out: '/x' }])(
    'a report into %j is none',
    async (order) => {
      await using api = await startTestApi();
      const client = new Client('http://spillway', { socketPath: api.socket });
      const { statusCode, body } = await client.request({
        method: 'POST',
        path: '/v1/accounting/report',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(order),
      });
      await body.dump();
      expect(statusCode).toBe(400);
      expect(api.control.writes).toEqual([]);
      await client.close();
    },
  );
});
