import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { openstackDriver } from '../../../src/clouds/openstack/driver.ts';
import { generateOffers } from '../../../src/clouds/openstack/generate.ts';
import { offerSchema } from '../../../src/config/schema.ts';
import type { Catalog } from '../../../src/model/catalog.ts';
import { openstackBench } from './bench.ts';

const everything = { cloud: 'campus', images: ['*'], flavors: ['*'], zones: ['*'] };

describe('offers of a catalog', () => {
  it('are the images, flavors and zones that were named', async () => {
    const { cloud, signal } = await openstackBench();
    const catalog = await cloud.catalog(signal);
    const made = generateOffers(catalog, {
      cloud: 'campus',
      images: ['worker-?'],
      flavors: ['m1.*'],
      zones: null,
    });
    expect(made.offers.map(({ boot, cpus }) => [boot.flavor.name, boot.image.name, cpus])).toEqual([
      ['m1.small', 'worker-b', 1],
      ['m1.medium', 'worker-b', 2],
      ['m1.large', 'worker-b', 4],
      ['m1.small', 'worker-a', 1],
      ['m1.medium', 'worker-a', 2],
      ['m1.large', 'worker-a', 4],
    ]);
    expect(made.offers[0]).toMatchObject({ memory: '2048MiB', disk: '20480MiB', arch: 'X86_64', gpus: 0 });
  });

  it('are one for each zone, and none of flavors whose disk is not known', async () => {
    const { cloud, signal } = await openstackBench();
    const { offers, diskless } = generateOffers(await cloud.catalog(signal), {
      cloud: 'campus',
      images: ['worker-a'],
      flavors: ['m1.small', 'diskless.*'],
      zones: ['*'],
    });
    expect(offers.map(({ boot }) => boot.zone)).toEqual(['nova', 'az-lab']);
    expect(diskless).toEqual(['diskless.small']);
  });

  it('take a pattern’s other characters as they are', async () => {
    const { cloud, signal } = await openstackBench();
    const catalog = await cloud.catalog(signal);
    const of = (flavor: string) =>
      generateOffers(catalog, { ...everything, flavors: [flavor] }).offers.length;
    expect(of('m1xsmall')).toBe(0);
    expect(of('m1.(small)')).toBe(0);
    expect(of('m1.small')).toBe(4);
  });

  it('can be written into a config as they are, each by a name of its own', () => {
    const word = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 });
    const resources = { cpus: 1, memoryMiB: 512, diskMiB: 1024, gpus: 0 };
    const catalogs = fc.record({
      flavors: fc.uniqueArray(word, { maxLength: 4 }),
      images: fc.uniqueArray(word, { maxLength: 4 }),
      zones: fc.uniqueArray(word, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(catalogs, ({ flavors, images, zones }) => {
        const catalog: Catalog = {
          flavors: flavors.map((name) => ({ name, resources, arch: 'x86_64' })),
          images: images.map((name) => ({ id: name, name })),
          zones,
        };
        const { offers } = generateOffers(catalog, everything);
        expect(offers).toHaveLength(flavors.length * images.length * zones.length);
        expect(new Set(offers.map(({ name }) => name)).size).toBe(offers.length);
        for (const offer of offers) {
          expect(offerSchema.safeParse(offer).error).toBeUndefined();
          expect(openstackDriver.offerSchema.safeParse(offer.boot).error).toBeUndefined();
        }
      }),
    );
  });
});
