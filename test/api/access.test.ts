import { Client } from 'undici';
import { describe, expect, test } from 'vitest';
import { digestOf, tokenOf } from '../../src/api/access.ts';
import { instanceListSchema } from '../../src/api/schema/instances.ts';
import { journalSchema } from '../../src/api/schema/journal.ts';
import { leaseListSchema, leaseSchema } from '../../src/api/schema/leases.ts';
import { planSchema } from '../../src/api/schema/plan.ts';
import { statusSchema } from '../../src/api/schema/status.ts';
import { hostClock } from '../../src/daemon/clock.ts';
import type { AccessToken } from '../../src/model/access.ts';
import { startTestApi, type TestApi } from '../support/apiServer.ts';
import { secretOf, testTokens, tokenNamed } from '../support/apiTokens.ts';

const plainLoopback = { address: '127.0.0.1', port: 0, tls: null };
const open = (tokens: readonly AccessToken[] = testTokens) =>
  startTestApi(hostClock, { listen: [plainLoopback], tokens });

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  readonly body: unknown;
}

/** Asks over the network, in a token's name. */
async function ask(
  api: TestApi,
  token: string | null,
  method: string,
  path: string,
  body?: unknown,
): Promise<Answer> {
  const [address] = api.api.addresses;
  const client = new Client(`http://127.0.0.1:${address?.port}`);
  try {
    const {
      statusCode,
      headers,
      body: text,
    } = await client.request({
      method,
      path,
      headers: {
        ...(token === null ? {} : { authorization: `Bearer ${secretOf(token)}` }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    return { status: statusCode, headers, body: await text.json() };
  } finally {
    await client.destroy();
  }
}

const codeOf = ({ body }: Answer) => (body as { error?: { code: string } }).error?.code ?? 'ok';
const outcome = async (...args: Parameters<typeof ask>) => {
  const answer = await ask(...args);
  return `${answer.status} ${codeOf(answer)}`;
};

const wish = (pool: string, more: object = {}) => ({ pool, user: 'ann', ...more });

describe('who may ask', () => {
  test('nobody without a good token, on no page at all', async () => {
    await using api = await open();
    for (const path of ['/v1/status', '/v1/openapi.json', '/v1/nothing', '/v1/stream', '/web', '/nothing']) {
      const answer = await ask(api, null, 'GET', path);
      expect(answer).toMatchObject({ status: 401, headers: { 'www-authenticate': 'Bearer' } });
      expect(codeOf(answer)).toBe('unauthorized');
    }
    expect(await outcome(api, 'stranger', 'GET', '/v1/status')).toBe('401 unauthorized');
    expect(await outcome(api, null, 'DELETE', '/v1/status')).toBe('401 unauthorized');
    expect(await outcome(api, 'seesAll', 'GET', '/v1/status')).toBe('200 ok');
    expect(api.logged).toEqual([]);
  });

  test.each([
    [undefined, null],
    ['', null],
    [secretOf('seesAll'), null],
    [`Basic ${secretOf('seesAll')}`, null],
    ['Bearer ', null],
    [`Bearer ${secretOf('seesAll').slice(1)}`, null],
    [`Bearer ${secretOf('seesAll')} more`, null],
    [`Bearer ${secretOf('seesAll')}`, 'seesAll'],
    [`bearer   ${secretOf('seesAll')}`, 'seesAll'],
    [`Bearer ${secretOf('runsSmall')}`, 'runsSmall'],
  ])('the header %j', (header, name) => {
    expect(tokenOf(header, testTokens)?.name ?? null).toBe(name);
  });

  test('a stranger who keeps guessing is told to wait; who has a token is not held up by it', async () => {
    await using api = await open();
    const seen = new Set<string>();
    for (let guess = 0; guess < 30; guess++)
      seen.add(await outcome(api, `guess${guess}`, 'GET', '/v1/status'));
    expect([...seen]).toEqual(['401 unauthorized', '429 tooManyRequests']);
    const { headers } = await ask(api, null, 'GET', '/v1/status');
    expect(Number(headers['retry-after'])).toBeGreaterThanOrEqual(1);
    expect(await outcome(api, 'seesAll', 'GET', '/v1/status')).toBe('200 ok');
  });

  test('a token is bound to its rate', async () => {
    const slow = { ...tokenNamed('seesAll'), requestsPerSecond: 1 };
    await using api = await open([slow]);
    const seen: string[] = [];
    for (let at = 0; at < 8; at++) seen.push(await outcome(api, 'seesAll', 'GET', '/v1/status'));
    expect(seen.slice(0, 5)).toEqual(Array(5).fill('200 ok'));
    expect(seen.at(-1)).toBe('429 tooManyRequests');
  });
});

interface Page {
  readonly method: string;
  readonly path: string;
  readonly body?: object;
}

/** Every page that changes something in pool `small`. */
const pages: readonly Page[] = [
  { method: 'POST', path: '/v1/instances', body: { pool: 'small' } },
  { method: 'POST', path: '/v1/instances/i1-0/drain' },
  { method: 'POST', path: '/v1/instances/i1-1/undrain' },
  { method: 'POST', path: '/v1/instances/i1-0/terminate' },
  { method: 'POST', path: '/v1/pools/small/pause' },
  { method: 'POST', path: '/v1/pools/small/resume' },
  { method: 'POST', path: '/v1/pools/small/scale', body: { min: 1 } },
  { method: 'POST', path: '/v1/downtimes', body: { pool: 'small', toWallMs: 4e12, reason: 'works' } },
];

describe('what a role may do', () => {
  test.each(pages)('$method $path is an operator’s, in his own pool', async ({ method, path, body }) => {
    await using api = await open();
    expect(await outcome(api, 'seesAll', method, path, body)).toBe('403 forbidden');
    expect(await outcome(api, 'lendsSmall', method, path, body)).toBe('403 forbidden');
    expect(await outcome(api, 'runsLarge', method, path, body)).toBe('403 forbidden');
    expect(api.control.writes).toEqual([]);
    expect(await outcome(api, 'runsSmall', method, path, body)).toBe('200 ok');
    expect(await outcome(api, 'runsAll', method, path, body)).toBe('200 ok');
    expect(api.control.writes).toHaveLength(2);
    expect(api.logged).toEqual(Array(2).fill('info: ordered over the network'));
  });

  test('what concerns more than its pools is not an operator’s of some', async () => {
    await using api = await open();
    const site = { toWallMs: 4e12, reason: 'works' };
    const orders: readonly (readonly [path: string, body?: object])[] = [
      ['/v1/downtimes', site],
      ['/v1/downtimes', { ...site, cloud: 'ec2' }],
      ['/v1/downtimes/d1/end'],
    ];
    for (const [path, body] of orders) {
      expect(await outcome(api, 'runsSmall', 'POST', path, body)).toBe('403 forbidden');
      expect(await outcome(api, 'runsAll', 'POST', path, body)).toBe('200 ok');
    }
  });

  test('an instance that there is not, of no pool', async () => {
    await using api = await open();
    expect(await outcome(api, 'runsSmall', 'POST', '/v1/instances/i9-9/drain')).toBe('404 unknownInstance');
    expect(await outcome(api, 'runsAll', 'POST', '/v1/instances/i9-9/drain')).toBe('404 unknownInstance');
  });
});

describe('leases', () => {
  const borrow = async (api: TestApi, token: string, pool = 'small', more: object = {}) =>
    leaseSchema.parse((await ask(api, token, 'POST', '/v1/leases', wish(pool, more))).body);

  test('are asked for by role and pool, in the token’s own name unless it may speak for others', async () => {
    await using api = await open();
    expect(await outcome(api, 'seesAll', 'POST', '/v1/leases', wish('small'))).toBe('403 forbidden');
    expect(await outcome(api, 'lendsSmall', 'POST', '/v1/leases', wish('large'))).toBe('403 forbidden');
    expect(await outcome(api, 'lendsSmall', 'POST', '/v1/leases', wish('none'))).toBe('403 forbidden');
    expect(await outcome(api, 'runsAll', 'POST', '/v1/leases', wish('none'))).toBe('404 unknownPool');
    const own = await borrow(api, 'lendsSmall');
    expect(own.lease).toMatchObject({ user: 'lendsSmall', holder: 'lendsSmall' });
    expect(own.access?.kind).toBe('local');
    expect((await borrow(api, 'headNode')).lease).toMatchObject({ user: 'ann', holder: 'headNode' });
    const first = wish('small', { priority: 1 });
    expect(await outcome(api, 'lendsSmall', 'POST', '/v1/leases', first)).toBe('403 forbidden');
    expect(await outcome(api, 'headNode', 'POST', '/v1/leases', first)).toBe('200 ok');
  });

  test('are renewed and given back by their holder or an operator of the pool', async () => {
    await using api = await open();
    const { lease } = await borrow(api, 'lendsSmall');
    for (const token of ['seesAll', 'headNode', 'lendsLarge', 'runsLarge'])
      for (const word of ['renew', 'return'])
        expect(await outcome(api, token, 'POST', `/v1/leases/${lease.id}/${word}`)).toBe('403 forbidden');
    expect(await outcome(api, 'lendsSmall', 'POST', `/v1/leases/${lease.id}/renew`)).toBe('200 ok');
    expect(await outcome(api, 'runsSmall', 'POST', `/v1/leases/${lease.id}/renew`)).toBe('200 ok');
    expect(await outcome(api, 'lendsSmall', 'POST', `/v1/leases/${lease.id}/return`)).toBe('200 ok');
    expect(await outcome(api, 'lendsSmall', 'POST', '/v1/leases/fix-99/renew')).toBe('404 unknownLease');
  });

  test('the way to the machine is not shown to others, who see that there is a lease', async () => {
    await using api = await open();
    const { lease } = await borrow(api, 'lendsSmall');
    const access = async (token: string, path: string) =>
      leaseSchema.parse((await ask(api, token, 'GET', path)).body).access;
    for (const path of [`/v1/leases/${lease.id}`, `/v1/leases/${lease.id}?from=waiting`]) {
      expect(await access('lendsSmall', path)).not.toBeNull();
      expect(await access('runsSmall', path)).not.toBeNull();
      expect(await access('seesAll', path)).toBeNull();
      expect(await access('headNode', path)).toBeNull();
      expect(await outcome(api, 'lendsLarge', 'GET', path)).toBe('403 forbidden');
    }
    const listed = async (token: string, query = '') =>
      leaseListSchema.parse((await ask(api, token, 'GET', `/v1/leases${query}`)).body).leases;
    expect(await listed('lendsLarge')).toEqual([]);
    expect(await listed('seesAll')).toMatchObject([{ lease: { id: lease.id }, access: null }]);
    expect(await listed('seesAll', '?pool=large')).toEqual([]);
    expect(await listed('seesAll', '?pool=small&state=held&user=lendsSmall')).toHaveLength(1);
    expect(await listed('seesAll', '?state=waiting')).toEqual([]);
  });
});

describe('views hold what is of the token’s pools', () => {
  const view = async (api: TestApi, token: string, path: string) => (await ask(api, token, 'GET', path)).body;

  test('status', async () => {
    await using api = await open();
    const small = statusSchema.parse(await view(api, 'runsSmall', '/v1/status'));
    expect(small.pools.map(({ name }) => name)).toEqual(['small']);
    expect(small.money.spending.map(({ name }) => name)).toEqual(['small']);
    expect(small.alarms).toEqual([]);
    expect(small.clouds.map(({ setAside, quota }) => ({ setAside, quota }))).toEqual([
      { setAside: [], quota: null },
    ]);
    const all = statusSchema.parse(await view(api, 'seesAll', '/v1/status'));
    expect(all.pools.map(({ name }) => name)).toEqual(['small', 'large']);
    const none = statusSchema.parse(await view(api, 'seesNone', '/v1/status'));
    expect({ pools: none.pools, queues: none.queues }).toEqual({ pools: [], queues: [] });
  });

  test('the plan', async () => {
    await using api = await open();
    const small = planSchema.parse(await view(api, 'runsSmall', '/v1/plan'));
    expect(small.launches.map(({ pool }) => pool)).toEqual(['small']);
    expect(planSchema.parse(await view(api, 'seesNone', '/v1/plan'))).toMatchObject({
      launches: [],
      demand: [],
    });
  });

  test('instances', async () => {
    await using api = await open();
    const ids = async (token: string, query: string) =>
      instanceListSchema.parse(await view(api, token, `/v1/instances${query}`)).instances.map(({ id }) => id);
    expect(await ids('runsLarge', '')).toEqual(['i2-0']);
    expect(await ids('runsSmall', '?ended=true&limit=2')).toEqual(['i1-0', 'i1-1']);
    expect(await outcome(api, 'runsSmall', 'GET', '/v1/instances?pool=large')).toBe('403 forbidden');
    expect(await outcome(api, 'runsSmall', 'GET', '/v1/instances/i2-0')).toBe('403 forbidden');
    expect(await outcome(api, 'runsSmall', 'GET', '/v1/explain/instance/i1-0')).toBe('200 ok');
  });

  test('the journal', async () => {
    await using api = await open();
    const numbers = async (token: string, query = '') =>
      journalSchema.parse(await view(api, token, `/v1/journal${query}`)).entries.map(({ number }) => number);
    expect(await numbers('seesAll')).toEqual([42, 17, 9]);
    expect(await numbers('runsSmall')).toEqual([42, 9]);
    expect(await numbers('runsSmall', '?limit=1')).toEqual([42]);
    expect(await numbers('runsLarge')).toEqual([]);
    expect(await outcome(api, 'runsLarge', 'GET', '/v1/journal?pool=small')).toBe('403 forbidden');
  });

  test('a job', async () => {
    await using api = await open();
    const path = '/v1/explain/job/9.0%40schedd';
    expect(await outcome(api, 'seesNone', 'GET', path)).toBe('403 forbidden');
    expect(await outcome(api, 'seesAll', 'GET', path)).toBe('200 ok');
    expect(await outcome(api, 'seesNone', 'GET', '/v1/explain/job/1.0')).toBe('404 unknownJob');
  });
});

test('the unix socket asks for no token, even where one is shown', async () => {
  await using api = await open();
  const client = new Client('http://spillway', { socketPath: api.socket });
  for (const headers of [{}, { authorization: 'Bearer nobody' }]) {
    const { statusCode, body } = await client.request({ method: 'GET', path: '/v1/status', headers });
    await body.dump();
    expect(statusCode).toBe(200);
  }
  await client.close();
});

test('digests are of the bytes', () => {
  expect(Buffer.from(digestOf('abc')).toString('hex')).toMatch(/^ba7816bf8f01cfea/);
});
