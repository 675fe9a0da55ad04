import { once } from 'node:events';
import { connect, type NetConnectOpts } from 'node:net';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { apiLimits } from '../../src/api/limits.ts';
import { pageWords } from '../../src/api/pageWords.ts';
import { errorSchema } from '../../src/api/schema/error.ts';
import { hostClock } from '../../src/daemon/clock.ts';
import { startTestApi, type TestApi } from '../support/apiServer.ts';
import { secretOf, testTokens } from '../support/apiTokens.ts';

/** Requests as nobody's client makes them, as bytes: through each door, and the daemon goes on answering. */
const requestsEach = 1250;

const methods = fc.oneof(
  fc.constantFrom(
    'GET',
    'POST',
    'HEAD',
    'PUT',
    'PATCH',
    'DELETE',
    'OPTIONS',
    'TRACE',
    'CONNECT',
    'PROPFIND',
    'get',
  ),
  fc.stringMatching(/^[A-Z!#$%&'*+.^_`|~-]{1,10}$/),
);

const oddTexts = fc.constantFrom(
  '..',
  '%2e%2e%2f',
  '%00',
  '%ff',
  '%',
  '%zz',
  "'; DROP TABLE leases; --",
  '$(reboot)',
  '__proto__',
  'constructor',
  '\u202e',
  '0',
  '-1',
  '1e999',
  'NaN',
  'x'.repeat(3000),
);
const words = fc.oneof(
  oddTexts,
  fc.constantFrom('small', 'large', 'i1-0', 'fix-1', 'd1', '9.0@schedd', 'held', 'true', '10'),
  fc.string({ unit: 'binary', maxLength: 40 }),
);

const knownPath = fc
  .tuple(fc.constantFrom(...pageWords.keys()), words)
  .map(([page, word]) => (page.split(' ')[1] ?? '').replace(/:\w+/, encodeURIComponent(word.toWellFormed())));
const parameters =
  'pool cloud offer state phase ended limit kinds instance intent afterNumber sinceMs from user __proto__ colour'.split(
    ' ',
  );
const query = fc
  .array(fc.tuple(fc.constantFrom(...parameters), words), { maxLength: 4 })
  .map((pairs) =>
    pairs.map(([name, word]) => `${name}=${encodeURIComponent(word.toWellFormed())}`).join('&'),
  );
const rawPath = fc
  .string({ unit: 'binary-ascii', maxLength: 60 })
  .map((text) => `/${text.replaceAll(/[\s\0]/g, '+')}`);
const paths = fc.oneof(
  { weight: 5, arbitrary: fc.tuple(knownPath, query).map(([path, search]) => `${path}?waitMs=0&${search}`) },
  { weight: 1, arbitrary: rawPath },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      '*',
      '//',
      'http://elsewhere/v1/status',
      '/v1/../..',
      '/%c0%ae',
      `/${'a'.repeat(9000)}`,
    ),
  },
);

const fields = [
  'pool',
  'user',
  'cpus',
  'ttlMs',
  'requirements',
  'priority',
  'publicKey',
  'note',
  'offer',
  'count',
];
const moreFields = [
  'min',
  'max',
  'force',
  'toWallMs',
  'reason',
  'cloud',
  'fromWallMs',
  'drainAheadMs',
  'memoryMiB',
];
const values = fc.oneof(words, fc.integer(), fc.double(), fc.boolean(), fc.constant(null), fc.jsonValue());
const order = fc
  .dictionary(fc.constantFrom(...fields, ...moreFields, '__proto__', 'colour'), values, { maxKeys: 6 })
  .map((body) => JSON.stringify({ pool: 'small', user: 'ann', toWallMs: 4e12, reason: 'x', ...body }));
const bodies = fc.oneof(
  fc.constant(''),
  order,
  fc.json(),
  fc.constantFrom('{', '[', 'null', '"', `{"requirements":"${'('.repeat(9000)}"}`, '['.repeat(9000)),
  fc.constant(JSON.stringify({ pool: 'x'.repeat(apiLimits.bodyBytesMax) })),
  fc.string({ unit: 'binary', maxLength: 300 }),
);

const headerNames =
  'content-type accept transfer-encoding content-length content-encoding expect upgrade connection host x-forwarded-for authorization range cookie te'.split(
    ' ',
  );
const headerValues = fc.oneof(
  fc.constantFrom(
    'application/json',
    'text/plain',
    'chunked',
    'gzip',
    '100-continue',
    'websocket',
    'close',
    'upgrade',
  ),
  fc.constantFrom(
    'application/json; charset=utf-7',
    '*/*',
    '-1',
    '99999999999999999999',
    'Bearer x',
    'x'.repeat(9000),
  ),
  fc.string({ unit: 'binary-ascii', maxLength: 30 }),
);
const headers = fc.array(fc.tuple(fc.constantFrom(...headerNames), headerValues), { maxLength: 5 });

const requests = fc.record({
  method: methods,
  path: paths,
  headers,
  body: bodies,
  honest: fc.boolean(),
  /** The share of it that is sent before the sender hangs up. */
  share: fc.oneof(
    { weight: 4, arbitrary: fc.constant(1) },
    { weight: 1, arbitrary: fc.double({ min: 0, max: 1, noNaN: true }) },
  ),
});
type Hostile = typeof requests extends fc.Arbitrary<infer T> ? T : never;

function bytesOf(
  { method, path, headers: given, body, honest, share }: Hostile,
  token: string | null,
): Buffer {
  const lines = given.map(([name, value]) => `${name}: ${value}`);
  // Most are good HTTP around a bad request, so that they come as far as they can.
  if (honest) lines.splice(0, lines.length, 'content-type: application/json');
  lines.push('host: spillway', 'connection: close', `content-length: ${Buffer.byteLength(body)}`);
  if (token !== null) lines.push(`authorization: Bearer ${secretOf(token)}`);
  const whole = Buffer.from(`${method} ${path} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n${body}`);
  return whole.subarray(0, Math.ceil(whole.length * share));
}

/** All that is answered until the server hangs up. */
async function exchange(at: NetConnectOpts, bytes: Buffer): Promise<string> {
  const socket = connect(at);
  const pieces: Buffer[] = [];
  socket.on('data', (piece) => pieces.push(piece));
  socket.on('error', () => {}); // it hangs up on what it has refused
  socket.end(bytes);
  await once(socket, 'close');
  return Buffer.concat(pieces).toString('latin1');
}

function orNull(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'latin1').toString());
  } catch {
    return null;
  }
}

let api: TestApi;
beforeAll(async () => {
  const listen = [{ address: '127.0.0.1', port: 0, tls: null }];
  const tokens = testTokens.map((token) => ({ ...token, requestsPerSecond: 10_000 }));
  api = await startTestApi(hostClock, { listen, tokens });
});
afterAll(() => api[Symbol.asyncDispose]());

const doors: readonly (readonly [string, () => NetConnectOpts, string | null])[] = [
  ['the unix socket', () => ({ path: api.socket }), null],
  ['the network', () => ({ host: '127.0.0.1', port: api.api.addresses[0]?.port ?? 0 }), 'runsSmall'],
];

describe.each(doors)('hostile requests to %s', (_name, place, token) => {
  test('no fault, no crash, no answer without a status, and it still answers', {
    timeout: 120_000,
  }, async () => {
    const seen = new Map<string, number>();
    await fc.assert(
      fc.asyncProperty(requests, async (request) => {
        const answer = await exchange(place(), bytesOf(request, token));
        const [, status = 'none'] = /^HTTP\/1\.1 (\d{3}) /.exec(answer) ?? [];
        seen.set(status, (seen.get(status) ?? 0) + 1);
        expect(answer === '' || status !== 'none').toBe(true);
        expect(status).not.toMatch(/^5/);
        if (status.startsWith('4') && request.method !== 'HEAD') {
          const [, body = ''] = answer.split('\r\n\r\n');
          expect(errorSchema.safeParse(orNull(body))).toMatchObject({ success: true });
        }
      }),
      { numRuns: requestsEach },
    );
    // They came far: some are even granted.
    for (const status of ['200', '400', '404', '405', '413'])
      expect(seen.get(status), status).toBeGreaterThan(0);
    expect(api.logged.filter((line) => !line.startsWith('info: '))).toEqual([]);
    const good = {
      method: 'GET',
      path: '/v1/status',
      headers: [],
      body: '',
      honest: false,
      share: 1,
    } as const;
    const answer = await exchange(place(), bytesOf({ ...good, headers: [] }, token));
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
  });
});

test('as many connections from one address as it may have, and no more', async () => {
  const at = { host: '127.0.0.1', port: api.api.addresses[0]?.port ?? 0 };
  const sockets = Array.from({ length: apiLimits.addressConnectionsMax + 20 }, () =>
    connect(at).on('error', () => {}),
  );
  const closed = sockets.map((socket) => once(socket, 'close'));
  const reached = Promise.withResolvers<void>();
  let gone = 0;
  for (const socket of sockets)
    socket.once('close', () => {
      gone += 1;
      if (gone === 20) reached.resolve();
    });
  await reached.promise;
  expect(sockets.filter(({ destroyed }) => !destroyed)).toHaveLength(apiLimits.addressConnectionsMax);
  // The unix socket is another door.
  const good = { method: 'GET', path: '/v1/status', headers: [], body: '', honest: true, share: 1 };
  expect(await exchange({ path: api.socket }, bytesOf({ ...good, headers: [] }, null))).toMatch(/ 200 OK/);
  for (const socket of sockets) socket.destroy();
  await Promise.all(closed);
});
