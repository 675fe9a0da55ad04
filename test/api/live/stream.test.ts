import { Client } from 'undici';
import { describe, expect, test } from 'vitest';
import { apiLimits } from '../../../src/api/limits.ts';
import { liveFrameSchema } from '../../../src/api/schema/live.ts';
import { hostClock } from '../../../src/daemon/clock.ts';
import type { AccessGrant } from '../../../src/model/access.ts';
import { PoolName } from '../../../src/model/ids.ts';
import { startTestApi, type TestApi } from '../../support/apiServer.ts';
import { secretOf, testTokens } from '../../support/apiTokens.ts';
import { readEvents } from '../../support/eventReader.ts';

const listen = [{ address: '127.0.0.1', port: 0, tls: null }];
const visitors: AccessGrant = {
  name: 'visitors',
  role: 'read',
  pools: new Set([PoolName('small')]),
  wholeSite: false,
  leaseUsers: 'own',
  requestsPerSecond: 4,
};

async function ask(api: TestApi, token: string | null, path: string, method = 'GET') {
  const client = new Client(`http://127.0.0.1:${api.api.addresses[0]?.port}`);
  try {
    const headers = token === null ? {} : { authorization: `Bearer ${secretOf(token)}` };
    const { statusCode, body } = await client.request({ method, path, headers });
    return { status: statusCode, body: JSON.parse(await body.text()) as Record<string, unknown> };
  } finally {
    await client.destroy();
  }
}

/** The first frame that a token is sent over the network. */
async function firstFrame(api: TestApi, token: string) {
  const client = new Client(`http://127.0.0.1:${api.api.addresses[0]?.port}`);
  try {
    const headers = { authorization: `Bearer ${secretOf(token)}` };
    const { body } = await client.request({ method: 'GET', path: '/v1/stream', headers });
    let text = '';
    for await (const piece of body) {
      text += String(piece);
      const data = /^data: (.*)\n\n/m.exec(text)?.[1];
      if (data !== undefined) return liveFrameSchema.parse(JSON.parse(data));
    }
    throw new Error('the stream ended');
  } finally {
    await client.destroy();
  }
}

describe('the live stream', () => {
  test('begins with all that there is, and goes on', async () => {
    await using api = await startTestApi();
    const reader = await readEvents(api.socket, '/v1/stream');
    const [first, second] = [await reader.next(), await reader.next()];
    const frame = liveFrameSchema.parse(first.data);
    expect(first.event).toBe('frame');
    expect(frame.instances.put).toHaveLength(3);
    expect(frame.status).toEqual(api.control.status());
    expect(liveFrameSchema.parse(second.data).version).toBeGreaterThan(frame.version);
    reader.close();
  });

  test('shows each token what is of its pools', async () => {
    await using api = await startTestApi(hostClock, { listen, tokens: testTokens });
    const frame = await firstFrame(api, 'lendsSmall');
    expect(frame.status.pools.map(({ name }) => name)).toEqual(['small']);
    expect(frame.instances.put.map(({ pool }) => pool)).toEqual(['small', 'small']);
    expect((await firstFrame(api, 'seesAll')).instances.put).toHaveLength(3);
  });

  test('is for so many and no more, and has room again when one leaves', async () => {
    await using api = await startTestApi();
    const readers = [];
    for (let n = 0; n < apiLimits.tokenStreamsMax; n += 1)
      readers.push(await readEvents(api.socket, '/v1/stream'));
    expect((await readEvents(api.socket, '/v1/stream')).status).toBe(429);
    for (const reader of readers) reader.close();
    await expect
      .poll(async () => {
        const reader = await readEvents(api.socket, '/v1/stream');
        reader.close();
        return reader.status;
      })
      .toBe(200);
  });

  test('is no longer for a token that has been taken away', async () => {
    await using api = await startTestApi(hostClock, { listen, tokens: testTokens });
    const reader = await readEvents(api.socket, '/v1/stream');
    await reader.next();
    const cut = expect(reader.next().then(() => reader.next())).rejects.toThrow('the stream has ended');
    api.api.change({ listen, tokens: [], visitors: null, userSocket: null });
    await cut;
    expect(await ask(api, 'seesAll', '/v1/caller')).toMatchObject({ status: 401 });
  });

  test('ends with the daemon', async () => {
    const api = await startTestApi();
    const reader = await readEvents(api.socket, '/v1/stream');
    await reader.next();
    const ended = expect(reader.next().then(() => reader.next())).rejects.toThrow('the stream has ended');
    await api.api.close();
    await ended;
    await api[Symbol.asyncDispose]();
  });
});

describe('who asks', () => {
  test('is told what for it may be', async () => {
    await using api = await startTestApi(hostClock, { listen, tokens: testTokens });
    expect((await ask(api, 'runsSmall', '/v1/caller')).body).toEqual({
      name: 'runsSmall',
      role: 'operate',
      pools: ['small'],
    });
    expect((await ask(api, 'seesAll', '/v1/caller')).body).toEqual({
      name: 'seesAll',
      role: 'read',
      pools: null,
    });
  });

  test('may be a visitor, who reads what the config shows and orders nothing', async () => {
    await using api = await startTestApi(hostClock, { listen, tokens: testTokens, visitors });
    expect((await ask(api, null, '/v1/caller')).body).toEqual({
      name: 'visitors',
      role: 'read',
      pools: ['small'],
    });
    const { body } = await ask(api, null, '/v1/history');
    expect(Object.keys(body.pools as object)).toEqual(['small']);
    expect(await ask(api, null, '/v1/pools/small/pause', 'POST')).toMatchObject({ status: 403 });
    // A token that nobody has is no visitor's.
    expect(await ask(api, 'stranger', '/v1/status')).toMatchObject({ status: 401 });
    expect(api.control.writes).toEqual([]);
  });

  test('visitors ask as often as the config says, each address by itself', async () => {
    await using api = await startTestApi(hostClock, { listen, tokens: testTokens, visitors });
    const answers = await Promise.all(Array.from({ length: 40 }, () => ask(api, null, '/v1/caller')));
    const refused = answers.filter(({ status }) => status === 429).length;
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(40);
    expect(await ask(api, 'seesAll', '/v1/caller')).toMatchObject({ status: 200 });
  });
});

test('the history has the site as it was when the daemon began, by pools and queues', async () => {
  await using api = await startTestApi(hostClock, { listen, tokens: testTokens });
  for (const step of ['fine', 'coarse']) {
    const { body } = await ask(api, 'seesAll', `/v1/history?step=${step}`);
    expect(body).toMatchObject({
      pools: { small: { Free: [1], Busy: [1], Unusable: [0] }, large: { Unusable: [1] } },
      queues: { main: { waiting: [12], running: [4] } },
    });
  }
  expect(await ask(api, 'seesAll', '/v1/history?step=other')).toMatchObject({ status: 400 });
});
