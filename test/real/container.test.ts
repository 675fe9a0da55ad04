import { execFileSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { InstanceList, StatusView } from '../../src/api/control.ts';
import { buildImage, type Container, type Image, runContainer } from '../support/container.ts';
import { until } from '../support/runningSite.ts';
import { had, htcondorTestbed, isMissing, stopTestbeds } from '../support/testbed.ts';

/** The Dockerfile's images, built by buildah and run with a read-only root, no capabilities and the image's own user. */

const checkout = resolve(import.meta.dirname, '../..');
const folder = mkdtempSync(join(tmpdir(), 'spillway-images-'));
const running: Container[] = [];

function start(
  image: Image,
  mounts: Readonly<Record<string, string>>,
  state = mkdtempSync(join(folder, 'state-')),
) {
  const container = runContainer({ image, state, mounts });
  running.push(container);
  return container;
}

const isHealthy = (container: Container, { config }: Image) => {
  const [kind, ...command] = config.Healthcheck.Test;
  expect(kind).toBe('CMD');
  return container.exec(command).code === 0;
};

function ask(container: Container, ...args: readonly string[]): unknown {
  const { code, stdout, stderr } = container.exec(['spillway', ...args, '--json']);
  if (code !== 0) throw new Error(`${args.join(' ')}: exit code ${code}: ${stdout}${stderr}`);
  return JSON.parse(stdout);
}

afterEach(() => {
  for (const container of running.splice(0)) container.dispose();
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe('the image', () => {
  let image: Image | null = null;
  const site = { '/etc/spillway/site.yaml': join(checkout, 'config/lease-local.yaml') };
  beforeAll(() => {
    image = buildImage('runtime');
  }, 600_000);

  it('is small, and runs the daemon as a user of its own', (test) => {
    if (image === null) return test.skip('no image');
    const { User, Entrypoint, Cmd } = image.config;
    expect({ User, Entrypoint, Cmd }).toEqual({
      User: '10001:10001',
      Entrypoint: ['/usr/bin/spillway'],
      Cmd: ['run', '/etc/spillway/site.yaml'],
    });
    const used = execFileSync('du', ['--summarize', '--block-size=1M', image.root], { encoding: 'utf8' });
    expect(Number(used.split('\t')[0])).toBeLessThan(320);
    for (const path of ['usr/local/bin/npm', 'usr/lib/spillway/node_modules/typescript', 'build'])
      expect(statSync(join(image.root, path), { throwIfNoEntry: false })).toBeUndefined();
  });

  it('runs a site on a read-only root, is healthy, and stops at SIGTERM', async (test) => {
    if (image === null) return test.skip('no image');
    const state = mkdtempSync(join(folder, 'state-'));
    const container = start(image, site, state);
    await until('it is healthy', () => isHealthy(container, image as Image));
    expect(container.exec(['id', '--user']).stdout).toBe('10001\n');
    expect(container.exec(['touch', '/usr/x']).stderr).toMatch(/Read-only file system/);
    const leased = container.exec([
      'spillway',
      'lease',
      '--pool',
      'desks',
      '--',
      'sh',
      '-c',
      'echo $SPILLWAY_LEASE',
    ]);
    expect(leased).toMatchObject({ code: 0, stdout: expect.stringMatching(/\S/) });
    expect((ask(container, 'instance', 'list') as InstanceList).instances).toHaveLength(1);
    container.signal('SIGTERM');
    expect(await container.ended).toBe(0);
    expect(container.output()).toContain('every instance lives on');

    // What it remembers is in the volume.
    const again = start(image, site, state);
    await until('it is healthy again', () => isHealthy(again, image as Image));
    const totals = (ask(again, 'status') as StatusView).totals;
    expect([totals.sinceStart.launched, totals.sinceStore.launched]).toEqual([0, 1]);
  });

  it('is not healthy where the daemon hangs, or is not there', async (test) => {
    if (image === null) return test.skip('no image');
    const container = start(image, site);
    expect(isHealthy(container, image)).toBe(false);
    await until('it is healthy', () => isHealthy(container, image as Image));
    container.signal('SIGSTOP');
    expect(isHealthy(container, image)).toBe(false);
    container.signal('SIGCONT');
  });

  it('says what is wrong with a configuration, and ends', async (test) => {
    if (image === null) return test.skip('no image');
    const bad = join(folder, 'bad.yaml');
    writeFileSync(bad, 'site: [');
    const container = start(image, { '/etc/spillway/site.yaml': bad });
    expect(await container.ended).toBe(3);
    expect(container.output()).toContain('/etc/spillway/site.yaml:1:');
  });
});

const pool = await htcondorTestbed('container');
afterAll(() => stopTestbeds(pool));

describe.skipIf(isMissing(pool))('the image with HTCondor’s tools, beside a pool', () => {
  let image: Image | null = null;
  beforeAll(() => {
    image = buildImage('htcondor');
  }, 600_000);

  it('reads the queue with a token of the daemon’s own that may read, as no user of the pool', async (test) => {
    if (image === null) return test.skip('no image');
    const built = image;
    const { collector, trustDomain, keyPath, keyName, user, schedds } = had(pool);
    const run = (tool: string, args: readonly string[]) => had(pool).run(tool, args);
    const secrets = join(folder, 'secrets');
    mkdirSync(join(secrets, 'tokens.d'), { recursive: true });
    copyFileSync(keyPath, join(secrets, 'signing-key'));
    const token = await run('condor_token_create', [
      '-identity',
      `spillway@${trustDomain}`,
      '-key',
      'POOL',
      '-authz',
      'READ',
    ]);
    writeFileSync(join(secrets, 'tokens.d/spillway'), token);
    execFileSync('chown', ['-R', '10001:10001', secrets]);
    execFileSync('chmod', ['-R', 'go=', secrets]);
    const client = readFileSync(join(checkout, 'config/compose/client.conf'), 'utf8')
      .replace('htcondor:9618', collector)
      .replaceAll('spillway.compose', trustDomain);
    writeFileSync(join(folder, 'client.conf'), client);
    const site = readFileSync(join(checkout, 'config/compose/site.yaml'), 'utf8')
      .replace('head.example.org:9618', collector)
      .replace('schedd@spillway.compose', schedds[0] ?? '')
      .replace('spillway.compose', trustDomain)
      .replace('    updateInterval: 1m\n', '    updateInterval: 1s\n    poll: 1s\n')
      .replace('htcondor-signing-key', `signing-key\n      signingKeyId: ${keyName}`)
      // No cloud is asked here.
      .replace(
        / {2}- name: ec2\n[\s\S]*?\n\n/,
        '  - { name: ec2, driver: local, folder: /var/lib/spillway/machines }\n\n',
      )
      .replace(/ {4}boot:\n( {6}.*\n)+/, '    boot: { command: [sleep, infinity] }\n');
    writeFileSync(join(folder, 'site.yaml'), site);
    const container = start(built, {
      '/etc/spillway/site.yaml': join(folder, 'site.yaml'),
      '/etc/spillway/user-data': join(checkout, 'config/user-data'),
      '/etc/spillway/secrets': secrets,
      '/etc/condor/config.d/90-site.conf': join(folder, 'client.conf'),
    });
    await until('it is healthy', () => isHealthy(container, built), { withinMs: 60_000 }).catch(
      (error: unknown) => {
        throw new Error(`${String(error)}: ${container.output()}`);
      },
    );

    const job = join(had(pool).folder, 'home/job.sub');
    writeFileSync(
      job,
      [
        'executable = /bin/sleep',
        'arguments = 100',
        'transfer_executable = false',
        'should_transfer_files = yes',
        'initialdir = /tmp',
        'request_memory = 100M',
        'request_disk = 1M',
        'queue 3',
        '',
      ].join('\n'),
    );
    execFileSync('chown', [user, job]);
    await run('condor_submit', [job]);
    const queue = () => (ask(container, 'status') as StatusView).queues[0];
    await until('the jobs are seen', () => queue()?.jobs.waiting === 3, { withinMs: 60_000 }).catch(() => {});
    expect(queue()).toMatchObject({ jobs: { waiting: 3 }, trouble: null });
    await run('condor_rm', ['-all']);
  });
});
