import { readdirSync, readFileSync } from 'node:fs';
import { gunzipSync } from 'node:zlib';
import { Client } from 'undici';
import { expect, test } from 'vitest';
import { hostClock } from '../../src/daemon/clock.ts';
import { startTestApi, type TestApi } from '../support/apiServer.ts';

const folder = new URL('../../src/web/', import.meta.url);
const own = (name: string) => readFileSync(new URL(name, folder), 'utf8');
const modules = readdirSync(folder).filter((name) => name.endsWith('.js'));
const listen = [{ address: '127.0.0.1', port: 0, tls: null }];

async function get(api: TestApi, path: string, headers: Record<string, string> = {}) {
  const client = new Client(`http://127.0.0.1:${api.api.addresses[0]?.port}`);
  try {
    const answer = await client.request({ method: 'GET', path, headers });
    return {
      status: answer.statusCode,
      headers: answer.headers,
      bytes: Buffer.from(await answer.body.arrayBuffer()),
    };
  } finally {
    await client.destroy();
  }
}

test('the page is open to everybody, with all its files, and says nothing of the site', async () => {
  await using api = await startTestApi(hostClock, { listen, tokens: [] });
  const page = await get(api, '/');
  expect(page).toMatchObject({ status: 200, headers: { 'content-type': 'text/html; charset=utf-8' } });
  expect(page.bytes.toString()).toBe(own('index.html'));
  const linked = [...page.bytes.toString().matchAll(/(?:href|src)="(\/web\/[^"]+)"/g)].map(
    ([, path = '']) => path,
  );
  expect(linked.length).toBeGreaterThan(20);
  for (const path of linked) {
    const { status, headers } = await get(api, path);
    expect([path, status]).toEqual([path, 200]);
    expect(headers['content-security-policy']).toMatch(
      /default-src 'none'; script-src 'self'; style-src 'self'/,
    );
    expect(headers['content-security-policy']).not.toMatch(/unsafe|https?:|\*/);
    expect(headers['x-content-type-options']).toBe('nosniff');
  }
});

test('a file that the browser has is not sent again, and one that it has not is packed', async () => {
  await using api = await startTestApi(hostClock, { listen, tokens: [] });
  const whole = await get(api, '/web/main.js');
  expect(whole.headers['content-type']).toBe('text/javascript; charset=utf-8');
  const again = await get(api, '/web/main.js', { 'if-none-match': String(whole.headers.etag) });
  expect([again.status, again.bytes.length]).toEqual([304, 0]);
  const packed = await get(api, '/web/main.js', { 'accept-encoding': 'gzip, br' });
  expect(packed.headers['content-encoding']).toBe('gzip');
  expect(gunzipSync(packed.bytes).equals(whole.bytes)).toBe(true);
});

test.each(['/web/nothing.js', '/web/..%2fmain.ts', '/web/tsconfig.json', '/web/uPlot.esm.d.ts'])(
  '%s is no file of the page',
  async (path) => {
    await using api = await startTestApi(hostClock, { listen, tokens: [] });
    expect(await get(api, path)).toMatchObject({ status: 404 });
  },
);

test('the page has no script or style of its own lines, and nothing from elsewhere', () => {
  const page = own('index.html');
  expect(page).not.toMatch(/<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style|javascript:/i);
  expect(page).not.toMatch(/(?:src|href)="(?!\/web\/|#)/);
  const written = [...modules, 'style.css'].map((name) => [name, own(name)] as const);
  for (const [name, text] of written)
    expect(text, name).not.toMatch(
      /https?:|innerHTML|insertAdjacentHTML|document\.write|eval\(|@import\s+url|url\(/,
    );
});

test('every module is loaded beside the page and not after another', () => {
  const preloaded = [...own('index.html').matchAll(/modulepreload" href="\/web\/([^"]+)"/g)].map(
    ([, name = '']) => name,
  );
  expect(preloaded.toSorted()).toEqual(
    [...modules.filter((name) => name !== 'main.js'), 'uPlot.esm.js'].toSorted(),
  );
});
