import { describe, expect, it } from 'vitest';
import { openstackDriver } from '../../../src/clouds/openstack/driver.ts';
import type { CheckedOffer } from '../../../src/clouds/port.ts';
import type { CheckFinding } from '../../../src/model/check.ts';
import { OfferName } from '../../../src/model/ids.ts';
import { preload } from '../../support/openstack/under-test.ts';
import { errorOf, type OpenstackBench, openstackBench, site } from './bench.ts';

const resources = { cpus: 1, memoryMiB: 2048, diskMiB: 20 * 1024, gpus: 0 };

function offer(name: string, boot: object = {}, change: Partial<CheckedOffer> = {}): CheckedOffer {
  const settings = openstackDriver.offerSchema.parse({
    image: 'worker-a',
    flavor: 'm1.small',
    networks: ['labnet'],
    ...boot,
  });
  return { name: OfferName(name), market: 'onDemand', resources, settings, ...change };
}

/** What the checks of one subject find. */
async function look(
  { cloud, signal }: Pick<OpenstackBench, 'cloud' | 'signal'>,
  subject: string,
  offers: readonly CheckedOffer[] = [],
  machinesMax = 10,
): Promise<readonly CheckFinding[]> {
  const checks = cloud.checks?.({ offers, machinesMax }) ?? [];
  const findings: CheckFinding[] = [];
  for (const check of checks.filter((one) => one.subject === subject)) {
    findings.push(...(await check.run(signal)));
  }
  return findings;
}

describe('what is looked at of an OpenStack', () => {
  it('begins with the log-in', async () => {
    const { cloud } = await openstackBench();
    expect(cloud.checks?.({ offers: [], machinesMax: 0 })[0]?.subject).toBe('login');
  });

  it('changes nothing there', async () => {
    const { cloud, server, signal } = await openstackBench();
    for (const check of cloud.checks?.({ offers: [offer('a')], machinesMax: 1 }) ?? [])
      await check.run(signal);
    const writes = server.log.filter((kind) => !kind.startsWith('GET '));
    expect(writes).toEqual(['POST /identity/v3/auth/tokens']);
  });

  it('is the project and the version that is spoken', async () => {
    const [found] = await look(await openstackBench(), 'login');
    expect(found).toMatchObject({ verdict: 'ok', figures: { tokenLifetimeMs: 3_600_000 } });
    expect(found?.message).toMatch(/^project 3d56d563.*Nova speaks 2\.93$/);
  });

  it('is refused without the password', async () => {
    const { connect, signal } = await openstackBench();
    const cloud = connect({ authUrl: 'http://127.0.0.1:1/v3' });
    const [logIn] = cloud.checks?.({ offers: [], machinesMax: 0 }) ?? [];
    expect(await errorOf(logIn?.run(signal) ?? Promise.resolve())).toMatchObject({ code: 'unavailable' });
  });

  it('is how far the clocks are apart, after any answer', async () => {
    const bench = await openstackBench();
    expect(await look(bench, 'clock')).toMatchObject([{ verdict: 'unknown' }]);
    await look(bench, 'login');
    const [found] = await look(bench, 'clock');
    // The bench's own clock is far in the past.
    expect(found?.verdict).toBe('warning');
    expect(found?.figures?.skewMs).toBeGreaterThan(1e12);
  });

  it('says that a reader makes no machines', async () => {
    const bench = await openstackBench();
    expect((await look(bench, 'rights')).map(({ verdict }) => verdict)).toEqual(['ok', 'unknown']);
    bench.world.levers.roles = ['reader'];
    const other = { ...bench, cloud: bench.connect() };
    expect((await look(other, 'rights')).map(({ verdict }) => verdict)).toEqual(['ok', 'error']);
  });

  it('is the quota, and what of the config does not fit into it', async () => {
    const bench = await openstackBench();
    expect(await look(bench, 'quota', [offer('a')])).toEqual([
      { verdict: 'ok', message: 'there is no limit' },
    ]);
    Object.assign(bench.world.levers, { instancesMax: 5, coresMax: 3 });
    preload(bench.world, site, 'in-a');
    const large = offer('large', {}, { resources: { ...resources, cpus: 4 } });
    expect(await look(bench, 'quota', [offer('a'), large])).toMatchObject([
      { verdict: 'ok', figures: { instancesLeft: 4, cpusLeft: 2 } },
      { verdict: 'warning', offers: ['large'] },
      { verdict: 'warning', figures: { instancesMost: 5, instancesWanted: 10 } },
    ]);
  });
});

describe('what an offer names', () => {
  it('is well where all of it is there', async () => {
    const bench = await openstackBench();
    const all = { zone: 'az-lab', keyName: 'farmkey', serverGroup: 'apart', floatingNetwork: 'ext' };
    for (const subject of ['flavors', 'images', 'networks', 'zones', 'keys', 'storage']) {
      const findings = await look(bench, subject, [offer('a', all)]);
      expect(findings.filter(({ verdict }) => verdict !== 'ok')).toEqual([]);
    }
  });

  it.each([
    ['flavors', { flavor: 'm9.huge' }, 'there is no flavor m9.huge'],
    ['images', { image: 'worker-z' }, 'there is no image worker-z'],
    ['images', { image: 'worker-b' }, '2 images are called worker-b'],
    ['images', { image: '00000000-0000-4000-8000-000000000000' }, 'there is no image 00000000'],
    ['networks', { networks: ['nowhere'] }, 'there is no network nowhere'],
    ['networks', { networks: ['d9cd1430-0000-4000-8000-000000000000'] }, 'there is no network d9cd1430'],
    ['networks', { networks: ['twice'] }, '2 networks are called twice'],
    ['networks', { networks: 'auto' }, 'Nova refuses to choose'],
    ['networks', { floatingNetwork: 'labnet' }, 'not external'],
    ['networks', { securityGroups: ['nobody'] }, 'there is no security group nobody'],
    ['zones', { zone: 'mars' }, 'there is no zone mars'],
    ['zones', { serverGroup: 'together' }, 'there is no server group together'],
    ['keys', { keyName: 'lost' }, 'no key pair lost'],
  ])('%s: %j', async (subject, boot, message) => {
    const findings = await look(await openstackBench(), subject, [offer('bad', boot), offer('good')]);
    const [wrong, ...others] = findings.filter(({ verdict }) => verdict === 'error');
    expect(wrong).toMatchObject({ offers: ['bad'] });
    expect(wrong?.message).toContain(message);
    expect(others).toEqual([]);
  });

  it('has as much as it promises', async () => {
    const promises = { resources: { cpus: 2, memoryMiB: 4096, diskMiB: 100 * 1024, gpus: 1 } };
    const bench = await openstackBench();
    expect(await look(bench, 'flavors', [offer('a', {}, promises)])).toMatchObject([
      {
        verdict: 'error',
        message: expect.stringContaining(
          '1 of 2 CPUs, 2GiB of 4GiB memory, 20GiB of 100GiB disk, 0 of 1 GPUs',
        ),
      },
    ]);
    const larger = { flavor: 'gpu.large', bootVolume: { size: '100GiB' } };
    expect(await look(bench, 'flavors', [offer('a', larger, promises)])).toMatchObject([{ verdict: 'ok' }]);
  });

  it('fits its flavor', async () => {
    const bench = await openstackBench();
    const [image] = bench.world.images;
    if (image !== undefined) Object.assign(image.properties, { min_ram: 9000 });
    expect(await look(bench, 'images', [offer('a')])).toMatchObject([{ verdict: 'error', offers: ['a'] }]);
  });

  it('has block storage where it boots from a volume', async () => {
    const bench = await openstackBench();
    bench.world.levers.hasVolumes = false;
    expect(await look(bench, 'storage', [offer('a', { bootVolume: { size: '20GiB' } })])).toMatchObject([
      { verdict: 'error', offers: ['a'] },
    ]);
  });

  it('is looked up once for all offers that name it', async () => {
    const bench = await openstackBench();
    await look(bench, 'images', [offer('a'), offer('b'), offer('c')]);
    expect(bench.server.log.filter((kind) => kind.startsWith('GET /v2/images'))).toHaveLength(2);
  });
});
