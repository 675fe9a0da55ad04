import { describe, expect, it, onTestFinished } from 'vitest';
import type { Identity } from '../../../src/clouds/kubernetes/client/access.ts';
import type { CredentialHost } from '../../../src/clouds/kubernetes/client/credentials.ts';
import { KubernetesFailure } from '../../../src/clouds/kubernetes/client/failure.ts';
import { openSession } from '../../../src/clouds/kubernetes/client/session.ts';
import { startLoopbackKubernetes } from '../../support/kubernetes/server.ts';

const signal = AbortSignal.timeout(60_000);
const call = { call: 'list pods', path: '/api/v1/namespaces/workers/pods', expect: [200] };

/** A server, and a host whose files and programs the test plays. */
async function sessionAs(identity: Identity, impersonate: { user: string; groups: string[] } | null = null) {
  const server = await startLoopbackKubernetes();
  const host = {
    nowMs: 0,
    file: '',
    printed: '{}',
    exitCode: 0,
    stderr: '',
    reads: 0,
    runs: 0,
    refusals: 0,
    told: '',
  };
  const deps: CredentialHost = {
    clock: { wallNow: () => 1_800_000_000_000 + host.nowMs, monotonicNow: () => host.nowMs },
    files: {
      readText: async () => {
        host.reads += 1;
        if (host.file === '') throw new Error('ENOENT');
        return host.file;
      },
    },
    programs: {
      run: async (_argv, environment) => {
        host.runs += 1;
        host.told = environment.KUBERNETES_EXEC_INFO ?? '';
        return { exitCode: host.exitCode, stdout: host.printed, stderr: host.stderr };
      },
    },
  };
  const access = {
    server: server.url,
    tls: { ca: null, verify: true, serverName: null },
    identity,
    impersonate,
    namespace: null,
  };
  const session = openSession(access, deps, () => {
    host.refusals += 1;
  });
  onTestFinished(async () => {
    await session.close();
    await server.stop();
  });
  return { server, host, session, list: () => session.request(call, signal) };
}

async function failureOf(work: Promise<unknown>): Promise<KubernetesFailure> {
  const thrown = await work.then(
    () => null,
    (error: unknown) => error,
  );
  if (thrown instanceof KubernetesFailure) return thrown;
  throw new Error('no failure of the client’s');
}

describe('a fixed token', () => {
  it('that is refused is not sent again', async () => {
    const { server, list } = await sessionAs({ kind: 'token', token: 'wrong-token' });
    expect(await failureOf(list())).toMatchObject({ status: 401, reason: 'Unauthorized' });
    expect(server.log).toHaveLength(1);
  });
});

describe('a file with a token', () => {
  it('is read again every minute', async () => {
    const { server, host, list } = await sessionAs({ kind: 'tokenFile', path: '/token' });
    host.file = `${server.token}\n`;
    await list();
    host.nowMs += 59_000;
    await list();
    expect(host.reads).toBe(1);
    host.nowMs += 1000;
    await list();
    expect(host.reads).toBe(2);
  });

  it('is read again when the token is refused, once', async () => {
    const { server, host, list } = await sessionAs({ kind: 'tokenFile', path: '/token' });
    host.file = server.token;
    await list();
    server.world.tokens.delete(server.token);
    server.world.tokens.set('renewed', 'provisioner');
    host.file = 'renewed';
    await list();
    server.world.tokens.clear();
    expect(await failureOf(list())).toMatchObject({ status: 401 });
    // The file has no other one: it is not sent again.
    expect(server.log).toHaveLength(1 + 2 + 1);
    expect(host.refusals).toBe(1);
  });

  it('that cannot be read is a failure before the call', async () => {
    const { server, list } = await sessionAs({ kind: 'tokenFile', path: '/token' });
    expect(await failureOf(list())).toMatchObject({ kind: 'credentials', call: 'list pods', sent: false });
    expect(server.log).toEqual([]);
  });
});

describe('a program', () => {
  const program = {
    argv: ['login'],
    environment: { SECRET: 'password-of-the-program' },
    apiVersion: 'client.authentication.k8s.io/v1',
    cluster: { server: 'https://c' },
  };
  const printed = (status: object) =>
    JSON.stringify({ kind: 'ExecCredential', apiVersion: program.apiVersion, status });

  it('is told what it is for, and run again a minute before its token expires', async () => {
    const { server, host, list } = await sessionAs({ kind: 'program', program });
    const expirationTimestamp = new Date(1_800_000_000_000 + 3_600_000).toISOString();
    host.printed = printed({ token: server.token, expirationTimestamp });
    await list();
    expect(JSON.parse(host.told)).toEqual({
      kind: 'ExecCredential',
      apiVersion: program.apiVersion,
      spec: { interactive: false, cluster: { server: 'https://c' } },
    });
    host.nowMs += 3_539_000;
    await list();
    expect(host.runs).toBe(1);
    host.nowMs += 1000;
    await list();
    expect(host.runs).toBe(2);
  });

  it('is run once more when its token is refused', async () => {
    const { host, list, server } = await sessionAs({ kind: 'program', program });
    host.printed = printed({ token: server.token });
    await list();
    server.world.tokens.delete(server.token);
    server.world.tokens.set('renewed', 'provisioner');
    host.printed = printed({ token: 'renewed' });
    await list();
    expect([host.runs, server.log.length, host.refusals]).toEqual([2, 3, 0]);
    server.world.tokens.clear();
    expect(await failureOf(list())).toMatchObject({ status: 401 });
    expect([host.runs, server.log.length, host.refusals]).toEqual([3, 4, 1]);
  });

  it('is run once for all who wait for it', async () => {
    const { host, list, server } = await sessionAs({ kind: 'program', program });
    host.printed = printed({ token: server.token });
    await Promise.all([list(), list(), list()]);
    expect(host.runs).toBe(1);
  });

  it.each([
    ['not JSON', 0, 'did not print an ExecCredential'],
    [printed({}), 0, 'printed no token and no certificate'],
    [printed({ clientCertificateData: 'C' }), 0, 'printed no token and no certificate'],
    ['', 3, 'login ended with 3: cannot log in with [secret]'],
  ])('that gives nothing is a failure before the call: %#', async (text, exitCode, words) => {
    const { host, list } = await sessionAs({ kind: 'program', program });
    Object.assign(host, { printed: text, exitCode, stderr: 'cannot log in with password-of-the-program\n' });
    const failure = await failureOf(list());
    expect(failure).toMatchObject({ kind: 'credentials', sent: false });
    expect(failure.message).toContain(words);
  });
});

it('acts for another where it is told to', async () => {
  const { server, session } = await sessionAs({ kind: 'nobody' }, { user: 'robot', groups: ['a', 'b'] });
  server.fault('GET pods', { kind: 'echo', status: 400, code: '' });
  const failure = await failureOf(session.request(call, signal));
  expect(failure.detail).toContain('"impersonate-user":"robot"');
  expect(failure.detail).toContain('"impersonate-group":"a, b"');
});

it('has nothing of a credential in what it throws, though the server repeats it', async () => {
  const { server, session } = await sessionAs({
    kind: 'token',
    token: 'token-of-the-provisioner-Zk31bqPw8sT5',
  });
  server.fault('POST secrets', { kind: 'echo', status: 400, code: '' });
  const order = { ...call, method: 'POST' as const, path: '/api/v1/namespaces/workers/secrets' };
  const body = { data: Buffer.from('join token 4711').toString('base64') };
  const failure = await failureOf(session.request({ ...order, body, secrets: ['join token 4711'] }, signal));
  expect(failure.message).toContain('[secret]');
  for (const secret of [server.token, body.data]) expect(failure.message).not.toContain(secret);
});
