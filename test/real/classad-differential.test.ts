/**
 * A small differential run against HTCondor's own ClassAd library; the full one is `npm run classad:differential`.
 * Where the library cannot be had it is said why, and the test is skipped.
 */
import { spawnSync } from 'node:child_process';
import { resolve } from 'node:path';
import { expect, it } from 'vitest';

const noLibraryExitCode = 3;
const program = resolve(import.meta.dirname, '../../tools/classad/differential.ts');

it('random expressions, regular expressions and matches have the library’s answers', (context) => {
  const args = [program, '--count', '4000', '--patterns', '2000', '--pairs', '300', '--seed', '20'];
  const { status, stdout, stderr } = spawnSync(process.execPath, args, {
    encoding: 'utf8',
    timeout: 150_000,
  });
  if (status === noLibraryExitCode && process.env.SPILLWAY_TESTBED_REQUIRED !== '1') {
    const reason = `no ClassAd library: ${stderr.trim().split('\n').at(-1)}`;
    process.stderr.write(`SKIPPED, ${reason}\n`);
    context.skip(reason);
  }
  expect(stdout + stderr).toMatch(/^4000 expressions against .*: 0 unexplained/m);
  expect(stdout).toMatch(/^2000 regular expressions against .*: 0 unexplained/m);
  expect(stdout).toMatch(/^300 pairs against .*: 0 unexplained/m);
  expect(status).toBe(0);
});
