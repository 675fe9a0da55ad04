import { setTimeout as delay } from 'node:timers/promises';
import { hostClock } from '../../src/daemon/clock.ts';
import { startTestApi } from '../support/apiServer.ts';
import { secretOf, testTokens } from '../support/apiTokens.ts';
import { chromiumVersion, noBrowser, openBrowser } from '../support/browser.ts';
import { createBusySite } from '../support/busySite.ts';
import { quantile, round } from './figures.ts';

/** Frames that are looked at on each page. */
const frames = 20;
/** In one browser, so that all but the first have the page's files. */
const visits = 5;

interface Seen {
  /** From the beginning of the navigation to the first frame in the page; null: not yet. */
  readonly firstMs: number | null;
  /** From a frame's arrival until the page shows it: parsed, applied, drawn. */
  readonly updatesMs: readonly number[];
  /** What kept the browser from answering for more than 50 ms, after the first second. */
  readonly longTasksMs: readonly number[];
}

interface Watched extends Seen {
  readonly firstsMs: readonly number[];
}

/**
 * The web page with so many machines, of which some change every second, in headless Chromium: `npm run bench -- page [MACHINES]`.
 * The host runs daemon and browser both.
 */
export async function run([machines = '5000']: readonly string[]): Promise<unknown> {
  if (noBrowser !== null) return { skipped: noBrowser };
  const site = createBusySite(Number(machines));
  const listen = [{ address: '127.0.0.1', port: 0, tls: null }];
  await using api = await startTestApi(hostClock, { listen, tokens: testTokens });
  Object.assign(api.control, site.control);
  const origin = `http://127.0.0.1:${api.api.addresses[0]?.port}`;
  const at = { width: 1360, height: 900 };
  const changing = new AbortController();
  const work = (async () => {
    while (!changing.signal.aborted) {
      site.step(1_000);
      await delay(1_000);
    }
  })();
  try {
    return {
      chromium: chromiumVersion(),
      machines: site.control.instances({ ended: false, limit: 10_000 }).total,
      overview: figuresOf(await look(`${origin}/#/`, at)),
      list: figuresOf(await look(`${origin}/#/machines`, at)),
      phone: figuresOf(await look(`${origin}/#/machines`, { width: 375, height: 812 })),
    };
  } finally {
    changing.abort();
    await work;
  }
}

async function look(url: string, at: { readonly width: number; readonly height: number }): Promise<Watched> {
  await using browser = await openBrowser(at);
  const page = await browser.context.newPage();
  await page.addInitScript((secret) => sessionStorage.setItem('spillway.token', secret), secretOf('runsAll'));
  await page.addInitScript(`
    globalThis.seen = { firstMs: null, updatesMs: [], longTasksMs: [] };
    new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntriesByName('spillway frame')) {
        if (seen.firstMs === null) seen.firstMs = startTime + duration;
        else seen.updatesMs.push(duration);
      }
    }).observe({ type: 'measure', buffered: true });
    new PerformanceObserver((list) => {
      for (const { startTime, duration } of list.getEntries()) if (startTime > 1000) seen.longTasksMs.push(duration);
    }).observe({ type: 'longtask', buffered: true });
  `);
  const seen = async () => (await page.evaluate('seen')) as Seen;
  const firstsMs: number[] = [];
  for (let visit = 0; visit < visits; visit += 1) {
    await page.goto('about:blank');
    await page.goto(url);
    while ((await seen()).firstMs === null) await delay(100);
    firstsMs.push((await seen()).firstMs ?? 0);
  }
  // Asked for from outside: the page runs no text as a program.
  while ((await seen()).updatesMs.length < frames) await delay(500);
  return { ...(await seen()), firstsMs };
}

function figuresOf({ firstsMs, updatesMs, longTasksMs }: Watched) {
  return {
    firstMedianMs: round(quantile(firstsMs, 0.5)),
    firstMaxMs: round(Math.max(...firstsMs)),
    updateMedianMs: round(quantile(updatesMs, 0.5)),
    updateMaxMs: round(Math.max(...updatesMs)),
    longTaskMaxMs: round(Math.max(0, ...longTasksMs)),
  };
}
