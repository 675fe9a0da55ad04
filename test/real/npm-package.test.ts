import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { get, type IncomingMessage } from 'node:http';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { StatusView } from '../../src/api/control.ts';
import { until } from '../support/runningSite.ts';

/** What `scripts/package-npm` makes, installed in a clean folder. */

const checkout = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'spillway-npm-'));
const installed = join(folder, 'installed/node_modules');
const bin = join(installed, '.bin/spillway');
const env = { ...process.env, PATH: `${dirname(process.execPath)}:${process.env.PATH ?? ''}` };
const run = (program: string, args: readonly string[]) =>
  execFileSync(program, args, { cwd: folder, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
const json = (path: string) => JSON.parse(readFileSync(path, 'utf8'));

beforeAll(() => {
  const tarball = run(join(checkout, 'scripts/package-npm'), [folder]).trim();
  mkdirSync(join(folder, 'installed'));
  writeFileSync(join(folder, 'installed/package.json'), '{}');
  run('npm', [
    'install',
    '--prefix',
    join(folder, 'installed'),
    '--ignore-scripts',
    '--prefer-offline',
    tarball,
  ]);
}, 300_000);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function statusOf(socketPath: string, path: string): Promise<number | undefined> {
  const [response] = (await once(get({ socketPath, path }), 'response')) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}

describe('the npm package', () => {
  it('installs what runs, in the versions that were locked, and nothing to develop with', () => {
    const locked: Record<string, { version: string; dev?: boolean }> = json(
      join(checkout, 'package-lock.json'),
    ).packages;
    const got: Record<string, { version: string }> = json(join(installed, '.package-lock.json')).packages;
    const versions = Object.entries(got).filter(([path]) => path !== 'node_modules/spillway');
    expect(versions.length).toBeGreaterThan(50);
    for (const [path, { version }] of versions) {
      const name = path.replace(/^node_modules\/spillway\//, '');
      expect({ name, version, dev: locked[name]?.dev }).toEqual({
        name,
        version: locked[name]?.version,
        dev: undefined,
      });
    }
    expect(readdirSync(join(installed, 'spillway')).toSorted()).toEqual(
      expect.arrayContaining(['CHANGELOG.md', 'README.md', 'config', 'dist', 'docs', 'man', 'package.json']),
    );
  });

  it('has a command that says the version of package.json', () => {
    expect(run(bin, ['--version'])).toBe(`${json(join(checkout, 'package.json')).version}\n`);
  });

  it('runs a site', async () => {
    const site = join(folder, 'site.yaml');
    const example = readFileSync(join(installed, 'spillway/config/lease-local.yaml'), 'utf8');
    const socket = join(folder, 'api.sock');
    writeFileSync(
      site,
      `socket: ${socket}\n${example.replaceAll('/var/lib/spillway', join(folder, 'state'))}`,
    );
    const daemon = spawn(bin, ['run', site], { env, stdio: 'ignore' });
    const ended = once(daemon, 'close');
    try {
      const status = () => {
        try {
          return JSON.parse(run(bin, ['status', '--json', '--socket', socket])) as StatusView;
        } catch {
          return null;
        }
      };
      await until('it runs', () => status()?.mode === 'running');
      expect(status()?.pools.map(({ name }) => name)).toEqual(['desks']);
      // The page's own files, and those of a package that it needs.
      for (const path of ['/', '/web/main.js', '/web/style.css', '/web/uPlot.esm.js'])
        expect([path, await statusOf(socket, path)]).toEqual([path, 200]);
    } finally {
      daemon.kill('SIGTERM');
    }
    expect(await ended).toEqual([0, null]);
  });
});
