import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { HostFiles } from '../../../src/clouds/kubernetes/client/access.ts';
import { KubernetesFailure } from '../../../src/clouds/kubernetes/client/failure.ts';
import { readKubeconfig } from '../../../src/clouds/kubernetes/client/kubeconfig.ts';
import { readServiceAccount } from '../../../src/clouds/kubernetes/client/serviceAccount.ts';

const base64 = (text: string) => Buffer.from(text).toString('base64');

const disk: Readonly<Record<string, string>> = {
  '/etc/kube/ca.pem': 'CA',
  '/etc/kube/me.pem': 'CERTIFICATE',
  '/etc/kube/me.key': 'KEY',
  '/sa/token': 'TOKEN\n',
  '/sa/ca.crt': 'CA\n',
  '/sa/namespace': 'workers\n',
};
const files: HostFiles = {
  readText: async (path) => {
    const text = disk[path];
    if (text === undefined) throw new Error('ENOENT');
    return text;
  },
};

function config(user: object, { cluster = {}, context = {} }: { cluster?: object; context?: object } = {}) {
  return stringify({
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [
      { name: 'c', cluster: { server: 'https://cluster.example.org:6443/', ...cluster } },
      { name: 'd', cluster: { server: 'https://other.example.org' } },
    ],
    users: [
      { name: 'u', user },
      { name: 'v', user: { token: 'other-token' } },
    ],
    contexts: [
      { name: 'x', context: { cluster: 'c', user: 'u', ...context } },
      { name: 'y', context: { cluster: 'd', user: 'v', namespace: 'batch' } },
    ],
    'current-context': 'x',
  });
}

const read = (content: string, context: string | null = null, folder: string | null = '/etc/kube') =>
  readKubeconfig({ content, folder, context }, files);

async function wordsOf(work: Promise<unknown>): Promise<string> {
  const thrown = await work.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(thrown instanceof KubernetesFailure)) throw new Error('no failure of the client’s');
  expect(thrown).toMatchObject({ kind: 'settings', sent: false });
  return thrown.message;
}

describe('a kubeconfig', () => {
  it('is read by its current context', async () => {
    expect(await read(config({ token: 'abc' }))).toEqual({
      server: 'https://cluster.example.org:6443',
      tls: { ca: null, verify: true, serverName: null },
      identity: { kind: 'token', token: 'abc' },
      impersonate: null,
      namespace: null,
    });
  });

  it('is read by another context', async () => {
    expect(await read(config({}), 'y')).toMatchObject({
      server: 'https://other.example.org',
      identity: { kind: 'token', token: 'other-token' },
      namespace: 'batch',
    });
  });

  it('has certificates as data', async () => {
    const user = { 'client-certificate-data': base64('C'), 'client-key-data': base64('K') };
    const cluster = { 'certificate-authority-data': base64('A'), 'tls-server-name': 'inner' };
    expect(await read(config(user, { cluster }))).toMatchObject({
      tls: { ca: 'A', serverName: 'inner' },
      identity: { kind: 'certificate', certificate: 'C', key: 'K' },
    });
  });

  it('has certificates as files, from its own folder on', async () => {
    const user = { 'client-certificate': 'me.pem', 'client-key': '/etc/kube/me.key' };
    const cluster = { 'certificate-authority': 'ca.pem', 'insecure-skip-tls-verify': true };
    expect(await read(config(user, { cluster }))).toMatchObject({
      tls: { ca: 'CA', verify: false },
      identity: { kind: 'certificate', certificate: 'CERTIFICATE', key: 'KEY' },
    });
    expect(await wordsOf(read(config(user, { cluster }), null, null))).toContain('relative path');
  });

  it('has a file with the token, which wins over a token', async () => {
    expect(await read(config({ tokenFile: 'token', token: 'old' }))).toMatchObject({
      identity: { kind: 'tokenFile', path: '/etc/kube/token' },
    });
  });

  it('has a program that makes credentials', async () => {
    const exec = {
      apiVersion: 'client.authentication.k8s.io/v1',
      command: 'cloud-login',
      args: ['token', '--cluster', 'a b'],
      env: [{ name: 'PROFILE', value: 'batch' }],
      interactiveMode: 'IfAvailable',
      provideClusterInfo: true,
    };
    const { identity } = await read(config({ exec }));
    expect(identity).toEqual({
      kind: 'program',
      program: {
        argv: ['cloud-login', 'token', '--cluster', 'a b'],
        environment: { PROFILE: 'batch' },
        apiVersion: 'client.authentication.k8s.io/v1',
        cluster: { server: 'https://cluster.example.org:6443/' },
      },
    });
    const placed = await read(config({ exec: { ...exec, command: './login' } }));
    expect(placed.identity).toMatchObject({
      program: { argv: ['/etc/kube/login', 'token', '--cluster', 'a b'] },
    });
  });

  it('acts for another', async () => {
    expect(await read(config({ token: 't', as: 'robot', 'as-groups': ['a', 'b'] }))).toMatchObject({
      impersonate: { user: 'robot', groups: ['a', 'b'] },
    });
  });

  it.each([
    ['{', 'is not YAML'],
    ['[]', 'is not one'],
    [config({}).replace('https://cluster', 'cluster'), 'clusters.0.cluster.server'],
  ])('that is none is refused: %#', async (content, words) => {
    expect(await wordsOf(read(content))).toContain(words);
  });

  it.each([
    [{ username: 'me', password: 'geheim-77' }, 'a password'],
    [{ 'auth-provider': { name: 'gcp' } }, 'auth-provider'],
    [{ 'client-certificate': 'me.pem' }, 'and not both'],
    [{ 'client-certificate': 'gone.pem', 'client-key': 'me.key' }, '/etc/kube/gone.pem cannot be read'],
  ])('that cannot be used says why, and quotes nothing: %#', async (user, words) => {
    const message = await wordsOf(read(config(user)));
    expect(message).toContain(words);
    expect(message).not.toContain('geheim');
  });

  it('names what it lacks', async () => {
    expect(await wordsOf(read(config({}), 'z'))).toContain('no context named "z"');
    expect(await wordsOf(read(config({}, { context: { user: 'w' } })))).toContain('no user named "w"');
    expect(await wordsOf(read(config({}, { context: { cluster: 'w' } })))).toContain('no cluster named "w"');
    expect(await wordsOf(read(config({}, { cluster: { 'proxy-url': 'http://p' } })))).toContain('proxy-url');
  });
});

describe('a service account', () => {
  it('is read from its folder', async () => {
    expect(await readServiceAccount({ host: '10.96.0.1', port: '443' }, '/sa', files)).toEqual({
      server: 'https://10.96.0.1:443',
      tls: { ca: 'CA', verify: true, serverName: null },
      identity: { kind: 'tokenFile', path: '/sa/token' },
      impersonate: null,
      namespace: 'workers',
    });
  });

  it('may be at an address of IPv6', async () => {
    const access = await readServiceAccount({ host: 'fd00::1', port: '443' }, '/sa', files);
    expect(access.server).toBe('https://[fd00::1]:443');
  });

  it('is said to be missing', async () => {
    const outside = readServiceAccount({ host: undefined, port: undefined }, '/sa', files);
    expect(await wordsOf(outside)).toContain('does not run in a pod');
    const without = readServiceAccount({ host: 'h', port: '1' }, '/nowhere', files);
    expect(await wordsOf(without)).toContain('no service account');
  });
});
