import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type BrowserContext, chromium } from 'playwright-core';

/** Debian's; `scripts/testbed/chromium` installs it. */
const executablePath = '/usr/bin/chromium';

/** Why no browser can be had; null: there is one. */
export const noBrowser = existsSync(executablePath)
  ? null
  : 'there is no /usr/bin/chromium: scripts/testbed/chromium';

export interface View {
  readonly width: number;
  readonly height: number;
  readonly scheme?: 'light' | 'dark';
}

export interface TestBrowser {
  readonly context: BrowserContext;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A browser with a profile of its own that speaks to nobody but us. */
export async function openBrowser({ width, height, scheme = 'light' }: View): Promise<TestBrowser> {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-chromium-'));
  const context = await chromium.launchPersistentContext(folder, {
    executablePath,
    headless: true,
    viewport: { width, height },
    colorScheme: scheme,
    reducedMotion: 'reduce',
    timezoneId: 'UTC',
    locale: 'en-GB',
    chromiumSandbox: false,
    args: [
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  });
  context.setDefaultTimeout(20_000);
  return {
    context,
    [Symbol.asyncDispose]: async () => {
      await context.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

export function chromiumVersion(): string {
  return execFileSync(executablePath, ['--version'], { encoding: 'utf8' }).trim();
}
