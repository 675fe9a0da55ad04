import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { stringify } from 'yaml';
import { kubernetesDriver } from '../../../src/clouds/kubernetes/driver.ts';
import { kubernetesSettings } from '../../../src/clouds/kubernetes/settings.ts';
import { Secret } from '../../../src/config/secrets.ts';
import { CloudName, SiteId } from '../../../src/model/ids.ts';
import type { Log } from '../../../src/model/log.ts';
import { hasOpenssl, makeCertificates } from '../../support/certificates.ts';
import { startLoopbackKubernetes } from '../../support/kubernetes/server.ts';
import { namespace } from '../../support/kubernetes/world.ts';
import { errorOf } from './bench.ts';

const log: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
let nowMs = 0;
const clock = { wallNow: () => nowMs, monotonicNow: () => nowMs, sleep: async () => {} };
const signal = AbortSignal.timeout(60_000);

/** A client's certificate that is its own authority. */
function clientCertificate(name: string) {
  const folder = mkdtempSync(join(tmpdir(), 'spillway-kubernetes-'));
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];
  const kind = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1'.split(' ');
  execFileSync('openssl', [...kind, '-keyout', key, '-out', certificate, '-subj', `/CN=${name}`], {
    stdio: 'ignore',
  });
  const text = { key: readFileSync(key, 'utf8'), certificate: readFileSync(certificate, 'utf8') };
  rmSync(folder, { recursive: true });
  return text;
}

async function overTls() {
  const { ca, certificate, key } = makeCertificates();
  const mine = clientCertificate('provisioner');
  const folder = mkdtempSync(join(tmpdir(), 'spillway-kubernetes-'));
  const server = await startLoopbackKubernetes({ key, cert: certificate, ca: mine.certificate });
  onTestFinished(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });
  const file = join(folder, 'kubeconfig');
  const write = (cluster: object, user: object) => {
    writeFileSync(
      file,
      stringify({
        clusters: [{ name: 'c', cluster: { server: server.url, ...cluster } }],
        users: [{ name: 'u', user }],
        contexts: [{ name: 'x', context: { cluster: 'c', user: 'u', namespace } }],
        'current-context': 'x',
      }),
    );
  };
  const connect = () => {
    const settings = kubernetesSettings.parse({ kubeconfig: { file: `file:${file}` } });
    const read = new Secret({ kind: 'file', path: file });
    const cloud = kubernetesDriver.create(
      { ...settings, kubeconfig: { file: read } },
      { site: SiteId('s'), cloud: CloudName('c'), clock, log },
    );
    onTestFinished(() => cloud.close());
    return cloud;
  };
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  return {
    server,
    file,
    write,
    connect,
    trusted: { 'certificate-authority-data': base64(ca) },
    certified: { 'client-certificate-data': base64(mine.certificate), 'client-key-data': base64(mine.key) },
  };
}

describe.skipIf(!hasOpenssl())('a cluster behind TLS', () => {
  it('is trusted by the kubeconfig’s authority, and knows us by our certificate', async () => {
    const { write, connect, trusted, certified } = await overTls();
    write(trusted, certified);
    expect(await connect().list(signal)).toEqual([]);
  });

  it('is not trusted without it, and nothing is sent', async () => {
    const { server, write, connect, certified } = await overTls();
    write({}, certified);
    const error = await errorOf(connect().list(signal));
    expect(error).toMatchObject({ code: 'unavailable', inDoubt: false });
    expect(server.log).toEqual([]);
  });

  it('is asked without a look at its certificate where that is wanted', async () => {
    const { write, connect, certified } = await overTls();
    write({ 'insecure-skip-tls-verify': true }, certified);
    expect(await connect().list(signal)).toEqual([]);
  });

  it('gets what the kubeconfig says now, a minute later, and keeps what it had where that is not whole', async () => {
    const { server, write, connect, trusted, certified, file } = await overTls();
    write(trusted, certified);
    const cloud = connect();
    await cloud.list(signal);
    write(trusted, { token: server.token });
    await cloud.list(signal);
    expect(server.lastAuthorization()).toBeNull();
    nowMs += 60_000;
    await cloud.list(signal);
    expect(server.lastAuthorization()).toBe(`Bearer ${server.token}`);
    writeFileSync(file, 'clusters: [');
    nowMs += 60_000;
    expect(await cloud.list(signal)).toEqual([]);
  });

  it('gets what the kubeconfig says now, once it has refused what it said before', async () => {
    const { server, write, connect, trusted } = await overTls();
    write(trusted, { token: 'expired-token' });
    const cloud = connect();
    expect(await errorOf(cloud.list(signal))).toMatchObject({ code: 'auth' });
    write(trusted, { token: server.token });
    expect(await cloud.list(signal)).toEqual([]);
  });
});
