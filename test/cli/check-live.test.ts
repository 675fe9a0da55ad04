import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { LiveResult } from '../../src/daemon/liveCheck.ts';
import { loadToy } from '../config/toy-site.ts';
import { account } from '../support/openstack/keystone.ts';
import { startLoopbackOpenstack } from '../support/openstack/server.ts';
import { cli } from '../support/runCli.ts';

const well: LiveResult = {
  kind: 'queue',
  name: 'main',
  part: 'htcondor',
  findings: [{ subject: 'login', verdict: 'ok', message: 'it answers', offers: [], figures: {} }],
};
const ill: LiveResult = {
  kind: 'cloud',
  name: 'east',
  part: 'openstack',
  findings: [
    { subject: 'login', verdict: 'ok', message: 'project p', offers: [], figures: {} },
    { subject: 'quota', verdict: 'warning', message: 'nearly full', offers: [], figures: { cpusLeft: 1 } },
    {
      subject: 'images',
      verdict: 'error',
      message: 'there is no\u001b image',
      offers: ['a', 'b'],
      figures: {},
    },
    { subject: 'rights', verdict: 'unknown', message: 'who knows', offers: [], figures: {} },
  ],
};

async function look(results: readonly LiveResult[], ...args: readonly string[]) {
  const { config, problems } = await loadToy();
  if (config === null) throw new Error('the toy is broken');
  const wanted: string[] = [];
  const run = await cli(['check', 'site.yaml', '--live', ...args], {
    loadSite: async () => ({ config, problems }),
    lookLive: async ({ clouds, queues }, isWanted) => {
      wanted.push(...[...clouds, ...queues].filter(isWanted).map(({ name }) => name));
      return results;
    },
  });
  return { ...run, wanted, config };
}

describe('spillway check --live', () => {
  test('ends well where nothing is wrong', async () => {
    const { code, stdout } = await look([well]);
    expect(code).toBe(0);
    expect(stdout).toContain('queue main (htcondor)\n  ok  login  it answers\n\nlive: no error\n');
  });

  test('ends with 1 where something will fail, and says what', async () => {
    const { code, stdout } = await look([well, ill]);
    expect(code).toBe(1);
    expect(stdout).toContain('cloud east (openstack)');
    expect(stdout).toMatch(/ {2}error +images +a, b: there is no\\u\{1b\} image\n/);
    expect(stdout).toContain('live: 1 error, 1 warning\n');
  });

  test('as JSON has all that was found', async () => {
    const { code, stdout } = await look([well, ill], '--json');
    expect(code).toBe(1);
    expect(JSON.parse(stdout)).toMatchObject({
      ok: true,
      live: { ok: false, errors: 1, warnings: 1, unknown: 1, sources: [well, ill] },
    });
  });

  test('asks those that are named', async () => {
    const { config } = await look([]);
    const [cloud] = config.clouds;
    expect((await look([], '--only', String(cloud?.name))).wanted).toEqual([cloud?.name]);
    const { code, stderr } = await look([], '--only', 'nowhere');
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr: 'spillway: no cloud and no queue is called nowhere\n',
    });
  });

  test('asks nobody by a configuration that is wrong', async () => {
    const problem = { severity: 'error', file: 'f', line: 1, column: 1, path: '', message: 'bad' } as const;
    const { code, stdout } = await cli(['check', 'site.yaml', '--live', '--json'], {
      loadSite: async () => ({ config: null, problems: [problem] }),
    });
    expect(code).toBe(3);
    expect(JSON.parse(stdout)).toMatchObject({ ok: false, live: null });
  });

  test('is not for --diff', async () => {
    expect((await cli(['check', '--diff', '--live'])).code).toBe(2);
  });
});

/** The command itself, on what answers in this process. */
describe('the program', () => {
  const main = new URL('../../src/main.ts', import.meta.url).pathname;

  async function run(args: readonly string[], environment: Readonly<Record<string, string>>) {
    const env = { PATH: process.env.PATH, ...environment };
    const child = await promisify(execFile)(process.execPath, [main, ...args], { env }).catch(
      (error: { code: number; stdout: string; stderr: string }) => error,
    );
    return { code: 'code' in child ? child.code : 0, ...child };
  }

  test('says what an OpenStack and this host lack for a site', async () => {
    const server = await startLoopbackOpenstack();
    const folder = await mkdtemp(join(tmpdir(), 'spillway-live-'));
    onTestFinished(async () => {
      await server.stop();
      await rm(folder, { recursive: true });
    });
    const path = join(folder, 'site.yaml');
    await writeFile(
      path,
      JSON.stringify({
        site: 'farm',
        stateDir: join(folder, 'state'),
        queues: [{ name: 'borrow', adapter: 'lease', access: 'local' }],
        clouds: [
          {
            name: 'nova',
            driver: 'openstack',
            authUrl: server.authUrl,
            region: 'RegionOne',
            password: { user: account.user, project: 'demo', password: 'env:NOVA_PASSWORD' },
          },
          { name: 'here', driver: 'local', folder: join(folder, 'machines') },
        ],
        offers: [
          {
            name: 'small',
            cloud: 'nova',
            cpus: 1,
            memory: '2GiB',
            disk: '20GiB',
            boot: { image: 'gone', flavor: 'm1.small', networks: ['labnet'] },
          },
          { name: 'own', cloud: 'here', cpus: 1, memory: '100MiB', disk: '1MiB' },
        ],
        pools: [{ name: 'all', queue: 'borrow', offers: ['small', 'own'], max: 2 }],
      }),
    );
    const { code, stdout } = await run(['check', path, '--live', '--json'], {
      NOVA_PASSWORD: account.password,
    });
    const { live } = JSON.parse(stdout);
    expect(live.sources.map(({ kind, name }: LiveResult) => `${kind} ${name}`)).toEqual([
      'queue borrow',
      'cloud nova',
      'cloud here',
    ]);
    const errors = live.sources.flatMap(({ findings }: LiveResult) =>
      findings.filter(({ verdict }) => verdict === 'error'),
    );
    expect(errors).toMatchObject([{ subject: 'images', offers: ['small'] }]);
    expect(code).toBe(1);
    expect(stdout).not.toContain(account.password);
  });
});
