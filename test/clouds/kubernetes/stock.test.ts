import { describe, expect, it } from 'vitest';
import { quantityOf } from '../../../src/clouds/kubernetes/client/quantity.ts';
import { kubernetesBench } from './bench.ts';

const quota = (hard: object, used: object, spec: object = {}) => ({
  metadata: { name: 'q' },
  spec: { hard, ...spec },
  status: { hard, used },
});

describe('the quota', () => {
  it('is what the tightest of all leaves', async () => {
    const { cloud, world, signal } = await kubernetesBench();
    world.quotas.push(
      quota({ pods: '9', 'limits.cpu': '5' }, { pods: '2', 'limits.cpu': '500m' }),
      quota(
        { 'count/pods': '100', 'requests.cpu': '10', 'requests.memory': '64Gi' },
        { 'requests.memory': '1Gi' },
      ),
    );
    expect(await cloud.quota(signal)).toEqual({ instances: 7, cpus: 4, memoryMiB: 63 * 1024 });
  });

  it('is nothing where more is used than may be', async () => {
    const { cloud, world, signal } = await kubernetesBench();
    world.quotas.push(quota({ pods: '3' }, { pods: '5' }));
    expect(await cloud.quota(signal)).toEqual({ instances: 0, cpus: null, memoryMiB: null });
  });

  it('is not one of other pods, nor one that is not enforced yet', async () => {
    const { cloud, world, signal } = await kubernetesBench();
    world.quotas.push(
      quota({ pods: '1' }, {}, { scopes: ['Terminating'] }),
      quota({ pods: '1' }, {}, { scopeSelector: { matchExpressions: [] } }),
      { metadata: { name: 'new' }, spec: { hard: { pods: '1' } } },
    );
    expect(await cloud.quota(signal)).toBeNull();
    world.quotas.push(quota({ pods: '8' }, { pods: '3' }, { scopes: ['NotTerminating', 'NotBestEffort'] }));
    expect(await cloud.quota(signal)).toMatchObject({ instances: 5 });
  });

  it('is not known without the right to read it, which is said once', async () => {
    const { cloud, world, signal, warnings } = await kubernetesBench();
    world.rights.set('provisioner', new Set(['list pods']));
    expect(await cloud.quota(signal)).toBeNull();
    expect(await cloud.quota(signal)).toBeNull();
    expect(warnings).toHaveLength(1);
  });
});

describe('the catalog', () => {
  it('has each kind of node once', async () => {
    const { cloud, signal } = await kubernetesBench();
    const { flavors, zones, images } = await cloud.catalog(signal);
    const resources = { cpus: 7, memoryMiB: 31 * 1024, diskMiB: 95 * 1024, gpus: 1 };
    expect(flavors).toEqual([{ name: 'm.large', resources, arch: 'x86_64' }]);
    expect(zones).toEqual(['a', 'b']);
    expect(images).toEqual([]);
  });

  it('is empty without the right to see nodes', async () => {
    const { cloud, world, signal } = await kubernetesBench();
    world.rights.set('provisioner', new Set(['list pods']));
    expect(await cloud.catalog(signal)).toEqual({ flavors: [], images: [], zones: [] });
  });
});

it.each([
  ['4500m', 4.5],
  ['2', 2],
  ['0.5', 0.5],
  ['1e3', 1000],
  ['3900Mi', 3900 * 2 ** 20],
  ['1G', 1e9],
  ['1E', 1e18],
  ['1Ei', 2 ** 60],
  ['-1', -1],
  ['', null],
  ['2 Gi', null],
  ['lots', null],
])('the quantity %s', (text, number) => {
  expect(quantityOf(text)).toBe(number);
});
