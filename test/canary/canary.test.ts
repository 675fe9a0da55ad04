import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { Client } from 'undici';
import { afterAll, expect, test } from 'vitest';
import { hasOpenssl, makeCertificates } from '../support/certificates.ts';
import { startLoopbackEc2 } from '../support/loopback-ec2/server.ts';
import { defaultImages } from '../support/loopback-ec2/stock.ts';
import { createSite, spillway, until } from '../support/runningSite.ts';
import { canary, type Haystack, sightings } from './places.ts';
import { nosyTools } from './tools.ts';

/**
 * A secret of its own in every place where a secret can be, a daemon to which everything happens that makes it speak, and a
 * search through all that it has said, written, stored and handed on. The cloud answers with what it was sent, and programs fail with
 * what they were given.
 */
const places = {
  accessKey: canary('the cloud’s secret key'),
  session: canary('the cloud’s session token'),
  signing: canary('the key that signs machines’ tokens'),
  operator: canary('an API token from a file'),
  reader: canary('an API token from the environment'),
  ssh: canary('the SSH key of machines’ administrator'),
  template: canary('a password in a boot template'),
  stray: canary('a secret that was written into the configuration'),
  guess: canary('a token that somebody tries'),
};

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((listening) => server.once('listening', listening));
  const address = server.address();
  await new Promise((closed) => server.close(closed));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

const tls = hasOpenssl() ? makeCertificates() : null;
const port = await freePort();
const ec2 = await startLoopbackEc2({ now: () => performance.now() });
const site = createSite({
  config: '',
  files: {
    'access.key': places.accessKey.text,
    'signing.key': places.signing.text,
    operator: places.operator.text,
    'ssh.key': `-----BEGIN OPENSSH PRIVATE KEY-----\n${places.ssh.text}\n-----END OPENSSH PRIVATE KEY-----\n`,
    'boot.sh': `#!/bin/sh\n# {{token}} {{instance}}\necho '${places.template.text}' | passwd --stdin root\n`,
    'tls.pem': tls?.certificate ?? '',
    'tls.key': tls?.key ?? '',
  },
});
const tools = nosyTools(site.folder);
const api =
  tls === null
    ? `{address: 127.0.0.1, port: ${port}, insecureLoopback: true}`
    : `{address: 127.0.0.1, port: ${port}, certificate: tls.pem, key: 'file:tls.key'}`;
const [image] = defaultImages;

const config = (more = '') => `
site: canary
stateDir: ${site.folder}/state
api:
  listen: [${api}]
  userSocket: {path: ${site.folder}/user.sock}
  tokens:
    - {name: operator, role: operate, pools: all, secret: 'file:operator'}
    - {name: reader, role: read, pools: all, secret: 'env:CANARY_READER'}
queues:
  - name: condor
    adapter: htcondor
    bin: ${tools.bin}
    poll: 1s
    join: {collector: 'head:9618', trustDomain: pool.test, signingKey: 'file:signing.key'}
  - {name: leases, adapter: lease, poll: 500ms}
  - {name: remote, adapter: lease, poll: 500ms, access: {ssh: {user: guest, identity: ${site.folder}/ssh.key, port: 1}}}
clouds:
  - name: east
    driver: ec2
    region: ${ec2.region}
    endpoint: ${ec2.endpoint}
    poll: 1s
    credentials: {accessKeyId: 'env:CANARY_ID', secretAccessKey: 'file:access.key', sessionToken: 'env:CANARY_SESSION'}
  - {name: here, driver: local, folder: ${site.folder}/machines, poll: 500ms, stopGrace: 1s}
  - name: rack
    driver: fixed
    folder: ${site.folder}/rack
    on: {tcp: ${new URL(ec2.endpoint).port}}
    poll: 1s
    hosts: [{name: rack1, address: 127.0.0.1, kinds: [rack], powerOff: [${tools.hook}]}]
offers:
  - {name: racked, cloud: rack, cpus: 1, memory: 1GiB, disk: 1GiB, boot: {kinds: [rack]}}
  - {name: tiny, cloud: here, cpus: 1, memory: 1GiB, disk: 1GiB, boot: {}}
  - {name: small, cloud: east, cpus: 2, memory: 2GiB, disk: 10GiB, boot: {image: ${image?.id}, type: c5.large}}
pools:
  - {name: workers, queue: condor, offers: [small], min: 2, max: 5, userData: boot.sh}
  - {name: racks, queue: remote, offers: [racked], min: 1, max: 1}
  - {name: desks, queue: leases, offers: [tiny], max: 1}
hooks:
  - {on: [free, unusable, ended], command: [${tools.hook}]}
${more}`;
writeFileSync(site.configPath, config());

const environment = {
  CANARY_ID: 'AKIACANARYEXAMPLE123',
  CANARY_SESSION: places.session.text,
  CANARY_READER: places.reader.text,
};

afterAll(async () => {
  await site.dispose();
  await ec2.stop();
});

const said: Haystack[] = [];

async function run(...args: string[]): Promise<void> {
  const { stdout, stderr } = await spillway([...args]);
  said.push({ name: `what \`spillway ${args[0]}\` says`, bytes: stdout + stderr });
}

/** Whatever it answers, headers too. */
function asked(path: string, { method = 'GET', body = '', socket = 'api.sock' } = {}): Promise<void> {
  return new Promise((done, failed) => {
    const sent = request({ socketPath: join(site.folder, socket), path, method }, (answer) => {
      let text = JSON.stringify(answer.headers);
      answer.on('data', (part: Buffer) => {
        text += part.toString('latin1');
        // A stream has no end.
        if (path.startsWith('/v1/events') || path.startsWith('/v1/stream')) answer.destroy();
      });
      answer.on('close', () => {
        said.push({ name: `the answer to ${method} ${path}`, bytes: text });
        done();
      });
    });
    sent.on('error', failed);
    sent.setHeader('content-type', 'application/json');
    sent.end(body === '' ? undefined : body);
  });
}

async function askedFromAfar(path: string, token: string): Promise<void> {
  const client = new Client(
    `${tls === null ? 'http' : 'https'}://127.0.0.1:${port}`,
    tls === null ? {} : { connect: { ca: tls.ca } },
  );
  const { body } = await client.request({
    method: 'GET',
    path,
    headers: { authorization: `Bearer ${token}` },
  });
  said.push({ name: `the answer to ${path} from afar`, bytes: await body.text() });
  await client.close();
}

const journalHas = (kind: string) => async () =>
  ((await site.get<{ entries: unknown[] }>(`/v1/journal?kinds=${kind}`))?.entries.length ?? 0) > 0;

test('a secret is seen nowhere but where it belongs', { timeout: 120_000 }, async () => {
  await run('check', site.configPath);
  await site.start(environment);

  // Machines are made: the secrets that belong to them are in what the cloud was sent, or this test proves nothing.
  await until('two machines', () => ec2.instances.length >= 2);
  const userData = ec2.instances.map((instance) => instance.userData?.toString('utf8') ?? '');
  const minted = userData.map((text, n) => ({
    place: `the token of machine ${n}`,
    text: /# (\S+\.\S+\.(\S+)) /.exec(text)?.[2] ?? '',
  }));
  expect(userData[0]).toContain(places.template.text);
  expect(minted.map(({ text }) => text.length)).toEqual(minted.map(() => 43));

  // A machine is borrowed, on which a command says what it was given; a hook is told of the machine.
  await run(
    'lease',
    '--pool',
    'desks',
    '--socket',
    join(site.folder, 'api.sock'),
    '--',
    'sh',
    '-c',
    'env; ls -R ..',
  );
  await until('a hook', () => tools.seen().includes('/bin/hook'));

  // Nobody answers where a machine is to be prepared by SSH.
  await asked('/v1/leases', {
    method: 'POST',
    body: '{"pool":"racks","user":"ann","publicKey":"ssh-ed25519 AAAA"}',
  });

  // The cloud refuses, and says in its refusal all that it was sent.
  ec2.fault('RunInstances', { kind: 'echo', status: 400, code: 'InvalidParameterValue' }, 3);
  for (const { id } of ec2.instances) ec2.vanish(id);
  await asked('/v1/instances', { method: 'POST', body: '{"pool":"workers"}' });
  await until('an offer is set aside', journalHas('offerSetAside'), { withinMs: 30_000 });
  ec2.fault('DescribeInstances', { kind: 'echo', status: 500, code: 'InternalError' }, 40);
  await until('the cloud is in trouble', journalHas('cloudTrouble'), { withinMs: 30_000 });
  ec2.clearFaults();

  // Programs fail, and say what they were given.
  tools.fail(true);
  await until('the queue is in trouble', journalHas('queueTrouble'), { withinMs: 30_000 });
  const status = '/v1/status';
  await asked(status);
  tools.fail(false);

  // Somebody tries tokens, good and bad, and puts them where they do not belong.
  await askedFromAfar(status, places.operator.text);
  await askedFromAfar('/metrics', places.reader.text);
  await askedFromAfar(status, places.guess.text);
  await askedFromAfar(`/v1/instances/${places.guess.text.slice(0, 4)}`, places.guess.text);
  await asked('/v1/leases', { method: 'POST', body: `{"pool":"workers","secret":"${places.guess.text}"}` });

  // The configuration is read again: one with a secret written into it, and then a good one that differs.
  writeFileSync(site.configPath, config().replace("'file:access.key'", `'${places.stray.text}'`));
  await run('check', site.configPath);
  await run('reload', '--socket', join(site.folder, 'api.sock'));
  writeFileSync(site.configPath, config().replace('max: 5', 'max: 4'));
  await run('check', '--diff', site.configPath, '--socket', join(site.folder, 'api.sock'));
  await run('reload', '--socket', join(site.folder, 'api.sock'), '--json');

  const [first] = await site.instances({ ended: true });
  for (const path of [
    status,
    '/v1/plan',
    '/v1/config',
    '/v1/instances?ended=true',
    `/v1/explain/instance/${first?.id}`,
    '/v1/explain/job/1.0',
    '/v1/journal?limit=1000',
    '/v1/events?afterNumber=0',
    '/v1/stream',
    '/v1/history',
    '/v1/leases',
    '/v1/downtimes',
    '/v1/openapi.json',
    '/metrics',
    '/healthz',
    '/readyz',
    '/',
  ])
    await asked(path);
  await asked(status, { socket: 'user.sock' });
  await asked('/v1/config', { socket: 'user.sock' });
  await run('status', '--socket', join(site.folder, 'api.sock'));
  await run('journal', '--json', '--limit', '1000', '--socket', join(site.folder, 'api.sock'));

  const { pid } = await daemonProcess();
  const argv = readFileSync(`/proc/${pid}/cmdline`);
  await site.stop();

  const state = join(site.folder, 'state');
  const stored = readdirSync(state, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
  expect(stored.length).toBeGreaterThan(0);
  const haystacks: readonly Haystack[] = [
    ...said,
    { name: 'the log', bytes: readFileSync(join(site.folder, 'daemon.log')) },
    { name: 'the daemon’s arguments', bytes: argv },
    { name: 'what programs and hooks were given', bytes: tools.seen() },
    ...stored.map((path) => ({ name: path.slice(site.folder.length), bytes: readFileSync(path) })),
  ];
  expect(tools.seen()).toContain('condor_q');
  expect(said.map(({ bytes }) => String(bytes)).join()).toContain('a secret is not written here');
  const key = {
    place: 'the TLS key',
    text: (tls?.key ?? '').replace(/-----[^-]*-----|\s/g, '').slice(30, 90),
  };
  const canaries = [...Object.values(places), ...minted, ...(tls === null ? [] : [key])];
  expect(sightings(canaries, haystacks)).toEqual([]);
});

async function daemonProcess(): Promise<{ readonly pid: number }> {
  const own = readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  for (const name of own) {
    try {
      const line = readFileSync(`/proc/${name}/cmdline`, 'utf8');
      if (line.includes(site.configPath) && line.includes('\0run\0')) return { pid: Number(name) };
    } catch {
      // It has ended meanwhile.
    }
  }
  throw new Error('no daemon runs');
}

test('a secret that is somewhere is found, however it is written', () => {
  const secret = canary('here');
  const { text } = secret;
  const hidden: readonly Haystack[] = [
    { name: 'plain', bytes: `x${text}x` },
    { name: 'cut', bytes: text.slice(5, 30) },
    { name: 'base64', bytes: Buffer.from(`ab${text}`).toString('base64') },
    { name: 'base64url', bytes: Buffer.from(`user:${text}`).toString('base64url') },
    { name: 'hex', bytes: Buffer.from(text).toString('hex') },
    { name: 'bytes', bytes: Buffer.concat([Buffer.from([0, 255]), Buffer.from(text)]) },
    { name: 'nothing', bytes: 'x'.repeat(100) },
  ];
  expect(sightings([secret], hidden)).toEqual(
    hidden.filter(({ name }) => name !== 'nothing').map(({ name }) => `here in ${name}`),
  );
});
