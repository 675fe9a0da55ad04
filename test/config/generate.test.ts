import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { cloudDrivers } from '../../src/clouds/index.ts';
import { generateOffers, type OfferPatterns } from '../../src/config/generate.ts';
import { fitsPattern } from '../../src/config/patterns.ts';
import { offerSchema } from '../../src/config/schema.ts';
import type { Catalog, CatalogFlavor, Generation } from '../../src/model/catalog.ts';

const everything: OfferPatterns = {
  prefix: 'campus',
  images: ['*'],
  newest: false,
  flavors: ['*'],
  zones: ['*'],
  pricePerCpu: null,
  disk: null,
  memoryShare: 1,
  diskShare: 1,
};

const plain: Pick<Generation, 'bootOf'> = {
  bootOf: ({ flavor, image, zone }) => ({ flavor, image: image.name, id: image.id, zone }),
};

function flavor(name: string, cpus: number, change: Partial<CatalogFlavor> = {}): CatalogFlavor {
  const resources = { cpus, memoryMiB: cpus * 2048, diskMiB: 20_480, gpus: 0 };
  return { name, resources, arch: 'x86_64', ...change };
}

const diskless = { resources: { cpus: 1, memoryMiB: 2048, diskMiB: 0, gpus: 0 } };

const catalog: Catalog = {
  flavors: [flavor('m1.large', 4), flavor('m1.small', 1), flavor('c9.small', 1), flavor('d0', 1, diskless)],
  images: [
    { id: 'i1', name: 'worker-a' },
    { id: 'i2', name: 'worker-b', createdAt: '2026-11-21T00:00:00Z' },
    { id: 'i3', name: 'worker-b', createdAt: '2026-11-22T00:00:00Z' },
  ],
  zones: ['nova', 'az-lab'],
};

const made = (change: Partial<OfferPatterns>, of: Catalog = catalog) =>
  generateOffers(of, { ...everything, ...change }, plain);

describe('offers of a catalog', () => {
  it('are the images, flavors and zones that were named, the smallest flavors first', () => {
    const { offers } = made({ images: ['worker-?'], flavors: ['m1.*'], zones: null });
    expect(offers.map(({ boot, cpus }) => [boot.flavor, boot.image, boot.zone, cpus])).toEqual([
      ['m1.small', 'worker-a', null, 1],
      ['m1.large', 'worker-a', null, 4],
      ['m1.small', 'worker-b', null, 1],
      ['m1.large', 'worker-b', null, 4],
    ]);
    expect(offers[0]).toMatchObject({ memory: '2048MiB', disk: '20480MiB', arch: 'X86_64', gpus: 0 });
  });

  it('are one for each zone that fits', () => {
    const { offers } = made({ images: ['worker-a'], flavors: ['m1.small'] });
    expect(offers.map(({ boot }) => boot.zone)).toEqual(['nova', 'az-lab']);
    expect(made({ zones: ['moon'] }).offers).toEqual([]);
  });

  it('promise what jobs can have of a machine', () => {
    const [offer] = made({ flavors: ['m1.small'], memoryShare: 0.95, diskShare: 0.8 }).offers;
    expect(offer).toMatchObject({ memory: '1945MiB', disk: '16384MiB' });
  });

  it('are none of a flavor whose disk is not known, unless the config knows it', () => {
    expect(made({ flavors: ['d0'] })).toMatchObject({ offers: [], diskless: ['d0'] });
    const { offers } = made({ flavors: ['d0'], disk: '10GiB' });
    expect(offers[0]).toMatchObject({ disk: '10GiB' });
    expect(made({ flavors: ['m1.small'], disk: '10GiB' }).offers[0]).toMatchObject({ disk: '10GiB' });
  });

  it('are of the newest image of a name', () => {
    const { offers } = made({ images: ['worker-b'], flavors: ['m1.small'], zones: null });
    expect(offers.map(({ boot }) => boot.id)).toEqual(['i3']);
  });

  it('are of the newest image of a pattern, and keep their names when there is a newer one', () => {
    const dated = (day: number, arch?: string) => ({
      id: `i${day}`,
      name: `debian-202611${day}`,
      createdAt: `2026-11-${day}T00:00:00Z`,
      ...(arch === undefined ? {} : { arch }),
    });
    const wanted = { images: ['debian-*'], flavors: ['m1.small'], zones: null, newest: true };
    const before = made(wanted, { ...catalog, images: [dated(11), dated(10)] }).offers;
    const after = made(wanted, { ...catalog, images: [dated(11), dated(12), dated(10)] }).offers;
    expect(before.map(({ boot }) => boot.id)).toEqual(['i11']);
    expect(after.map(({ boot }) => boot.id)).toEqual(['i12']);
    expect(after.map(({ name }) => name)).toEqual(before.map(({ name }) => name));
  });

  it('are of images that fit the flavor', () => {
    const images = ['x86_64', 'aarch64'].map((arch) => ({ id: arch, name: arch, arch }));
    const arm = flavor('m1.arm', 2, { arch: 'aarch64' });
    const { offers } = made({ zones: null }, { ...catalog, images, flavors: [flavor('m1.small', 1), arm] });
    expect(offers.map(({ boot }) => [boot.flavor, boot.image])).toEqual([
      ['m1.small', 'x86_64'],
      ['m1.arm', 'aarch64'],
    ]);
  });

  it('cost what each processor costs, or what the catalog says', () => {
    const price = { perHour: 0.4, currency: 'USD' };
    const priced = flavor('m1.large', 4, { prices: [{ market: 'onDemand', zone: null, price }] });
    const of = { ...catalog, flavors: [priced] };
    expect(made({}, of).offers[0]?.price).toBe('0.4 USD/h');
    const perCpu = { perHour: 0.00001, currency: 'EUR' };
    expect(made({ pricePerCpu: perCpu }, of).offers[0]?.price).toBe('0.00004 EUR/h');
    expect(made({}).offers[0]?.price).toBeUndefined();
  });

  it.each(['openstack', 'cloudstack'])('can be written into a config as they are: %s', async (name) => {
    const { generation, offerSchema: bootSchema } = await cloudDrivers.load(name);
    if (generation === undefined) throw new Error('no generation');
    const word = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 });
    const catalogs = fc.record({
      flavors: fc.uniqueArray(word, { maxLength: 4 }),
      images: fc.uniqueArray(word, { maxLength: 4 }),
      zones: fc.uniqueArray(word, { maxLength: 3 }),
    });
    fc.assert(
      fc.property(catalogs, ({ flavors, images, zones }) => {
        const of: Catalog = {
          flavors: flavors.map((one) => flavor(one, 1)),
          images: images.map((one) => ({ id: one, name: one })),
          zones,
        };
        const { offers } = generateOffers(of, everything, generation);
        expect(offers).toHaveLength(flavors.length * images.length * zones.length);
        expect(new Set(offers.map((offer) => offer.name)).size).toBe(offers.length);
        for (const offer of offers) {
          expect(offerSchema.safeParse({ ...offer, cloud: 'c' }).error).toBeUndefined();
          expect(bootSchema.safeParse(offer.boot).error).toBeUndefined();
        }
      }),
    );
  });
});

describe('a pattern', () => {
  it.each([
    ['m1.small', 'm1.small', true],
    ['m1xsmall', 'm1.small', false],
    ['m1.small', 'm1.*', true],
    ['m1.', 'm1.*', true],
    ['m1.small', '*l', true],
    ['m1.small', '*a', false],
    ['ab', 'a?', true],
    ['a', 'a?', false],
    ['a(b', 'a(b', true],
    ['', '*', true],
    ['Grün', 'Gr?n', true],
    ['abcbcd', 'a*bcd', true],
  ])('%j, %j: %j', (name, pattern, fits) => expect(fitsPattern(name, pattern)).toBe(fits));

  it('is what a regular expression would say, without its cost', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '*', '?'), maxLength: 8 });
    const names = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 10 });
    fc.assert(
      fc.property(names, letters, (name, pattern) => {
        const expression = `^${pattern.replaceAll('*', '.*').replaceAll('?', '.')}$`;
        expect(fitsPattern(name, pattern)).toBe(new RegExp(expression).test(name));
      }),
    );
    expect(fitsPattern('a'.repeat(5000), `${'*a'.repeat(99)}b`)).toBe(false);
  });
});
