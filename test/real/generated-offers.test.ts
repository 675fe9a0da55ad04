import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ConfigurationView } from '../../src/api/reload.ts';
import type { CatalogView } from '../../src/cli/commands/cloud.ts';
import { account } from '../support/openstack/keystone.ts';
import { type LoopbackOpenstack, startLoopbackOpenstack } from '../support/openstack/server.ts';
import { createSite, type RunningSite, until } from '../support/runningSite.ts';

/** A daemon in a process of its own whose offers are generated, on OpenStack's services on the loopback. */
let cloud: LoopbackOpenstack;
let site: RunningSite;

beforeAll(async () => {
  cloud = await startLoopbackOpenstack();
  site = createSite({
    config: `site: generated
stateDir: FOLDER/state
queues:
  - { name: leases, adapter: lease, poll: 500ms }
clouds:
  - name: nova
    driver: openstack
    authUrl: ${cloud.authUrl}
    region: RegionOne
    password: { user: ${account.user}, project: demo, password: 'file:password' }
offers:
  - cloud: nova
    generate: { flavors: ['m1.*'], images: [worker-a] }
    boot: { networks: [labnet] }
pools:
  - { name: all, queue: leases, offers: ['nova-*'], max: 4 }
`,
    files: { password: account.password },
  });
});

afterAll(async () => {
  await site.dispose();
  await cloud.stop();
});

async function offers(): Promise<readonly string[]> {
  const { entries } = (await site.get<ConfigurationView>('/v1/config')) ?? { entries: [] };
  return entries.filter(({ kind }) => kind === 'offer').map(({ name }) => name);
}

const [small, medium, large] = ['small', 'medium', 'large'].map(
  (size) => expect.stringMatching(new RegExp(`^nova-m1\\.${size}-worker-a`)) as string,
);

describe('offers that are generated', () => {
  test('are those of the cloud when the daemon starts', async () => {
    await site.start();
    expect(await offers()).toEqual([small, medium, large]);
  });

  test('are others after a reload when the cloud has others; what is the same is left alone', async () => {
    expect(await site.ask(['reload'])).toMatchObject({ outcome: 'unchanged' });
    cloud.world.flavors.push({
      id: '9',
      name: 'm1.huge',
      vcpus: 64,
      ram: 131_072,
      disk: 200,
      extra_specs: {},
    });
    expect(await site.ask(['check', '--diff'])).toMatchObject({ changes: [] });
    const { changes } = await site.ask<{ changes: unknown }>(['reload']);
    expect(changes).toMatchObject([
      { change: 'added', kind: 'offer', name: expect.stringContaining('m1.huge') },
      { change: 'changed', kind: 'pool', name: 'all', field: 'offers' },
    ]);
    await until('they hold', async () => (await offers()).length === 4);
  });

  test('stay while the cloud is silent: over a reload, and over a restart', async () => {
    const before = await offers();
    cloud.fault('POST /identity/v3/auth/tokens', { kind: 'error', status: 503, code: 'down' }, 1000);
    expect(await site.ask(['reload'])).toMatchObject({
      outcome: 'unchanged',
      problems: [{ severity: 'warning', message: expect.stringContaining('the catalog of nova is that of') }],
    });
    await site.stop();
    await site.start();
    expect(await offers()).toEqual(before);
    cloud.clearFaults();
  });

  test('are shown with what the cloud has', async () => {
    const shown = await site.ask<CatalogView>(['cloud', 'catalog', 'nova', '--match', '*small']);
    expect(shown.flavors.map(({ name }) => name)).toEqual(['diskless.small', 'm1.small']);
    expect(shown.offers).toHaveLength(4);
    expect(shown.offers[0]).toMatchObject({ name: small, cpus: 1, memoryMiB: 1945, generated: true });
  });

  test('are looked at with check --live', async () => {
    const { site: counts, live } = await site.ask<{
      readonly site: unknown;
      readonly live: { readonly errors: number };
    }>(['check', site.configPath, '--live']);
    expect(counts).toMatchObject({ offers: 4 });
    expect(live.errors).toBe(0);
  });
});
