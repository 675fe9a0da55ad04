import { describe, expect, it } from 'vitest';
import { digestOf } from '../../src/api/access.ts';
import { hasOpenssl, makeCertificates } from '../support/certificates.ts';
import { type Files, loadToy, problemsOf, toyFiles } from './toy-site.ts';

const site = String(toyFiles['site.yaml']);
const secrets = {
  'ci.token': `${'c'.repeat(32)}\n`,
  'farm.token': 'f'.repeat(32),
  'short.token': 'guess me',
};

const token = (name: string, more = 'pools: all', role = 'read') =>
  `    - { name: ${name}, secret: "file:${name}.token", role: ${role}, ${more} }\n`;
const loopback = '    - { address: 127.0.0.1, port: 8080, insecureLoopback: true }\n';

function files(listen: string, tokens: string, more: Files = {}): Files {
  const section = (name: string, text: string) => (text === '' ? '' : `  ${name}:\n${text}`);
  const api = `api:\n${section('listen', listen)}${section('tokens', tokens)}`;
  return { ...toyFiles, ...secrets, ...more, 'site.yaml': site.replace('queues:', `${api}queues:`) };
}

const said = async (listen: string, tokens: string, more: Files = {}) =>
  (await problemsOf(files(listen, tokens, more))).map((line) => line.replace(/^site.yaml:\d+:\d+ /, ''));

describe('access over the network', () => {
  it('is none unless it is asked for', async () => {
    expect((await loadToy()).config?.api).toEqual({
      listen: [],
      tokens: [],
      visitors: null,
      userSocket: null,
    });
  });

  it('is by tokens, of which only the hash is kept', async () => {
    const { config, problems } = await loadToy(
      files(loopback, token('ci') + token('farm', 'pools: [workers]')),
    );
    expect(problems).toEqual([]);
    expect(config?.api.listen).toEqual([{ address: '127.0.0.1', port: 8080, tls: null }]);
    expect(config?.api.tokens).toEqual([
      {
        name: 'ci',
        digest: digestOf('c'.repeat(32)),
        role: 'read',
        pools: new Set(['workers']),
        wholeSite: true,
        leaseUsers: 'own',
        requestsPerSecond: 100,
      },
      expect.objectContaining({ name: 'farm', pools: new Set(['workers']), wholeSite: false }),
    ]);
    expect(JSON.stringify(config)).not.toContain('cccc');
  });

  it('lets visitors read the pools that are open to everybody', async () => {
    const visited = files(loopback, '', {});
    const text = String(visited['site.yaml']).replace('queues:', '  visitors: { pools: all }\nqueues:');
    const { config, problems } = await loadToy({ ...visited, 'site.yaml': text });
    expect(problems).toEqual([]);
    expect(config?.api.visitors).toMatchObject({
      role: 'read',
      pools: new Set(['workers']),
      wholeSite: true,
      requestsPerSecond: 20,
    });
    const closed = text.replace('    max: 5\n', '    max: 5\n    access: []\n');
    const listed = await loadToy({ ...visited, 'site.yaml': closed });
    expect(listed.config?.api.visitors).toMatchObject({ pools: new Set(), wholeSite: false });
  });

  it('says which pool of visitors there is not', async () => {
    const text = `${loopback}  visitors: { pools: [werkers] }\n`;
    expect(await said(text, '')).toEqual([
      'api.visitors.pools[0]: unknown pool "werkers" (did you mean "workers"?)',
    ]);
  });

  it('a pool with an access list is closed to the tokens that it does not name', async () => {
    const listed = files(loopback, token('ci') + token('farm'));
    const text = String(listed['site.yaml']).replace('    max: 5\n', '    max: 5\n    access: [farm]\n');
    const { config, problems } = await loadToy({ ...listed, 'site.yaml': text });
    expect(problems).toEqual([]);
    expect(config?.api.tokens.map(({ name, pools, wholeSite }) => [name, pools.size, wholeSite])).toEqual([
      ['ci', 0, false],
      ['farm', 1, true],
    ]);
    const wrong = { ...listed, 'site.yaml': text.replace('[farm]', '[fram]') };
    expect((await problemsOf(wrong)).join()).toContain(
      'pools[0].access[0]: unknown token "fram" (did you mean "farm"?)',
    );
  });

  it.each([
    ['nobody may come in', loopback, '', ['api.listen: without any token nobody could use it']],
    [
      'there is no way in',
      '',
      token('ci'),
      ['api.tokens: warning: tokens are for the network, and nothing listens there (listen)'],
    ],
    [
      'tokens in the clear',
      '    - { address: 0.0.0.0, port: 8080 }\n',
      token('ci'),
      ['api.listen[0]: needs a certificate and a key: tokens go over TLS only'],
    ],
    [
      'tokens in the clear, here',
      '    - { address: "::1", port: 8080 }\n',
      token('ci'),
      [
        'api.listen[0]: needs a certificate and a key: tokens go over TLS only; on this host alone, insecureLoopback: true does without',
      ],
    ],
    [
      'insecure elsewhere',
      '    - { address: 10.0.0.1, port: 8080, insecureLoopback: true }\n',
      token('ci'),
      ['api.listen[0].insecureLoopback: 10.0.0.1 is no loopback address: it needs TLS'],
    ],
    [
      'a certificate without its key',
      '    - { address: 10.0.0.1, port: 8080, certificate: ci.token }\n',
      token('ci'),
      ['api.listen[0]: has no key: TLS needs both, certificate and key'],
    ],
    [
      'a certificate that is none',
      '    - { address: 10.0.0.1, port: 8080, certificate: ci.token, key: "file:ci.token" }\n',
      token('ci'),
      ['api.listen[0].certificate: the file is no certificate in PEM'],
    ],
    [
      'a certificate that is not there',
      '    - { address: 10.0.0.1, port: 8080, certificate: none.pem, key: "file:ci.token" }\n',
      token('ci'),
      ['api.listen[0].certificate: the file does not exist'],
    ],
    [
      'a host’s name',
      '    - { address: localhost, port: 8080, insecureLoopback: true }\n',
      token('ci'),
      ['api.listen[0].address: not an IP address'],
    ],
    [
      'an address twice',
      loopback + loopback,
      token('ci'),
      ['api.listen[1].port: this address and port are given twice'],
    ],
    [
      'a name twice and its secret',
      loopback,
      token('ci') + token('ci'),
      [
        'api.tokens[1].name: the name "ci" is taken already',
        'api.tokens[1].secret: another token has the same secret',
      ],
    ],
    [
      'a short secret',
      loopback,
      token('short'),
      ['api.tokens[0].secret: shorter than 20 letters; make one with: openssl rand -hex 32'],
    ],
    [
      'no secret',
      loopback,
      token('lost'),
      ['api.tokens[0].secret: the secret file lost.token does not exist'],
    ],
    [
      'a secret in the config',
      loopback,
      '    - { name: a, secret: hunter2hunter2hunter2, role: read, pools: all }\n',
      [
        'api.tokens[0].secret: a secret is not written here; put it into a file and say file:PATH (or env:NAME)',
      ],
    ],
    [
      'an unknown pool and role',
      loopback,
      token('ci', 'pools: [worker]'),
      ['api.tokens[0].pools[0]: unknown pool "worker" (did you mean "workers"?)'],
    ],
    [
      'an unknown role',
      loopback,
      token('ci', 'pools: all', 'root'),
      ['api.tokens[0].role: expected one of "read", "lease", "operate", got "root"'],
    ],
    [
      'no pools',
      loopback,
      token('ci', 'users: own'),
      ['api.tokens[0].pools: expected "all" or a list of pools'],
    ],
  ])('%s', async (_what, listen, tokens, messages) => {
    expect(await said(listen, tokens)).toEqual(messages);
  });

  it('a secret that no header can carry', async () => {
    const odd = { 'ci.token': 'a pass phrase of many words' };
    expect(await said(loopback, token('ci'), odd)).toEqual([
      'api.tokens[0].secret: has characters that no bearer token has: letters, digits and -._~+/ only, = at the end',
    ]);
  });
});

describe.skipIf(!hasOpenssl())('TLS', () => {
  const listen = '    - { address: 0.0.0.0, port: 8443, certificate: c.pem, key: "file:c.key" }\n';

  it('takes a certificate and its key, and nothing else', async () => {
    const { certificate, key } = makeCertificates();
    const pair = files(listen, token('ci'), { 'c.pem': certificate, 'c.key': key });
    const { config, problems } = await loadToy(pair);
    expect(problems).toEqual([]);
    expect(config?.api.listen[0]?.tls?.certificate).toBe(certificate);
    const other = makeCertificates();
    expect(await said(listen, token('ci'), { 'c.pem': certificate, 'c.key': other.key })).toEqual([
      'api.listen[0].key: not the key of the certificate',
    ]);
    expect(await said(listen, token('ci'), { 'c.pem': certificate, 'c.key': 'no key' })).toEqual([
      'api.listen[0].key: no private key in PEM without a passphrase',
    ]);
  });
});
