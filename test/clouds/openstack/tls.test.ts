import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { openstackDriver } from '../../../src/clouds/openstack/driver.ts';
import { CloudName, SiteId } from '../../../src/model/ids.ts';
import type { Log } from '../../../src/model/log.ts';
import { hasOpenssl, makeCertificates, makeClientFiles } from '../../support/certificates.ts';
import { account } from '../../support/openstack/keystone.ts';
import { startLoopbackOpenstack } from '../../support/openstack/server.ts';
import { withPassword } from '../../support/openstack/under-test.ts';
import { anOrder, errorOf } from './bench.ts';

const log: Log = { debug() {}, info() {}, warn() {}, error() {}, child: () => log };
const clock = { wallNow: () => 0, monotonicNow: () => 0, sleep: async () => {} };

async function overTls(clients: { readonly ca: string } | null = null) {
  const { ca, certificate, key } = makeCertificates();
  const folder = mkdtempSync(join(tmpdir(), 'spillway-openstack-'));
  const caFile = join(folder, 'ca.pem');
  writeFileSync(caFile, ca);
  const server = await startLoopbackOpenstack({
    key,
    cert: certificate,
    ...(clients === null ? {} : { requestCert: true, ca: clients.ca }),
  });
  onTestFinished(async () => {
    await server.stop();
    rmSync(folder, { recursive: true });
  });
  const connect = (change: {
    readonly caFile?: string;
    readonly verify?: boolean;
    readonly clientCertificate?: string;
  }) => {
    const settings = { ...withPassword(server.authUrl, account.password), ...change };
    const cloud = openstackDriver.create(settings, { site: SiteId('s'), cloud: CloudName('c'), clock, log });
    onTestFinished(() => cloud.close());
    return cloud;
  };
  return { connect, caFile, server, folder };
}

const signal = AbortSignal.timeout(60_000);

describe.skipIf(!hasOpenssl())('a cloud behind TLS', () => {
  it('is trusted by the certificates of its own file', async () => {
    const { connect, caFile } = await overTls();
    expect(await connect({ caFile }).list(signal)).toEqual([]);
  });

  it('is not told anything when its certificate is not trusted', async () => {
    const { connect, server } = await overTls();
    expect(await errorOf(connect({}).launch(anOrder(), signal))).toMatchObject({
      code: 'unavailable',
      inDoubt: false,
    });
    expect(server.log).toEqual([]);
  });

  it('is taken as it is where the config says so', async () => {
    const { connect } = await overTls();
    expect(await connect({ verify: false }).list(signal)).toEqual([]);
  });

  it('cannot be reached with a file that is not there', async () => {
    const { connect } = await overTls();
    const error = await errorOf(connect({ caFile: '/nowhere/ca.pem' }).list(signal));
    expect(error).toMatchObject({ code: 'invalid', message: expect.stringContaining('/nowhere/ca.pem') });
  });

  it('that wants a client certificate is shown the one of the file, as it is now', async () => {
    const { ca, files } = makeClientFiles(['ann', 'bob']);
    const [ann = '', bob = ''] = files;
    const { connect, caFile, folder } = await overTls({ ca });
    const clientCertificate = join(folder, 'proxy.pem');
    expect(await errorOf(connect({ caFile }).list(signal))).toMatchObject({ code: 'unavailable' });
    const cloud = connect({ caFile, clientCertificate });
    expect(await errorOf(cloud.list(signal))).toMatchObject({ code: 'unavailable' });
    writeFileSync(clientCertificate, ann);
    expect(await cloud.list(signal)).toEqual([]);
    writeFileSync(clientCertificate, bob);
    expect(await connect({ caFile, clientCertificate }).list(signal)).toEqual([]);
  });
});
