import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { type ClassAd, withAttributes } from '../../src/classad/ad.ts';
import { parseJsonAds } from '../../src/classad/json.ts';
import { parseLongAds } from '../../src/classad/long.ts';
import { requirementsHold, symmetricMatch } from '../../src/classad/match.ts';
import { parseExpression } from '../../src/classad/parse.ts';
import { unparse } from '../../src/classad/unparse.ts';
import { publishedAttributes } from '../../src/config/provider-ad.ts';
import type { Offer } from '../../src/model/offer.ts';
import { loadToy, toyFiles, toyFilesWithAds } from './toy-site.ts';

/** A job as a real schedd gave it. */
function job(file: string): ClassAd {
  const text = readFileSync(new URL(`../data/condor-jobs/${file}`, import.meta.url), 'utf8');
  const [ad] = file.endsWith('.json') ? parseJsonAds(text) : parseLongAds(text);
  if (ad === undefined) throw new Error(`no ad in ${file}`);
  return ad;
}

const expression = (text: string) => parseExpression(text, { syntax: 'old' });

/** The toy site's offer with other lines for its attributes and the like. */
async function offerWith(lines: string): Promise<Offer> {
  const text = String(toyFiles['site.yaml']).replace('    attributes: { VMType: small }', lines);
  const { config, problems } = await loadToy({ 'site.yaml': text });
  const [offer] = config?.offers ?? [];
  if (offer === undefined) throw new Error(problems.map(({ message }) => message).join());
  return offer;
}

describe('a provider ad', () => {
  it.each([
    ['vmtype.long', '    attributes: { VMType: pandacernvm }', '    attributes: { VMType: cernvm }'],
    ['shared-files.json', '    attributes: {}', '    arch: aarch64'],
    [
      'cloud-name.json',
      '    attributes: { CloudName: os-lab, InstanceId: later }',
      '    attributes: { CloudName: os-lab }',
    ],
    [
      'hardwareprofile.json',
      '    attributes: { hardwareprofile: Large, image: fedora13 }',
      '    attributes: { hardwareprofile: large, image: fedora12 }',
    ],
  ])('matches %s where it fits, and not where it does not', async (file, fitting, other) => {
    expect(symmetricMatch(job(file), (await offerWith(fitting)).ad)).toBe(true);
    expect(symmetricMatch(job(file), (await offerWith(other)).ad)).toBe(false);
  });

  it('has GPUs whose abilities the site tells', async () => {
    const gpu = withAttributes(job('gpu.json'), { RequestCpus: 2, RequestDisk: 1000 });
    const told = '    gpus: 1\n    attributes: { AvailableGPUs: { expr: "{ [ Capability = 8.6 ] }" } }';
    const { ad, published } = await offerWith(told);
    expect(symmetricMatch(gpu, ad)).toBe(true);
    expect(published).toEqual({ Market: '"onDemand"' });
    expect(symmetricMatch(gpu, (await offerWith('    gpus: 1')).ad)).toBe(false);
    expect(symmetricMatch(gpu, (await offerWith('    gpus: 0')).ad)).toBe(false);
  });

  it('is no match for a job that is too large', async () => {
    const { ad } = await offerWith('    attributes: { VMType: pandacernvm }');
    const large = (attributes: object) => withAttributes(job('vmtype.long'), { ...attributes });
    expect(symmetricMatch(large({ RequestMemory: 4096 }), ad)).toBe(true);
    expect(symmetricMatch(large({ RequestMemory: 4097 }), ad)).toBe(false);
    expect(symmetricMatch(large({ RequestDisk: 20 * 1024 * 1024 }), ad)).toBe(true);
    expect(symmetricMatch(large({ RequestDisk: 20 * 1024 * 1024 + 1 }), ad)).toBe(false);
  });

  it('is as new as what condor_submit asks for, unless the site says otherwise', async () => {
    const versions = expression('versionGE(split(TARGET.CondorVersion)[1], "25.12.0")');
    const asking = withAttributes(job('shared-files.json'), { Requirements: versions });
    expect(symmetricMatch(asking, (await offerWith('')).ad)).toBe(true);
    const old = '    attributes: { CondorVersion: "$CondorVersion: 23.9.6 2026-07-12 $" }';
    expect(symmetricMatch(asking, (await offerWith(old)).ad)).toBe(false);
  });

  it('may itself refuse jobs', async () => {
    const { ad } = await offerWith('    requirements: TARGET.RequestCpus > 1 && TARGET.Owner =!= "guest"');
    const wide = withAttributes(job('shared-files.json'), { RequestCpus: 2 });
    expect(symmetricMatch(wide, ad)).toBe(true);
    expect(symmetricMatch(withAttributes(wide, { Owner: 'guest' }), ad)).toBe(false);
    expect(symmetricMatch(withAttributes(wide, { RequestCpus: 1 }), ad)).toBe(false);
  });

  it('may have an attribute that is called as every object’s are', async () => {
    const { ad } = await offerWith('    attributes: { constructor: 1 }');
    expect(unparse(ad.get('Constructor') ?? expression('undefined'), 'old')).toBe('1');
  });

  it('speaks as an empty partitionable slot does', async () => {
    const { ad } = await offerWith(
      '    attributes: { VMType: small, Speed: 2.5, Tags: [a, b] }\n    price: 0.12 USD/h',
    );
    const said = (name: string) => unparse(ad.get(name) ?? expression('undefined'), 'old');
    const names = ['Memory', 'Disk', 'Cpus', 'TotalSlotCpus', 'PartitionableSlot', 'State', 'Speed', 'Tags'];
    expect(names.map(said)).toEqual([
      '4096',
      '20971520',
      '2',
      '2',
      'true',
      '"Unclaimed"',
      '2.5',
      '{ "a","b" }',
    ]);
    expect([said('PricePerHour'), said('SpillwayOffer'), said('SpillwayCloud')]).toEqual([
      '0.12',
      '"small"',
      '"here"',
    ]);
  });

  it('publishes what no machine has by itself', () => {
    const attributes = {
      VMType: 'small',
      Slots: 3,
      Fast: expression('Cpus > 1'),
      HasMPI: false,
      OpSysVer: 1300,
    };
    expect(publishedAttributes(attributes)).toEqual({ VMType: '"small"', Slots: '3', Fast: 'Cpus > 1' });
  });
});

describe('offers from a provider-ad file', () => {
  it('are the same as from the config', async () => {
    const { config, problems } = await loadToy(toyFilesWithAds);
    expect(problems).toEqual([]);
    const [small, wide, tall] = config?.offers ?? [];
    expect(config?.offers.map(({ name }) => name)).toEqual(['small', 'wide', 'tall']);
    expect(wide).toMatchObject({
      cloud: 'here',
      resources: { cpus: 8, memoryMiB: 16_384, diskMiB: 40_960, gpus: 0 },
      price: { perHour: 0.4, currency: 'USD' },
      max: 3,
      settings: { image: 'img-2' },
      published: { hardwareprofile: '"large"' },
    });
    expect(tall).toMatchObject({ price: null, max: null, settings: { image: 'img-2', sizeClass: 'l' } });
    expect(wide?.ad.names().toSorted()).toEqual(
      [...(small?.ad.names() ?? []), 'hardwareprofile', 'PricePerHour', 'PriceCurrency']
        .filter((name) => name !== 'VMType')
        .toSorted(),
    );
  });

  it('match by their attributes, and refuse by their Requirements', async () => {
    const { config } = await loadToy(toyFilesWithAds);
    const [, wide] = config?.offers ?? [];
    const bare = expression('hardwareprofile == "large"');
    const asking = (cpus: number) =>
      withAttributes(job('shared-files.json'), { Requirements: bare, RequestCpus: cpus });
    expect(wide !== undefined && symmetricMatch(asking(4), wide.ad)).toBe(true);
    expect(wide !== undefined && requirementsHold(wide.ad, asking(1))).toBe(false);
  });

  it('boot with lists and nested values, and with secrets by reference', async () => {
    const ads = String(toyFiles['offers.ads']).replace(
      'Boot_SizeClass = "l"',
      'Boot_Networks = { "a", "b" }\nBoot_Labels = [ rack = "7" ]\nBoot_Password = "file:good.key"\r',
    );
    const { config, problems } = await loadToy({ ...toyFilesWithAds, 'offers.ads': ads });
    expect(problems).toEqual([]);
    const settings = config?.offers[2]?.settings as {
      networks: string[];
      labels: object;
      password: { text(): string };
    };
    expect(settings).toMatchObject({ networks: ['a', 'b'], labels: { rack: '7' } });
    expect(settings.password.text()).toBe('s3cret');
    expect(JSON.stringify(config)).not.toContain('s3cret');
  });
});
