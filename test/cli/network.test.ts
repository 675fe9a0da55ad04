import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CliDeps } from '../../src/cli/deps.ts';
import { exitCodes } from '../../src/cli/exit.ts';
import { hostClock } from '../../src/daemon/clock.ts';
import { startTestApi, type TestApi } from '../support/apiServer.ts';
import { secretOf, testTokens } from '../support/apiTokens.ts';
import { hasOpenssl, makeCertificates, type TestCertificates } from '../support/certificates.ts';
import { cli } from '../support/runCli.ts';

const folder = mkdtempSync(join(tmpdir(), 'spillway-network-'));
const file = (name: string, text: string, mode = 0o600) => {
  writeFileSync(join(folder, name), text, { mode });
  return join(folder, name);
};
afterAll(() => rmSync(folder, { recursive: true }));

const tokenFile = (name: string) => file(`${name}.token`, `${secretOf(name)}\n`);
const open = (tls: { certificate: string; key: string } | null) =>
  startTestApi(hostClock, { listen: [{ address: '127.0.0.1', port: 0, tls }], tokens: testTokens });
const urlOf = (api: TestApi, scheme: string) => `${scheme}://127.0.0.1:${api.api.addresses[0]?.port}`;

describe.skipIf(!hasOpenssl())('over TLS', () => {
  let made: TestCertificates;
  let ca: string;
  beforeAll(() => {
    made = makeCertificates();
    ca = file('ca.pem', made.ca, 0o644);
  });

  test('a command asks with the options, or with the environment', async () => {
    await using api = await open(made);
    const url = urlOf(api, 'https');
    const token = tokenFile('runsSmall');
    const told = await cli(['status', '--json', '--url', url, '--token', `file:${token}`, '--ca', ca]);
    expect(told).toMatchObject({ code: 0, stderr: '' });
    expect(told.stdout).toContain('"small"');
    expect(told.stdout).not.toContain('"large"');
    const env = {
      SPILLWAY_URL: url,
      SPILLWAY_TOKEN_FILE: token,
      SPILLWAY_CA: ca,
      SPILLWAY_SOCKET: '/nowhere',
    };
    expect(await cli(['pool', 'pause', 'small'], { env })).toMatchObject({ code: 0, stderr: '' });
    expect(api.control.writes).toEqual([{ kind: 'pause', pool: 'small' }]);
    const refused = await cli(['pool', 'pause', 'large'], { env });
    expect(refused.code).toBe(exitCodes.failed);
    expect(refused.stderr).toContain('token runsSmall has no access to pool large');
    // An option of the one kind goes before the environment's other.
    expect((await cli(['status', '--socket', api.socket], { env })).stdout).toContain('large');
  });

  test('a lease is borrowed, and given back', async () => {
    await using api = await open(made);
    const ran: unknown[] = [];
    const lease: CliDeps['lease'] = {
      user: 'ann',
      isTerminal: false,
      makeKeys: async () => ({
        publicKey: 'ssh-ed25519 AAAA',
        filesFor: () => Promise.reject(new Error('not over SSH')),
        remove: async () => {},
      }),
      run: async (command) => {
        ran.push(command.argv);
        return 7;
      },
    };
    const at = ['--url', urlOf(api, 'https'), '--token', `file:${tokenFile('lendsSmall')}`, '--ca', ca];
    const { code } = await cli(['lease', ...at, '--pool', 'small', '--quiet', '--', 'sh', '-c', 'true'], {
      lease,
    });
    expect({ code, ran }).toEqual({ code: 7, ran: [['sh', '-c', 'true']] });
    expect(api.control.leases()).toEqual([]);
  });

  test('a daemon that nobody vouches for is not asked, and gets no token', async () => {
    await using api = await open(made);
    const token = `file:${tokenFile('runsAll')}`;
    const run = await cli(['status', '--json', '--url', urlOf(api, 'https'), '--token', token]);
    expect(run.code).toBe(exitCodes.failed);
    expect(run.stdout).toContain('"untrusted"');
    const other = file('other.pem', makeCertificates().ca, 0o644);
    const wrong = await cli(['status', '--url', urlOf(api, 'https'), '--token', token, '--ca', other]);
    expect(wrong.code).toBe(exitCodes.failed);
  });

  test('plain HTTP at a TLS address comes to nothing', async () => {
    await using api = await open(made);
    const run = await cli(['status', '--url', urlOf(api, 'http'), '--token', `file:${tokenFile('runsAll')}`]);
    expect(run.code).toBe(exitCodes.unreachable);
    expect(run.stderr).not.toContain(secretOf('runsAll'));
    expect(api.logged).toEqual([]);
  });
});

describe('without TLS, on this host alone', () => {
  test('a token that nobody has, and one that asks too often', async () => {
    await using api = await open(null);
    const url = urlOf(api, 'http');
    const stranger = await cli([
      'status',
      '--json',
      '--url',
      url,
      '--token',
      `file:${tokenFile('stranger')}`,
    ]);
    expect(stranger.code).toBe(exitCodes.failed);
    expect(stranger.stdout).toContain('"unauthorized"');
    expect(stranger.stdout + stranger.stderr).not.toContain(secretOf('stranger'));
  });

  test('the secret may be in a variable; a file that others may read is warned of', async () => {
    await using api = await open(null);
    const url = urlOf(api, 'http');
    const env = { SECRET: secretOf('seesAll') };
    expect(await cli(['plan', '--url', url, '--token', 'env:SECRET'], { env })).toMatchObject({
      code: 0,
      stderr: '',
    });
    const open644 = file('open.token', secretOf('seesAll'), 0o644);
    const warned = await cli(['plan', '--url', url, '--token', `file:${open644}`]);
    expect(warned).toMatchObject({ code: 0, stderr: expect.stringContaining('is open to everybody') });
  });
});

test.each([
  ['no token', ['--url', 'https://head:8443'], /a daemon on the network asks for a token/],
  ['a token on the command line', ['--url', 'https://head:8443', '--token', 'hunter2'], /not written here/],
  ['no such file', ['--url', 'https://head:8443', '--token', 'file:/nowhere/t'], /does not exist/],
  ['plain HTTP over the network', ['--url', 'http://head:8443', '--token', 'file:t'], /only https/],
  ['a name in the URL', ['--url', 'https://ann:pw@head:8443', '--token', 'file:t'], /is no URL of a daemon/],
  ['a page', ['--url', 'https://head:8443/v1', '--token', 'file:t'], /is no URL of a daemon/],
  ['no URL', ['--url', 'head:8443', '--token', 'file:t'], /is no URL of a daemon|only https/],
  ['both', ['--url', 'https://head:8443', '--socket', 's'], /cannot be used with/],
])('%s is refused', async (_what, options, message) => {
  const { code, stderr } = await cli(['status', ...options]);
  expect(code).toBe(exitCodes.usage);
  expect(stderr).toMatch(message);
  expect(stderr).not.toContain('hunter2');
});
