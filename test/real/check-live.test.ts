import { afterAll, describe, expect, it, onTestFinished } from 'vitest';
import type { LiveView } from '../../src/cli/commands/checkLive.ts';
import type { CatalogView } from '../../src/cli/commands/cloud.ts';
import { createSite, type RunningSite } from '../support/runningSite.ts';
import { ec2Testbed, had, isMissing, openstackTestbed, stopTestbeds } from '../support/testbed.ts';

/** What the program says of clouds before a job needs them. Only asked, never changed: others may use the same servers. */
const ec2 = await ec2Testbed('check-live');
const openstack = await openstackTestbed('check-live');
afterAll(() => stopTestbeds(ec2, openstack));

/** A site with one cloud, offers there, and one that is generated. */
function siteOf(
  cloud: object,
  offers: readonly object[],
  secrets: Readonly<Record<string, string>>,
): RunningSite {
  const config = JSON.stringify({
    site: 'live',
    stateDir: 'FOLDER/state',
    queues: [{ name: 'leases', adapter: 'lease' }],
    clouds: [{ name: 'here', ...cloud }],
    offers: offers.map((offer) => ({ cloud: 'here', ...offer })),
    pools: [{ name: 'all', queue: 'leases', offers: ['*'], max: 5 }],
  });
  const site = createSite({ config, files: secrets });
  onTestFinished(() => site.dispose());
  return site;
}

async function look(site: RunningSite) {
  const { live } = await site.ask<{ readonly live: LiveView }>(['check', site.configPath, '--live'], [0, 1]);
  const findings = live.sources.flatMap((source) => (source.kind === 'cloud' ? source.findings : []));
  const errors = findings.filter(({ verdict }) => verdict === 'error');
  return { findings, errors: errors.map(({ subject, offers }) => `${subject} ${offers.join(',')}`) };
}

describe.skipIf(isMissing(ec2))('an EC2 endpoint', () => {
  const written = () => {
    const { imageId: image, zone } = had(ec2);
    const size = { cpus: 2, memory: '3GiB', disk: '8GiB' };
    return [
      { name: 'good', ...size, boot: { image, type: 'c5.large', zone } },
      { name: 'spot', ...size, market: 'spot', price: '0.05 USD/h', boot: { image, type: 'c5.large' } },
      { name: 'bad', ...size, cpus: 4, boot: { image: 'ami-0bad', type: 'c5.large', zone: 'mars' } },
      {
        name: 'made',
        generate: { flavors: ['c5.?large'], images: ['*'], newest: true },
        disk: '18GiB',
        boot: { rootVolume: { size: '20GiB' } },
      },
    ];
  };
  const site = () => {
    const { endpoint, region, accessKeyId, secretAccessKey } = had(ec2);
    const credentials = { accessKeyId: 'file:id', secretAccessKey: 'file:key' };
    const cloud = { driver: 'ec2', endpoint, region, credentials, imageOwners: ['amazon'] };
    return siteOf(cloud, written(), { id: accessKeyId, key: secretAccessKey });
  };

  it('is well but for what one offer says', { timeout: 120_000 }, async () => {
    const { errors, findings } = await look(site());
    expect(new Set(errors)).toEqual(new Set(['rights bad', 'zones bad', 'flavors bad', 'images bad']));
    const launched = findings.find(({ subject, offers }) => subject === 'rights' && offers.length > 0);
    expect(launched?.offers).toEqual(
      expect.arrayContaining(['good', 'spot', expect.stringMatching(/^made-/)]),
    );
    const writes = had(ec2)
      .calls()
      .filter(({ action }) => action === 'CreateTags');
    expect(writes).toEqual([]);
  });

  it('has a catalog with spot prices', { timeout: 120_000 }, async () => {
    const own = site();
    const view = await own.ask<CatalogView>(['cloud', 'catalog', 'here', '--config', own.configPath]);
    expect(view.flavors.length).toBeGreaterThan(100);
    expect(view.flavors.some(({ prices }) => prices.length > 0)).toBe(true);
    expect(view.offers.filter(({ generated }) => generated).length).toBeGreaterThan(0);
  });
});

describe.skipIf(isMissing(openstack))('a real OpenStack', () => {
  const site = (password = had(openstack).password) => {
    const { authUrl, region, user, project, image, flavor, network, zone } = had(openstack);
    const size = { cpus: 1, memory: '64MiB', disk: '1GiB' };
    const boot = { image, flavor, networks: [network] };
    return siteOf(
      { driver: 'openstack', authUrl, region, password: { user, project, password: 'file:password' } },
      [
        { name: 'good', ...size, boot: { ...boot, zone } },
        { name: 'bad', ...size, boot: { ...boot, image: 'gone', zone: 'mars', keyName: 'lost' } },
        { name: 'auto', ...size, boot: { image, flavor } },
        {
          name: 'made',
          generate: { flavors: ['m1.*'], images: [image], zones: ['az-*'] },
          boot: { networks: [network] },
        },
      ],
      { password },
    );
  };

  it('is well but for what two offers say', { timeout: 120_000 }, async () => {
    const { errors, findings } = await look(site());
    expect(errors).toEqual(['images bad', 'networks auto', 'zones bad', 'keys bad']);
    const clock = findings.find(({ subject }) => subject === 'clock');
    expect(clock).toMatchObject({ verdict: 'ok', figures: { skewMs: expect.any(Number) } });
  });

  it('refuses a wrong password, and nothing more is asked', { timeout: 120_000 }, async () => {
    const { errors, findings } = await look(site('wrong'));
    expect(errors).toEqual(['login ']);
    const others = findings.filter(({ subject }) => subject !== 'login' && subject !== 'clock');
    expect(others.every(({ verdict }) => verdict === 'unknown')).toBe(true);
  });

  it('has a catalog that offers are made of', { timeout: 120_000 }, async () => {
    const own = site();
    const view = await own.ask<CatalogView>(['cloud', 'catalog', 'here', '--config', own.configPath]);
    expect(view.images.every(({ createdAt }) => createdAt !== null)).toBe(true);
    const made = view.offers.filter(({ generated }) => generated);
    expect(made).toHaveLength(view.flavors.filter(({ name }) => name.startsWith('m1.')).length);
  });
});
