import { Client } from 'undici';
import { describe, expect, test } from 'vitest';
import { apiLimits } from '../../src/api/limits.ts';
import { healthSchema } from '../../src/api/schema/health.ts';
import { hostClock } from '../../src/daemon/clock.ts';
import { createVirtualClock } from '../../src/simulate/virtualClock.ts';
import { startTestApi, type TestApi } from '../support/apiServer.ts';
import { secretOf, testTokens } from '../support/apiTokens.ts';
import { type EventReader, readEvents } from '../support/eventReader.ts';
import { eventually } from '../support/eventually.ts';
import { fixtureJournal } from '../support/fixtureControl.ts';

const network = { listen: [{ address: '127.0.0.1', port: 0, tls: null }], tokens: testTokens };

async function ask(
  api: TestApi,
  path: string,
  { token, local = true }: { token?: string; local?: boolean } = {},
) {
  const client = local
    ? new Client('http://spillway', { socketPath: api.socket })
    : new Client(`http://127.0.0.1:${api.api.addresses[0]?.port}`);
  try {
    const headers = token === undefined ? {} : { authorization: `Bearer ${secretOf(token)}` };
    const answer = await client.request({ method: 'GET', path, headers });
    const type = String(answer.headers['content-type']);
    return { status: answer.statusCode, type, text: await answer.body.text() };
  } finally {
    await client.destroy();
  }
}

describe('health', () => {
  test.each(['/healthz', '/readyz'])('%s says 200 or 503, and why to who may know', async (path) => {
    await using api = await startTestApi(hostClock, network);
    expect(await ask(api, path)).toMatchObject({ status: 200 });
    api.control.trouble = 'last seen 95 s ago: auth: who are you';
    const local = await ask(api, path);
    expect(local.status).toBe(503);
    expect(healthSchema.parse(JSON.parse(local.text)).checks[0]?.why).toBe(api.control.trouble);
    const distant = await ask(api, path, { local: false });
    expect(distant.status).toBe(503);
    expect(JSON.parse(distant.text)).toEqual({ ok: false, checks: [] });
  });

  test('asks for no token over the network, which everything else does', async () => {
    await using api = await startTestApi(hostClock, network);
    const status = async (path: string) => (await ask(api, path, { local: false })).status;
    expect([await status('/healthz'), await status('/readyz')]).toEqual([200, 200]);
    expect([await status('/metrics'), await status('/v1/events'), await status('/v1/status')]).toEqual([
      401, 401, 401,
    ]);
  });
});

describe('metrics', () => {
  test('come in the text form', async () => {
    await using api = await startTestApi();
    const { status, type, text } = await ask(api, '/metrics');
    expect({ status, type }).toEqual({ status: 200, type: 'text/plain; version=0.0.4; charset=utf-8' });
    expect(text).toContain('# HELP spillway_mode');
  });

  test('are of the whole site, and for who may see all of it', async () => {
    await using api = await startTestApi(hostClock, network);
    const status = async (token: string) => (await ask(api, '/metrics', { token, local: false })).status;
    expect(await status('seesAll')).toBe(200);
    expect(await status('runsSmall')).toBe(403);
    expect(await status('seesNone')).toBe(403);
  });
});

describe('events', () => {
  const numbers = async (reader: EventReader, count: number) => {
    const ids: (string | null)[] = [];
    for (let n = 0; n < count; n++) ids.push((await reader.next()).id);
    return ids;
  };

  test('begin with what is new, and come as they are stored', async () => {
    await using api = await startTestApi();
    const reader = await readEvents(api.socket, '/v1/events');
    api.control.addEntry({ kind: 'launch', why: 'a job waits' });
    expect(await reader.next()).toEqual({
      id: '43',
      event: 'launch',
      data: { ...fixtureJournal[0], number: 43, kind: 'launch', why: 'a job waits' },
    });
    api.control.addEntry({ kind: 'ended' });
    expect((await reader.next()).id).toBe('44');
    reader.close();
  });

  test('go on after the last that the caller has seen, in order, none twice', async () => {
    await using api = await startTestApi();
    for (let n = 0; n < 500; n++) api.control.addEntry({ why: `entry ${n}` });
    const reader = await readEvents(api.socket, '/v1/events?afterNumber=1', { 'last-event-id': '17' });
    const wanted = [42, ...Array.from({ length: 500 }, (_, n) => 43 + n)].map(String);
    expect(await numbers(reader, 501)).toEqual(wanted);
    api.control.addEntry({});
    expect((await reader.next()).id).toBe('543');
    reader.close();
  });

  test('are all there are for one who has seen those of a store that was lost', async () => {
    await using api = await startTestApi();
    const reader = await readEvents(api.socket, '/v1/events', { 'last-event-id': '5000' });
    expect(await numbers(reader, 3)).toEqual(['9', '17', '42']);
    reader.close();
  });

  test('are those that were asked for', async () => {
    await using api = await startTestApi();
    const reader = await readEvents(api.socket, '/v1/events?kinds=launch&afterNumber=0');
    expect((await reader.next()).id).toBe('9');
    api.control.addEntry({ kind: 'ended' });
    api.control.addEntry({ kind: 'launch' });
    expect((await reader.next()).id).toBe('44');
    reader.close();
  });

  test('show a sign of life while nothing happens', async () => {
    const clock = createVirtualClock();
    await using api = await startTestApi(clock);
    const reader = await readEvents(api.socket, '/v1/events');
    await eventually('it begins', () => reader.comments === 1, { everyMs: 10 });
    await clock.advance(16_000);
    await eventually('a sign of life', () => reader.comments === 2, { everyMs: 10 });
    reader.close();
  });

  test('end with the daemon', async () => {
    const api = await startTestApi();
    const reader = await readEvents(api.socket, '/v1/events');
    const ended = expect(reader.next()).rejects.toThrow('the stream has ended');
    await api.api.close();
    await ended;
    await api[Symbol.asyncDispose]();
  });

  test('are followed by so many and no more; one that leaves makes room', async () => {
    await using api = await startTestApi();
    const readers: EventReader[] = [];
    for (let n = 0; n < apiLimits.eventStreamsMax; n++)
      readers.push(await readEvents(api.socket, '/v1/events'));
    expect(readers.every(({ status }) => status === 200)).toBe(true);
    expect((await ask(api, '/v1/events')).status).toBe(429);
    readers.pop()?.close();
    await eventually('there is room', async () => {
      const reader = await readEvents(api.socket, '/v1/events');
      reader.close();
      return reader.status === 200;
    });
    for (const reader of readers) reader.close();
  });

  test.each(['kinds=gossip', 'limit=3', 'sinceMs=4', 'afterNumber=x'])(
    '%s is no such question',
    async (query) => {
      await using api = await startTestApi();
      expect((await ask(api, `/v1/events?${query}`)).status).toBe(400);
    },
  );
});
