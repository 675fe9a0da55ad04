import { readFileSync } from 'node:fs';
import { Client } from 'undici';
import { expect, test } from 'vitest';
import { apiLimits } from '../../src/api/limits.ts';
import { apiErrorCodes, errorSchema } from '../../src/api/schema/error.ts';
import { startTestApi } from '../support/apiServer.ts';

const page = readFileSync(new URL('../../docs/api.md', import.meta.url), 'utf8');
const pages = [...page.matchAll(/^\| `(GET|POST) (\/\S+)`/gm)].map(
  ([, method = '', path = '']) => [method, path] as const,
);

test('docs/api.md names pages that are there', async () => {
  await using api = await startTestApi();
  const client = new Client('http://spillway', { socketPath: api.socket });
  expect(pages).toHaveLength(32);
  for (const [method, path] of pages) {
    const { statusCode, body } = await client.request({ method, path: path.replace('ID', 'i9-9') });
    if (path === '/v1/stream' || path === '/v1/events' || path === '/metrics') {
      expect(statusCode).toBe(200);
      body.on('error', () => {}).destroy(); // it has no end, or is no JSON
      continue;
    }
    const document: unknown = await body.json();
    if (statusCode !== 200) expect(errorSchema.parse(document).error.code).not.toMatch(/^(notFound|method)/);
  }
  await client.close();
});

test('docs/api.md names every error, and the limits as they are', () => {
  for (const code of apiErrorCodes) expect(page).toContain(`\`${code}\``);
  const { bodyBytesMax, headerBytesMax, requestMs, explainMs, connectionsMax } = apiLimits;
  const { addressConnectionsMax, burstSeconds, strangers, streamsMax, tokenStreamsMax, eventStreamsMax } =
    apiLimits;
  const text = page.replaceAll('\n', ' ');
  expect(text).toContain(
    `at most ${bodyBytesMax / 1024} KiB, the address with the headers ${headerBytesMax / 1024} KiB`,
  );
  expect(text).toContain(`within ${requestMs / 1000} s, a job is looked up for ${explainMs / 1000} s`);
  expect(text).toContain(`${connectionsMax} connections`);
  expect(text).toContain(`${addressConnectionsMax} of one address`);
  expect(text).toContain(`At most ${streamsMax} watch the live stream, ${tokenStreamsMax} of them`);
  expect(text).toContain(`at most ${eventStreamsMax} follow the journal`);
  expect(text).toContain(`in ${burstSeconds} seconds`);
  expect(text).toContain(`${strangers.burst} at once, ${strangers.perSecond} a second`);
});
