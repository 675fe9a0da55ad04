import { Client } from 'undici';
import { describe, expect, test } from 'vitest';
import { ControlError } from '../../src/api/control.ts';
import { configurationSchema, reloadReceiptSchema } from '../../src/api/schema/reload.ts';
import { hostClock } from '../../src/daemon/clock.ts';
import { startTestApi, type TestApi } from '../support/apiServer.ts';
import { secretOf, testTokens, tokenNamed } from '../support/apiTokens.ts';
import { hasOpenssl, makeCertificates } from '../support/certificates.ts';
import { type EventReader, readEvents } from '../support/eventReader.ts';
import { fixtureReload } from '../support/fixtureControl.ts';

const plainLoopback = { address: '127.0.0.1', port: 0, tls: null };

async function asked(api: TestApi, token: string | null, method: string, path: string) {
  const [address] = api.api.addresses;
  const client =
    token === null
      ? new Client('http://spillway', { socketPath: api.socket })
      : new Client(`http://127.0.0.1:${address?.port}`);
  try {
    const headers = token === null ? {} : { authorization: `Bearer ${secretOf(token)}` };
    const response = await client.request({ method, path, headers });
    return { status: response.statusCode, headers: response.headers, body: await response.body.json() };
  } finally {
    await client.destroy();
  }
}

const open = (tokens = testTokens) => startTestApi(hostClock, { listen: [plainLoopback], tokens });

describe('reload over the API', () => {
  test('answers with what came of it', async () => {
    await using api = await startTestApi();
    const { status, body } = await asked(api, null, 'POST', '/v1/reload');
    expect(status).toBe(200);
    expect(reloadReceiptSchema.parse(body)).toEqual(fixtureReload);
    const config = await asked(api, null, 'GET', '/v1/config');
    expect(configurationSchema.parse(config.body).entries).toMatchObject([{ kind: 'pool', name: 'small' }]);
  });

  test.each([
    ['seesAll', 403],
    ['headNode', 403],
    ['runsSmall', 403],
    ['runsAll', 200],
  ])('is for operators of the whole site: %s gets %d', async (token, status) => {
    await using api = await open();
    expect((await asked(api, token, 'POST', '/v1/reload')).status).toBe(status);
    expect((await asked(api, token, 'GET', '/v1/config')).status).toBe(status);
    expect(api.control.writes).toEqual(status === 200 ? ['reload'] : []);
  });

  test('who asks for something else meanwhile is told when to ask again', async () => {
    await using api = await startTestApi();
    api.control.reload = () => Promise.reject(new ControlError('notReady', 'it is being reloaded'));
    const { status, headers } = await asked(api, null, 'POST', '/v1/reload');
    expect(status).toBe(503);
    expect(headers['retry-after']).toBe('2');
  });
});

/** Reads until the stream ends. */
async function restOf(reader: EventReader): Promise<never> {
  for (;;) await reader.next();
}

describe('access that is changed while the API is up', () => {
  test('holds from the next request on', async () => {
    await using api = await open([tokenNamed('seesAll')]);
    expect((await asked(api, 'seesAll', 'GET', '/v1/status')).status).toBe(200);
    expect((await asked(api, 'runsAll', 'GET', '/v1/status')).status).toBe(401);
    api.api.change({ listen: [plainLoopback], tokens: [tokenNamed('runsAll')] });
    expect((await asked(api, 'seesAll', 'GET', '/v1/status')).status).toBe(401);
    expect((await asked(api, 'runsAll', 'GET', '/v1/status')).status).toBe(200);
  });

  test('ends what follows the journal: who may do so still comes again where it was', async () => {
    await using api = await open([tokenNamed('seesAll')]);
    const reader = await readEvents(api.socket, '/v1/events?afterNumber=0');
    const first = await reader.next();
    const ended = expect(restOf(reader)).rejects.toThrow('the stream has ended');
    api.api.change({ listen: [plainLoopback], tokens: [] });
    await ended;
    const again = await readEvents(api.socket, '/v1/events', { 'last-event-id': first.id ?? '' });
    expect(Number((await again.next()).id)).toBeGreaterThan(Number(first.id));
    again.close();
  });

  test.skipIf(!hasOpenssl())('shows a new certificate from the next connection on', async () => {
    const [first, second] = [makeCertificates(), makeCertificates()];
    await using api = await startTestApi(hostClock, {
      listen: [{ ...plainLoopback, tls: first }],
      tokens: testTokens,
    });
    const isTrusted = async ({ ca }: { readonly ca: string }) => {
      const client = new Client(`https://127.0.0.1:${api.api.addresses[0]?.port}`, { connect: { ca } });
      const headers = { authorization: `Bearer ${secretOf('seesAll')}` };
      try {
        await (await client.request({ method: 'GET', path: '/v1/status', headers })).body.dump();
        return true;
      } catch {
        return false;
      } finally {
        await client.destroy();
      }
    };
    expect([await isTrusted(first), await isTrusted(second)]).toEqual([true, false]);
    expect(api.api.change({ listen: [{ ...plainLoopback, tls: second }], tokens: testTokens })).toEqual([]);
    expect([await isTrusted(first), await isTrusted(second)]).toEqual([false, true]);
  });

  test('says which addresses need a restart', async () => {
    await using api = await open();
    expect(api.api.change({ listen: [plainLoopback], tokens: [] })).toEqual([]);
    expect(api.api.change({ listen: [{ address: '127.0.0.1', port: 9, tls: null }], tokens: [] })).toEqual([
      '127.0.0.1:0 is still listened at',
      '127.0.0.1:9 is not listened at yet',
    ]);
  });
});
