import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { startTestApi } from '../support/apiServer.ts';
import { eventually } from '../support/eventually.ts';

const main = resolve(import.meta.dirname, '../../src/main.ts');

/** util-linux's `script` gives a program a terminal of its own. */
function hasScript(): boolean {
  try {
    execFileSync('script', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

test.skipIf(!hasScript())('spillway top fills a terminal, is live, and leaves it as it was', async () => {
  await using api = await startTestApi();
  const command = `stty rows 20 cols 72; ${process.execPath} ${main} top --socket ${api.socket}; stty -a; echo ended with $?`;
  const child = spawn('script', ['--quiet', '--flush', '--command', command, '/dev/null'], {
    stdio: ['pipe', 'pipe', 'inherit'],
    env: { ...process.env, TERM: 'xterm-256color', LANG: 'C.UTF-8', NO_COLOR: '', SHELL: '/bin/sh' },
  });
  let seen = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    seen += text;
  });
  const pictures = () => seen.split('\u001b[H').filter((text) => text.includes('12 waiting'));
  await eventually('three pictures', () => pictures().length > 3);
  const lines = pictures().at(1)?.split('\r\n') ?? [];
  expect(lines.length).toBeLessThanOrEqual(20);
  expect(seen).toContain('\u001b[36m');
  child.stdin.write('q');
  await once(child, 'close');
  const [, after = ''] = seen.split('\u001b[?1049l');
  expect(after).toContain('ended with 0');
  // Lines and echo, as before.
  expect(after).toMatch(/(?<!-)icanon/);
  expect(after).toMatch(/(?<![-\w])echo\b/);
});
