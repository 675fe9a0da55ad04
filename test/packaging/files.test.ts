import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { cloudDrivers } from '../../src/clouds/index.ts';
import { hostFiles } from '../../src/config/files.ts';
import { loadSite } from '../../src/config/load.ts';
import { formatProblem } from '../../src/config/problem.ts';
import { queueAdapters } from '../../src/queues/index.ts';

/** What packages and images are made of, as far as it can be looked at without making them; test/real makes them. */

const checkout = resolve(import.meta.dirname, '../..');
const read = (path: string) => readFileSync(resolve(checkout, path), 'utf8');
const { version }: { version: string } = JSON.parse(read('package.json'));

describe('the version', () => {
  it('has its section in CHANGELOG.md, the newest', () => {
    expect(/^## (.*)$/m.exec(read('CHANGELOG.md'))?.[1]).toBe(version);
  });

  it('is that of the lock file', () => {
    const lock = JSON.parse(read('package-lock.json'));
    expect([lock.version, lock.packages[''].version]).toEqual([version, version]);
  });
});

describe('the systemd unit', () => {
  const unit = read('config/systemd/spillway.service');

  it.skipIf(spawnSync('systemd-analyze', ['--version']).status !== 0)('may do little', () => {
    const args = [
      'security',
      '--offline=true',
      '--no-pager',
      resolve(checkout, 'config/systemd/spillway.service'),
    ];
    const said = execFileSync('systemd-analyze', args, { encoding: 'utf8' });
    const exposure = Number(/exposure level for spillway\.service: ([\d.]+)/.exec(said)?.[1]);
    expect(exposure).toBeGreaterThan(0);
    expect(exposure).toBeLessThanOrEqual(2.5);
  });

  it('runs as the user that sysusers.conf makes, whose home is its state', () => {
    const [, user, home] = /^u (\S+) - "[^"]*" (\S+)$/m.exec(read('config/systemd/sysusers.conf')) ?? [];
    expect(unit).toContain(`\nUser=${user}\nGroup=${user}\n`);
    expect(unit).toContain(`\nStateDirectory=${home?.replace('/var/lib/', '')}\n`);
  });

  it('ends no machine, also where machines are processes of this host', () => {
    expect(unit).toContain('\nKillMode=process\n');
    expect(unit).not.toMatch(/^(?:PrivateUsers|PrivatePIDs)=yes/m);
  });
});

const composeSchema = z.object({
  services: z.record(
    z.string(),
    z.looseObject({ image: z.string(), volumes: z.array(z.string()), tmpfs: z.array(z.string()).optional() }),
  ),
  volumes: z.record(z.string(), z.unknown()),
});

describe('the compose example', () => {
  const { services, volumes } = composeSchema.parse(parse(read('config/compose/compose.yaml')));

  it('mounts files that are there, or that `prepare` makes, and volumes that it declares', () => {
    for (const mounted of Object.values(services).flatMap((service) => service.volumes)) {
      const [source = ''] = mounted.split(':');
      if (!source.startsWith('.')) expect(Object.keys(volumes)).toContain(source);
      else if (source.startsWith('./secrets/'))
        expect(read('config/compose/prepare')).toContain(source.slice(2));
      else expect(existsSync(resolve(checkout, 'config/compose', source))).toBe(true);
    }
  });

  it('uses an image that the Dockerfile has', () => {
    for (const { image } of Object.values(services))
      expect(read('Dockerfile')).toContain(` AS ${image.replace('spillway-', '')}\n`);
  });

  it('has a site without a fault', async () => {
    const made = { bytes: Buffer.from('made up'), mode: 0o100600 };
    const { problems } = await loadSite(resolve(checkout, 'config/compose/site.yaml'), {
      adapters: queueAdapters,
      drivers: cloudDrivers,
      files: {
        read: async (path, bytesMax) =>
          path.startsWith('/etc/spillway/secrets/')
            ? made
            : // The folder user-data is mounted beside it.
              hostFiles.read(path.replace('/compose/user-data/', '/user-data/'), bytesMax),
      },
      env: () => undefined,
    });
    expect(problems.map(formatProblem)).toEqual([]);
  });
});

describe('the Dockerfile', () => {
  it('copies what .dockerignore lets through', () => {
    const letThrough = read('.dockerignore')
      .split('\n')
      .flatMap((line) => (line.startsWith('!') ? [line.slice(1)] : []));
    const copied = [...read('Dockerfile').matchAll(/^COPY (?!--from)(.*) \S+$/gm)].flatMap(([, paths = '']) =>
      paths.split(' '),
    );
    for (const path of copied) {
      expect(existsSync(resolve(checkout, path))).toBe(true);
      expect(letThrough.some((allowed) => path === allowed || path.startsWith(`${allowed}/`))).toBe(true);
    }
    expect(copied.length).toBeGreaterThan(5);
  });
});
