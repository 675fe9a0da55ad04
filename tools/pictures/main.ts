import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { startApi } from '../../src/api/server.ts';
import { hostClock } from '../../src/daemon/clock.ts';
import { keepLog } from '../../test/support/apiServer.ts';
import { secretOf, testTokens } from '../../test/support/apiTokens.ts';
import { openBrowser, type View } from '../../test/support/browser.ts';
import { createBusySite } from '../../test/support/busySite.ts';

/** Takes the pictures of docs/dashboard.md: the page as it shows a made-up farm. `npm run pictures`, with Chromium at hand. */

const folder = fileURLToPath(new URL('../../docs/images/', import.meta.url));
const bytesMax = 200 * 1024;

interface Picture extends View {
  readonly name: string;
  readonly page: string;
  /** A row that is opened first. */
  readonly open?: string;
}

const pictures: readonly Picture[] = [
  { name: 'overview', page: '#/', width: 1360, height: 1150 },
  { name: 'overview-dark', page: '#/', width: 1360, height: 1150, scheme: 'dark' },
  { name: 'machines', page: '#/machines', width: 1360, height: 860 },
  { name: 'machine', page: '#/machines', width: 1360, height: 860, open: '.row .link' },
  { name: 'jobs', page: '#/jobs', width: 1360, height: 760 },
  { name: 'phone', page: '#/', width: 375, height: 812 },
  { name: 'phone-machines', page: '#/machines', width: 375, height: 812 },
];

const wanted = process.argv.slice(2);
const place = await mkdtemp(join(tmpdir(), 'spillway-pictures-'));
const site = createBusySite(640);
const history = site.history();
const api = await startApi({
  socket: join(place, 'api.sock'),
  listen: [{ address: '127.0.0.1', port: 0, tls: null }],
  tokens: testTokens,
  control: site.control,
  clock: hostClock,
  log: keepLog([]),
});
const origin = `http://127.0.0.1:${api.addresses[0]?.port}`;
try {
  for (const { name, page: hash, open, ...view } of pictures) {
    if (wanted.length > 0 && !wanted.includes(name)) continue;
    await using browser = await openBrowser(view);
    const page = await browser.context.newPage();
    page.on('console', (message) => process.stderr.write(`${name}: ${message.text()}\n`));
    page.on('pageerror', (error) => process.stderr.write(`${name}: ${error.stack}\n`));
    await page.route('**/v1/history*', (route) => route.fulfill({ json: history }));
    await page.addInitScript(
      (secret) => sessionStorage.setItem('spillway.token', secret),
      secretOf('runsAll'),
    );
    await page.goto(`${origin}/${hash}`);
    await page.locator('main .card').last().waitFor();
    if (open !== undefined) {
      await page.locator(open).first().click();
      await page.locator('.sheet .why').first().waitFor();
    }
    await delay(1_500); // until the charts have their data: a picture cannot be asked whether it is done
    const path = join(folder, `${name}.png`);
    await page.screenshot({ path });
    const { size } = await stat(path);
    process.stdout.write(`${name}.png ${Math.ceil(size / 1024)} KiB\n`);
    if (size > bytesMax) process.exitCode = 1;
  }
} finally {
  await api.close();
  await rm(place, { recursive: true, force: true });
}
