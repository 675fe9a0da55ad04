import { createServer } from 'node:net';
import type { Page } from 'playwright-core';
import { Client } from 'undici';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { noBrowser, openBrowser, type TestBrowser } from '../support/browser.ts';
import { createSite, type RunningSite } from '../support/runningSite.ts';

/** The web page of a real daemon whose machines are processes of this host, clicked through in a real browser. */

const secret = 'an-operators-secret-0123456789';

function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer().once('error', failed);
    server.listen(0, '127.0.0.1', () => {
      const at = server.address();
      server.close(() =>
        typeof at === 'object' && at !== null ? done(at.port) : failed(new Error('no port')),
      );
    });
  });
}

const config = (port: number) => `
site: page-test
stateDir: FOLDER/state
socket: FOLDER/api.sock
api:
  listen:
    - { address: 127.0.0.1, port: ${port}, insecureLoopback: true }
  tokens:
    - { name: operator, role: operate, pools: all, secret: 'file:operator.token' }
  visitors: { pools: all }
queues:
  - { name: leases, adapter: lease, poll: 1s }
clouds:
  - { name: here, driver: local, folder: FOLDER/machines, poll: 1s, stopGrace: 1s }
offers:
  - { name: small, cloud: here, cpus: 1, memory: 512MiB, disk: 1GiB, boot: {} }
pools:
  - { name: desks, queue: leases, offers: [small], min: 2, max: 4, limits: { idle: 10m } }
`;

describe.skipIf(noBrowser !== null)(`the web page${noBrowser === null ? '' : `: ${noBrowser}`}`, () => {
  let site: RunningSite;
  let browser: TestBrowser;
  let page: Page;
  let origin = '';
  /** What the browser complained of. */
  const complaints: string[] = [];

  beforeAll(async () => {
    const port = await freePort();
    origin = `http://127.0.0.1:${port}`;
    site = createSite({ config: config(port), files: { 'operator.token': secret } });
    await site.start();
    browser = await openBrowser({ width: 1280, height: 900 });
    page = await browser.context.newPage();
    page.on('console', (message) => {
      if (message.type() === 'error' || message.type() === 'warning') complaints.push(message.text());
    });
    page.on('pageerror', (error) => complaints.push(String(error)));
    await page.goto(origin);
  });

  afterAll(async () => {
    await browser?.[Symbol.asyncDispose]();
    await site?.dispose();
  });

  // What a failed test has left open hides the page from the next.
  beforeEach(async () => {
    await page.keyboard.press('Escape');
  });

  const go = async (name: string) => {
    await page.getByRole('navigation').getByRole('link', { name }).click();
    await page.locator(`nav a[aria-current="page"]`, { hasText: name }).waitFor();
  };

  async function enter(text: string): Promise<void> {
    await page.locator('#token').click();
    await page.getByLabel('Secret').fill(text);
    await page.getByRole('button', { name: 'Use it' }).click();
  }

  test('shows a visitor the site, live, and nothing to order', async () => {
    await page.getByRole('link', { name: 'desks' }).waitFor();
    expect(await page.title()).toBe('page-test · Spillway');
    await expect.poll(() => page.locator('#live-text').textContent()).toBe('live');
    await expect.poll(() => page.locator('.tile.machines .value').textContent()).toBe('2');
    await page.locator('.plot canvas').first().waitFor();
    expect(await page.getByRole('button', { name: /Pause pool/ }).count()).toBe(0);
  });

  test('lists the machines, and says why each is there', async () => {
    await go('Machines');
    await expect.poll(() => page.locator('.row:visible').count()).toBe(2);
    await expect.poll(() => page.locator('.row .pill.free:visible').count(), { timeout: 30_000 }).toBe(2);
    const name = await page.locator('.row .link:visible').first().textContent();
    await page.locator('.row .link:visible').first().click();
    const sheet = page.getByRole('dialog', { name: name ?? '' });
    await sheet.getByText('Booted because').waitFor();
    expect(await sheet.locator('.why').first().textContent()).toMatch(/min/i);
    expect(await sheet.getByRole('button', { name: 'Drain' }).count()).toBe(0);
    await page.keyboard.press('Escape');
    await sheet.waitFor({ state: 'detached' });
    await page.getByRole('searchbox').fill('no such machine');
    await expect.poll(() => page.locator('.row:visible').count()).toBe(0);
    await page.getByRole('searchbox').fill('');
  });

  test('refuses a token that nobody has, and takes the operator’s', async () => {
    await enter('nobody-has-this-token');
    await page.getByRole('alert').getByText('nobody has this token').waitFor();
    await page.getByRole('button', { name: 'Cancel' }).click();
    await enter(secret);
    await expect.poll(() => page.locator('#token').textContent()).toBe('operator');
    complaints.splice(0, complaints.length, ...complaints.filter((text) => !text.includes('401')));
  });

  test('pauses a pool and lets it go on', async () => {
    await go('Overview');
    await page.getByRole('button', { name: 'Pause pool desks' }).click();
    await page.locator('.tag', { hasText: 'paused' }).waitFor();
    expect((await site.status()).pools[0]?.paused).toBe(true);
    await page.getByRole('button', { name: 'Resume pool desks' }).click();
    await page.getByRole('button', { name: 'Pause pool desks' }).waitFor();
    expect((await site.status()).pools[0]?.paused).toBe(false);
  });

  test('sets a pool’s bounds, and says why it does not', async () => {
    await page.getByRole('button', { name: 'Bounds of pool desks' }).click();
    await page.getByLabel('At least').fill('9');
    await page.getByRole('button', { name: 'Set', exact: true }).click();
    await page.getByRole('alert').getByText(/above/).waitFor();
    await page.getByLabel('At least').fill('1');
    await page.getByLabel('At most').fill('3');
    await page.getByRole('button', { name: 'Set', exact: true }).click();
    await page.locator('.tag', { hasText: 'scaled' }).waitFor();
    expect((await site.status()).pools[0]).toMatchObject({ min: 1, max: 3 });
    complaints.splice(0, complaints.length, ...complaints.filter((text) => !text.includes('409')));
  });

  test('drains a machine and ends it', async () => {
    await go('Machines');
    await page.locator('.row .link:visible').first().click();
    await page.getByRole('button', { name: 'Drain', exact: true }).click();
    await page.locator('.toast.good').first().waitFor();
    await page.keyboard.press('Escape');
    await expect
      .poll(
        async () => (await site.instances({ ended: true })).filter(({ phase }) => phase === 'ended').length,
        {
          timeout: 60_000,
        },
      )
      .toBe(1);
  });

  test('says why a job waits', async () => {
    const client = new Client('http://spillway', { socketPath: `${site.folder}/api.sock` });
    const { body } = await client.request({
      method: 'POST',
      path: '/v1/leases',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ pool: 'desks', user: 'ann', cpus: 64, ttlMs: 600_000 }),
    });
    const { lease } = (await body.json()) as { lease: { id: string } };
    await client.close();
    await go('Jobs');
    await page.locator('td', { hasText: 'ann' }).waitFor();
    await page.getByRole('textbox', { name: 'Job' }).fill(lease.id);
    await page.getByRole('button', { name: 'Explain' }).click();
    const sheet = page.getByRole('dialog', { name: `Job ${lease.id}` });
    await sheet.locator('.verdict').waitFor();
    await sheet.locator('td .wrong').first().waitFor();
    await page.keyboard.press('Escape');
    await page.getByRole('textbox', { name: 'Job' }).fill('nobody-knows-1');
    await page.getByRole('button', { name: 'Explain' }).click();
    await page.getByText('no queue knows the job').waitFor();
    await page.keyboard.press('Escape');
    complaints.splice(0, complaints.length, ...complaints.filter((text) => !text.includes('404')));
  });

  test('declares a downtime and ends it, and the journal tells both as they happen', async () => {
    await go('Downtimes');
    await page.getByRole('button', { name: 'Declare a downtime' }).click();
    await page.getByLabel('Of').selectOption('pool desks');
    await page.getByLabel('Reason').fill('new disks');
    await page.getByRole('button', { name: 'Declare', exact: true }).click();
    await page.locator('td', { hasText: 'new disks' }).waitFor();
    await go('Journal');
    await page.locator('.entries li', { hasText: 'new disks' }).first().waitFor();
    const { downtimes } = await site.status();
    await site.ask(['downtime', 'end', downtimes[0]?.id ?? '']);
    await expect.poll(() => page.locator('.entries li', { hasText: 'downtime' }).count()).toBeGreaterThan(1);
    await go('Downtimes');
    await page.getByText('None is declared').waitFor();
  });

  test('fits a phone, in light and dark', async () => {
    await page.setViewportSize({ width: 375, height: 700 });
    for (const scheme of ['light', 'dark'] as const) {
      await page.emulateMedia({ colorScheme: scheme });
      for (const name of ['Overview', 'Machines', 'Jobs', 'Journal', 'Downtimes']) {
        await go(name);
        await page.locator('main .card:visible').first().waitFor();
        const wide = await page.evaluate('document.documentElement.scrollWidth');
        expect([name, wide]).toEqual([name, 375]);
      }
    }
    const paper = await page.evaluate('getComputedStyle(document.documentElement).backgroundColor');
    expect(paper).toBe('rgb(13, 18, 25)');
    await page.locator('#theme').click();
    expect(await page.evaluate('getComputedStyle(document.documentElement).backgroundColor')).toBe(
      'rgb(244, 246, 250)',
    );
  });

  test('every control has a name', async () => {
    const nameless = await page.evaluate(
      "[...document.querySelectorAll('button, input, select, a')].filter((one) => !(one.textContent?.trim() || one.getAttribute('aria-label') || one.closest('label'))).length",
    );
    expect(nameless).toBe(0);
  });

  test('finds the daemon again after a restart', async () => {
    await site.stop();
    await expect.poll(() => page.locator('#live-text').textContent()).toBe('reconnecting');
    await site.start();
    await expect.poll(() => page.locator('#live-text').textContent(), { timeout: 60_000 }).toBe('live');
    complaints.splice(
      0,
      complaints.length,
      ...complaints.filter((text) => !/ERR_|Failed to load/.test(text)),
    );
  });

  test('the browser had nothing to complain of', () => {
    expect(complaints).toEqual([]);
  });
});
