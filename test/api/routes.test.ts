import { once } from 'node:events';
import { Client } from 'undici';
import { describe, expect, test } from 'vitest';
import { apiLimits } from '../../src/api/limits.ts';
import { errorSchema } from '../../src/api/schema/error.ts';
import { instanceExplanationSchema, jobExplanationSchema } from '../../src/api/schema/explain.ts';
import {
  changeReceiptSchema,
  instanceListSchema,
  launchReceiptSchema,
} from '../../src/api/schema/instances.ts';
import { journalSchema } from '../../src/api/schema/journal.ts';
import { planSchema } from '../../src/api/schema/plan.ts';
import { poolReceiptSchema } from '../../src/api/schema/pools.ts';
import { statusSchema } from '../../src/api/schema/status.ts';
import { QueueError } from '../../src/model/errors.ts';
import { startTestApi, type TestApi } from '../support/apiServer.ts';
import {
  fixtureInstances,
  fixtureJob,
  fixtureJournal,
  fixturePlan,
  fixtureStatus,
} from '../support/fixtureControl.ts';

interface Answer {
  readonly status: number;
  readonly body: unknown;
  readonly allow: unknown;
}

async function ask(
  api: TestApi,
  method: string,
  path: string,
  options: { body?: string; type?: string } = {},
): Promise<Answer> {
  const client = new Client('http://spillway', { socketPath: api.socket });
  try {
    const { body, type = 'application/json' } = options;
    const response = await client.request({
      method,
      path,
      ...(body === undefined ? {} : { body, headers: { 'content-type': type } }),
    });
    const text = await response.body.text();
    const parsed: unknown = text === '' ? null : JSON.parse(text);
    return { status: response.statusCode, body: parsed, allow: response.headers.allow };
  } finally {
    await client.destroy();
  }
}

async function refusal(
  api: TestApi,
  method: string,
  path: string,
  options: { body?: string; type?: string } = {},
) {
  const { status, body } = await ask(api, method, path, options);
  return { status, ...errorSchema.parse(body).error };
}

const json = (value: unknown) => ({ body: JSON.stringify(value) });

describe('reads', () => {
  test.each([
    ['/v1/status', statusSchema, fixtureStatus],
    ['/v1/plan', planSchema, fixturePlan],
    ['/v1/explain/job/9.0%40schedd', jobExplanationSchema, fixtureJob],
    ['/v1/journal', journalSchema, { entries: fixtureJournal }],
  ])('%s sends what the control said, unchanged', async (path, schema, view) => {
    await using api = await startTestApi();
    const { status, body } = await ask(api, 'GET', path);
    expect(status).toBe(200);
    expect(schema.parse(body)).toEqual(view);
    expect(body).toEqual(view);
  });

  test('instances: those that have not ended, unless asked for', async () => {
    await using api = await startTestApi();
    const ids = async (query: string) => {
      const { body } = await ask(api, 'GET', `/v1/instances${query}`);
      return instanceListSchema.parse(body).instances.map((instance) => instance.id);
    };
    expect(await ids('')).toEqual(['i1-0', 'i1-1', 'i2-0']);
    expect(await ids('?ended=true')).toEqual(['i0-0', 'i1-0', 'i1-1', 'i2-0']);
    expect(await ids('?phase=ended')).toEqual(['i0-0']);
    expect(await ids('?pool=large')).toEqual(['i2-0']);
    expect(await ids('?state=Busy&cloud=ec2&offer=t-small')).toEqual(['i1-1']);
    expect(await ids('?limit=2')).toEqual(['i1-0', 'i1-1']);
  });

  test.each(['/v1/instances/i1-0', '/v1/explain/instance/i1-0'])('%s explains the instance', async (path) => {
    await using api = await startTestApi();
    const { body } = await ask(api, 'GET', path);
    const view = instanceExplanationSchema.parse(body);
    expect(view.instance).toEqual(fixtureInstances[1]);
    expect(view.journal.map((entry) => entry.number)).toEqual([9]);
  });

  test('the journal by kind and time', async () => {
    await using api = await startTestApi();
    const numbers = async (query: string) => {
      const { body } = await ask(api, 'GET', `/v1/journal${query}`);
      return journalSchema.parse(body).entries.map((entry) => entry.number);
    };
    expect(await numbers('?kinds=launch,ended')).toEqual([42, 9]);
    expect(await numbers('?limit=1')).toEqual([42]);
    expect(await numbers(`?sinceMs=${fixtureStatus.nowMs - 3_000_000}`)).toEqual([42, 17]);
  });
});

describe('writes', () => {
  test('launch passes the order on', async () => {
    await using api = await startTestApi();
    const { body } = await ask(
      api,
      'POST',
      '/v1/instances',
      json({ pool: 'small', count: 2, note: 'a test' }),
    );
    expect(launchReceiptSchema.parse(body).instances.map(({ id }) => id)).toEqual(['i3-0', 'i3-1']);
    expect(api.control.writes).toEqual([
      { launch: { pool: 'small', offer: null, count: 2, note: 'a test' } },
    ]);
  });

  test('drain, undrain and terminate, with and without a body', async () => {
    await using api = await startTestApi();
    const phase = async (path: string, options = {}) => {
      const { body } = await ask(api, 'POST', path, options);
      return changeReceiptSchema.parse(body).instance.phase;
    };
    expect(await phase('/v1/instances/i1-0/drain')).toBe('draining');
    expect(await phase('/v1/instances/i1-1/undrain')).toBe('claimed');
    expect(await phase('/v1/instances/i1-0/terminate')).toBe('draining');
    expect(await phase('/v1/instances/i1-0/terminate', json({ force: true }))).toBe('terminating');
    expect(api.control.writes).toEqual([
      { drain: 'i1-0' },
      { undrain: 'i1-1' },
      { terminate: 'i1-0', force: false },
      { terminate: 'i1-0', force: true },
    ]);
  });

  test('pause, resume and scale a pool', async () => {
    await using api = await startTestApi();
    for (const [path, body] of [
      ['/v1/pools/small/pause', {}],
      ['/v1/pools/small/resume', {}],
      ['/v1/pools/small/scale', json({ min: 2, max: null })],
    ] as const) {
      const { body: answer } = await ask(api, 'POST', path, body);
      expect(poolReceiptSchema.parse(answer)).toMatchObject({ pool: { name: 'small' }, changed: true });
    }
    expect(api.control.writes).toEqual([
      { kind: 'pause', pool: 'small' },
      { kind: 'resume', pool: 'small' },
      { kind: 'scale', pool: 'small', min: 2, max: null },
    ]);
    const wrong = json({ min: -1 });
    expect(await refusal(api, 'POST', '/v1/pools/small/scale', wrong)).toMatchObject({ code: 'invalid' });
    const above = json({ min: 20 });
    expect(await refusal(api, 'POST', '/v1/pools/small/scale', above)).toMatchObject({ reason: 'bounds' });
    expect(await refusal(api, 'POST', '/v1/pools/no/pause')).toMatchObject({ code: 'unknownPool' });
  });

  test.each([
    ['an unknown pool', { pool: 'none' }, 404, 'unknownPool', null],
    ['an unknown offer', { pool: 'small', offer: 'none' }, 404, 'unknownOffer', null],
    ['beyond the bounds', { pool: 'small', count: 9 }, 409, 'refused', 'poolMax'],
  ])('%s', async (_what, order, status, code, reason) => {
    await using api = await startTestApi();
    expect(await refusal(api, 'POST', '/v1/instances', json(order))).toMatchObject({ status, code, reason });
  });
});

describe('what is not taken', () => {
  test.each([
    ['no instance', 'GET', '/v1/instances/i9-0', 404, 'unknownInstance'],
    ['no job', 'GET', '/v1/explain/job/1.0', 404, 'unknownJob'],
    ['no such page', 'GET', '/v1/nothing', 404, 'notFound'],
    ['the root of the API', 'GET', '/v1/', 404, 'notFound'],
    ['steps up, encoded', 'GET', '/v1/instances/..%2f..%2fetc%2fpasswd', 400, 'invalid'],
    ['steps up, plain', 'GET', '/v1/instances/../../etc/passwd', 404, 'notFound'],
    ['a step up as the id', 'POST', '/v1/instances/../drain', 400, 'invalid'],
    ['capitals', 'GET', '/v1/instances/I1-0', 400, 'invalid'],
    ['other letters', 'GET', `/v1/instances/${encodeURIComponent('ı1-0')}`, 400, 'invalid'],
    ['a zero byte', 'GET', '/v1/instances/i1-0%00', 400, 'invalid'],
    ['a line break in a job', 'GET', '/v1/explain/job/1.0%0aX', 400, 'invalid'],
    ['a reversed job', 'GET', `/v1/explain/job/${encodeURIComponent('1.0\u202e')}`, 400, 'invalid'],
    ['a job that is no UTF-8', 'GET', '/v1/explain/job/%ff', 400, 'invalid'],
    ['a long job', 'GET', `/v1/explain/job/${'9'.repeat(257)}`, 400, 'invalid'],
    ['a job longer than a page name', 'GET', `/v1/explain/job/${'9'.repeat(1025)}`, 414, 'invalid'],
    ['an unknown field', 'GET', '/v1/instances?colour=red', 400, 'invalid'],
    ['an unknown phase', 'GET', '/v1/instances?phase=Idle', 400, 'invalid'],
    ['a limit of nothing', 'GET', '/v1/instances?limit=0', 400, 'invalid'],
    ['a limit that is no number', 'GET', '/v1/journal?limit=1e3', 400, 'invalid'],
    ['too large a limit', 'GET', '/v1/journal?limit=1001', 400, 'invalid'],
    ['an unknown kind', 'GET', '/v1/journal?kinds=launch,party', 400, 'invalid'],
    ['a field given twice', 'GET', '/v1/instances?pool=a&pool=b', 400, 'invalid'],
  ])('%s', async (_what, method, path, status, code) => {
    await using api = await startTestApi();
    expect(await refusal(api, method, path)).toMatchObject({ status, code });
    expect(api.control.writes).toEqual([]);
    expect(api.logged).toEqual([]);
  });

  test.each([
    ['no body', undefined, 'invalid'],
    ['an empty body', '', 'invalid'],
    ['no JSON', '{', 'invalid'],
    ['no object', '[]', 'invalid'],
    ['no pool', '{}', 'invalid'],
    ['half a machine', '{"pool":"small","count":0.5}', 'invalid'],
    ['none', '{"pool":"small","count":0}', 'invalid'],
    ['a million', '{"pool":"small","count":1000000}', 'invalid'],
    ['an unknown field', '{"pool":"small","colour":"red"}', 'invalid'],
    ['a prototype', '{"pool":"small","__proto__":{"count":5}}', 'invalid'],
    ['a control character', '{"pool":"sm\\u001ball"}', 'invalid'],
    ['a long note', JSON.stringify({ pool: 'small', note: 'x'.repeat(201) }), 'invalid'],
    ['a large body', JSON.stringify({ pool: 'x'.repeat(apiLimits.bodyBytesMax) }), 'tooLarge'],
  ])('launch with %s', async (_what, body, code) => {
    await using api = await startTestApi();
    const answer = await refusal(api, 'POST', '/v1/instances', body === undefined ? {} : { body });
    expect(answer.code).toBe(code);
    expect(answer.status).toBe(code === 'tooLarge' ? 413 : 400);
    expect(api.control.writes).toEqual([]);
  });

  test('a body of another type', async () => {
    await using api = await startTestApi();
    const form = { body: 'pool=small', type: 'application/x-www-form-urlencoded' };
    expect(await refusal(api, 'POST', '/v1/instances', form)).toMatchObject({ status: 415, code: 'invalid' });
  });

  test.each([
    ['POST', '/v1/status', 'GET, HEAD'],
    ['DELETE', '/v1/instances/i1-0', 'GET, HEAD'],
    ['PUT', '/v1/instances', 'GET, HEAD, POST'],
    ['GET', '/v1/instances/i1-0/terminate', 'POST'],
    ['PATCH', '/v1/explain/job/1.0', 'GET, HEAD'],
  ])('%s %s says which methods the page takes', async (method, path, allow) => {
    await using api = await startTestApi();
    const answer = await ask(api, method, path);
    expect(answer.status).toBe(405);
    expect(answer.allow).toBe(allow);
    expect(errorSchema.parse(answer.body).error.code).toBe('methodNotAllowed');
  });
});

describe('faults behind the API', () => {
  test('a fault of the daemon is logged, and its text is not told', async () => {
    await using api = await startTestApi();
    api.control.jobLookup = () => Promise.reject(new TypeError('secret of the daemon'));
    const answer = await refusal(api, 'GET', '/v1/explain/job/1.0');
    expect(answer).toMatchObject({ status: 500, code: 'internal' });
    expect(answer.message).not.toContain('secret');
    expect(api.logged).toEqual(['error: api fault']);
  });

  test('a queue in trouble is said to be', async () => {
    await using api = await startTestApi();
    api.control.jobLookup = () => Promise.reject(new QueueError('denied', 'the schedd refuses us'));
    const answer = await refusal(api, 'GET', '/v1/explain/job/1.0');
    expect(answer).toMatchObject({
      status: 502,
      code: 'queueTrouble',
      message: 'denied: the schedd refuses us',
    });
    expect(api.logged).toEqual([]);
  });

  test('a queue that does not answer is given up at the deadline, even if it does not heed its signal', async () => {
    const slept: number[] = [];
    const impatient = {
      wallNow: () => 0,
      monotonicNow: () => 0,
      sleep: async (ms: number, signal: AbortSignal) => {
        if (ms !== apiLimits.explainMs) await once(signal, 'abort');
        else slept.push(ms);
      },
    };
    await using api = await startTestApi(impatient);
    api.control.jobLookup = () => new Promise(() => {});
    const answer = await refusal(api, 'GET', '/v1/explain/job/1.0');
    expect(answer).toMatchObject({ status: 504, code: 'timeout' });
    expect(slept).toEqual([apiLimits.explainMs]);
  });
});
